"""Convolutions and pooling, in both data formats."""

from __future__ import annotations

from typing import Any

from converters.graph import Node
from converters.tf_ops.neural import channels_first
from converters.tf_ops.table import Array, items, known_dim, known_ints, refusal, tf_op


def spatial(node: Node, key: str, rank: int, first: bool) -> list[int]:
    """The spatial part of a list attribute over all axes; the other two must be 1."""
    values = [int(v) for v in node.attr(key, (1,) * rank)] or [1] * rank
    outer = (values[0], values[1] if first else values[-1])
    if outer != (1, 1):
        raise refusal(node, f"{key} {values} reach over batch or channels")
    return values[2:] if first else values[1:-1]


def to_last(ops: Any, x: Array, first: bool) -> Array:
    """Channels moved to the last axis where they are the first."""
    return ops.transpose(x, [0, *range(2, ops.rank_of(x)), 1]) if first else x


def from_last(ops: Any, x: Array, first: bool) -> Array:
    """The inverse of :func:`to_last`."""
    rank = ops.rank_of(x)
    return ops.transpose(x, [0, rank - 1, *range(1, rank - 1)]) if first else x


def padding_of(node: Node, rank: int, first: bool) -> str | list[tuple[int, int]]:
    """SAME, VALID, or the pairs of EXPLICIT."""
    padding = node.text("padding")
    if padding != "EXPLICIT":
        return padding
    flat = [int(v) for v in node.attr("explicit_paddings")]
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    return pairs[2:rank] if first else pairs[1 : rank - 1]


@tf_op("Conv2D", "Conv3D")
def conv(ops: Any, node: Node, x: Array, kernel: Array) -> Array:
    """Cross-correlation; fewer kernel channels than input channels mean groups."""
    rank, first = ops.rank_of(x), channels_first(node)
    value = to_last(ops, x, first)
    have, want = ops.dims_of(value)[-1], known_dim(ops, node, kernel, rank - 2)
    out = ops.conv(
        value,
        kernel,
        strides=spatial(node, "strides", rank, first),
        padding=padding_of(node, rank, first),
        dilations=spatial(node, "dilations", rank, first),
        groups=1 if have is None else have // want,
    )
    return from_last(ops, out, first)


@tf_op("DepthwiseConv2dNative")
def depthwise(ops: Any, node: Node, x: Array, kernel: Array) -> Array:
    """kernel [H, W, C, M]: output channel c * M + m sees channel c only."""
    first = channels_first(node)
    h, w, c, m = (known_dim(ops, node, kernel, axis) for axis in range(4))
    out = ops.conv(
        to_last(ops, x, first),
        ops.reshape(kernel, [h, w, 1, c * m]),
        strides=spatial(node, "strides", 4, first),
        padding=padding_of(node, 4, first),
        dilations=spatial(node, "dilations", 4, first),
        groups=c,
    )
    return from_last(ops, out, first)


@tf_op("Conv2DBackpropInput", "Conv3DBackpropInputV2")
def conv_transpose(ops: Any, node: Node, shape: Array, kernel: Array, x: Array) -> Array:
    """The gradient of a convolution with respect to its input of the given shape."""
    rank, first = ops.rank_of(x), channels_first(node)
    kernel = stretched(ops, node, kernel, spatial(node, "dilations", rank, first))
    wanted = items(ops, node, shape)
    wanted = [wanted[0], *wanted[2:], wanted[1]] if first else wanted
    out = ops.conv_transpose(
        to_last(ops, x, first),
        kernel,
        wanted,
        strides=spatial(node, "strides", rank, first),
        padding=padding_of(node, rank, first),
    )
    return from_last(ops, out, first)


def stretched(ops: Any, node: Node, kernel: Array, dilations: list[int]) -> Array:
    """The kernel [*spatial, F, C] with dilation - 1 zeros between its taps."""
    for axis, step in enumerate(dilations):
        if step == 1:
            continue
        dims = [known_dim(ops, node, kernel, a) for a in range(ops.rank_of(kernel))]
        wide = ops.expand_dims(kernel, axis + 1)
        wide = ops.pad(wide, [(0, step - 1 if a == axis + 1 else 0) for a in range(len(dims) + 1)])
        wide = ops.reshape(wide, [*dims[:axis], dims[axis] * step, *dims[axis + 1 :]])
        last = (dims[axis] - 1) * step + 1
        kernel = ops.strided_slice(wide, [0] * (axis + 1), [*[None] * axis, last], [1] * (axis + 1))
    return kernel


@tf_op("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D")
def pool(ops: Any, node: Node, x: Array) -> Array:
    """The largest or the mean item under a window; padding never counts."""
    rank, first = ops.rank_of(x), channels_first(node)
    out = ops.pool(
        to_last(ops, x, first),
        kind="max" if node.op.startswith("Max") else "mean",
        window=spatial(node, "ksize", rank, first),
        strides=spatial(node, "strides", rank, first),
        padding=node.text("padding"),
    )
    return from_last(ops, out, first)


@tf_op("MaxPoolV2")
def max_pool_v2(ops: Any, node: Node, x: Array, ksize: Array, strides: Array) -> Array:
    """Window and strides are inputs."""
    given = {"ksize": ksize, "strides": strides}
    more = {key: known_ints(ops, node, value, key) for key, value in given.items()}
    attrs = {**node.attrs, **more}
    return pool(ops, Node(node.name, "MaxPool", node.inputs, node.controls, attrs), x)
