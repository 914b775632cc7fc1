"""Sparse tensors: indices [N, rank] int64, values [N], dense shape [rank] int64."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import (
    Array,
    Size,
    indices_along,
    item,
    items,
    known_dim,
    known_ints,
    like,
    refusal,
    size,
    sizes,
    tf_op,
    times,
)
from reference.errors import SemanticsError


def as_array(ops: Any, value: Size) -> Array:
    """A size as a rank-0 int64."""
    return (
        ops.constant(np.array(value, np.int64))
        if isinstance(value, int)
        else ops.cast(value, "int64")
    )


def column(ops: Any, x: Array, place: int) -> Array:
    """x[:, place]."""
    part = ops.strided_slice(x, [0, place], [None, place + 1], [1, 1])
    return ops.squeeze(part, [1])


def linear(ops: Any, indices: Array, dims: list[Size]) -> Array:
    """Row-major places, int64 [N]."""
    total = None
    for axis in range(len(dims)):
        step = as_array(ops, times(ops, *dims[axis + 1 :]))
        part = ops.multiply(column(ops, indices, axis), step)
        total = part if total is None else ops.add(total, part)
    return total


@tf_op("SparseReshape")
def reshape(
    ops: Any, node: Node, indices: Array, shape: Array, wanted: Array
) -> tuple[Array, Array]:
    """The same items at their places in another dense shape, of which one size may be -1."""
    dims, target = items(ops, node, shape), items(ops, node, wanted)
    open_places = [i for i, n in enumerate(target) if isinstance(n, int) and n < 0]
    if any(not isinstance(n, int) for n in target):
        raise refusal(node, "its new shape is not known before the model runs")
    if open_places:
        rest = int(np.prod([n for n in target if n >= 0]))
        whole = times(ops, *dims)
        if rest == 0:
            raise refusal(node, "a size cannot be worked out beside one of 0")
        if isinstance(whole, int) and whole % rest:
            msg = f"node {node.name!r}: {whole} items do not make rows of {rest}"
            raise SemanticsError(msg)
        known = isinstance(whole, int)
        target[open_places[0]] = whole // rest if known else ops.floor_divide(whole, rest)
    place, columns = linear(ops, indices, dims), []
    for axis, count in enumerate(target):
        step = as_array(ops, times(ops, *target[axis + 1 :]))
        columns.append(ops.floor_mod(ops.floor_divide(place, step), as_array(ops, count)))
    return ops.stack(columns, 1), ops.stack([as_array(ops, n) for n in target], 0)


def sorted_places(ops: Any, keys: Array, count: Size) -> Array:
    """The order that sorts distinct int64 keys, smallest first."""
    return ops.top_k(ops.negative(keys), count)[1]


@tf_op("SparseReorder")
def reorder(
    ops: Any, node: Node, indices: Array, values: Array, shape: Array
) -> tuple[Array, Array]:
    """Items in row-major order; equal places keep theirs."""
    number = size(ops, indices, 0)
    keys = ops.multiply(linear(ops, indices, items(ops, node, shape)), as_array(ops, number))
    order = sorted_places(ops, ops.add(keys, indices_along(ops, number, "int64")), number)
    return ops.gather(indices, order), ops.gather(values, order)


@tf_op("SparseFillEmptyRows")
def fill_empty_rows(
    ops: Any, node: Node, indices: Array, values: Array, shape: Array, default: Array
) -> tuple[Array, ...]:
    """An item ``default`` at column 0 of each row that has none.

    Also which rows had none, and where each item went. core/kernels/sparse_fill_empty_rows_op.cc, v1.15.5: items come out by row,
    those of one row in their own order.
    """
    number, rows = size(ops, indices, 0), item(ops, shape, 0)
    rank = known_dim(ops, node, indices, 1)
    line = indices_along(ops, number, "int64")
    row = column(ops, indices, 0)
    order = sorted_places(ops, ops.add(ops.multiply(row, as_array(ops, number)), line), number)
    own = ops.gather(row, order)
    ones = ops.fill([number], ops.constant(np.array(1, np.int64)))
    counts = ops.scatter_nd(ops.expand_dims(row, -1), ones, [rows])
    empty = ops.equal(counts, 0)
    grown = ops.maximum(counts, 1)
    start = ops.cumsum(grown, 0, exclusive=True)
    within = ops.subtract(line, ops.gather(ops.cumsum(counts, 0, exclusive=True), own))
    place = ops.add(ops.gather(start, own), within)
    total = ops.sum(grown, None)
    source = ops.scatter_nd(ops.expand_dims(place, -1), ops.add(line, 1), [total])
    padded = ops.concat([ops.reshape(default, [1]), ops.gather(values, order)], 0)
    heads = ops.scatter_nd(
        ops.expand_dims(start, -1), ops.fill([rows], ops.constant(np.array(1, np.int64))), [total]
    )
    columns = [ops.subtract(ops.cumsum(heads, 0), 1)]
    for axis in range(1, rank):
        rest = ops.gather(column(ops, indices, axis), order)
        zero = ops.constant(np.zeros(1, np.int64))
        columns.append(ops.gather(ops.concat([zero, rest], 0), source))
    moved = ops.scatter_nd(ops.expand_dims(order, -1), place, [number])
    return ops.stack(columns, 1), ops.gather(padded, source), empty, moved


@tf_op("SparseTensorDenseAdd")
def dense_add(ops: Any, node: Node, indices: Array, values: Array, shape: Array, b: Array) -> Array:
    """b with the items added at their places."""
    return ops.add(ops.scatter_nd(indices, values, sizes(ops, b)), b)


@tf_op("SparseReduceSum")
def reduce_sum(
    ops: Any, node: Node, indices: Array, values: Array, shape: Array, axes: Array
) -> Array:
    """The dense sum over the axes; over none named, the dense tensor."""
    dense = ops.scatter_nd(indices, values, items(ops, node, shape))
    along = known_ints(ops, node, axes, "axes")
    return ops.sum(dense, along, bool(node.attr("keep_dims", False))) if along else dense


@tf_op("ListDiff")
def list_diff(ops: Any, node: Node, x: Array, y: Array) -> tuple[Array, Array]:
    """The items of x [n] that are not among y [m], and their places."""
    same = ops.equal(ops.expand_dims(x, 1), ops.expand_dims(y, 0))
    places = ops.squeeze(ops.nonzero(ops.logical_not(ops.any(same, (1,)))), [1])
    return ops.gather(x, places), ops.cast(places, str(node.attr("out_idx", "int32")))


@tf_op("UniqueV2", "UniqueWithCountsV2")
def unique_v2(ops: Any, node: Node, x: Array, axis: Array) -> tuple[Array, ...]:
    """As Unique, of one axis; only arrays of one axis are described."""
    if ops.rank_of(x) != 1:
        raise refusal(node, "only an array of one axis is described")
    dtype = str(node.attr("out_idx", "int32"))
    values, places = ops.unique(x, dtype=dtype)
    if node.op == "UniqueV2":
        return values, places
    ones = ops.fill(sizes(ops, x), ops.constant(np.array(1, dtype)))
    return values, places, ops.scatter_nd(ops.expand_dims(places, -1), ones, [size(ops, values, 0)])


@tf_op("Bincount")
def bincount(ops: Any, node: Node, x: Array, number: Array, weights: Array) -> Array:
    """How often (with what weight) each of 0 … size - 1 occurs in x; larger numbers are left out."""
    value = ops.static(number)
    count: Size = ops.reshape(number, []) if value is None else int(value)
    flat = ops.reshape(x, [-1])
    dtype = ops.dtype_of(weights)
    if ops.static(weights) is not None and not ops.static(weights).size:
        parts = ops.fill([size(ops, flat, 0)], ops.constant(np.array(1, dtype)))
    elif ops.dims_of(weights) == ops.dims_of(x):
        parts = ops.reshape(weights, [-1])
    else:
        raise refusal(node, "whether it has weights is not known before the model runs")
    limit = ops.constant(np.array(count, np.int32)) if isinstance(count, int) else count
    inside = ops.less(flat, limit)
    return ops.scatter_nd(
        ops.expand_dims(ops.where(inside, flat, like(ops, flat, 0)), -1),
        ops.where(inside, parts, like(ops, parts, 0)),
        [count],
    )
