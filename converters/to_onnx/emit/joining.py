"""Joining arrays and taking them apart."""

from __future__ import annotations

from typing import Any

from converters.to_onnx.emit import emits
from converters.to_onnx.native.joined import both_directions
from reference.vocabulary.abstract.fact import Fact


@emits("concat")
def concat(e: Any, out: Fact, xs: Any, *, axis: int) -> Any:
    if len(xs) == 1:
        return xs[0]
    joined = both_directions(e, out, xs, axis)
    if joined is not None:
        return joined
    return e.node("Concat", *xs, axis=axis)


@emits("stack")
def stack(e: Any, out: Fact, xs: Any, *, axis: int) -> str:
    rank = len(xs[0].shape) + 1
    parts = [e.node("Unsqueeze", x, e.axes([axis % rank])) for x in xs]
    return parts[0] if len(parts) == 1 else str(e.node("Concat", *parts, axis=axis % rank))


@emits("unstack")
def unstack(e: Any, out: Any, x: Any, *, axis: int, num: int) -> tuple[str, ...]:
    """Gather of a rank-0 index drops the axis."""
    return tuple(e.node("Gather", x, e.scalar(i, "int64"), axis=axis) for i in range(num))


@emits("split")
def split(e: Any, out: Any, x: Any, *, sizes: tuple[int, ...], axis: int) -> Any:
    if len(sizes) == 1:
        return x
    return tuple(e.nodes("Split", len(sizes), x, e.axes(sizes), axis=axis))
