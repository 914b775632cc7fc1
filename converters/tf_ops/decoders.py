"""Beams and CTC labels read back from what a decoder left."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import Array, indices_along, known_dim, like, size, sizes, tf_op

ROUNDS = 24
"""Doublings that cover every number of steps memory could hold."""


@tf_op("GatherTree")
def gather_tree(
    ops: Any, node: Node, ids: Array, parents: Array, lengths: Array, end_token: Array
) -> Array:
    """Beams [T, B, W] followed back from their ends, without a loop.

    contrib/seq2seq/kernels/beam_search_ops.cc, v1.15.5: everything past the length, and past the first end
    token, is the end token. ``step[t]`` maps a beam at t + 1 to its parent at t; all of them are composed by
    doubling, so the number of steps need not be known.
    """
    shape = sizes(ops, ids)
    width = known_dim(ops, node, ids, 2)
    time = indices_along(ops, shape[0], "int32")
    for _ in range(2):
        time = ops.expand_dims(time, -1)
    inside = ops.less(time, ops.reshape(lengths, [1, -1, 1]))
    same = ops.broadcast_to(ops.constant(np.arange(width, dtype=np.int32)), shape)
    step = shifted(ops, ops.where(inside, parents, same), same, 1)
    for power in range(rounds(shape[0])):
        step = ops.gather(step, shifted(ops, step, same, 1 << power), axis=2, batch_dims=2)
    tokens = ops.gather(ids, step, axis=2, batch_dims=2)
    tokens = ops.where(inside, tokens, end_token)
    ends = ops.cast(ops.equal(tokens, end_token), "int32")
    return ops.where(ops.greater(ops.cumsum(ends, 0, exclusive=True), 0), end_token, tokens)


def rounds(steps: Any) -> int:
    """How many doublings reach over all steps."""
    return steps.bit_length() if isinstance(steps, int) else ROUNDS


def shifted(ops: Any, x: Array, same: Array, by: int) -> Array:
    """x[t + by], and the identity past its end."""
    rest = ops.strided_slice(x, [by], [None], [1])
    return ops.concat([rest, ops.strided_slice(same, [0], [by], [1])], 0)


@tf_op("CTCGreedyDecoder")
def ctc_greedy(ops: Any, node: Node, x: Array, lengths: Array) -> tuple[Array, ...]:
    """The best class of each step of [T, B, C], blanks (the last class) and repeats left out."""
    classes, steps = known_dim(ops, node, x, 2), size(ops, x, 0)
    best = ops.transpose(ops.argmax(x, 2), [1, 0])
    time = indices_along(ops, steps, "int32")
    inside = ops.less(ops.expand_dims(time, 0), ops.expand_dims(lengths, 1))
    kept = ops.logical_and(inside, ops.not_equal(best, classes - 1))
    if node.attr("merge_repeated", False):
        before = ops.strided_slice(best, [0, 0], [None, -1], [1, 1])
        shifted = ops.pad(before, [(0, 0), (1, 0)], value=-1)
        kept = ops.logical_and(kept, ops.not_equal(best, shifted))
    places = ops.nonzero(kept)
    running = ops.cumsum(ops.cast(kept, "int64"), 1, exclusive=True)
    rows = ops.strided_slice(places, [0, 0], [None, 1], [1, 1])
    columns = ops.expand_dims(ops.gather_nd(running, places), 1)
    longest = ops.max(ops.sum(ops.cast(kept, "int64"), (1,)), None)
    batch = ops.strided_slice(ops.shape(kept, dtype="int64"), [0], [1], [1])
    shape = ops.concat([batch, ops.reshape(ops.maximum(longest, 0), [1])], 0)
    tops = ops.transpose(ops.max(x, (2,)), [1, 0])
    score = ops.negative(ops.sum(ops.where(inside, tops, like(ops, x, 0)), (1,), True))
    return ops.concat([rows, columns], 1), ops.gather_nd(best, places), shape, score
