"""Products, biases, normalisation and losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import Array, known_dim, like, refusal, size, tf_op, times
from reference.errors import SemanticsError


def channels_first(node: Node) -> bool:
    """Whether ``data_format`` has the channels on axis 1."""
    return node.text("data_format", "NHWC").startswith("NC")


def along_channels(ops: Any, x: Array, line: Array, first: bool) -> Array:
    """``line`` [C] shaped to broadcast with x."""
    for _ in range(ops.rank_of(x) - 2 if first else 0):
        line = ops.expand_dims(line, -1)
    return line


@tf_op("BiasAdd", "BiasAddV1")
def bias_add(ops: Any, node: Node, x: Array, bias: Array) -> Array:
    """x plus a bias per channel."""
    return ops.add(x, along_channels(ops, x, bias, channels_first(node)))


@tf_op("MatMul", "SparseMatMul")
def matmul(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """A product of matrices."""
    key = "a_is_sparse"
    flags = {k: bool(node.attr(k, False)) for k in ("transpose_a", "transpose_b")}
    if key in node.attrs and ops.dtype_of(a) != ops.dtype_of(b):
        raise refusal(node, "operands of two dtypes")
    return ops.matmul(a, b, **flags)


@tf_op("BatchMatMul", "BatchMatMulV2")
def batch_matmul(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """Products over the last two axes."""
    adjoint = {f"transpose_{k}": bool(node.attr(f"adj_{v}", False)) for k, v in ("ax", "by")}
    return ops.matmul(a, b, **adjoint)


@tf_op("Einsum")
def einsum(ops: Any, node: Node, *xs: Array) -> Array:
    """Einstein's summation."""
    return ops.einsum(node.text("equation").replace(" ", ""), *xs)


@tf_op("Softmax")
def softmax(ops: Any, node: Node, x: Array) -> Array:
    """Over the last axis."""
    return ops.softmax(x, -1)


@tf_op("LogSoftmax")
def log_softmax(ops: Any, node: Node, x: Array) -> Array:
    """Over the last axis."""
    return ops.log_softmax(x, -1)


@tf_op("SoftmaxCrossEntropyWithLogits")
def cross_entropy(ops: Any, node: Node, x: Array, labels: Array) -> tuple[Array, Array]:
    """The loss of each row, and its gradient softmax(x) - labels."""
    loss = ops.sum(ops.multiply(ops.negative(labels), ops.log_softmax(x, 1)), (1,))
    return loss, ops.subtract(ops.softmax(x, 1), labels)


@tf_op("SparseSoftmaxCrossEntropyWithLogits")
def sparse_cross_entropy(ops: Any, node: Node, x: Array, labels: Array) -> tuple[Array, Array]:
    """As above, with one class number per row; TF's CPU kernel refuses labels out of range."""
    classes, value = known_dim(ops, node, x, 1), ops.static(labels)
    if value is not None and value.size and (value.min() < 0 or value.max() >= classes):
        msg = f"node {node.name!r}: a label is not in 0..{classes - 1}"
        raise SemanticsError(msg)
    yes, no = ops.constant(np.array(True)), ops.constant(np.array(False))
    own = ops.one_hot(labels, classes, yes, no)
    zero, one = like(ops, x, 0), like(ops, x, 1)
    loss = ops.negative(ops.sum(ops.where(own, ops.log_softmax(x, 1), zero), (1,)))
    return loss, ops.subtract(ops.softmax(x, 1), ops.where(own, one, zero))


@tf_op("LRN")
def local_response(ops: Any, node: Node, x: Array) -> Array:
    """x / (bias + alpha * sum of squares of near channels) ** beta, as a product with a band."""
    radius, channels = int(node.attr("depth_radius", 5)), known_dim(ops, node, x, 3)
    line = np.arange(channels)
    band = (abs(line[:, None] - line[None, :]) <= radius).astype(ops.dtype_of(x))
    near = ops.matmul(ops.square(x), ops.constant(band))
    base = ops.add(
        ops.multiply(near, float(node.attr("alpha", 1.0))), float(node.attr("bias", 1.0))
    )
    return ops.multiply(x, ops.power(base, like(ops, x, -float(node.attr("beta", 0.5)))))


@tf_op("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def fused_batch_norm(
    ops: Any, node: Node, x: Array, scale: Array, offset: Array, mean: Array, variance: Array
) -> tuple[Array, ...]:
    """(x - mean) * rsqrt(variance + epsilon) * scale + offset.

    Training mode takes mean and variance of the batch; the variance it hands out is unbiased
    (core/kernels/fused_batch_norm_op.cc, v1.15.5).
    """
    first, epsilon = channels_first(node), float(node.attr("epsilon", 1e-4))
    given = (mean, variance)
    if node.attr("is_training", True):
        mean, variance, given = batch_moments(ops, x, first)
    factor = ops.multiply(ops.rsqrt(ops.add(variance, epsilon)), scale)
    shifted = ops.subtract(x, along_channels(ops, x, mean, first))
    scaled = ops.multiply(shifted, along_channels(ops, x, factor, first))
    out = ops.add(scaled, along_channels(ops, x, offset, first))
    spare = (like(ops, mean, 0),) if node.op.endswith("V3") else ()
    return (out, *given, mean, variance, *spare)


def batch_moments(ops: Any, x: Array, first: bool) -> tuple[Array, Array, tuple[Array, Array]]:
    """Mean and variance per channel, and the pair with the unbiased variance."""
    axes = tuple(a for a in range(ops.rank_of(x)) if a != (1 if first else ops.rank_of(x) - 1))
    wide = ops.mean(x, axes, True)
    variance = ops.mean(ops.square(ops.subtract(x, wide)), axes)
    mean = ops.mean(x, axes)
    count = times(ops, *(size(ops, x, axis) for axis in axes))
    whole = like(ops, x, count) if isinstance(count, int) else ops.cast(count, ops.dtype_of(x))
    rest = ops.maximum(ops.subtract(whole, 1.0), 1.0)
    return mean, variance, (mean, ops.multiply(variance, ops.divide(whole, rest)))


@tf_op("BatchNormWithGlobalNormalization")
def batch_norm_global(
    ops: Any, node: Node, x: Array, mean: Array, variance: Array, beta: Array, gamma: Array
) -> Array:
    """The old batch normalisation of NHWC."""
    factor = ops.rsqrt(ops.add(variance, float(node.attr("variance_epsilon"))))
    if node.attr("scale_after_normalization"):
        factor = ops.multiply(factor, gamma)
    return ops.add(ops.multiply(ops.subtract(x, mean), factor), beta)
