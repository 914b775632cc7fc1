"""Products and extremes by segment, and the sparse segments that are told how many there are."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.reductions import by_segment
from converters.tf_ops.table import (
    Array,
    Size,
    indices_along,
    like,
    plus,
    size,
    sizes,
    tf_op,
    times,
)

REDUCERS = {"Max": "max", "Min": "min", "Prod": "prod"}


def limit(node: Node, kind: str) -> float | int:
    """What no item can change: the lowest number for a maximum, 1 for a product; in the graph's own dtype."""
    if kind == "Prod":
        return 1
    dtype = np.dtype(str(node.attr("T")))
    info: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    bound = info.min if kind == "Max" else info.max
    return float(bound) if dtype.kind == "f" else int(bound)


def reduced(ops: Any, x: Array, ids: Array, count: Size, kind: str, empty: Any) -> Array:
    """x [N, …] by ids [N]: [count, …]; ``empty`` where a segment has no row."""
    rows = ops.cast(indices_along(ops, count, "int32"), ops.dtype_of(ids))
    own = ops.equal(ops.expand_dims(rows, 1), ops.expand_dims(ids, 0))
    for _ in range(ops.rank_of(x) - 1):
        own = ops.expand_dims(own, -1)
    chosen = ops.where(own, ops.expand_dims(x, 0), like(ops, x, empty))
    return getattr(ops, REDUCERS[kind])(chosen, (1,))


@tf_op("SegmentMax", "SegmentMin", "SegmentProd")
def segment(ops: Any, node: Node, x: Array, ids: Array) -> Array:
    """Rows by sorted id; a segment without rows is 0 (of a product: 1).

    core/kernels/segment_reduction_ops.cc, v1.15.5.
    """
    kind = node.op.removeprefix("Segment")
    count = plus(ops, ops.max(ids, None), 1)
    out = reduced(ops, x, ids, count, kind, limit(node, kind))
    if kind == "Prod":
        return out
    ones = ops.fill([size(ops, ids, 0)], ops.constant(np.array(1, np.int32)))
    any_rows = ops.greater(ops.scatter_nd(ops.expand_dims(ids, -1), ones, [count]), 0)
    for _ in range(ops.rank_of(x) - 1):
        any_rows = ops.expand_dims(any_rows, -1)
    return ops.where(any_rows, out, like(ops, x, 0))


@tf_op("UnsortedSegmentMax", "UnsortedSegmentMin", "UnsortedSegmentProd")
def unsorted(ops: Any, node: Node, x: Array, ids: Array, number: Array) -> Array:
    """Rows with a negative id are dropped; a segment without rows has the lowest (highest) number there is."""
    kind = node.op.removeprefix("UnsortedSegment")
    rank, dims = ops.rank_of(ids), sizes(ops, x)
    value = ops.static(number)
    count: Size = ops.reshape(number, []) if value is None else int(value)
    flat = ops.reshape(ids, [-1])
    if rank != 1:
        x = ops.reshape(x, [times(ops, *dims[:rank]), *dims[rank:]])
    return reduced(ops, x, flat, count, kind, limit(node, kind))


@tf_op(
    "SparseSegmentSumWithNumSegments",
    "SparseSegmentMeanWithNumSegments",
    "SparseSegmentSqrtNWithNumSegments",
)
def sparse_segment(
    ops: Any, node: Node, x: Array, indices: Array, ids: Array, number: Array
) -> Array:
    """Segments of gathered rows; SqrtN divides by the root of their number."""
    rows, value = ops.gather(x, indices), ops.static(number)
    count: Size = ops.reshape(number, []) if value is None else int(value)
    total = by_segment(ops, rows, ids, count, mean=False)
    if "Sum" in node.op:
        return total
    ones = ops.fill([size(ops, ids, 0)], like(ops, x, 1))
    many = ops.scatter_nd(ops.expand_dims(ids, -1), ones, [count])
    many = ops.maximum(ops.sqrt(many) if "Sqrt" in node.op else many, like(ops, x, 1))
    for _ in range(ops.rank_of(x) - 1):
        many = ops.expand_dims(many, -1)
    return ops.divide(total, many)
