"""Reductions, running sums, segments and bands."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import (
    Array,
    Size,
    indices_along,
    known_int,
    known_ints,
    like,
    plus,
    size,
    sizes,
    tf_op,
    times,
)

REDUCTIONS = {
    "Sum": "sum", "Mean": "mean", "Max": "max", "Min": "min", "Prod": "prod", "Any": "any",
    "All": "all",
}  # fmt: skip


@tf_op(*REDUCTIONS)
def reduce(ops: Any, node: Node, x: Array, axes: Array) -> Array:
    """Over the named axes; over none of them, x itself."""
    along = known_ints(ops, node, axes, "axes")
    if not along:
        return x
    return getattr(ops, REDUCTIONS[node.op])(x, along, bool(node.attr("keep_dims", False)))


@tf_op("EuclideanNorm")
def euclidean_norm(ops: Any, node: Node, x: Array, axes: Array) -> Array:
    """The root of the sum of squares."""
    along = known_ints(ops, node, axes, "axes")
    return ops.sqrt(ops.sum(ops.square(x), along, bool(node.attr("keep_dims", False))))


@tf_op("L2Loss")
def l2_loss(ops: Any, node: Node, x: Array) -> Array:
    """Half the sum of squares."""
    return ops.multiply(ops.sum(ops.square(x), None), 0.5)


@tf_op("Cumsum", "Cumprod")
def running(ops: Any, node: Node, x: Array, axis: Array) -> Array:
    """A running sum or product."""
    along = known_int(ops, node, axis, "axis")
    flags = {key: bool(node.attr(key, False)) for key in ("exclusive", "reverse")}
    return (ops.cumsum if node.op == "Cumsum" else ops.cumprod)(x, along, **flags)


@tf_op("SegmentSum", "SegmentMean")
def segment(ops: Any, node: Node, x: Array, ids: Array) -> Array:
    """Sums or means of rows by sorted id; the last id gives the number of segments."""
    return by_segment(ops, x, ids, plus(ops, ops.max(ids, None), 1), node.op == "SegmentMean")


@tf_op("UnsortedSegmentSum")
def unsorted_segment_sum(ops: Any, node: Node, x: Array, ids: Array, number: Array) -> Array:
    """Rows with a negative id are dropped."""
    rank, tail = ops.rank_of(ids), sizes(ops, x)[ops.rank_of(ids) :]
    flat = ops.reshape(ids, [-1])
    rows = ops.reshape(x, [size(ops, flat, 0), *tail]) if rank != 1 else x
    count = ops.static(number)
    last: Size = ops.cast(number, ops.dtype_of(ids)) if count is None else int(count)
    dropped = like(ops, ids, last) if isinstance(last, int) else last
    target = ops.where(ops.less(flat, 0), dropped, flat)
    out = by_segment(ops, rows, target, plus(ops, last, 1), mean=False)
    return ops.strided_slice(out, [0], [last], [1])


def by_segment(ops: Any, x: Array, ids: Array, count: Size, mean: bool) -> Array:
    """Rows of x added by id; mean: divided by how many there are, 0 where there are none."""
    places = ops.expand_dims(ids, -1)
    total = ops.scatter_nd(places, x, [count, *sizes(ops, x)[1:]])
    if not mean:
        return total
    ones = ops.fill([size(ops, ids, 0)], like(ops, x, 1))
    number = ops.maximum(ops.scatter_nd(places, ones, [count]), like(ops, x, 1))
    for _ in range(ops.rank_of(x) - 1):
        number = ops.expand_dims(number, -1)
    return ops.divide(total, number)


@tf_op("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN")
def sparse_segment(ops: Any, node: Node, x: Array, indices: Array, ids: Array) -> Array:
    """Segments of gathered rows; SqrtN divides by the root of their number."""
    rows = ops.gather(x, indices)
    count = plus(ops, ops.max(ids, None), 1)
    if node.op != "SparseSegmentSqrtN":
        return by_segment(ops, rows, ids, count, node.op == "SparseSegmentMean")
    mean = by_segment(ops, rows, ids, count, mean=True)
    ones = ops.fill([size(ops, ids, 0)], like(ops, x, 1))
    number = ops.sqrt(ops.scatter_nd(ops.expand_dims(ids, -1), ones, [count]))
    for _ in range(ops.rank_of(x) - 1):
        number = ops.expand_dims(number, -1)
    return ops.multiply(mean, number)


def grid(ops: Any, x: Array) -> tuple[Array, Array]:
    """Row numbers [M, 1] and column numbers [1, N] of the last two axes, int64."""
    rows = ops.expand_dims(indices_along(ops, size(ops, x, -2), "int64"), 1)
    columns = ops.expand_dims(indices_along(ops, size(ops, x, -1), "int64"), 0)
    return rows, columns


@tf_op("MatrixBandPart", "BatchMatrixBandPart")
def band_part(ops: Any, node: Node, x: Array, lower: Array, upper: Array) -> Array:
    """Zero outside ``lower`` diagonals below and ``upper`` above the main one; negative: all."""
    rows, columns = grid(ops, x)
    below, above = (known_int(ops, node, v, "bandwidth") for v in (lower, upper))
    kept = ops.greater_equal(rows, 0)
    if below >= 0:
        kept = ops.logical_and(kept, ops.less_equal(ops.subtract(rows, columns), below))
    if above >= 0:
        kept = ops.logical_and(kept, ops.less_equal(ops.subtract(columns, rows), above))
    return ops.where(kept, x, like(ops, x, 0))


@tf_op("MatrixDiag", "BatchMatrixDiag")
def matrix_diag(ops: Any, node: Node, x: Array) -> Array:
    """The last axis on a diagonal."""
    line = indices_along(ops, size(ops, x, -1), "int64")
    main = ops.equal(ops.expand_dims(line, 1), ops.expand_dims(line, 0))
    return ops.where(main, ops.expand_dims(x, -1), like(ops, x, 0))


@tf_op("MatrixDiagPart", "BatchMatrixDiagPart")
def matrix_diag_part(ops: Any, node: Node, x: Array) -> Array:
    """The main diagonal of the last two axes."""
    rows, columns = grid(ops, x)
    chosen = ops.where(ops.equal(rows, columns), x, like(ops, x, 0))
    total = ops.sum(chosen, (-1,))
    short = [size(ops, x, -2), size(ops, x, -1)]
    if all(isinstance(v, int) for v in short):
        keep: Size = min(short)
    else:
        whole = [ops.constant(np.array(v, np.int32)) if isinstance(v, int) else v for v in short]
        keep = ops.minimum(*whole)
    lead = ops.rank_of(total) - 1
    return ops.strided_slice(total, [0] * (lead + 1), [*[None] * lead, keep], [1] * (lead + 1))


@tf_op("MatrixSetDiag", "BatchMatrixSetDiag")
def matrix_set_diag(ops: Any, node: Node, x: Array, diagonal: Array) -> Array:
    """x with its main diagonal replaced."""
    rows, columns = grid(ops, x)
    main = ops.equal(rows, columns)
    missing = minus(ops, size(ops, x, -1), size(ops, diagonal, -1))
    wide = ops.pad(diagonal, [*[(0, 0)] * (ops.rank_of(diagonal) - 1), (0, missing)])
    return ops.where(main, ops.expand_dims(wide, -2), x)


def minus(ops: Any, a: Size, b: Size) -> Size:
    """a - b of sizes."""
    if isinstance(a, int) and isinstance(b, int):
        return a - b
    whole = [ops.constant(np.array(v, np.int32)) if isinstance(v, int) else v for v in (a, b)]
    return ops.subtract(*whole)


@tf_op("Diag")
def diag(ops: Any, node: Node, x: Array) -> Array:
    """All axes twice, with x where both agree."""
    shape = sizes(ops, x)
    flat = matrix_diag(ops, node, ops.reshape(x, [-1]))
    return ops.reshape(flat, shape + shape)


@tf_op("DiagPart")
def diag_part(ops: Any, node: Node, x: Array) -> Array:
    """The inverse of Diag."""
    shape = sizes(ops, x)[: ops.rank_of(x) // 2]
    total = ops.reshape(x, [times(ops, *shape), -1])
    return ops.reshape(matrix_diag_part(ops, node, total), shape)
