"""Ragged batches: the lengths at which ports go wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ragged:
    """One batch: its number of steps and the length of each row."""

    name: str
    steps: int
    lengths: np.ndarray
    """int32 [rows]."""

    @property
    def rows(self) -> int:
        return len(self.lengths)

    @property
    def mask(self) -> np.ndarray:
        """bool [rows, steps], True within the row."""
        return np.asarray(np.arange(self.steps)[None, :] < self.lengths[:, None])

    def sequences(
        self, features: int, /, *, seed: int = 0, dtype: str = "float32", padding: float = 0.0
    ) -> np.ndarray:
        """Random [rows, steps, features]; past each row's length ``padding`` (NaN shows who reads it)."""
        drawn = np.random.default_rng(seed).standard_normal((self.rows, self.steps, features))
        return np.where(self.mask[..., None], drawn, padding).astype(dtype)

    def state(self, units: int, /, *, seed: int = 1, dtype: str = "float32") -> np.ndarray:
        """Random [rows, units], which is not zero: a state that is dropped shows."""
        return np.random.default_rng(seed).uniform(-0.9, 0.9, (self.rows, units)).astype(dtype)


def _case(name: str, steps: int, *lengths: int) -> Ragged:
    return Ragged(name, steps, np.array(lengths, np.int32))


RAGGED: tuple[Ragged, ...] = (
    _case("mixed", 7, 7, 0, 1, 4),
    _case("all full", 5, 5, 5, 5),
    _case("all empty", 4, 0, 0),
    _case("all one", 6, 1, 1, 1),
    _case("one row", 6, 4),
    _case("one row empty", 3, 0),
    _case("one step", 1, 1, 0, 1),
    _case("rising", 5, 0, 1, 2, 3, 4, 5),
    _case("nobody full", 8, 3, 5, 2),
)
"""Lengths 0, 1, T and mixed; one row and several; one step and several; no row that fills the batch."""
