"""Noise floors: how far a right answer may lie from the truth, measured on the model itself.

Everything here is a running maximum, so that runs can be streamed: T, its perturbed twins, the recording and the port of one run go in, and
only the maxima stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

TENSOR_LIMIT = 8.0
"""Floors that a port or a recording may lie from T."""
COLUMN_LIMIT = 16.0
"""The same for one column."""
CHAOS = 2.0**-10
"""Part of max |T| above which a floor says that the numbers are noise."""
NARROW_CHAOS = 2.0**-4
"""The same for float16, whose least floor is 2^-10 already."""
MAX_STEPS = 4096
"""Time steps kept for the picture of a report."""
_ROUNDING = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float64": 2.0**-52}
_NARROW = ("float16", "bfloat16")
_LARGEST = {"float16": 65504.0, "float32": float(np.finfo(np.float32).max)}
_COLUMN_SHARE = 2.0**-26
ULP_EDGES = tuple(2.0**k for k in range(-1, 23))
"""Upper edges of the histogram's bins, in ULPs; one more bin holds the rest."""
_ULP_SHARE = 2.0**-14


def rounding(dtype: str, /) -> float:
    """The relative error of two roundings in ``dtype``.

    >>> rounding("float32") == 2 ** -23
    True
    """
    return _ROUNDING.get(dtype, 2.0**-23)


def coarser(exact: np.ndarray, other: np.ndarray, dtype: str, /) -> np.ndarray:
    """A run perturbed by float32's rounding, as it would be if perturbed by that of ``dtype``: to first order, the way grows in proportion."""
    if exact.shape != other.shape:
        return other
    return np.asarray(exact + (other - exact) * (rounding(dtype) / rounding("float32")))


def as_stored(exact: np.ndarray, dtype: str, /) -> np.ndarray:
    """Float64 values, infinite where ``dtype`` overflows."""
    limit = _LARGEST.get(dtype)
    wide = np.asarray(exact, np.float64)
    if limit is None or not np.any(np.abs(wide) > limit):
        return wide
    return np.asarray(np.where(np.abs(wide) > limit, np.sign(wide) * np.inf, wide))


@dataclass
class Region:
    """Running maxima over the valid (or the padded) values of one output."""

    dtype: str
    """What the port computes in."""
    kept: str = "float32"
    """What the original computes in."""
    largest: float = 0.0
    spread: float = 0.0
    """max |Tk - T|."""
    port: float = 0.0
    recording: float | None = None
    total: float = 0.0
    values: int = 0
    worst: dict[str, Any] = field(default_factory=dict)
    columns: Columns | None = None
    steps: dict[str, np.ndarray] = field(default_factory=dict)
    ulps: np.ndarray = field(default_factory=lambda: np.zeros(len(ULP_EDGES) + 1, np.int64))

    @property
    def scale(self) -> float:
        """How much coarser the port's roundings are than the original's."""
        return rounding(self.dtype) / rounding(self.kept)

    @property
    def floor(self) -> float:
        """F."""
        return max(self.spread, rounding(self.dtype) * self.largest)

    @property
    def chaotic(self) -> bool:
        return self.spread > (NARROW_CHAOS if self.dtype in _NARROW else CHAOS) * self.largest

    @property
    def misread(self) -> bool:
        """Whether the recording, which is of the original and never of a narrower port, lies too far from T."""
        spread = self.spread / self.scale
        return (self.recording or 0.0) > TENSOR_LIMIT * max(
            spread, rounding(self.kept) * self.largest
        )

    def over(self, difference: float | None) -> bool:
        return difference is not None and difference > TENSOR_LIMIT * self.floor


@dataclass
class Columns:
    """Running maxima by column: the last axis, where it has one size in all runs."""

    largest: np.ndarray
    spread: np.ndarray
    port: np.ndarray

    def floor(self, dtype: str) -> np.ndarray:
        """F of each column."""
        tensor = float(self.largest.max(initial=0.0))
        least = np.maximum(rounding(dtype) * self.largest, _COLUMN_SHARE * tensor)
        return np.asarray(np.maximum(self.spread, least))

    def worst(self, dtype: str) -> tuple[int, float] | None:
        """(column, difference in floors) of the worst column over the limit."""
        floor = self.floor(dtype)
        over = self.port > COLUMN_LIMIT * floor
        if not over.any():
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(over, self.port / floor, 0.0)
        column = int(np.argmax(ratio))
        return column, float(ratio[column])


def add(
    region: Region,
    mask: np.ndarray,
    exact: np.ndarray,
    others: tuple[np.ndarray, ...],
    recording: np.ndarray | None,
    port: np.ndarray | None,
    /,
) -> tuple[int, ...] | None:
    """Take in one run's values where ``mask``; the index of the largest difference of the port, where it is a new maximum."""
    finite = mask & np.isfinite(exact)
    for other in (*others, *(x for x in (recording, port) if x is not None)):
        finite &= np.isfinite(other)
    if not finite.any():
        return None
    region.largest = max(region.largest, _most(exact, finite))
    spreads = [np.abs(np.where(finite, other - exact, 0.0)) for other in others]
    spread = np.maximum.reduce(spreads) if spreads else np.zeros(exact.shape)
    region.spread = max(region.spread, float(spread.max(initial=0.0)))
    if recording is not None:
        region.recording = max(region.recording or 0.0, _most(recording - exact, finite))
    difference = (
        np.zeros(exact.shape) if port is None else np.abs(np.where(finite, port - exact, 0.0))
    )
    region.values += int(finite.sum())
    region.total += float(difference.sum())
    region.ulps += _in_ulps(region.kept, exact[finite], difference[finite])
    _add_columns(region, np.where(finite, np.abs(exact), 0.0), spread, difference)
    most = float(difference.max(initial=0.0))
    if most <= region.port:
        return None
    region.port = most
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(difference)), difference.shape))


def _in_ulps(dtype: str, exact: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """How many differences lie in each bin. A value below 2^-14 of the largest counts by the ULP of that: near 0 every ULP is tiny."""
    size = np.maximum(np.abs(exact), _ULP_SHARE * np.abs(exact).max(initial=0.0))
    bits = {"float64": 52, "float16": 10, "bfloat16": 7}.get(dtype, 23)
    least = np.maximum(size, float(np.finfo(np.float32).tiny))
    ulp = np.exp2(np.floor(np.log2(least)) - bits)
    return np.bincount(np.searchsorted(ULP_EDGES, difference / ulp), minlength=len(ULP_EDGES) + 1)


def _most(values: np.ndarray, finite: np.ndarray) -> float:
    return float(np.abs(values[finite]).max(initial=0.0))


def _add_columns(
    region: Region, sizes: np.ndarray, spread: np.ndarray, difference: np.ndarray
) -> None:
    if sizes.ndim < 2:
        return
    axes = tuple(range(sizes.ndim - 1))
    new = Columns(*(x.max(axis=axes, initial=0.0) for x in (sizes, spread, difference)))
    old = region.columns
    if old is None:
        region.columns = new
    elif old.largest.shape == new.largest.shape:
        for name in ("largest", "spread", "port"):
            setattr(old, name, np.maximum(getattr(old, name), getattr(new, name)))
    else:  # the last axis is time or rows: no column is the same thing in two runs
        empty = np.zeros(0)
        region.columns = Columns(empty, empty, empty)


def add_steps(
    region: Region,
    axis: int,
    mask: np.ndarray,
    exact: np.ndarray,
    others: tuple[np.ndarray, ...],
    port: np.ndarray,
) -> None:
    """Maxima by time step, for the report's picture."""
    axes = tuple(i for i in range(exact.ndim) if i != axis)
    with np.errstate(invalid="ignore"):
        difference = np.where(mask, np.nan_to_num(np.abs(port - exact)), 0.0)
        spread = np.zeros(exact.shape)
        for other in others:
            spread = np.maximum(spread, np.where(mask, np.nan_to_num(np.abs(other - exact)), 0.0))
    for name, values in (("port", difference), ("floor", spread)):
        new = values.max(axis=axes, initial=0.0)[:MAX_STEPS]
        old = region.steps.get(name, np.zeros(0))
        size = max(len(old), len(new))
        region.steps[name] = np.maximum(
            np.pad(old, (0, size - len(old))), np.pad(new, (0, size - len(new)))
        )
