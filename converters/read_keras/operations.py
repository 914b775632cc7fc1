"""``keras.ops`` recorded as layers of a functional model.

A function ``f(b, *args, **settings)`` gets the call's arguments and the operation's settings; a setting it does not take is a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from converters.read_keras import activations
from converters.read_keras.builder import Builder, refused
from converters.read_keras.values import Nest, Value

TABLE: Final[dict[str, Callable[..., Nest]]] = {}
"""By class name."""


@dataclass(frozen=True)
class Operation:
    """One operation of the file."""

    name: str
    kind: str
    settings: dict[str, Any]


def operation(*names: str) -> Callable[[Callable[..., Nest]], Callable[..., Nest]]:
    """Registers a function under class names."""

    def register(function: Callable[..., Nest]) -> Callable[..., Nest]:
        for name in names:
            TABLE[name] = function
        return function

    return register


def is_operation(entry: Any, /) -> bool:
    """Whether a member of a model is an operation, not a layer."""
    module = str(entry.get("module")) if isinstance(entry, dict) else ""
    return module.startswith(
        ("keras.src.ops", "keras.ops", "keras.src.activations", "keras.activations")
    )


def make_operation(entry: dict[str, Any], /) -> Operation:
    """From a serialised operation."""
    config = dict(entry.get("config") or {})
    name = str(entry.get("name") or config.get("name"))
    config.pop("name", None)
    return Operation(name, str(entry.get("class_name")), config)


def run(build: Builder, op: Operation, args: list[Any], kwargs: dict[str, Any], /) -> Nest:
    """One call.

    Raises:
        NotConvertibleError: the operation, or a setting of it, is not known here.
    """
    function = TABLE.get(op.kind)
    if function is None:
        raise refused(op.name, f"the operation keras.ops {op.kind} is not known here")
    build.prefix = op.name
    try:
        return function(build, *args, **{**op.settings, **kwargs})
    except TypeError as error:
        raise refused(op.name, f"{op.kind}: {error}") from error


# ---- dtypes ----------------------------------------------------------------------------------------------------


def value_of(b: Builder, x: Any, like: str | None = None) -> Value:
    """An argument as a Value; a Python number takes the dtype Keras gives it beside ``like``."""
    if isinstance(x, Value):
        return x
    array = np.asarray(x)
    if isinstance(x, bool):
        return b.constant(array)
    if isinstance(x, int | list) and array.dtype.kind == "i":
        return b.constant(array.astype("int32" if like in (None, "bool") else like))
    if array.dtype == np.float64 and not isinstance(x, np.ndarray):
        return b.constant(
            array.astype(like if like is not None and like.startswith("float") else "float32")
        )
    return b.constant(array)


def together(b: Builder, *xs: Any) -> list[Value]:
    """Arguments of one dtype, by Keras' promotion: floats win over integers and integers over bools."""
    dtypes = [x.dtype for x in xs if isinstance(x, Value)]
    values = [value_of(b, x, dtypes[0] if dtypes else None) for x in xs]
    found = [v.dtype for v in values]
    floats = [d for d in found if d.startswith("float")]
    if floats:
        dtype = max(floats, key=lambda d: int(d[5:]))
    else:
        dtype = str(np.result_type(*found)) if len(set(found)) > 1 else found[0]
    return [b.cast(v, dtype) for v in values]


def floating(b: Builder, x: Any) -> Value:
    """x, a float32 where it is none."""
    value = value_of(b, x)
    return value if value.dtype.startswith("float") else b.cast(value, "float32")


# ---- elementwise -----------------------------------------------------------------------------------------------

_UNARY = {
    "Negative": "Neg", "Absolute": "Abs", "Abs": "Abs", "Sign": "Sign", "Square": "Square", "LogicalNot": "LogicalNot",
}  # fmt: skip
_UNARY_FLOAT = {
    "Exp": "Exp", "Expm1": "Expm1", "Log": "Log", "Log1p": "Log1p", "Sqrt": "Sqrt", "Rsqrt": "Rsqrt",
    "Reciprocal": "Reciprocal", "Floor": "Floor", "Ceil": "Ceil", "Sin": "Sin", "Cos": "Cos",
    "Tan": "Tan", "Arcsin": "Asin", "Arccos": "Acos", "Arctan": "Atan", "Sinh": "Sinh", "Cosh": "Cosh",
    "Arcsinh": "Asinh", "Arccosh": "Acosh", "Arctanh": "Atanh", "Erf": "Erf", "Isnan": "IsNan",
    "Isinf": "IsInf", "Isfinite": "IsFinite", "Tanh": "Tanh", "Sigmoid": "Sigmoid", "Relu": "Relu",
    "Relu6": "Relu6", "Selu": "Selu", "Softplus": "Softplus", "Softsign": "Softsign",
}  # fmt: skip
_BINARY = {
    "Add": "AddV2", "Subtract": "Sub", "Multiply": "Mul", "Maximum": "Maximum", "Minimum": "Minimum",
    "FloorDivide": "FloorDiv", "Mod": "FloorMod", "Power": "Pow", "Equal": "Equal", "NotEqual": "NotEqual",
    "Less": "Less", "LessEqual": "LessEqual", "Greater": "Greater", "GreaterEqual": "GreaterEqual",
}  # fmt: skip


def _register_elementwise() -> None:
    for kind, op in _UNARY.items():
        TABLE[kind] = lambda b, x, op=op: b(op, value_of(b, x))
    for kind, op in _UNARY_FLOAT.items():
        TABLE[kind] = lambda b, x, op=op: b(op, floating(b, x))
    for kind, op in _BINARY.items():
        TABLE[kind] = lambda b, x1, x2, op=op: _binary(b, op, x1, x2)
    named = {
        "Silu": "silu", "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "HardTanh": "hard_tanh",
        "LogSigmoid": "log_sigmoid", "TanhShrink": "tanh_shrink", "Mish": "mish",
    }  # fmt: skip
    for kind, name in named.items():
        TABLE[kind] = lambda b, x, name=name: activations.OPS[name](b, floating(b, x))


def _binary(b: Builder, op: str, x1: Any, x2: Any) -> Value:
    x, y = together(b, x1, x2)
    if x.dtype == "bool" and op not in ("Equal", "NotEqual"):
        logical = {
            "AddV2": "LogicalOr",
            "Mul": "LogicalAnd",
            "Maximum": "LogicalOr",
            "Minimum": "LogicalAnd",
        }
        if op not in logical:
            raise refused(b.prefix, f"{op} of two bools is not described")
        op = logical[op]
    result = b(op, x, y)
    b.masks.note_compared(op, x, y, result)
    return result


_register_elementwise()


@operation("Divide", "TrueDivide")
def divide(b: Builder, x1: Any, x2: Any) -> Nest:
    x, y = together(b, x1, x2)
    return b("RealDiv", floating(b, x), floating(b, y))


def _logical(op: str) -> Callable[..., Nest]:
    def function(b: Builder, x1: Any, x2: Any) -> Nest:
        x, y = (b.cast(value_of(b, v), "bool") for v in (x1, x2))
        result = b(op, x, y)
        if op == "LogicalAnd":
            b.masks.note_both(x, y, result)
        return result

    return function


TABLE.update({op: _logical(op) for op in ("LogicalAnd", "LogicalOr")})


@operation("Where")
def where(b: Builder, condition: Any, x1: Any = None, x2: Any = None) -> Nest:
    if x1 is None or x2 is None:
        raise refused(b.prefix, "where with one argument is not described")
    return b("SelectV2", b.cast(value_of(b, condition), "bool"), *together(b, x1, x2))


@operation("Clip")
def clip(b: Builder, x: Any, x_min: Any = None, x_max: Any = None) -> Nest:
    value = value_of(b, x)
    for op, bound in (("Maximum", x_min), ("Minimum", x_max)):
        if bound is not None:
            value = b(op, *together(b, value, bound))
    return value


@operation("Cast", "SaturateCast")
def cast(b: Builder, x: Any, dtype: str = "float32") -> Nest:
    value = value_of(b, x)
    result = b.cast(value, str(dtype)).masked(None)
    b.masks.note_same(value, result)
    return result


@operation("LeakyRelu")
def leaky_relu(b: Builder, x: Any, negative_slope: float = 0.2) -> Nest:
    return activations.leaky_relu(b, floating(b, x), negative_slope)


@operation("Elu")
def elu(b: Builder, x: Any, alpha: float = 1.0) -> Nest:
    return activations.elu(b, floating(b, x), alpha)


@operation("Gelu")
def gelu(b: Builder, x: Any, approximate: bool = True) -> Nest:
    return activations.gelu(b, floating(b, x), approximate)


@operation("Softmax")
def softmax(b: Builder, x: Any, axis: int = -1) -> Nest:
    return activations.softmax(b, floating(b, x), axis)


@operation("LogSoftmax")
def log_softmax(b: Builder, x: Any, axis: int = -1) -> Nest:
    return activations.softmax(b, floating(b, x), axis, op="LogSoftmax")


@operation("StopGradient", "Copy", "ConvertToTensor")
def same(
    b: Builder, variable: Any = None, x: Any = None, dtype: str | None = None, sparse: Any = None
) -> Nest:
    value = value_of(b, variable if x is None else x)
    return (value if dtype is None else b.cast(value, dtype)).masked(None)


__all__ = [
    "TABLE",
    "Operation",
    "floating",
    "is_operation",
    "make_operation",
    "operation",
    "run",
    "together",
    "value_of",
]
