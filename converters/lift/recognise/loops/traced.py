"""``TracedCell``: a recurrence that matches no reference cell keeps its own traced body as its equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import states
from reference.cells.base import Dims, weight
from reference.vocabulary.tracer import CONSTANT, Expr, needed, replay

MIN_WEIGHT_RANK = 1
"""Constants of at least this rank, of a float dtype, are weights: an exporter may train them."""


@dataclass(frozen=True, eq=False)
class TracedCell:
    """``x`` is the tuple of the inputs' arrays (or the one array), in the order of ``inputs``."""

    inputs: tuple[Expr, ...]
    old: tuple[Expr, ...]
    new: tuple[Expr, ...]
    outputs: tuple[Expr, ...]
    constants: tuple[Any, ...] = weight()
    """The weights in the expressions."""
    places: tuple[Expr, ...] = ()
    """Where each of them stands."""
    names: tuple[str, ...] = ()
    """The variables or constants they are; unique in the cell."""

    @property
    def state_size(self) -> Any:
        return tuple(_features(e) for e in self.old)

    @property
    def units(self) -> int | None:
        """The features of a state part, where all parts have as many."""
        widths = {_features(e) for e in self.old if len(e.shape) == 2}
        width = widths.pop() if len(widths) == 1 else None
        return width if isinstance(width, int) else None

    @property
    def output_size(self) -> Any:
        return tuple(_features(e) for e in self.outputs)

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """Replays the expressions; state is the tuple of parts, the output a tuple of arrays."""
        bindings = dict(zip(self.inputs, states.flatten(x), strict=True))
        bindings |= zip(self.old, states.flatten(state), strict=True)
        bindings |= zip(self.places, (_lifted(ops, c) for c in self.constants), strict=True)
        results = replay([*self.outputs, *self.new], ops, bindings)
        count = len(self.outputs)
        return tuple(results[:count]), tuple(results[count:])


def traced_cell(
    inputs: tuple[Expr, ...],
    old: tuple[Expr, ...],
    new: tuple[Expr, ...],
    outputs: tuple[Expr, ...],
) -> TracedCell:
    """A cell of these expressions, with its weights taken from the constants in them."""
    found = _weights((*outputs, *new))
    values = tuple(e.fact.value for e in found.values())
    return TracedCell(inputs, old, new, outputs, values, tuple(found.values()), tuple(found))


def _weights(exprs: tuple[Expr, ...]) -> dict[str, Expr]:
    """The float constants of rank 1 and more, by a name unique in the cell."""
    found: dict[str, Expr] = {}
    for expr in needed(exprs):
        value = expr.fact.value
        if expr.op != CONSTANT or value is None or value.dtype.kind != "f":
            continue
        if value.ndim < MIN_WEIGHT_RANK:
            continue
        base = str(expr.name or getattr(expr.origin, "name", None) or "constant").removesuffix(":0")
        name, count = base, 1
        while name in found:
            count += 1
            name = f"{base}__{count}"
        found[name] = expr
    return found


def _lifted(ops: Any, value: Any) -> Any:
    """A NumPy weight becomes a constant of the interpreter; what the interpreter made itself stays."""
    return ops.constant(value) if isinstance(value, np.ndarray) else value


def _features(expr: Expr) -> Any:
    tail: list[Any] = list(expr.shape[1:])
    if len(tail) == 1:
        return tail[0]
    return Dims(tail)
