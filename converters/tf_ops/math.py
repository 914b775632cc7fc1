"""Elementwise arithmetic, comparisons, casts and selections."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import Array, known, like, refusal, tf_op

UNARY = {
    "Neg": "negative", "Abs": "abs", "Sign": "sign", "Exp": "exp", "Expm1": "expm1", "Log": "log",
    "Log1p": "log1p", "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Square": "square", "Inv": "reciprocal",
    "Reciprocal": "reciprocal", "Floor": "floor", "Ceil": "ceil", "Round": "round", "Rint": "round",
    "Sin": "sin", "Cos": "cos", "Tan": "tan", "Asin": "asin", "Acos": "acos", "Atan": "atan",
    "Sinh": "sinh", "Cosh": "cosh", "Asinh": "asinh", "Acosh": "acosh", "Atanh": "atanh",
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Erf": "erf", "IsNan": "is_nan", "IsInf": "is_inf",
    "IsFinite": "is_finite", "LogicalNot": "logical_not", "Softplus": "softplus",
    "Softsign": "softsign", "Relu": "relu", "Relu6": "relu6", "Elu": "elu", "Selu": "selu",
}  # fmt: skip

BINARY = {
    "Add": "add", "AddV2": "add", "Sub": "subtract", "Mul": "multiply", "FloorDiv": "floor_divide",
    "FloorMod": "floor_mod", "Mod": "truncate_mod", "TruncateMod": "truncate_mod", "Pow": "power", "Maximum": "maximum",
    "Minimum": "minimum", "Atan2": "atan2", "Less": "less", "LessEqual": "less_equal", "Greater": "greater",
    "GreaterEqual": "greater_equal", "LogicalAnd": "logical_and", "LogicalOr": "logical_or",
}  # fmt: skip


@tf_op(*UNARY)
def unary(ops: Any, node: Node, x: Array) -> Array:
    """The vocabulary's operation of one operand."""
    return getattr(ops, UNARY[node.op])(x)


@tf_op(*BINARY)
def binary(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """The vocabulary's operation of two operands."""
    return getattr(ops, BINARY[node.op])(a, b)


def is_float(ops: Any, x: Array) -> bool:
    """Whether the dtype is a float."""
    return bool(ops.dtype_of(x).startswith(("float", "bfloat")))


@tf_op("Div", "RealDiv", "TruncateDiv")
def div(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """``Div`` of integers truncates, ``TruncateDiv`` of floats does not (core/kernels/cwise_op_div.cc, v1.15.5)."""
    return ops.divide(a, b) if is_float(ops, a) else ops.truncate_divide(a, b)


@tf_op("DivNoNan", "Xdivy")
def div_no_nan(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """a / b, and 0 where b (DivNoNan) or a (Xdivy) is 0."""
    zero = like(ops, a, 0)
    return ops.where(ops.equal(b if node.op == "DivNoNan" else a, zero), zero, ops.divide(a, b))


@tf_op("MulNoNan")
def mul_no_nan(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """a * b, and 0 where b is 0."""
    zero = like(ops, a, 0)
    return ops.where(ops.equal(b, zero), zero, ops.multiply(a, b))


@tf_op("Xlogy")
def xlogy(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """a * log(b), and 0 where a is 0."""
    zero = like(ops, a, 0)
    return ops.where(ops.equal(a, zero), zero, ops.multiply(a, ops.log(b)))


@tf_op("Erfc")
def erfc(ops: Any, node: Node, x: Array) -> Array:
    """1 - erf(x)."""
    return ops.subtract(like(ops, x, 1), ops.erf(x))


@tf_op("SquaredDifference")
def squared_difference(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """(a - b) squared."""
    return ops.square(ops.subtract(a, b))


@tf_op("AddN", "AccumulateNV2")
def add_n(ops: Any, node: Node, *terms: Array) -> Array:
    """The sum of arrays of one shape."""
    total = terms[0]
    for term in terms[1:]:
        total = ops.add(total, term)
    return total


@tf_op("LeakyRelu")
def leaky_relu(ops: Any, node: Node, x: Array) -> Array:
    """x, or alpha x below 0."""
    alpha = float(node.attr("alpha", 0.2))
    if alpha <= 1:
        return ops.leaky_relu(x, alpha)
    return ops.where(ops.greater(x, 0.0), x, ops.multiply(x, alpha))


@tf_op("ClipByValue")
def clip_by_value(ops: Any, node: Node, x: Array, low: Array, high: Array) -> Array:
    """min(max(x, low), high)."""
    return ops.minimum(ops.maximum(x, low), high)


@tf_op("Equal", "NotEqual")
def equal(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """With ``incompatible_shape_error`` off, shapes that do not broadcast are one False (or True)."""
    name = "equal" if node.op == "Equal" else "not_equal"
    if not node.attr("incompatible_shape_error", True) and clash(ops.dims_of(a), ops.dims_of(b)):
        zero = like(ops, a, b"" if ops.dtype_of(a) == "string" else 0)
        return getattr(ops, "not_equal" if name == "equal" else "equal")(zero, zero)
    return getattr(ops, name)(a, b)


def clash(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> bool:
    """Whether two static shapes cannot broadcast."""
    pairs = zip(reversed(a), reversed(b), strict=False)
    return any(x is not None and y is not None and x != y and 1 not in (x, y) for x, y in pairs)


@tf_op("ApproximateEqual")
def approximate_equal(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """Whether abs(a - b) is below the tolerance."""
    tolerance = like(ops, a, float(node.attr("tolerance", 1e-5)))
    return ops.less(ops.abs(ops.subtract(a, b)), tolerance)


@tf_op("Cast")
def cast(ops: Any, node: Node, x: Array) -> Array:
    """Floats to integers truncate; to bool: whether it is not zero."""
    return ops.cast(x, str(node.attr("DstT")))


@tf_op("Select")
def select(ops: Any, node: Node, condition: Array, a: Array, b: Array) -> Array:
    """A condition of rank 1 with operands of higher rank selects rows.

    core/kernels/cwise_op_select.cc, v1.15.5, ComputeBroadcasted.
    """
    rank, wanted = ops.rank_of(condition), ops.rank_of(a)
    if ops.dtype_of(condition) != "bool":
        raise refusal(node, f"its condition is {ops.dtype_of(condition)}, not bool")
    if rank == 1 and wanted > 1:
        for _ in range(wanted - 1):
            condition = ops.expand_dims(condition, -1)
    elif rank not in (0, wanted):
        raise refusal(node, f"a condition of rank {rank} with operands of rank {wanted}")
    return ops.where(condition, a, b)


@tf_op("SelectV2")
def select_v2(ops: Any, node: Node, condition: Array, a: Array, b: Array) -> Array:
    """All three broadcast."""
    return ops.where(condition, a, b)


@tf_op("Const")
def const(ops: Any, node: Node) -> Array:
    """The literal."""
    return ops.constant(node.attr("value"))


@tf_op("Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot",
       "RefIdentity", "DeepCopy", "GuaranteeConst", "EnsureShape", "Bitcast", "Print")  # fmt: skip
def identity(ops: Any, node: Node, *xs: Array) -> tuple[Array, ...]:
    """What goes in comes out; ``Print`` has its data after the tensor that passes."""
    if node.op == "Bitcast" and str(node.attr("T")) != str(node.attr("type")):
        raise refusal(node, f"reads the bits of {node.attr('T')} as {node.attr('type')}")
    return xs if node.op == "IdentityN" else xs[:1]


@tf_op("NoOp", "Assert", "ControlTrigger", "PrintV2", "Abort")
def nothing(ops: Any, node: Node, *xs: Array) -> tuple[Array, ...]:
    """No outputs. A failing Assert is not looked at: the model's own inputs are the user's."""
    return ()


@tf_op("InvertPermutation")
def invert_permutation(ops: Any, node: Node, x: Array) -> Array:
    """y with y[x[i]] = i."""
    if ops.rank_of(x) != 1 or is_float(ops, x):
        raise refusal(node, "a permutation is one row of integers")
    value = ops.static(x)
    if value is not None:
        return ops.constant(value.argsort(kind="stable").astype(value.dtype))
    shape = ops.shape(x)
    zero, one = like(ops, x, 0), like(ops, x, 1)
    count = ops.cast(ops.reshape(shape, []), ops.dtype_of(x))
    return ops.scatter_nd(ops.expand_dims(x, -1), ops.range(zero, count, one), shape)


@tf_op("Bucketize")
def bucketize(ops: Any, node: Node, x: Array) -> Array:
    """How many of the sorted boundaries are <= x, int32."""
    edges = node.attr("boundaries")
    total = ops.cast(ops.less(x, x), "int32")
    wide = x if is_float(ops, x) else ops.cast(x, "float64")
    for edge in edges:
        reached = ops.greater_equal(wide, like(ops, wide, float(edge)))
        total = ops.add(total, ops.cast(reached, "int32"))
    return total


@tf_op("BroadcastArgs")
def broadcast_args(ops: Any, node: Node, a: Array, b: Array) -> Array:
    """The shape two shapes broadcast to."""
    first, second = (known(ops, node, x, "shape") for x in (a, b))
    rank = max(len(first), len(second))
    pairs = [[1] * (rank - len(s)) + [int(v) for v in s] for s in (first, second)]
    out = [y if x == 1 else x for x, y in zip(*pairs, strict=True)]
    return ops.constant(np.array(out, first.dtype))


@tf_op("FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
def fake_quant(ops: Any, node: Node, x: Array, *bounds: Array) -> Array:
    """x at the nearest of the 2^bits levels between bounds moved so that 0 is a level.

    core/kernels/fake_quant_ops_functor.h, Nudge, v1.15.5; in float32 as there.
    """
    if bounds:
        low, high = (known(ops, node, v, "range").astype(np.float32) for v in bounds)
    else:
        pairs = (("min", -6.0), ("max", 6.0))
        low, high = (np.asarray(node.attr(k, d), np.float32) for k, d in pairs)
    first = np.float32(1 if node.attr("narrow_range", False) else 0)
    last = np.float32(2 ** int(node.attr("num_bits", 8)) - 1)
    scale = (high - low) / (last - first)
    zero = first - low / scale
    nudged = np.where(
        zero < first, first, np.where(zero > last, last, np.floor(zero + np.float32(0.5)))
    )
    bottom, top = (first - nudged) * scale, (last - nudged) * scale
    dtype = ops.dtype_of(x)
    bottom, top, step, inverse = (
        ops.constant(np.asarray(v, dtype)) for v in (bottom, top, scale, np.float32(1) / scale)
    )
    shifted = ops.subtract(ops.minimum(ops.maximum(x, bottom), top), bottom)
    level = ops.floor(ops.add(ops.multiply(shifted, inverse), 0.5))
    return ops.add(ops.multiply(level, step), bottom)


@tf_op("ConjugateTranspose")
def conjugate_transpose(ops: Any, node: Node, x: Array, perm: Array) -> Array:
    """Of real numbers a transpose."""
    return ops.transpose(x, tuple(int(v) for v in known(ops, node, perm, "permutation")))
