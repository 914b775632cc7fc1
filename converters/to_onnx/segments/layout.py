"""Where the steps of a ragged batch lie: rows sorted by length, time cut into segments, in each only the rows that still run.

All of this is arithmetic on whole numbers at run time, a few a row. The arrays themselves are moved twice: one Gather a segment brings its
input into place, one takes all outputs back to where their rows and steps belong. Each batch gets one more row, of length 0, and as many steps at
least as there are segments; what is not there is read from a row of zeros. So no kernel sees an empty array, whatever comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converters.to_onnx import sizes
from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps


@dataclass(frozen=True)
class Rows:
    """One batch, sorted, longest row first; names of arrays. B' = B + 1; T' = T, or the number of segments where that is more."""

    order: str
    """int64 [B']: which row stands at each place."""
    place: str
    """int64 [B']: the place of each row."""
    lengths: str
    """int64 [B'], sorted, T at most."""
    own: str
    """int64 [B']: the same in the batch's own order."""
    ticks: str
    """int64 [T', 1]: 0, 1, …"""
    valid: str
    """bool [T', B']: the steps before each sorted row's end."""
    spans: str
    """int64 [segments]: how many steps each has; 1 at least."""
    ends: str
    """int64 [segments]: the step after its last."""
    counts: str
    """int64 [segments]: how many rows reach into it."""
    rows: str
    """int64 [segments]: with how many it is run: those, 1 at least."""


@dataclass(frozen=True)
class Segment:
    """One stretch of time; names of int64 vectors of one number."""

    index: int
    rows: str
    count: str
    size: Dim
    """The symbol of :attr:`rows`."""
    lengths: Value
    """int32 [rows], within the segment."""


def arrange(ops: OnnxOps, lengths: Value, time: Dim, count: int) -> Rows:
    """The sorted batch and its ``count`` segments."""
    node, axes, zero = ops.node, ops.axes, ops.scalar(0, "int64")
    steps = sizes.size(ops, time)
    padded = node("Max", steps, axes([count]))
    own = node("Concat", node("Min", ops.to(lengths, "int64"), steps), axes([0]), axis=0)
    batch = node("Shape", own)
    ordered, order = ops.nodes("TopK", 2, own, batch, axis=0, largest=1, sorted=1)
    _, place = ops.nodes("TopK", 2, order, batch, axis=0, largest=0, sorted=1)
    limit = node("Squeeze", padded, axes([0]))
    ticks = node("Unsqueeze", node("Range", zero, limit, ops.scalar(1, "int64")), axes([1]))
    valid = node("Less", ticks, ordered)
    reach = node("ReduceSum", ops.cast_node(valid, "int64"), axes([1]), keepdims=0)
    spans = node("Div", node("Add", padded, ops.array(np.arange(count))), axes([count]))
    ends = node("CumSum", spans, zero)
    counts = node("Gather", reach, node("Sub", ends, spans), axis=0)
    rows = node("Max", counts, axes([1]))
    return Rows(order, place, ordered, own, ticks, valid, spans, ends, counts, rows)


def segments(ops: OnnxOps, found: Rows, count: int) -> list[Segment]:
    """The segments in order of time."""
    node, axes = ops.node, ops.axes
    ones = axes([1] * count)
    rows, counts = (ops.nodes("Split", count, x, ones, axis=0) for x in (found.rows, found.counts))
    begins = node("Unsqueeze", node("Sub", found.ends, found.spans), axes([1]))
    rest = node("Max", node("Sub", found.lengths, begins), axes([0]))
    within = node("Min", rest, node("Unsqueeze", found.spans, axes([1])))
    narrow = ops.cast_node(within, "int32")
    made = []
    for index in range(count):
        size = ops.abstract.fresh()
        own = node("Gather", narrow, ops.scalar(index, "int64"), axis=0)
        cut = node("Slice", own, axes([0]), rows[index], axes([0]))
        lengths = ops.wrap(cut, Fact("int32", (size,)))
        made.append(Segment(index, rows[index], counts[index], size, lengths))
    return made


def items(ops: OnnxOps, found: Rows, parts: list[Segment], x: Value) -> list[Value]:
    """What each segment reads of ``x`` ``[T, B, …]``: ``[steps, rows, …]``, zeros past a row's end."""
    node, axes = ops.node, ops.axes
    origin, perm = ops.transposed.get(x.name or "", (x, ()))
    batch_major = swaps(perm)
    steps, rows = (sizes.size(ops, dim) for dim in x.shape[:2])
    if batch_major:
        where = node("Add", node("Mul", found.order, steps), found.ticks)
    else:
        where = node("Add", node("Mul", found.ticks, rows), found.order)
    where = node("Where", found.valid, where, node("Mul", steps, rows))
    inner = widths(x.shape[2:])
    flat = node("Reshape", origin if batch_major else x, axes([-1, *inner]))
    flat = node("Concat", flat, ops.array(np.zeros((1, *inner), x.fact.dtype)), axis=0)
    places = ops.nodes("Split", len(parts), where, found.spans, axis=0)
    made = []
    for part, place in zip(parts, places, strict=True):
        chosen = node("Slice", place, axes([0]), part.rows, axes([1]))
        fact = Fact(x.fact.dtype, (ops.abstract.fresh(), part.size, *inner))
        made.append(ops.wrap(node("Gather", flat, chosen, axis=0), fact))
    return made


def widths(dims: tuple[Dim, ...]) -> tuple[int, ...]:
    """Sizes that are known, as they are of everything that is run in segments."""
    return tuple(int(dim) for dim in dims if not isinstance(dim, Size))


def swaps(perm: tuple[int, ...]) -> bool:
    """Whether a permutation swaps the first two axes, and those only."""
    return perm[:2] == (1, 0) and perm[2:] == tuple(range(2, len(perm)))


def spread(ops: OnnxOps, found: Rows, time: Dim, batch: Dim) -> str:
    """int64 ``[T, B]``: where each step lies in the outputs of all segments one below the other; the item after the last past a row's end."""
    node, axes = ops.node, ops.axes
    past = ops.cast_node(node("GreaterOrEqual", found.ticks, found.ends), "int64")
    segment = node("ReduceSum", past, axes([1]), keepdims=0)
    wide = node("Gather", found.rows, segment, axis=0)
    before = node("CumSum", wide, ops.scalar(0, "int64"), exclusive=1)
    where = node("Add", node("Unsqueeze", before, axes([1])), found.place)
    end = node("ReduceSum", wide, axes([0]), keepdims=1)
    where = node("Where", node("Less", found.ticks, found.own), where, end)
    return node("Slice", where, axes([0, 0]), sizes.vector(ops, [time, batch]), axes([0, 1]))
