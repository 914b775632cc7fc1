"""Shapes, joins, cuts and fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import (
    Array,
    indices_along,
    item,
    items,
    known,
    known_dim,
    known_int,
    known_ints,
    like,
    plus,
    positive,
    refusal,
    size,
    sizes,
    tf_op,
    times,
)


@tf_op("Shape", "ShapeN")
def shape(ops: Any, node: Node, *xs: Array) -> tuple[Array, ...]:
    """The sizes of each input."""
    dtype = size_dtype(node)
    return tuple(ops.shape(x, dtype=dtype) for x in xs)


def size_dtype(node: Node) -> str:
    """The dtype sizes come in."""
    dtype = str(node.attr("out_type", "int32"))
    if dtype not in ("int32", "int64"):
        raise refusal(node, f"sizes are int32 or int64, not {dtype}")
    return dtype


@tf_op("Size")
def count(ops: Any, node: Node, x: Array) -> Array:
    """The number of items."""
    dtype = size_dtype(node)
    total = times(ops, *sizes(ops, x))
    return (
        ops.constant(np.array(total, dtype)) if isinstance(total, int) else ops.cast(total, dtype)
    )


@tf_op("Rank")
def rank(ops: Any, node: Node, x: Array) -> Array:
    """The number of axes, int32."""
    return ops.constant(np.array(ops.rank_of(x), np.int32))


@tf_op("Reshape")
def reshape(ops: Any, node: Node, x: Array, wanted: Array) -> Array:
    """Same items in another shape."""
    value = ops.static(wanted)
    return ops.reshape(x, wanted if value is None else [int(v) for v in value])


@tf_op("Squeeze")
def squeeze(ops: Any, node: Node, x: Array) -> Array:
    """Without the named axes, or without all that are of size 1."""
    axes = tuple(node.attr("squeeze_dims", ()))
    if axes:
        return ops.squeeze(x, axes)
    dims = ops.dims_of(x)
    if None in dims:
        return ops.squeeze(x, None)
    return ops.squeeze(x, [axis for axis, dim in enumerate(dims) if dim == 1])


@tf_op("ExpandDims")
def expand_dims(ops: Any, node: Node, x: Array, axis: Array) -> Array:
    """A new axis of size 1."""
    return ops.expand_dims(x, known_int(ops, node, axis, "axis"))


@tf_op("Transpose")
def transpose(ops: Any, node: Node, x: Array, perm: Array) -> Array:
    """Axes in another order."""
    return ops.transpose(x, known_ints(ops, node, perm, "permutation"))


@tf_op("Concat")
def concat_v1(ops: Any, node: Node, axis: Array, *xs: Array) -> Array:
    """The axis comes first."""
    return concat_v2(ops, node, *xs, axis)


@tf_op("ConcatV2")
def concat_v2(ops: Any, node: Node, *inputs: Array) -> Array:
    """The axis comes last."""
    *xs, axis = inputs
    return xs[0] if len(xs) == 1 else ops.concat(xs, known_int(ops, node, axis, "axis"))


@tf_op("Pack")
def pack(ops: Any, node: Node, *xs: Array) -> Array:
    """Joined along a new axis."""
    return ops.stack(xs, int(node.attr("axis", 0)))


@tf_op("Tile")
def tile(ops: Any, node: Node, x: Array, multiples: Array) -> Array:
    """One multiple per axis."""
    return ops.tile(x, items(ops, node, multiples))


@tf_op("Fill")
def fill(ops: Any, node: Node, dims: Array, value: Array) -> Array:
    """A value everywhere."""
    return ops.fill(items(ops, node, dims), value)


@tf_op("ZerosLike", "OnesLike")
def filled_like(ops: Any, node: Node, x: Array) -> Array:
    """Zeros (empty strings, False) or ones in the shape and dtype of x."""
    zero = b"" if ops.dtype_of(x) == "string" else 0
    return ops.fill(sizes(ops, x), like(ops, x, zero if node.op == "ZerosLike" else 1))


@tf_op("BroadcastTo")
def broadcast_to(ops: Any, node: Node, x: Array, wanted: Array) -> Array:
    """NumPy's broadcasting."""
    return ops.broadcast_to(x, items(ops, node, wanted))


@tf_op("Range")
def arange(ops: Any, node: Node, start: Array, limit: Array, delta: Array) -> Array:
    """start, start + delta, … before limit."""
    return ops.range(start, limit, delta)


@tf_op("LinSpace")
def linspace(ops: Any, node: Node, start: Array, stop: Array, num: Array) -> Array:
    """start + step * i; the step is (stop - start) / (num - 1)."""
    number = known_int(ops, node, num, "number of points")
    if number == 1:
        return ops.reshape(start, [1])
    step = ops.divide(ops.subtract(stop, start), like(ops, start, number - 1))
    places = ops.cast(indices_along(ops, number, "int32"), ops.dtype_of(start))
    inner = ops.add(start, ops.multiply(step, places))
    return ops.concat([ops.strided_slice(inner, [0], [number - 1], [1]), ops.reshape(stop, [1])], 0)


@tf_op("Pad", "PadV2")
def pad(ops: Any, node: Node, x: Array, paddings: Array, value: Array | None = None) -> Array:
    """Padding with zeros or a constant."""
    pairs = pad_pairs(ops, node, paddings)
    if value is None:
        return ops.pad(x, pairs)
    return ops.pad(x, pairs, value=known(ops, node, value, "padding value").item())


def pad_pairs(ops: Any, node: Node, paddings: Array) -> list[tuple[Any, Any]]:
    """(before, after) of each axis: ints where they are known."""
    flat = items(ops, node, ops.reshape(paddings, [-1]))
    return list(zip(flat[::2], flat[1::2], strict=True))


@tf_op("MirrorPad")
def mirror_pad(ops: Any, node: Node, x: Array, paddings: Array) -> Array:
    """REFLECT leaves the edge out, SYMMETRIC repeats it."""
    return ops.pad(x, pad_pairs(ops, node, paddings), mode=node.text("mode").lower())


@tf_op("ReverseV2")
def reverse_v2(ops: Any, node: Node, x: Array, axes: Array) -> Array:
    """Those axes back to front."""
    return ops.reverse(x, known_ints(ops, node, axes, "axes"))


@tf_op("Reverse")
def reverse_v1(ops: Any, node: Node, x: Array, flags: Array) -> Array:
    """One flag per axis."""
    chosen = known(ops, node, flags, "axes")
    return ops.reverse(x, [axis for axis, flag in enumerate(chosen) if flag])


@tf_op("ReverseSequence")
def reverse_sequence(ops: Any, node: Node, x: Array, lengths: Array) -> Array:
    """The first lengths[b] items of row b reversed."""
    seq, batch = int(node.attr("seq_dim")), int(node.attr("batch_dim", 0))
    return ops.reverse_sequence(x, lengths, seq_axis=seq, batch_axis=batch)


@tf_op("ConcatOffset")
def concat_offset(ops: Any, node: Node, axis: Array, *shapes: Array) -> tuple[Array, ...]:
    """Where each part starts in their concatenation."""
    along = known_int(ops, node, axis, "axis")
    along = positive(along, known_dim(ops, node, shapes[0], 0))
    start: Any = 0
    starts = []
    for part in shapes:
        parts = [0] * known_dim(ops, node, part, 0)
        whole = [ops.constant(np.array(v, np.int32)) for v in parts]
        whole[along] = ops.constant(np.array(start, np.int32)) if isinstance(start, int) else start
        starts.append(ops.stack(whole, 0))
        start = plus(ops, start, item(ops, part, along))
    return tuple(starts)


@tf_op("Roll")
def roll(ops: Any, node: Node, x: Array, shift: Array, axis: Array) -> Array:
    """Items moved along axes, those that leave come in at the other end."""
    along = known_ints(ops, node, axis, "axis")
    for place, by in zip(along, known_ints(ops, node, shift, "shift"), strict=True):
        have = size(ops, x, place)
        line = ops.subtract(indices_along(ops, have, "int32"), by)
        whole = ops.constant(np.array(have, np.int32)) if isinstance(have, int) else have
        # Of an empty axis nothing is gathered; the divisor only must not be 0.
        x = ops.gather(
            x, ops.floor_mod(line, ops.maximum(whole, 1)), axis=positive(place, ops.rank_of(x))
        )
    return x


@tf_op("ParallelConcat")
def parallel_concat(ops: Any, node: Node, *xs: Array) -> Array:
    """Rows of parts with one row each."""
    return xs[0] if len(xs) == 1 else ops.concat(xs, 0)


@tf_op("DataFormatVecPermute", "DataFormatDimMap")
def data_format(ops: Any, node: Node, x: Array) -> Array:
    """Sizes, or the numbers of axes, from one data format to another."""
    source, target = node.text("src_format", "NHWC"), node.text("dst_format", "NCHW")
    if node.op == "DataFormatDimMap":
        table = ops.constant(np.array([target.index(c) for c in source], ops.dtype_of(x)))
        return ops.gather(table, ops.floor_mod(x, len(source)))
    order = ops.constant(np.array([source.index(c) for c in target], np.int32))
    return ops.gather(x, order)


@tf_op("Empty")
def empty(ops: Any, node: Node, dims: Array) -> Array:
    """Zeros; without ``init`` TF promises nothing, and zeros are as good."""
    dtype = str(node.attr("dtype"))
    zero = np.array(b"", object) if dtype == "string" else np.array(0, dtype)
    return ops.fill(items(ops, node, dims), ops.constant(zero))
