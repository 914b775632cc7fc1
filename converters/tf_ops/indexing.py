"""Gathers, scatters, selections by index, and what sparse tensors need."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import (
    Array,
    Size,
    indices_along,
    items,
    known_dim,
    known_int,
    like,
    refusal,
    size,
    sizes,
    tf_op,
    times,
)
from reference.errors import SemanticsError


@tf_op("Gather")
def gather_v1(ops: Any, node: Node, x: Array, indices: Array) -> Array:
    """Along axis 0."""
    return ops.gather(x, indices)


@tf_op("GatherV2")
def gather_v2(ops: Any, node: Node, x: Array, indices: Array, axis: Array) -> Array:
    """Along any axis."""
    along, batch = known_int(ops, node, axis, "axis"), int(node.attr("batch_dims", 0))
    batch = batch + ops.rank_of(indices) if batch < 0 else batch
    return ops.gather(x, indices, axis=along, batch_dims=batch)


@tf_op("GatherNd")
def gather_nd(ops: Any, node: Node, x: Array, indices: Array) -> Array:
    """Slices named by the last axis of the indices."""
    return ops.gather_nd(x, indices)


@tf_op("ScatterNd")
def scatter_nd(ops: Any, node: Node, indices: Array, updates: Array, shape: Array) -> Array:
    """Zeros with the updates added."""
    return ops.scatter_nd(indices, updates, items(ops, node, shape))


@tf_op("TensorScatterAdd", "TensorScatterSub")
def tensor_scatter_add(ops: Any, node: Node, x: Array, indices: Array, updates: Array) -> Array:
    """x with the updates added or subtracted."""
    change = ops.scatter_nd(indices, updates, sizes(ops, x))
    return ops.add(x, change) if node.op.endswith("Add") else ops.subtract(x, change)


@tf_op("TensorScatterUpdate")
def tensor_scatter_update(ops: Any, node: Node, x: Array, indices: Array, updates: Array) -> Array:
    """x with slices replaced. Repeated indices have no defined meaning and are refused."""
    refuse_repeats(ops, node, indices)
    shape = sizes(ops, x)
    ones = ops.fill(sizes(ops, updates), ops.constant(np.array(1, np.int32)))
    hit = ops.greater(ops.scatter_nd(indices, ones, shape), 0)
    return ops.where(hit, ops.scatter_nd(indices, updates, shape), x)


def refuse_repeats(ops: Any, node: Node, indices: Array) -> None:
    """Refuses rows of known indices that occur twice."""
    value = ops.static(indices)
    if value is None or not value.size:
        return
    rows = value.reshape(-1, value.shape[-1])
    if len(np.unique(rows, axis=0)) < len(rows):
        raise refusal(node, "indices occur twice; which update wins is not defined")


@tf_op("InplaceUpdate", "InplaceAdd", "InplaceSub")
def inplace(ops: Any, node: Node, x: Array, rows: Array, values: Array) -> Array:
    """x with rows replaced, added to or subtracted from; its result is all that is promised."""
    if ops.rank_of(rows) == 0:
        rows, values = ops.reshape(rows, [1]), ops.expand_dims(values, 0)
    name = {"InplaceUpdate": "TensorScatterUpdate", "InplaceAdd": "TensorScatterAdd"}
    scatter = Node(node.name, name.get(node.op, "TensorScatterSub"), node.inputs, (), node.attrs)
    how = tensor_scatter_update if node.op == "InplaceUpdate" else tensor_scatter_add
    return how(ops, scatter, x, ops.expand_dims(rows, -1), values)


@tf_op("OneHot")
def one_hot(ops: Any, node: Node, indices: Array, depth: Array, on: Array, off: Array) -> Array:
    """``on`` at the index along a new axis, ``off`` elsewhere."""
    value, axis = ops.static(depth), int(node.attr("axis", -1))
    if value is not None:
        return ops.one_hot(indices, int(value.reshape(())), on, off, axis=axis)
    rank = ops.rank_of(indices)
    place = rank if axis == -1 else axis
    line = ops.cast(indices_along(ops, ops.reshape(depth, []), "int32"), ops.dtype_of(indices))
    line = ops.reshape(line, [1] * place + [-1] + [1] * (rank - place))
    return ops.where(ops.equal(ops.expand_dims(indices, place), line), on, off)


@tf_op("ArgMax", "ArgMin")
def arg(ops: Any, node: Node, x: Array, axis: Array) -> Array:
    """The first of equals."""
    along, dtype = known_int(ops, node, axis, "axis"), str(node.attr("output_type", "int64"))
    return (ops.argmax if node.op == "ArgMax" else ops.argmin)(x, along, dtype=dtype)


@tf_op("TopK")
def top_k_v1(ops: Any, node: Node, x: Array) -> tuple[Array, ...]:
    """k is an attribute."""
    return tuple(ops.top_k(x, int(node.attr("k"))))


@tf_op("TopKV2")
def top_k(ops: Any, node: Node, x: Array, k: Array) -> tuple[Array, ...]:
    """The k largest of the last axis and their places."""
    value = ops.static(k)
    return tuple(ops.top_k(x, k if value is None else int(value)))


@tf_op("InTopK")
def in_top_k_v1(ops: Any, node: Node, predictions: Array, targets: Array) -> Array:
    """k is an attribute."""
    k = ops.constant(np.array(node.attr("k"), ops.dtype_of(targets)))
    return in_top_k(ops, node, predictions, targets, k)


@tf_op("InTopKV2")
def in_top_k(ops: Any, node: Node, predictions: Array, targets: Array, k: Array) -> Array:
    """Whether fewer than k classes are above the target's; False in any row that is not finite.

    core/kernels/in_topk_op.h, v1.15.5.
    """
    classes, dtype = known_dim(ops, node, predictions, 1), ops.dtype_of(targets)
    yes, no = ops.constant(np.array(True)), ops.constant(np.array(False))
    chosen = ops.one_hot(targets, classes, yes, no)
    inside = ops.any(chosen, (1,))
    own = ops.sum(ops.where(chosen, predictions, like(ops, predictions, 0)), (1,), True)
    above = ops.sum(ops.cast(ops.greater(predictions, own), dtype), (1,))
    sound = ops.logical_and(inside, ops.all(ops.is_finite(predictions), (1,)))
    return ops.logical_and(sound, ops.less(above, ops.cast(k, dtype)))


@tf_op("Where")
def where(ops: Any, node: Node, condition: Array) -> Array:
    """Places of what is true (or not zero), int64."""
    if ops.dtype_of(condition) != "bool":
        condition = ops.not_equal(condition, like(ops, condition, 0))
    return ops.nonzero(condition)


@tf_op("Unique", "UniqueWithCounts")
def unique(ops: Any, node: Node, x: Array) -> tuple[Array, ...]:
    """Values in order of first appearance, each item's place among them, and how many there are."""
    dtype = str(node.attr("out_idx", "int32"))
    values, places = ops.unique(x, dtype=dtype)
    if node.op == "Unique":
        return values, places
    ones = ops.fill(sizes(ops, x), ops.constant(np.array(1, dtype)))
    counts = ops.scatter_nd(ops.expand_dims(places, -1), ones, [size(ops, values, 0)])
    return values, places, counts


@tf_op("SparseToDense")
def sparse_to_dense(
    ops: Any, node: Node, indices: Array, shape: Array, values: Array, default: Array
) -> Array:
    """``default`` everywhere but at the indices.

    Works for every dtype, strings too: the *places* of the values are scattered, then gathered.
    """
    wanted = items(ops, node, shape)
    rank = ops.rank_of(indices)
    if rank < 2:
        indices = ops.reshape(indices, [-1, 1] if rank else [1, 1])
    refuse_repeats(ops, node, indices)
    number = size(ops, indices, 0)
    if ops.rank_of(values) == 0:
        values = ops.fill([number], values)
    places = ops.add(indices_along(ops, number, "int32"), 1)
    table = ops.concat([ops.reshape(default, [1]), values], 0)
    return ops.gather(table, ops.scatter_nd(indices, places, wanted))


@tf_op("SparseTensorDenseMatMul")
def sparse_matmul(
    ops: Any, node: Node, indices: Array, values: Array, shape: Array, b: Array
) -> Array:
    """The sparse operand made dense first; repeated indices add up."""
    dense = ops.scatter_nd(indices, values, items(ops, node, shape))
    adjoint = {"transpose_a": bool(node.attr("adjoint_a", False))}
    adjoint["transpose_b"] = bool(node.attr("adjoint_b", False))
    return ops.matmul(dense, b, **adjoint)


@tf_op("DynamicPartition")
def dynamic_partition(ops: Any, node: Node, x: Array, parts: Array) -> tuple[Array, ...]:
    """Rows by the part they belong to."""
    rank, places = ops.rank_of(parts), parts
    if rank != 1:
        rows = sizes(ops, x)
        x = ops.reshape(x, [times(ops, *rows[:rank]), *rows[rank:]])
        places = ops.reshape(parts, [-1])
    count = int(node.attr("num_partitions"))
    value = ops.static(parts)
    if value is not None and value.size and (value.min() < 0 or value.max() >= count):
        msg = f"node {node.name!r}: partitions must lie in 0..{count - 1}"
        raise SemanticsError(msg)
    chosen = [ops.nonzero(ops.equal(places, like(ops, places, p))) for p in range(count)]
    return tuple(ops.gather(x, ops.squeeze(rows, [1])) for rows in chosen)


@tf_op("DynamicStitch", "ParallelDynamicStitch")
def dynamic_stitch(ops: Any, node: Node, *inputs: Array) -> Array:
    """Row ``indices[i]`` of the result is row i of the data; the last of equals wins."""
    half = len(inputs) // 2
    rank = ops.rank_of(inputs[0])
    tail = sizes(ops, inputs[half])[rank:]
    places = joined(ops, [ops.reshape(x, [-1]) for x in inputs[:half]])
    rows = [
        ops.reshape(data, [times(ops, *sizes(ops, index)), *tail])
        for index, data in zip(inputs[:half], inputs[half:], strict=True)
    ]
    value = ops.static(places)
    if value is None:
        return ops.gather(joined(ops, [zero_row(ops, rows[0], tail), *rows]), last_of(ops, places))
    count = int(value.max()) + 1 if value.size else 0
    source = np.full(count, len(value), np.int64)
    source[value] = np.arange(len(value))
    return ops.gather(joined(ops, [*rows, zero_row(ops, rows[0], tail)]), ops.constant(source))


def zero_row(ops: Any, x: Array, tail: list[Size]) -> Array:
    """Zeros ``[1, *tail]`` of x's dtype."""
    return ops.fill([1, *tail], like(ops, x, 0))


def last_of(ops: Any, places: Array) -> Array:
    """By number 0..max(places): 1 + where ``places`` [n] holds it last; 0 where it does not."""
    one = like(ops, places, 1)
    count = ops.add(
        ops.max(ops.concat([ops.constant(np.full(1, -1, np.int32)), places], 0), None), one
    )
    wanted = ops.range(like(ops, places, 0), count, one)
    after = ops.range(one, ops.add(ops.squeeze(ops.shape(places), [0]), one), one)
    held = ops.equal(ops.expand_dims(wanted, 1), ops.expand_dims(places, 0))
    # The zero column in front keeps the maximum defined where there are no places at all.
    found = ops.where(held, ops.expand_dims(after, 0), like(ops, places, 0))
    return ops.max(ops.pad(found, [(0, 0), (1, 0)]), (1,))


def joined(ops: Any, xs: list[Array]) -> Array:
    """Along axis 0."""
    return xs[0] if len(xs) == 1 else ops.concat(xs, 0)
