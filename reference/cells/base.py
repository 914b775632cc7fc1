"""What a cell is: a frozen dataclass of weights with one equation.

``step`` is written in the vocabulary, so the same cell runs under every interpreter: hand it arrays of that interpreter
(:func:`map_weights` turns the weights) and it computes, traces or emits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields, is_dataclass, replace
from typing import Any, Protocol, runtime_checkable

from reference import states


@runtime_checkable
class Cell(Protocol):
    """A recurrent cell of B rows."""

    @property
    def state_size(self) -> Any:
        """The nest of feature shapes of one row's state: an int for ``[B, n]``, a tuple of ints wrapped in ``Dims`` for more."""
        ...

    @property
    def output_size(self) -> Any: ...

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """(output, new state) for the input x ``[B, features]`` and the state."""
        ...


class Dims(list[int]):
    """The feature shape of a state part of rank above 2 (TF1 takes a TensorShape): a leaf, not a nest."""


def weight(**metadata: Any) -> Any:
    """A dataclass field that holds a weight array."""
    return field(metadata={"weight": True, **metadata})


def optional_weight(**metadata: Any) -> Any:
    """A weight that may be absent (None)."""
    return field(default=None, metadata={"weight": True, **metadata})


def weights(cell: Any, prefix: str = "", /) -> dict[str, Any]:
    """Every weight of a cell and of the cells inside it, by path: ``"kernel"``, ``"cells/0/bias"``."""
    found: dict[str, Any] = {}
    for f in fields(cell):
        value = getattr(cell, f.name)
        path = f"{prefix}{f.name}"
        if f.metadata.get("weight"):
            if value is not None:
                found[path] = value
        elif _holds_weights(value):
            found |= weights(value, f"{path}/")
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if _holds_weights(item):
                    found |= weights(item, f"{path}/{index}/")
    return found


def map_weights(function: Callable[[str, Any], Any], cell: Any, prefix: str = "", /) -> Any:
    """The same cell with ``function(path, weight)`` in place of every weight."""
    changed: dict[str, Any] = {}
    for f in fields(cell):
        value = getattr(cell, f.name)
        path = f"{prefix}{f.name}"
        if f.metadata.get("weight"):
            if value is not None:
                changed[f.name] = function(path, value)
        elif _holds_weights(value):
            changed[f.name] = map_weights(function, value, f"{path}/")
        elif isinstance(value, tuple) and any(_holds_weights(item) for item in value):
            items = [
                map_weights(function, item, f"{path}/{index}/") if _holds_weights(item) else item
                for index, item in enumerate(value)
            ]
            changed[f.name] = tuple(items)
    return replace(cell, **changed)


def zero_state(ops: Any, cell: Any, batch: Any, dtype: str = "float32", /) -> Any:
    """Zeros in the cell's state structure, ``[batch, n]`` each (``rnn_cell_impl.py:128``, v1.15.5)."""
    import numpy as np

    zero = ops.constant(np.zeros((), dtype))

    def part(size: Any) -> Any:
        features = list(size) if isinstance(size, Dims) else [size]
        return ops.fill([batch, *features], zero)

    return map_sizes(part, cell.state_size)


def map_sizes(function: Callable[[Any], Any], size: Any, /) -> Any:
    """``function`` over the leaves (ints and :class:`Dims`) of a state_size or output_size."""
    if isinstance(size, Dims) or not isinstance(size, tuple | list):
        return function(size)
    items = [map_sizes(function, item) for item in size]
    return type(size)(*items) if hasattr(size, "_fields") else tuple(items)


def _holds_weights(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type) and isinstance(value, Cell)


__all__ = [
    "Cell",
    "Dims",
    "map_sizes",
    "map_weights",
    "optional_weight",
    "states",
    "weight",
    "weights",
    "zero_state",
]
