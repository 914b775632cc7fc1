"""An axis taken apart: into items, equal parts, or parts of given sizes."""

from __future__ import annotations

from typing import Any

from converters.graph import Node
from converters.tf_ops.table import Array, known_int, known_ints, positive, refusal, sizes, tf_op

MAX_PARTS = 1 << 20
"""Outputs a node may have: a hostile file can ask for any number."""


def parts_of(node: Node, key: str) -> int:
    """How many parts an attribute asks for."""
    parts = int(node.attr(key))
    if not 0 <= parts <= MAX_PARTS:
        raise refusal(node, f"{parts} parts; 0 to {MAX_PARTS} are possible")
    return parts


@tf_op("Unpack")
def unpack(ops: Any, node: Node, x: Array) -> tuple[Array, ...]:
    """The items along an axis."""
    return tuple(ops.unstack(x, int(node.attr("axis", 0)), parts_of(node, "num")))


@tf_op("Split")
def split(ops: Any, node: Node, axis: Array, x: Array) -> tuple[Array, ...]:
    """Equal parts along an axis."""
    parts, along = parts_of(node, "num_split"), known_int(ops, node, axis, "axis")
    if parts == 1:
        return (x,)
    whole = ops.dims_of(x)[along]
    if whole is None:
        return split_open(ops, x, positive(along, ops.rank_of(x)), parts)
    if whole % parts:
        raise refusal(node, f"an axis of size {whole} does not split into {parts} equal parts")
    return tuple(ops.split(x, [whole // parts] * parts, along))


def split_open(ops: Any, x: Array, axis: int, parts: int) -> tuple[Array, ...]:
    """Equal parts of an axis whose size is not known: a new axis of them, taken apart.

    Where the size is no multiple the reshape fails when the model runs, as TF does.
    """
    dims = sizes(ops, x)
    dims[axis : axis + 1] = [parts, ops.floor_divide(dims[axis], parts)]
    return tuple(ops.unstack(ops.reshape(x, dims), axis, parts))


@tf_op("SplitV")
def split_v(ops: Any, node: Node, x: Array, parts: Array, axis: Array) -> tuple[Array, ...]:
    """Parts of given sizes; one of them may be -1."""
    wanted = list(known_ints(ops, node, parts, "list of sizes"))
    along = known_int(ops, node, axis, "axis")
    whole = ops.dims_of(x)[along]
    if -1 in wanted:
        if whole is None:
            return split_around(ops, x, wanted, positive(along, ops.rank_of(x)))
        rest = sum(n for n in wanted if n != -1)
        wanted[wanted.index(-1)] = int(whole) - rest
    return tuple(ops.split(x, wanted, along))


def split_around(ops: Any, x: Array, wanted: list[int], axis: int) -> tuple[Array, ...]:
    """Parts of an axis whose size is not known, one of them what the others leave."""
    rest, parts = wanted.index(-1), []
    for i in range(len(wanted)):
        begin: int | None = sum(wanted[:i]) if i <= rest else -sum(wanted[i:])
        end: int | None = sum(wanted[: i + 1]) if i < rest else -sum(wanted[i + 1 :]) or None
        if wanted[i] == 0:
            begin, end = 0, 0
        lead = axis + 1
        parts.append(ops.strided_slice(x, [0] * axis + [begin], [None] * axis + [end], [1] * lead))
    return tuple(parts)
