"""State tuples: the nests of arrays that TF1 hands from step to step.

A state is an array, a tuple of states, or a NamedTuple of states (TF 1.15.5 ``python/util/nest.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


class LSTMStateTuple(NamedTuple):
    """``c`` first (``rnn_cell_impl.py:590``, v1.15.5)."""

    c: Any
    h: Any


def is_nest(value: Any, /) -> bool:
    """Whether a value holds leaves; a shape (:class:`reference.cells.base.Dims`) is a leaf itself."""
    return isinstance(value, tuple | list) and not getattr(value, "is_leaf", False)


def flatten(nest: Any, /) -> list[Any]:
    """The leaves, left to right."""
    if is_nest(nest):
        return [leaf for item in nest for leaf in flatten(item)]
    return [nest]


def unflatten_like(structure: Any, leaves: Sequence[Any], /) -> Any:
    """``leaves`` in the form of ``structure``; the counts must agree."""
    feed = iter(leaves)
    result = _rebuild(structure, feed)
    rest = list(feed)
    if rest:
        msg = f"{len(leaves)} leaves are {len(rest)} more than the structure holds"
        raise ValueError(msg)
    return result


def map_structure(function: Callable[..., Any], first: Any, /, *rest: Any) -> Any:
    """``function`` over the leaves of nests of equal structure."""
    columns = zip(flatten(first), *(flatten(nest) for nest in rest), strict=True)
    return unflatten_like(first, [function(*leaves) for leaves in columns])


def paths(nest: Any, prefix: str = "", /) -> list[str]:
    """A readable path for every leaf: ``"0/c"``, ``"0/h"``, ``"1"``; ``""`` for a lone leaf."""
    if not is_nest(nest):
        return [prefix]
    keys: Sequence[Any] = getattr(nest, "_fields", range(len(nest)))
    head = f"{prefix}/" if prefix else ""
    return [p for key, item in zip(keys, nest, strict=True) for p in paths(item, f"{head}{key}")]


def _rebuild(structure: Any, feed: Iterator[Any]) -> Any:
    if is_nest(structure):
        items = [_rebuild(item, feed) for item in structure]
        if hasattr(structure, "_fields"):
            return type(structure)(*items)
        return type(structure)(items)
    try:
        return next(feed)
    except StopIteration:
        msg = "too few leaves for the structure"
        raise ValueError(msg) from None
