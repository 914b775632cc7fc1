"""Blocks of space moved to the batch or to the channels, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.arrays import pad_pairs
from converters.tf_ops.table import Array, known_dim, known_ints, refusal, size, sizes, tf_op, times


@tf_op("SpaceToBatchND")
def space_to_batch(ops: Any, node: Node, x: Array, block: Array, paddings: Array) -> Array:
    """Blocks of the spatial axes go to the front of the batch axis."""
    blocks = known_ints(ops, node, block, "block shape")
    m, rest = len(blocks), ops.rank_of(x) - len(blocks) - 1
    padded = ops.pad(x, [(0, 0), *pad_pairs(ops, node, paddings), *[(0, 0)] * rest])
    dims = sizes(ops, padded)
    split_dims = [dims[0]]
    for dim, b in zip(dims[1 : m + 1], blocks, strict=True):
        split_dims += [dim // b if isinstance(dim, int) else ops.floor_divide(dim, b), b]
    tail = list(range(2 * m + 1, 2 * m + 1 + rest))
    cut = ops.reshape(padded, split_dims + dims[m + 1 :])
    moved = ops.transpose(cut, [*range(2, 2 * m + 1, 2), 0, *range(1, 2 * m + 1, 2), *tail])
    lead = times(ops, dims[0], *blocks)
    return ops.reshape(moved, [lead, *split_dims[1::2], *dims[m + 1 :]])


@tf_op("BatchToSpaceND")
def batch_to_space(ops: Any, node: Node, x: Array, block: Array, crops: Array) -> Array:
    """The inverse of SpaceToBatchND."""
    blocks = known_ints(ops, node, block, "block shape")
    m, dims = len(blocks), sizes(ops, x)
    total = int(np.prod(blocks))
    batch = dims[0] // total if isinstance(dims[0], int) else ops.floor_divide(dims[0], total)
    cut = ops.reshape(x, [*blocks, batch, *dims[1:]])
    order = [m]
    for axis in range(m):
        order += [m + 1 + axis, axis]
    moved = ops.transpose(cut, [*order, *range(2 * m + 1, ops.rank_of(cut))])
    grown = [times(ops, dim, b) for dim, b in zip(dims[1 : m + 1], blocks, strict=True)]
    whole = ops.reshape(moved, [batch, *grown, *dims[m + 1 :]])
    pairs = pad_pairs(ops, node, crops)
    ends = [end_of(ops, n, after) for n, (_, after) in zip(grown, pairs, strict=True)]
    return ops.strided_slice(whole, [0, *(b for b, _ in pairs)], [None, *ends], [1] * (m + 1))


def end_of(ops: Any, whole: Any, after: Any) -> Any:
    """Where an axis ends once ``after`` items are cut off."""
    if isinstance(after, int):
        return -after if after else None
    return ops.subtract(
        ops.constant(np.array(whole, np.int32)) if isinstance(whole, int) else whole, after
    )


@tf_op("SpaceToBatch", "BatchToSpace")
def square_blocks(ops: Any, node: Node, x: Array, pairs: Array) -> Array:
    """The old forms: one block size for rows and columns."""
    block = ops.constant(np.full(2, int(node.attr("block_size")), np.int32))
    return (space_to_batch if node.op == "SpaceToBatch" else batch_to_space)(
        ops, node, x, block, pairs
    )


@tf_op("SpaceToDepth", "DepthToSpace")
def depth(ops: Any, node: Node, x: Array) -> Array:
    """Blocks of NHWC images to channels, and back."""
    if node.text("data_format", "NHWC") != "NHWC":
        raise refusal(node, "only NHWC is described")
    b = int(node.attr("block_size"))
    n, h, w = (size(ops, x, axis) for axis in range(3))
    c = known_dim(ops, node, x, 3)
    if node.op == "SpaceToDepth":
        h, w = (v // b if isinstance(v, int) else ops.floor_divide(v, b) for v in (h, w))
        cut = ops.reshape(x, [n, h, b, w, b, c])
        return ops.reshape(ops.transpose(cut, [0, 1, 3, 2, 4, 5]), [n, h, w, b * b * c])
    if c % (b * b):
        raise refusal(node, f"{c} channels do not make blocks of {b} by {b}")
    cut = ops.reshape(x, [n, h, w, b, b, c // (b * b)])
    tall, wide = (times(ops, v, b) for v in (h, w))
    return ops.reshape(ops.transpose(cut, [0, 1, 3, 2, 4, 5]), [n, tall, wide, c // (b * b)])
