"""Slice and StridedSlice, with all of TF's masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from converters.graph import Node
from converters.tf_ops.table import Array, Size, items, known_ints, plus, refusal, size, tf_op
from reference.errors import SemanticsError


@tf_op("Slice")
def slice_op(ops: Any, node: Node, x: Array, begin: Array, extent: Array) -> Array:
    """extent[i] items from begin[i]; -1 means all the rest."""
    starts, counts = items(ops, node, begin), items(ops, node, extent)
    ends: list[Any] = []
    for axis, (start, number) in enumerate(zip(starts, counts, strict=True)):
        if isinstance(number, int):
            ends.append(None if number == -1 else plus(ops, start, number))
            check(ops, node, x, axis, start, number)
        else:
            # -1 is possible here too: the end is then the axis' own.
            whole = size(ops, x, axis)
            whole = whole if isinstance(whole, int) else ops.cast(whole, ops.dtype_of(number))
            start = start if isinstance(start, int) else ops.cast(start, ops.dtype_of(number))
            ends.append(ops.where(ops.equal(number, -1), whole, ops.add(number, start)))
    return ops.strided_slice(x, starts, ends, [1] * len(starts))


def check(ops: Any, node: Node, x: Array, axis: int, start: Size, number: int) -> None:
    """TF refuses a slice that reaches out (core/kernels/slice_op.cc, v1.15.5)."""
    dim = ops.dims_of(x)[axis]
    if dim is None or not isinstance(start, int):
        return
    if start < 0 or start > dim or (number != -1 and (number < 0 or start + number > dim)):
        msg = f"node {node.name!r}: slice of {number} from {start} on axis {axis} of size {dim}"
        raise SemanticsError(msg)


@dataclass
class Cuts:
    """A dense specification: one begin, end and stride per axis of the input."""

    begin: list[Any] = field(default_factory=list)
    end: list[Any] = field(default_factory=list)
    strides: list[int] = field(default_factory=list)
    new_axes: list[int] = field(default_factory=list)
    """Axes of the result before shrinking that are new."""
    shrunk: list[int] = field(default_factory=list)
    """Axes of the input that disappear."""
    layout: list[int | None] = field(default_factory=list)
    """The result's axes: an input axis, or None for a new one."""

    def add(self, begin: Any, end: Any, stride: int) -> None:
        """Cut the next input axis."""
        self.layout.append(len(self.begin))
        self.begin.append(begin)
        self.end.append(end)
        self.strides.append(stride)


@tf_op("StridedSlice")
def strided_slice(
    ops: Any, node: Node, x: Array, begin: Array, end: Array, strides: Array
) -> Array:
    """core/util/strided_slice_op.cc, v1.15.5: ellipsis, then new axis, then shrink, per position."""
    steps = known_ints(ops, node, strides, "strides")
    starts, ends = items(ops, node, begin), items(ops, node, end)
    cuts = dense(ops, node, x, starts, ends, steps)
    out = ops.strided_slice(x, cuts.begin, cuts.end, cuts.strides) if cuts.begin else x
    kept = [axis for axis in cuts.layout if axis not in cuts.shrunk or axis is None]
    out = ops.squeeze(out, cuts.shrunk) if cuts.shrunk else out
    for place, axis in enumerate(kept):
        out = ops.expand_dims(out, place) if axis is None else out
    return out


def dense(
    ops: Any, node: Node, x: Array, starts: list[Any], ends: list[Any], steps: tuple[int, ...]
) -> Cuts:
    """The masks resolved against the rank of ``x``."""
    mask = {key: int(node.attr(f"{key}_mask", 0)) for key in MASKS}
    if mask["ellipsis"] & (mask["ellipsis"] - 1):
        raise refusal(node, "several ellipses")
    rank, cuts = ops.rank_of(x), Cuts()
    named = sum(not (mask["ellipsis"] | mask["new_axis"]) >> i & 1 for i in range(len(steps)))
    for i, step in enumerate(steps):
        bit = {key: bool(value >> i & 1) for key, value in mask.items()}
        if bit["ellipsis"]:
            for _ in range(rank - named):
                cuts.add(None, None, 1)
        elif bit["new_axis"]:
            cuts.layout.append(None)
        elif bit["shrink_axis"]:
            axis = len(cuts.begin)
            # begin_mask does not count where the axis is shrunk.
            cuts.shrunk.append(axis)
            cuts.add(*one(ops, node, x, axis, starts[i]), 1)
        else:
            first = None if bit["begin"] else starts[i]
            cuts.add(first, None if bit["end"] else ends[i], step)
    if len(cuts.begin) > rank:
        msg = f"node {node.name!r}: {len(cuts.begin)} indices into an array of rank {rank}"
        raise SemanticsError(msg)
    while len(cuts.layout) - cuts.layout.count(None) < rank:
        cuts.add(None, None, 1)
    return cuts


MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")


def one(ops: Any, node: Node, x: Array, axis: int, start: Size) -> tuple[Any, Any]:
    """Begin and end of the one item at ``start``, which may be negative."""
    if isinstance(start, int):
        dim = ops.dims_of(x)[axis] if axis < ops.rank_of(x) else None
        if dim is not None and not -dim <= start < dim:
            msg = f"node {node.name!r}: slice index {start} of axis {axis} of size {dim}"
            raise SemanticsError(msg)
        return start, None if start == -1 else start + 1
    whole = size(ops, x, axis)
    whole = whole if isinstance(whole, int) else ops.cast(whole, ops.dtype_of(start))
    first = ops.where(ops.less(start, 0), ops.add(start, whole), start)
    return first, ops.add(first, 1)
