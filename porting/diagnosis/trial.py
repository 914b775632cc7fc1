"""Runs the lifted Program with mistakes in it, and asks whether the candidate's numbers come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.lift.execute import Executor
from converters.program import Program, Recurrence, Statement, walk
from porting.diagnosis.surgery import Variant, applied
from porting.verification.floors import TENSOR_LIMIT, rounding
from porting.verification.places import Layout

Arrays = Mapping[str, np.ndarray]
SLACK = 4.0
"""A mistaken model may amplify roundings more than the right one: that many limits are allowed for an explanation."""
INNER = 1e-4
"""How far a value inside the port may lie from the mistaken model's, in parts of the largest: no floor is known there."""


@dataclass(frozen=True)
class Floors:
    """The verdict's floors, by (output, region)."""

    by: Mapping[tuple[str, str], float]
    dtype: str = "float32"
    layouts: Mapping[str, Layout] = field(default_factory=dict)

    def spread(self, name: str, model: np.ndarray, padded: np.ndarray | None) -> np.ndarray:
        """The floor of every element of an output that a model gives."""
        valid = self.by.get((name, "valid"), 0.0)
        largest = float(np.abs(model[np.isfinite(model)]).max(initial=0.0))
        wide = max(valid, rounding(self.dtype) * largest, np.finfo(np.float64).tiny)
        if padded is None:
            return np.full(model.shape, wide)
        own = max(self.by.get((name, "padded"), 0.0), float(np.finfo(np.float64).tiny))
        return np.where(padded & (model == 0), own, wide)

    def ratios(
        self, name: str, model: np.ndarray, given: np.ndarray, padded: np.ndarray | None
    ) -> np.ndarray:
        """|given - model| in limits: above 1 it differs; infinite where one is no number and the other is."""
        if model.dtype.kind != "f" or given.dtype.kind != "f":
            return np.where(model == given, 0.0, np.inf)
        with np.errstate(all="ignore"):
            exact, port = model.astype(np.float64), given.astype(np.float64)
            found = np.abs(port - exact) / (TENSOR_LIMIT * self.spread(name, exact, padded))
            same = (exact == port) | (np.isnan(exact) & np.isnan(port))
        return np.where(same, 0.0, np.where(np.isnan(found), np.inf, found))


class Bench:
    """One run: the right model's values, and what the candidate answered."""

    def __init__(self, program: Program, feeds: Arrays, answered: Arrays, floors: Floors) -> None:
        self.program, self.feeds, self.answered, self.floors = program, feeds, answered, floors
        self.executor = Executor(program, widen=True)
        with np.errstate(all="ignore"):
            self.outputs = self.executor.run(feeds)
        self.mistaken = self.executor
        """The mistaken model that ran last."""
        self.inner: dict[str, list[np.ndarray]] = {}
        """By value name: what the port gives inside, where it can be looked into and is asked for."""

    def value(self, name: str) -> Any:
        """A value of the right model."""
        return self.executor.values.get(name)

    def padded(self, name: str) -> np.ndarray | None:
        layout = self.floors.layouts.get(name, Layout())
        lengths = self.value(layout.lengths) if layout.lengths else None
        return layout.padded(self.outputs[name].shape, lengths)

    def differences(self, outputs: Arrays | None = None) -> dict[str, np.ndarray]:
        """By output: |candidate - model| in limits. Without ``outputs``: the right model's."""
        model = self.outputs if outputs is None else outputs
        found = {}
        for name, value in model.items():
            given = self.answered.get(name)
            if given is None or given.shape != value.shape:
                found[name] = np.full(value.shape or (1,), np.inf)
            else:
                found[name] = self.floors.ratios(name, value, given, self.padded(name))
        return found

    def residual(self, outputs: Arrays | None = None) -> float:
        """The worst of all."""
        return max(
            (float(r.max(initial=0.0)) for r in self.differences(outputs).values()), default=0.0
        )

    def mutated(self, variants: Sequence[Variant]) -> dict[str, np.ndarray] | None:
        """The outputs of the model with the mistakes; None where it cannot run."""
        program = applied(self.program, variants)
        changed = {variant.recurrence for variant in variants}
        start = next(i for i, s in enumerate(self.program.statements) if _holds(s, changed))
        executor = Executor(program, widen=True)
        self.mistaken = executor
        executor.values = dict(self.executor.values)
        for variant in variants:
            for name, value in variant.constants.items():
                executor.values[name] = executor.ops.constant(value)
        try:
            with np.errstate(all="ignore"):
                executor._all(program.statements[start:])
            names = program.names
            return {n: np.asarray(executor.values[names.get(n, n)]) for n in program.outputs}
        except (ValueError, TypeError, IndexError, KeyError, ArithmeticError, AttributeError):
            return None

    def explained(self, variants: Sequence[Variant]) -> float | None:
        """What is left of the difference, in limits, where the mistakes explain it; else None."""
        outputs = self.mutated(variants)
        if outputs is None:
            return None
        left = self.residual(outputs)
        return left if left <= SLACK and self.agrees_inside() else None

    def agrees_inside(self) -> bool:
        """Whether the mistaken model's values are those inside the port, as far as these are known."""
        for name, given in self.inner.items():
            model = np.asarray(self.mistaken.values[name])
            scale = INNER * float(np.abs(model).max(initial=0.0))
            if not any(
                g.shape == model.shape and np.abs(g - model).max(initial=0.0) <= scale
                for g in given
            ):
                return False
        return True


def _holds(statement: Statement, names: set[str]) -> bool:
    return any(isinstance(s, Recurrence) and s.name in names for s in walk((statement,)))
