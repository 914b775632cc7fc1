"""Functions of one argument. ONNX lacks some, and ONNX Runtime lacks others in float64: those are composed."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_onnx.emit import emits
from converters.to_onnx.emit.elementwise import is_integer, select
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact

_DIRECT = {
    "negative": "Neg",
    "abs": "Abs",
    "sign": "Sign",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "reciprocal": "Reciprocal",
    "floor": "Floor",
    "ceil": "Ceil",
    "sin": "Sin",
    "cos": "Cos",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
}
_SINGLE = {
    "tan": "Tan",
    "asin": "Asin",
    "acos": "Acos",
    "atan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "asinh": "Asinh",
    "acosh": "Acosh",
    "atanh": "Atanh",
    "erf": "Erf",
    "softsign": "Softsign",
    "elu": "Elu",
}
"""Those without a float64 kernel."""
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _direct(op: str) -> Any:
    def emit(e: Any, out: Fact, x: Any) -> str:
        return str(e.compute(op, out.dtype, x))

    return emit


for _op, _name in _DIRECT.items():
    emits(_op)(_direct(_name))


def _single(op: str, name: str) -> Any:
    def emit(e: Any, out: Fact, x: Any) -> Any:
        if out.dtype != "float64":
            return e.compute(name, out.dtype, x)
        if op not in DOUBLES:
            msg = f"{e.build.prefix}: ONNX Runtime computes {name} in float32 only"
            raise NotConvertibleError(msg)
        return DOUBLES[op](e, x)

    return emit


for _op, _name in _SINGLE.items():
    emits(_op)(_single(_op, _name))

DOUBLES: dict[str, Any] = {
    "tan": lambda e, x: e.sin(x) / e.cos(x),
    "cosh": lambda e, x: (e.exp(x) + e.exp(-x)) * 0.5,
    "sinh": lambda e, x: (e.expm1(x) - e.expm1(-x)) * 0.5,
    "asinh": lambda e, x: e.where(
        e.is_finite(x),
        e.sign(x) * e.log1p(e.abs(x) + x * x / (1.0 + e.sqrt(x * x + 1.0))),
        x,
    ),
    "acosh": lambda e, x: e.log(x + e.sqrt(x - 1.0) * e.sqrt(x + 1.0)),
    "atanh": lambda e, x: (e.log1p(x) - e.log1p(-x)) * 0.5,
    "softsign": lambda e, x: x / (e.abs(x) + 1.0),
    "elu": lambda e, x: e.where(e.less(x, 0.0), e.expm1(e.minimum(x, 0.0)), x),
}
"""The same functions from those that have float64 kernels."""


@emits("selu")
def selu(e: Any, out: Fact, x: Any) -> Any:
    if out.dtype != "float64":
        return e.compute("Selu", out.dtype, x, alpha=_SELU_ALPHA, gamma=_SELU_SCALE)
    low = e.expm1(e.minimum(x, 0.0)) * (_SELU_SCALE * _SELU_ALPHA)
    return e.where(e.less(x, 0.0), low, x * _SELU_SCALE)


@emits("leaky_relu")
def leaky_relu(e: Any, out: Fact, x: Any, *, alpha: float) -> Any:
    if out.dtype == "float64" or alpha > 1:
        return e.maximum(x, x * alpha)
    return e.compute("LeakyRelu", out.dtype, x, alpha=float(alpha))


@emits("softplus")
def softplus(e: Any, out: Fact, x: Any) -> Any:
    """max(x, 0) + log1p(exp(-abs(x))): neither overflows nor loses the small values."""
    return e.maximum(x, 0.0) + e.log1p(e.exp(-e.abs(x)))


@emits("expm1")
def expm1(e: Any, out: Fact, x: Any) -> Any:
    """tanh(x / 2) * (exp(x) + 1): exact where exp(x) - 1 would cancel."""
    return e.tanh(x * 0.5) * (e.exp(x) + 1.0)


@emits("log1p")
def log1p(e: Any, out: Fact, x: Any) -> Any:
    """log(u) * x / (u - 1) with u = 1 + x as rounded: the rounding of u cancels (Kahan)."""
    u = x + 1.0
    gap = u - 1.0
    exact = e.logical_or(e.equal(gap, 0.0), e.equal(u, float("inf")))
    safe = e.where(exact, e.constant(np.ones((), out.dtype)), gap)
    return e.where(exact, x, e.log(u) * (x / safe))


@emits("rsqrt")
def rsqrt(e: Any, out: Fact, x: Any) -> str:
    return str(e.compute("Reciprocal", out.dtype, e.compute("Sqrt", out.dtype, x)))


@emits("square")
def square(e: Any, out: Fact, x: Any) -> str:
    return str(e.compute("Mul", out.dtype, x, x))


@emits("round")
def round_(e: Any, out: Fact, x: Any) -> Any:
    """Half to even, as ONNX."""
    return x if is_integer(out.dtype) else e.compute("Round", out.dtype, x)


@emits("relu6")
def relu6(e: Any, out: Fact, x: Any) -> str:
    return str(e.compute("Clip", out.dtype, x, e.scalar(0, out.dtype), e.scalar(6, out.dtype)))


@emits("is_nan")
def is_nan(e: Any, _: Fact, x: Any) -> str:
    return str(e.compute("IsNaN", x.fact.dtype, x, result="bool"))


@emits("is_inf")
def is_inf(e: Any, _: Fact, x: Any) -> str:
    return str(e.compute("IsInf", x.fact.dtype, x, result="bool"))


@emits("is_finite")
def is_finite(e: Any, _: Fact, x: Any) -> str:
    """x - x is 0 only for finite x."""
    dtype = x.fact.dtype
    gap = e.compute("Sub", dtype, x, x)
    return str(e.compute("Equal", dtype, gap, e.scalar(0, dtype), result="bool"))


@emits("atan2")
def atan2(e: Any, out: Fact, a: Any, b: Any) -> str:
    """atan(a / b), moved by pi to the left half-plane; the axes apart, for a / b is no number at the origin."""
    dtype = out.dtype
    if dtype == "float64":
        msg = f"{e.build.prefix}: ONNX Runtime computes Atan in float32 only"
        raise NotConvertibleError(msg)
    base = e.atan(a / b)
    # Signs from reciprocals: 1 / -0.0 is minus infinity.
    minus_a = e.logical_or(e.less(a, 0.0), e.less(e.reciprocal(a), 0.0))
    minus_b = e.logical_or(e.less(b, 0.0), e.less(e.reciprocal(b), 0.0))
    pi = e.where(
        minus_a, e.constant(np.asarray(-np.pi, dtype)), e.constant(np.asarray(np.pi, dtype))
    )
    moved = e.where(minus_b, base + pi, base)
    origin = e.logical_and(e.equal(a, 0.0), e.equal(b, 0.0))
    at_zero = e.where(minus_b, pi, a)
    return select(e, dtype, origin, at_zero, moved)
