"""A model's inputs and outputs as its file nests them: leaves are places, ``[layer, call, output]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reference.errors import ArtefactError


def is_place(nest: Any) -> bool:
    return isinstance(nest, list) and len(nest) == 3 and isinstance(nest[0], str)


def mapped(nest: Any, function: Callable[[list[Any]], Any]) -> Any:
    if is_place(nest):
        return function(nest)
    if isinstance(nest, dict):
        return {key: mapped(item, function) for key, item in nest.items()}
    if isinstance(nest, list):
        return [mapped(item, function) for item in nest]
    msg = f"the model's inputs or outputs are damaged: {str(nest)[:60]!r}"
    raise ArtefactError(msg)


def places(nest: Any) -> list[list[Any]]:
    found: list[list[Any]] = []
    mapped(by_key(nest), found.append)
    return found


def by_key(nest: Any) -> Any:
    if isinstance(nest, dict):
        return {key: by_key(nest[key]) for key in sorted(nest)}
    return (
        [by_key(item) for item in nest] if isinstance(nest, list) and not is_place(nest) else nest
    )


def labels(nest: Any, label: str = "") -> Iterator[str]:
    if is_place(nest):
        yield label or (nest[0] if not nest[2] else f"{nest[0]}_{nest[2]}")
    elif isinstance(nest, dict):
        for key in sorted(nest):
            yield from labels(nest[key], f"{label}/{key}" if label else str(key))
    elif isinstance(nest, list):
        for number, item in enumerate(nest):
            inner = f"{label}/{number}" if label else ""
            yield from labels(item, inner)
