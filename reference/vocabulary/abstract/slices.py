"""The size of one sliced axis."""

from __future__ import annotations

from typing import Any

from reference.vocabulary.abstract.sizes import (
    Dim,
    Size,
    as_dim,
    floor_divide,
    maximum,
    minimum,
    non_negative,
    subtract,
)


def sliced(ops: Any, dim: Dim, start: Any, stop: Any, stride: int) -> Dim:
    """Number of items of ``[start:stop:stride]`` on an axis of ``dim``; "?" stands for an unknown bound.

    Bounds clamp as NumPy's do, so ``x[1:]`` of an axis T has ``max(0,T-1)`` items.
    """
    if "?" in (start, stop):
        return ops.fresh()  # type: ignore[no-any-return]
    if not any(isinstance(item, Size) for item in (dim, start, stop)):
        return len(range(*slice(start, stop, stride).indices(as_dim(dim))))  # type: ignore[arg-type]
    if start is None and stop is None:
        return floor_divide(dim + (abs(stride) - 1), abs(stride))
    if stride < 0:
        return ops.fresh()  # type: ignore[no-any-return]
    first = _place(dim, 0 if start is None else start)
    last = dim if stop is None else _place(dim, stop)
    if first is None or last is None:
        return ops.fresh()  # type: ignore[no-any-return]
    if stop is None:
        gap = subtract(dim, start) if non_negative(start) else subtract(dim, first)
    else:
        gap = subtract(last, first)
    count = gap if non_negative(gap) else maximum(0, gap)
    return floor_divide(count + (stride - 1), stride)


def _place(dim: Dim, bound: Dim) -> Dim | None:
    """A bound as a place within 0..dim; None where its sign is unknown."""
    if non_negative(bound):
        return minimum(bound, dim)
    if not isinstance(bound, Size):
        return maximum(0, dim + bound)
    return None
