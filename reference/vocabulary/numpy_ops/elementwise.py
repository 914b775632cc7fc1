"""Elementwise operations; every one keeps its operands' dtype.

IEEE infinities and NaNs are results, not accidents: nothing here warns.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference.errors import SemanticsError
from reference.vocabulary.numpy_ops.base import Array, Base, binary, unary

_ERF = np.frompyfunc(math.erf, 1, 1)
# TF 1.15.5: tensorflow/core/kernels/relu_op_functor.h, functor::Selu.
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) by the exponential of -abs(x), which cannot overflow."""
    small = np.exp(-np.abs(x))
    one = x.dtype.type(1)
    return np.asarray(np.where(x >= 0, one, small) / (one + small))


def softplus(x: Array) -> Array:
    """log(1 + exp(x))."""
    return np.asarray(np.logaddexp(x, x.dtype.type(0)))


def erf(x: Array) -> Array:
    """The error function, each item by the C library's."""
    return np.asarray(_ERF(x)).astype(x.dtype)


def elu(x: Array) -> Array:
    """x where it is positive, else exp(x) - 1."""
    return np.where(x < 0, np.expm1(np.minimum(x, x.dtype.type(0))), x)


def selu(x: Array) -> Array:
    """scale * (x, or alpha * (exp(x) - 1) below 0)."""
    negative = x.dtype.type(_SELU_SCALE * _SELU_ALPHA) * np.expm1(np.minimum(x, x.dtype.type(0)))
    return np.asarray(np.where(x < 0, negative, x.dtype.type(_SELU_SCALE) * x))


def refuse_zero(b: Array) -> None:
    """TF refuses integer division by zero (core/kernels/cwise_ops_common.cc, v1.15.5)."""
    if b.dtype.kind in "iu" and not np.all(b):
        msg = "integer division by zero"
        raise SemanticsError(msg)


def floor_divide(a: Array, b: Array) -> Array:
    """floor(a / b)."""
    refuse_zero(b)
    return np.asarray(np.floor_divide(a, b) if a.dtype.kind in "iu" else np.floor(a / b))


def truncate_divide(a: Array, b: Array) -> Array:
    """a / b rounded to zero, as C does."""
    if a.dtype.kind not in "iu":
        return np.asarray(np.trunc(a / b))
    refuse_zero(b)
    quotient = np.asarray(np.floor_divide(a, b))
    inexact = (np.remainder(a, b) != 0) & ((a < 0) != (b < 0))
    return np.asarray(quotient + inexact.astype(a.dtype))


def truncate_mod(a: Array, b: Array) -> Array:
    """The remainder with the sign of a."""
    refuse_zero(b)
    return np.asarray(np.fmod(a, b))


def floor_mod(a: Array, b: Array) -> Array:
    """The remainder with the sign of b."""
    refuse_zero(b)
    if a.dtype.kind in "iu":
        return np.asarray(np.remainder(a, b))
    rest = np.fmod(a, b)
    return np.where((a < 0) == (b < 0), rest, np.fmod(rest + b, b))


def power(a: Array, b: Array) -> Array:
    """a to the b; TF refuses negative exponents of integers."""
    if b.dtype.kind == "i" and np.any(b < 0):
        msg = "integers to negative integer powers are not allowed"
        raise SemanticsError(msg)
    return np.asarray(np.power(a, b))


def divide(a: Array, b: Array) -> Array:
    """a / b of floats."""
    if a.dtype.kind not in "fc":
        msg = f"divide is for floats, not {a.dtype}: use floor_divide or truncate_divide"
        raise SemanticsError(msg)
    return np.asarray(np.divide(a, b))


class ElementwiseOps(Base):
    """UNARY, BINARY, and the three selections of :class:`protocol.Elementwise`."""

    negative = unary(np.negative)
    abs = unary(np.abs)
    sign = unary(np.sign)
    exp = unary(np.exp)
    expm1 = unary(np.expm1)
    log = unary(np.log)
    log1p = unary(np.log1p)
    sqrt = unary(np.sqrt)
    rsqrt = unary(lambda x: x.dtype.type(1) / np.sqrt(x))
    square = unary(np.square)
    reciprocal = unary(lambda x: x.dtype.type(1) / x)
    floor = unary(np.floor)
    ceil = unary(np.ceil)
    round = unary(lambda x: np.rint(x) if x.dtype.kind == "f" else x)
    sin = unary(np.sin)
    cos = unary(np.cos)
    tan = unary(np.tan)
    asin = unary(np.arcsin)
    acos = unary(np.arccos)
    atan = unary(np.arctan)
    sinh = unary(np.sinh)
    cosh = unary(np.cosh)
    asinh = unary(np.arcsinh)
    acosh = unary(np.arccosh)
    atanh = unary(np.arctanh)
    tanh = unary(np.tanh)
    sigmoid = unary(sigmoid)
    erf = unary(erf)
    softplus = unary(softplus)
    softsign = unary(lambda x: x / (x.dtype.type(1) + np.abs(x)))
    relu = unary(lambda x: np.maximum(x, x.dtype.type(0)))
    relu6 = unary(lambda x: np.minimum(np.maximum(x, x.dtype.type(0)), x.dtype.type(6)))
    elu = unary(elu)
    selu = unary(selu)
    is_nan = unary(np.isnan)
    is_inf = unary(np.isinf)
    is_finite = unary(np.isfinite)
    logical_not = unary(np.logical_not)

    add = binary(np.add)
    subtract = binary(np.subtract)
    multiply = binary(np.multiply)
    divide = binary(divide)
    floor_divide = binary(floor_divide)
    truncate_divide = binary(truncate_divide)
    floor_mod = binary(floor_mod)
    truncate_mod = binary(truncate_mod)
    power = binary(power)
    maximum = binary(np.maximum)
    minimum = binary(np.minimum)
    atan2 = binary(np.arctan2)
    equal = binary(np.equal)
    not_equal = binary(np.not_equal)
    less = binary(np.less)
    less_equal = binary(np.less_equal)
    greater = binary(np.greater)
    greater_equal = binary(np.greater_equal)
    logical_and = binary(np.logical_and)
    logical_or = binary(np.logical_or)

    def where(self, condition: Any, a: Any, b: Any, /) -> Array:
        """Selects item by item, broadcasting."""
        left, right = self.pair(a, b)
        return np.where(condition, left, right)

    def clip(self, x: Any, low: Any, high: Any, /) -> Array:
        """min(max(x, low), high)."""
        raised = self.maximum(x, low)
        return self.minimum(raised, high)

    def leaky_relu(self, x: Any, alpha: float, /) -> Array:
        """x where it is positive, else alpha x (for alpha <= 1 the same as max(x, alpha x))."""
        value = self.array(x)
        with np.errstate(all="ignore"):
            return np.where(value > 0, value, np.asarray(value.dtype.type(alpha) * value))
