"""Reductions and running sums. A result has its operand's dtype, integers included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.vocabulary.numpy_ops.base import Array, Base, positive_axes, positive_axis

Axes = Sequence[int] | None


def lowest(dtype: np.dtype[Any]) -> Any:
    """What the maximum of nothing is."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype: np.dtype[Any]) -> Any:
    """What the minimum of nothing is."""
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


class ScanOps(Base):
    """:class:`protocol.Scans` and REDUCTIONS."""

    def sum(self, x: Any, axes: Axes, /, keepdims: bool = False) -> Array:
        """Sum; integers wrap."""
        return self._reduce(np.sum, x, axes, keepdims, same=True)

    def prod(self, x: Any, axes: Axes, /, keepdims: bool = False) -> Array:
        """Product; integers wrap."""
        return self._reduce(np.prod, x, axes, keepdims, same=True)

    def mean(self, x: Any, axes: Axes, /, keepdims: bool = False) -> Array:
        """Sum by count; of integers rounded to zero, of nothing NaN."""
        value = self.array(x)
        total = self.sum(value, axes, keepdims)
        count = 1
        for axis in positive_axes(axes, value.ndim):
            count *= value.shape[axis]
        with np.errstate(all="ignore"):
            if value.dtype.kind == "f":
                return np.asarray(total / value.dtype.type(count))
            quotient = np.abs(total) // max(count, 1)
            return np.asarray(np.sign(total) * quotient).astype(value.dtype)

    def max(self, x: Any, axes: Axes, /, keepdims: bool = False) -> Array:
        """The largest item."""
        return self._reduce(np.max, x, axes, keepdims, initial=lowest(self.array(x).dtype))

    def min(self, x: Any, axes: Axes, /, keepdims: bool = False) -> Array:
        """The smallest item."""
        return self._reduce(np.min, x, axes, keepdims, initial=highest(self.array(x).dtype))

    def any(self, x: Any, axes: Axes, /, keepdims: bool = False) -> Array:
        """Whether one is true."""
        return self._reduce(np.any, x, axes, keepdims)

    def all(self, x: Any, axes: Axes, /, keepdims: bool = False) -> Array:
        """Whether none is false."""
        return self._reduce(np.all, x, axes, keepdims)

    def _reduce(
        self, function: Any, x: Any, axes: Axes, keepdims: bool, same: bool = False, **more: Any
    ) -> Array:
        value = self.array(x)
        if same:
            more["dtype"] = value.dtype
        with np.errstate(all="ignore"):
            axis = positive_axes(axes, value.ndim)
            return np.asarray(function(value, axis=axis, keepdims=keepdims, **more))

    def logsumexp(self, x: Any, axes: Axes, /, keepdims: bool = False) -> Array:
        """log(sum(exp(x))), the largest item taken out first where it is finite."""
        value = self.array(x)
        top = self.max(value, axes, True)
        top = np.where(np.isfinite(top), top, value.dtype.type(0))
        with np.errstate(all="ignore"):
            inner = np.log(self.sum(np.exp(value - top), axes, True)) + top
        gone = positive_axes(axes, value.ndim)
        return np.asarray(inner if keepdims else inner.squeeze(gone))

    def softmax(self, x: Any, axis: int, /) -> Array:
        """exp(x) by its sum."""
        value = self.array(x)
        with np.errstate(all="ignore"):
            powers = np.exp(value - self.max(value, (axis,), True))
            return np.asarray(powers / powers.sum(axis=axis, keepdims=True))

    def log_softmax(self, x: Any, axis: int, /) -> Array:
        """x minus the log of the sum of exp(x)."""
        value = self.array(x)
        with np.errstate(all="ignore"):
            shifted = value - self.max(value, (axis,), True)
            return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))

    def cumsum(
        self, x: Any, axis: int, /, *, exclusive: bool = False, reverse: bool = False
    ) -> Array:
        """Running sum; integers wrap."""
        return self._running(np.cumsum, 0, x, axis, exclusive, reverse)

    def cumprod(
        self, x: Any, axis: int, /, *, exclusive: bool = False, reverse: bool = False
    ) -> Array:
        """Running product; integers wrap."""
        return self._running(np.cumprod, 1, x, axis, exclusive, reverse)

    def _running(
        self, function: Any, neutral: int, x: Any, axis: int, exclusive: bool, reverse: bool
    ) -> Array:
        value = self.array(x)
        axis = positive_axis(axis, value.ndim)
        lines = np.moveaxis(value, axis, 0)
        lines = lines[::-1] if reverse else lines
        with np.errstate(all="ignore"):
            out = function(lines, axis=0, dtype=value.dtype)
        if exclusive and len(out):
            first = np.full_like(out[:1], neutral)
            out = np.concatenate([first, out[:-1]])
        return np.moveaxis(out[::-1] if reverse else out, 0, axis)
