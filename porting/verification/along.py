"""Numbers behind a choice that rounding turns: a greedy decoder's logits after a tie follow the token it took.

Each perturbed run of the original is a right run with choices of its own. In a row where they part, the port is compared with the run that
chose there as the port did: T with the port's tokens fed back, but for one rounding. A row in which no run chose so is left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from porting.verification import floors
from porting.verification.original import Original, Truth

Rows = np.ndarray


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
    """The rows of one run that hang on a choice."""

    rows: Rows
    """Bool ``[B]``."""
    run: np.ndarray
    """Int ``[B]``: the run, T first, that chose as the port did; -1 where none did."""

    def apply(
        self,
        axis: int,
        exact: np.ndarray,
        others: tuple[np.ndarray, ...],
        further: tuple[np.ndarray, ...],
        told: np.ndarray | None,
        /,
    ) -> Compared:
        """The tensors with these rows taken from the run that the port followed; there the recording, which chose for itself, says nothing."""
        everything = np.ones(exact.shape, bool)
        if exact.ndim <= axis or exact.shape[axis] != len(self.rows):
            return Compared(exact, others, told, everything)
        runs = (exact, *others, *further)
        same = [one for one in runs if one.shape == exact.shape]
        apart = self.rows & _apart(axis, exact, same)
        if not apart.any():
            return Compared(exact, others, told, everything)
        known = apart & np.array(
            [0 <= k < len(runs) and runs[k].shape == exact.shape for k in self.run]
        )
        taken = np.array(exact)
        for row in np.flatnonzero(known):
            place = (slice(None),) * axis + (row,)
            taken[place] = runs[self.run[row]][place]
        lines = _lines(apart, axis, exact.ndim)
        quiet = tuple(np.where(lines, taken, other) for other in others)
        heard = None if told is None else np.where(lines, taken, told)
        kept = everything & ~_lines(apart & ~known, axis, exact.ndim)
        return Compared(taken, quiet, heard, kept, int((apart & ~known).sum()), int(known.sum()))


def turned(
    original: Original,
    truth: Truth,
    answered: Mapping[str, np.ndarray],
    unsettled: Mapping[str, Rows],
    /,
) -> Turned | None:
    """Which rows hang on a choice, and whom the port followed there; None where none does.

    Args:
        unsettled: by discrete output, bool ``[B]``.
    """
    marked = [rows for rows in unsettled.values() if rows.any()]
    if not marked or any(len(rows) != len(marked[0]) for rows in marked):
        return None if not marked else Turned(_longest(marked), np.full(len(_longest(marked)), -1))
    rows = np.logical_or.reduce(marked)
    run = np.full(len(rows), -1)
    every = (truth.exact, *truth.perturbed, *truth.more)
    for number in reversed(range(len(every))):
        alike = np.ones(len(rows), bool)
        for name in unsettled:
            axis = original.layouts[name].batch or 0 if name in original.layouts else 0
            alike &= _equal(axis, every[number][name], answered.get(name), len(rows))
        run[alike] = number
    return Turned(rows, run)


def _longest(marked: list[Rows]) -> Rows:
    return max(marked, key=len)


def _equal(axis: int, one: np.ndarray, port: np.ndarray | None, rows: int) -> Rows:
    """Bool ``[B]``: whether the row is the same in both; all where the tensor has no such rows."""
    if port is None or port.shape != one.shape:
        return np.zeros(rows, bool)
    if one.ndim <= axis or one.shape[axis] != rows:
        return np.ones(rows, bool)
    axes = tuple(i for i in range(one.ndim) if i != axis)
    return np.asarray((one == port).all(axis=axes))


def _apart(axis: int, exact: np.ndarray, runs: list[np.ndarray]) -> Rows:
    """Bool ``[B]``: whether the runs part there by more than rounding explains."""
    spread = np.max([np.abs(np.nan_to_num(one - exact)) for one in runs], axis=0)
    axes = tuple(i for i in range(exact.ndim) if i != axis)
    limit = floors.CHAOS * np.abs(np.nan_to_num(exact)).max(initial=0.0)
    return np.asarray(spread.max(axis=axes, initial=0.0) > limit)


def _lines(rows: Rows, axis: int, rank: int) -> np.ndarray:
    return rows.reshape([-1 if i == axis else 1 for i in range(rank)])
