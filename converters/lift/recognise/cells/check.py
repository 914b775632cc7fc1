"""The numbers decide: a match counts only when cell and body agree in float64 to 1e-12, with both sides of every branch seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.lift.recognise.cells.bindings import operand_width
from converters.lift.recognise.cells.model import Component, Identified
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.form.values import Values
from reference import states
from reference.vocabulary.abstract.sizes import Size, evaluate
from reference.vocabulary.numpy_ops import NumpyOps
from reference.vocabulary.tracer import replay

SCALES = (1e-2, 1.0, 1e2)
ROWS = 16
TOLERANCE = 1e-12
SEED = 20_150_801


class WatchedOps(NumpyOps):
    """Computes, and remembers which sides of each branching operation were taken."""

    def __init__(self) -> None:
        super().__init__(widen=True)
        self.calls = 0
        self.sides: dict[int, set[str]] = {}

    def begin(self) -> None:
        """A new run of the same equation: branches are counted from the start."""
        self.calls = 0

    def _see(self, **sides: Any) -> None:
        seen = self.sides.setdefault(self.calls, set())
        self.calls += 1
        seen.update(name for name, mask in sides.items() if np.any(mask))

    def clip(self, x: Any, low: Any, high: Any, /) -> Any:
        inside = (x > low) & (x < high)
        outside = (x <= low) | (x >= high)
        # A clip that these weights never reach is still the graph's own: its bounds were read there.
        unreachable = not np.any(outside) and float(np.max(high)) > float(
            np.max(np.abs(x), initial=0.0)
        )
        self._see(inside=inside, outside=outside | unreachable)
        return super().clip(x, low, high)

    def relu(self, x: Any, /) -> Any:
        self._see(negative=x < 0, inside=x > 0)
        return super().relu(x)

    def where(self, condition: Any, a: Any, b: Any, /) -> Any:
        self._see(inside=condition, otherwise=~np.asarray(condition))
        return super().where(condition, a, b)

    @property
    def unseen(self) -> bool:
        """Whether some branch was only ever taken one way."""
        return any(len(seen) < 2 for seen in self.sides.values())


def agrees(found: Identified, component: Component, norm: Normaliser) -> str | None:
    """None where cell and body give the same numbers; else what differs."""
    rng = np.random.default_rng(SEED)
    ops = WatchedOps()
    leaves = [e for e in norm.cuts if e not in component.states]
    worst, rows = 0.0, rows_of(component)
    for scale in SCALES:
        draws = {e: _draw(rng, e, scale, rows) for e in (*leaves, *component.states)}
        expected = replay([*component.new, found.output], NumpyOps(widen=True), draws)
        ops.begin()
        for want, got in zip(
            expected, _step(found, component, norm, draws, ops, rows), strict=True
        ):
            if not (np.isfinite(want).all() and np.isfinite(got).all()):
                return "the numbers are not finite, so nothing can be compared"
            size = max(float(np.max(np.abs(want), initial=0.0)), 1e-300)
            worst = max(worst, float(np.max(np.abs(got - want), initial=0.0)) / size)
    if not worst <= TOLERANCE:
        return f"the numbers differ by {worst:.1e} of the largest, above {TOLERANCE:.0e}"
    if ops.unseen:
        return "one side of a clip or a branch could not be reached by the check"
    return None


def rows_of(component: Component) -> int:
    """The batch size: the graph's own where it is fixed."""
    fixed = [s.shape[0] for s in component.states if isinstance(s.shape[0], int)]
    return int(fixed[0]) if fixed else ROWS


def _draw(rng: np.random.Generator, expr: Any, scale: float, rows: int) -> np.ndarray:
    shape = [n if isinstance(n, int) else rows for n in expr.shape]
    if expr.dtype.startswith("int"):
        return _numbers(expr, shape, rows)
    return np.asarray(rng.standard_normal(shape) * scale)


def _numbers(expr: Any, shape: list[int], rows: int) -> np.ndarray:
    """0, or what a size is: every unknown one is the number of rows."""
    found = np.zeros(shape, expr.dtype)
    known = expr.fact.value
    for place, dim in np.ndenumerate(known) if known is not None else ():
        names = dim.names if isinstance(dim, Size) else ()
        if not any("(" in name for name in names):
            found[place] = evaluate(dim, dict.fromkeys(names, rows))
    return found


def _step(
    found: Identified,
    component: Component,
    norm: Normaliser,
    draws: Any,
    ops: NumpyOps,
    rows: int,
) -> list[np.ndarray]:
    """The cell's new state in the order of the component's parts, and its output."""
    plain = NumpyOps(widen=True)
    leaves = {norm.cuts[e]: v for e, v in draws.items()}
    values = Values(
        plain, leaves, np.dtype("float64"), draws, lambda expr: replay([expr], plain, draws)[0]
    )
    place = tuple(n for n in component.states[0].shape[1:-1] if isinstance(n, int))
    inputs = [
        np.broadcast_to(values.monomial(o), (rows, *place, operand_width(o)))
        for o in found.operands
    ]
    x: Any = np.concatenate(inputs, -1) if inputs else np.zeros((rows, *place, 0))
    if found.time is not None:
        x = (values.monomial(found.time), x)
    cell = found.assembled.cell
    parts = [draws[component.states[k]] for k in found.order]
    output, new = cell.step(ops, x, states.unflatten_like(cell.state_size, parts))
    flat = states.flatten(new)
    return [*(flat[found.order.index(part)] for part in range(len(flat))), output]
