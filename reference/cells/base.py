"""What a cell is: a frozen dataclass of weights with one equation.

``step`` is written in the vocabulary, so the same cell runs under every interpreter: hand it arrays
of that interpreter (:func:`map_weights` turns the weights) and it computes, traces or emits.
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

    is_leaf = True


def weight(**metadata: Any) -> Any:
    """A dataclass field that holds a weight array."""
    return field(metadata={"weight": True, **metadata})


def optional_weight(**metadata: Any) -> Any:
    """A weight that may be absent (None)."""
    return field(default=None, metadata={"weight": True, **metadata})


class Scalar(Dims):
    """A state part with no batch axis (NTMCell's step counter)."""


class SingleState:
    """Output and state are one array ``[B, units]`` each."""

    @property
    def units(self) -> int:
        raise NotImplementedError

    @property
    def state_size(self) -> Any:
        return self.units

    @property
    def output_size(self) -> Any:
        return self.units


class PairState:
    """The state is (c, h) of ``[B, units]``; the output is h."""

    @property
    def units(self) -> int:
        raise NotImplementedError

    @property
    def state_size(self) -> Any:
        return states.LSTMStateTuple(self.units, self.units)

    @property
    def output_size(self) -> Any:
        return self.units


def weights(cell: Any, prefix: str = "", /) -> dict[str, Any]:
    """Every weight of a cell and of the cells inside it, by path: ``"kernel"``, ``"cells/0/bias"``, ``"kernels/1"``."""
    found: dict[str, Any] = {}
    for f in fields(cell) if is_dataclass(cell) else ():
        value = getattr(cell, f.name)
        for path, item in _items(f"{prefix}{f.name}", value):
            if f.metadata.get("weight"):
                if item is not None:
                    found[path] = item
            elif _holds_weights(item):
                found |= weights(item, f"{path}/")
    return found


def map_weights(function: Callable[[str, Any], Any], cell: Any, prefix: str = "", /) -> Any:
    """The same cell with ``function(path, weight)`` in place of every weight."""
    changed: dict[str, Any] = {}
    if not is_dataclass(cell) or isinstance(cell, type):
        return cell
    for f in fields(cell):
        value = getattr(cell, f.name)
        new: list[Any] = []
        for path, item in _items(f"{prefix}{f.name}", value):
            if f.metadata.get("weight") and item is not None:
                new.append(function(path, item))
            elif not f.metadata.get("weight") and _holds_weights(item):
                new.append(map_weights(function, item, f"{path}/"))
            else:
                new.append(item)
        old = value if isinstance(value, tuple) else (value,)
        if any(a is not b for a, b in zip(new, old, strict=True)):
            changed[f.name] = tuple(new) if isinstance(value, tuple) else new[0]
    return replace(cell, **changed)


def _items(path: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, tuple):
        return [(f"{path}/{index}", item) for index, item in enumerate(value)]
    return [(path, value)]


def stop_gradient(ops: Any, x: Any, /) -> Any:
    """``tf.stop_gradient``: the identity to every interpreter but those that differentiate."""
    stop = getattr(ops, "stop_gradient", None)
    return x if stop is None else stop(x)


def straight_through(ops: Any, value: Any, x: Any, /) -> Any:
    """``value``, whose gradient is taken to be that of ``x``."""
    pass_on = getattr(ops, "straight_through", None)
    return value if pass_on is None else pass_on(value, x)


def zero_state(ops: Any, cell: Any, batch: Any, dtype: str = "float32", /) -> Any:
    """Zeros in the cell's state structure, ``[batch, n]`` each (``rnn_cell_impl.py:128``, v1.15.5).

    A wrapper hands the question to the cell inside, and a cell with a ``zero_state`` of its own answers it.
    """
    import numpy as np

    own = getattr(cell, "zero_state", None)
    if own is not None:
        return own(ops, batch, dtype)
    if hasattr(cell, "cell") and states.paths(cell.state_size) == states.paths(
        cell.cell.state_size
    ):
        return zero_state(ops, cell.cell, batch, dtype)

    zero = ops.constant(np.zeros((), dtype))

    def part(size: Any) -> Any:
        if isinstance(size, Scalar):
            return ops.constant(np.zeros((), "int32"))
        features = list(size) if isinstance(size, Dims) else [size]
        return ops.fill([batch, *features], zero)

    return map_sizes(part, cell.state_size)


def map_sizes(function: Callable[[Any], Any], size: Any, /) -> Any:
    """``function`` over the leaves (ints and :class:`Dims`) of a state_size or output_size."""
    if isinstance(size, Dims) or not isinstance(size, tuple | list):
        return function(size)
    items = [map_sizes(function, item) for item in size]
    return type(size)(*items) if hasattr(size, "_fields") else type(size)(items)


def _holds_weights(value: Any) -> bool:
    if not is_dataclass(value) or isinstance(value, type):
        return False
    if isinstance(value, Cell) or any(f.metadata.get("weight") for f in fields(value)):
        return True
    parts = (item for f in fields(value) for _, item in _items("", getattr(value, f.name)))
    return any(_holds_weights(part) for part in parts)


__all__ = [
    "Cell",
    "Dims",
    "PairState",
    "Scalar",
    "SingleState",
    "map_sizes",
    "map_weights",
    "optional_weight",
    "states",
    "stop_gradient",
    "straight_through",
    "weight",
    "weights",
    "zero_state",
]
