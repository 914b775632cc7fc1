"""Numbers behind a choice that rounding turns: a greedy decoder's logits after a tie follow the token it took.

Each perturbed run of the original is a right run with choices of its own, and so is the graph in float32, where values that were distinct may tie.
In a row where they part, the port is compared with the run that chose there as the port did: T with the port's choices fed back, but for one
rounding. A row in which no run chose so is left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from porting.verification import floors
from porting.verification.original import Truth

Rows = np.ndarray
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Compared:
    """What one float output of one run is compared with."""

    exact: np.ndarray
    others: tuple[np.ndarray, ...]
    told: np.ndarray | None
    kept: np.ndarray
    """Bool of the tensor's shape: what is compared at all."""
    out: int = 0
    followed: int = 0


@dataclass(frozen=True)
class Turned:
    """The rows of one run that hang on a choice. Arrays are ``[B]``."""

    rows: Rows
    run: np.ndarray
    """The run, T first, that chose as the port did; -1 where none did."""
    inner: Rows
    """Rows in which float32 itself parts from T: there every output follows."""

    def apply(
        self, axis: int, runs: Sequence[np.ndarray], others: tuple[np.ndarray, ...], told: np.ndarray | None, /
    ) -> Compared:  # fmt: skip
        """One output with these rows taken from the run that the port followed.

        Args:
            runs: T, and every other right run.
            others: those that the floor is measured by; in a row that is turned they took another way, and say nothing of it.
            told: the recording, which chose for itself.
        """
        exact = runs[0]
        everything = np.ones(exact.shape, bool)
        if exact.ndim <= axis or exact.shape[axis] != len(self.rows):
            return Compared(exact, others, told, everything)
        same = [one for one in runs if one.shape == exact.shape]
        apart = self.inner | (self.rows & _apart(axis, exact, same))
        if not apart.any():
            return Compared(exact, others, told, everything)
        fit = [0 <= k < len(runs) and runs[k].shape == exact.shape for k in self.run]
        known = apart & np.array(fit)
        taken, heard = np.array(exact), None if told is None else np.array(told)
        for row in np.flatnonzero(known):
            place = (slice(None),) * axis + (row,)
            taken[place] = runs[self.run[row]][place]
            if heard is not None and told is not None:
                near = min(same, key=lambda one: _distance(one[place], told[place]))
                heard[place] = taken[place] + (told[place] - near[place])
        quiet = tuple(np.where(_lines(apart, axis, exact.ndim), taken, other) for other in others)
        kept = everything & ~_lines(apart & ~known, axis, exact.ndim)
        out = int((apart & ~known).sum())
        return Compared(taken, quiet, heard, kept, out, int(known.sum()))


def runs_of(truth: Truth, /) -> list[Arrays]:
    """All right runs, T first."""
    single = () if truth.single is None else (truth.single,)
    return [truth.exact, *truth.perturbed, *truth.more, *single]


def turned(
    axes: Mapping[str, int],
    truth: Truth,
    answered: Arrays,
    unsettled: Mapping[str, Rows],
    floating: set[str],
    /,
) -> Turned | None:
    """Which rows hang on a choice, and whom the port followed there; None where none does.

    Args:
        axes: the batch axis of each output.
        unsettled: by discrete output, bool ``[B]``.
        floating: the float outputs.
    """
    marked = [rows for rows in unsettled.values() if rows.any()]
    inside = _inside(axes, truth, floating)
    count = max((len(rows) for rows in (*marked, *inside)), default=0)
    rows = _any(marked, count)
    inner = _any(inside, count)
    if not (rows | inner).any():
        return None
    run = np.full(count, -1)
    every = runs_of(truth)
    for number in reversed(range(len(every))) if marked else ():
        alike = np.ones(count, bool)
        for name in unsettled:
            alike &= _equal(axes[name], every[number][name], answered.get(name), count)
        run[alike] = number
    for row in np.flatnonzero(inner):
        run[row] = _nearest(axes, every, answered, floating, int(row), count)
    return Turned(rows | inner, run, inner)


def _inside(axes: Mapping[str, int], truth: Truth, floating: set[str]) -> list[Rows]:
    """By float output, the rows in which float32 alone parts from T more than rounding explains. Where the perturbed runs do too, T is chaotic there."""
    found = []
    for name in floating if truth.single is not None else ():
        exact, single = truth.exact[name], truth.single[name]  # type: ignore[index]
        if exact.ndim > axes[name] and exact.shape == single.shape:
            near = [run[name] for run in truth.perturbed if run[name].shape == exact.shape]
            rows = _apart(axes[name], exact, [single]) & ~_apart(axes[name], exact, near)
            if rows.any():
                found.append(rows)
    return found


def _any(every: Sequence[Rows], count: int) -> Rows:
    fitting = [rows for rows in every if len(rows) == count]
    return np.logical_or.reduce(fitting) if fitting else np.zeros(count, bool)


def _nearest(
    axes: Mapping[str, int], every: Sequence[Arrays], answered: Arrays, floating: set[str], row: int, count: int
) -> int:  # fmt: skip
    """The run that the port is nearest to in a row, over all float outputs."""

    def far(run: Arrays) -> float:
        most = 0.0
        for name in floating:
            port, own, axis = answered.get(name), run[name], axes[name]
            fits = port is not None and port.shape == own.shape and own.ndim > axis
            if fits and port is not None and own.shape[axis] == count:
                place = (slice(None),) * axis + (row,)
                size = float(np.abs(np.nan_to_num(own)).max(initial=0.0)) or 1.0
                most = max(most, _distance(own[place], port[place]) / size)
        return most

    return min(range(len(every)), key=lambda number: far(every[number]))


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):
        return float(np.nan_to_num(np.abs(one - other), nan=np.inf).max(initial=0.0))


def _equal(axis: int, one: np.ndarray, port: np.ndarray | None, rows: int) -> Rows:
    """Bool ``[B]``: whether the row is the same in both; all where the tensor has no such rows."""
    if port is None or port.shape != one.shape:
        return np.zeros(rows, bool)
    if one.ndim <= axis or one.shape[axis] != rows:
        return np.ones(rows, bool)
    axes = tuple(i for i in range(one.ndim) if i != axis)
    return np.asarray((one == port).all(axis=axes))


def _apart(axis: int, exact: np.ndarray, runs: Sequence[np.ndarray]) -> Rows:
    """Bool ``[B]``: whether the runs part there by more than rounding explains."""
    spread = np.max([np.abs(np.nan_to_num(one - exact)) for one in (exact, *runs)], axis=0)
    axes = tuple(i for i in range(exact.ndim) if i != axis)
    limit = floors.CHAOS * np.abs(np.nan_to_num(exact)).max(initial=0.0)
    return np.asarray(spread.max(axis=axes, initial=0.0) > limit)


def _lines(rows: Rows, axis: int, rank: int) -> np.ndarray:
    return rows.reshape([-1 if i == axis else 1 for i in range(rank)])
