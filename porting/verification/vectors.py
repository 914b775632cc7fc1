"""Vectors of the port among the artefact's weights: equal to a slice of one, to a sum of two, or nearly so.

The artefact's vectors of one length are one array, and sums are first compared in one column: a model with many folded norms has
millions of sums to look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

NEAR = 1e-2
"""Part of a block's largest value within which a value is near another."""
CHANCE = 1e-6
"""A near match with a greater probability of being an accident is none."""
PAIRS = 128
"""More slices than these are not added to one another."""


def within(block: np.ndarray, /) -> float:
    """How far a damaged copy's values may lie from the block's."""
    return NEAR * float(np.abs(block[np.isfinite(block)]).max(initial=0.0))


def is_copy(other: np.ndarray, block: np.ndarray, tries: int, /) -> bool:
    """Whether near values are a damaged copy, not another weight that lies near by accident.

    A value that is equal bit for bit tells; without one there must be too many near ones for chance among ``tries`` candidates.
    """
    if ((other == block) & (block != 0)).any():
        return True
    return bool(tries * (2 * NEAR) ** block.size < CHANCE)


Owners = list[tuple[str, ...]]


@dataclass
class Vectors:
    """Looks parts of vectors up; what it finds are names of the artefact's weights."""

    vectors: Sequence[tuple[str, np.ndarray]]
    """Flat, by name."""
    scalars: Sequence[float]
    _slices: dict[tuple[int, str], tuple[list[str], np.ndarray]] = field(default_factory=dict)

    def slices(self, size: int, dtype: np.dtype[np.generic]) -> tuple[list[str], np.ndarray]:
        """(names, array [slices, size]) of every vector cut to this length, up to 64 slices each."""
        key = (size, dtype.str)
        if key not in self._slices:
            fitting = [
                (name, v.reshape(-1, size))
                for name, v in self.vectors
                if v.size % size == 0 and 0 < v.size <= 64 * size and v.dtype == dtype
            ]
            names = [name for name, rows in fitting for _ in range(len(rows))]
            arrays = [rows for _, rows in fitting] or [np.empty((0, size), dtype)]
            self._slices[key] = (names, np.concatenate(arrays))
        return self._slices[key]

    def equal(self, part: np.ndarray) -> str:
        """The weight of which the part is a slice, "" for none."""
        names, rows = self.slices(part.size, part.dtype)
        found = np.flatnonzero((rows == part).all(axis=1))
        return names[found[0]] if found.size else ""

    def summed(self, part: np.ndarray) -> tuple[str, ...]:
        """The weights whose sum, rounded once, the part is; a weight and a scalar too."""
        for names, sums, _ in self._sums(part, None):
            found = np.flatnonzero((sums == part).all(axis=1))
            if found.size:
                owners: tuple[str, ...] = names[found[0]]
                return owners
        return ()

    def near(self, part: np.ndarray) -> tuple[str, int, float] | None:
        """(weight, values that differ, the largest gap) of what the part is a damaged copy of."""
        names, rows = self.slices(part.size, part.dtype)
        owners_of: Owners = [(name,) for name in names]
        singles = (owners_of, rows, len(names))
        limit = within(part)
        for owners, candidates, tries in (singles, *self._sums(part, limit)):
            for k in np.flatnonzero((np.abs(candidates - part) <= limit).all(axis=1)):
                other = candidates[k]
                if is_copy(other, part, tries):
                    gap = float(np.abs(other - part).max())
                    return owners[k][0], int((other != part).sum()), gap
        return None

    def _sums(
        self, part: np.ndarray, limit: float | None
    ) -> Iterator[tuple[Owners, np.ndarray, int]]:
        """(weights, sums [candidates, size], how many sums there are) of those that fit in the part's largest value.

        Added in the artefact's own precision and rounded to the part's dtype once.
        """
        wide = np.dtype(np.float32) if part.dtype == np.float16 else part.dtype
        names, rows = self.slices(part.size, wide)
        place = int(np.argmax(np.abs(part)))
        column, wanted = rows[:, place], part[place]
        numbers = np.asarray(self.scalars, np.float64).astype(wide)

        def fitting(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            table = table.astype(part.dtype)
            fits = table == wanted if limit is None else np.abs(table - wanted) <= limit
            first, second = np.nonzero(fits)
            return first, second

        i, j = fitting(column[:, None] + numbers[None, :])
        sums = (rows[i] + numbers[j][:, None]).astype(part.dtype)
        yield [(names[a],) for a in i], sums, rows.shape[0] * numbers.size
        if part.size > 1 and len(names) <= PAIRS:
            i, j = fitting(column[:, None] + column[None, :])
            pairs: Owners = [(names[a], names[b]) for a, b in zip(i, j, strict=True)]
            yield pairs, (rows[i] + rows[j]).astype(part.dtype), len(names) ** 2
