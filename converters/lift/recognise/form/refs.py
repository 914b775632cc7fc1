"""Weights inside a normal form: windows of named arrays, with the provenance kept.

On the graph's side a :class:`Ref` is a window of a constant, and holds the numbers; on the pattern's side it is a window of a cell's
weight field, and holds none. Both sides are compared by their windows, never by their numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

Window = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """``source[window]``: rank 0 (a scalar weight such as forget_bias), 1 or 2."""

    source: str
    window: Window
    array: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def rank(self) -> int:
        return len(self.window)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(stop - start for start, stop in self.window)

    def cut(self, axis: int, low: int, high: int) -> Ref:
        """The part ``low:high`` of ``axis``."""
        start = self.window[axis][0]
        window = list(self.window)
        window[axis] = (start + low, start + high)
        array = None
        if self.array is not None:
            index = [slice(None)] * self.rank
            index[axis] = slice(low, high)
            array = self.array[tuple(index)]
        return Ref(self.source, tuple(window), array)


def whole(source: str, shape: tuple[int, ...], array: np.ndarray | None = None) -> Ref:
    """All of an array."""
    return Ref(source, tuple((0, int(n)) for n in shape), array)


def anonymous(array: np.ndarray) -> Ref:
    """A computed constant: its source is a digest of its bytes."""
    data = np.ascontiguousarray(array)
    digest = hashlib.sha256(repr((data.dtype.str, data.shape)).encode() + data.tobytes())
    return whole(f"#{digest.hexdigest()[:16]}", array.shape, array)


Part = tuple[float, Ref | None]
"""``scale * ref``; without a ref the number ``scale`` itself."""

Parts = tuple[Part, ...]


def add_parts(a: Parts, b: Parts) -> Parts:
    """The sum, equal refs merged, zero parts dropped; order of first appearance."""
    sums: dict[Ref | None, float] = {}
    for scale, ref in (*a, *b):
        sums[ref] = sums.get(ref, 0.0) + scale
    return tuple((scale, ref) for ref, scale in sums.items() if scale != 0.0)


def scale_parts(parts: Parts, factor: float) -> Parts:
    return tuple((scale * factor, ref) for scale, ref in parts)


def cut_parts(parts: Parts, low: int, high: int) -> Parts:
    """Every part cut along its last axis; what broadcasts along the features stays."""
    return tuple(
        (scale, ref)
        if ref is None or ref.rank == 0 or ref.shape[-1] == 1
        else (scale, ref.cut(ref.rank - 1, low, high))
        for scale, ref in parts
    )


def number(parts: Parts) -> float | None:
    """The value, where the parts are one literal number (or nothing: zero)."""
    if not parts:
        return 0.0
    if len(parts) == 1 and parts[0][1] is None:
        return parts[0][0]
    return None


def evaluate(parts: Parts, dtype: np.dtype | type = np.float64) -> np.ndarray:
    """The numeric sum of parts that all hold numbers.

    One unscaled part comes back bit for bit; a sum is made in float64 and rounded once.
    """
    if len(parts) == 1 and parts[0][0] == 1.0 and parts[0][1] is not None:
        array = parts[0][1].array
        assert array is not None
        return array.astype(dtype)
    total: np.ndarray = np.zeros((), np.float64)
    for scale, ref in parts:
        if ref is None:
            total = total + scale
        else:
            assert ref.array is not None
            total = total + scale * ref.array.astype(np.float64)
    return np.asarray(total, dtype)
