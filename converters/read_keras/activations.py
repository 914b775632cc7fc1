"""Keras' activations: as data for a cell, and as ops elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from converters.read_keras.builder import Builder, refused
from converters.read_keras.values import Value
from reference.activations import (
    HARD_SIGMOID_KERAS3,
    LINEAR,
    RELU,
    SIGMOID,
    SWISH,
    TANH,
    Activation,
)

IN_CELLS: dict[str, Activation] = {
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "relu": RELU,
    "linear": LINEAR,
    "hard_sigmoid": HARD_SIGMOID_KERAS3,
    "elu": Activation("elu"),
    "selu": Activation("selu"),
    "relu6": Activation("relu6"),
    "softplus": Activation("softplus"),
    "softsign": Activation("softsign"),
    "exponential": Activation("exp"),
    "silu": SWISH,
    "swish": SWISH,
    "leaky_relu": Activation("leaky_relu", (0.2,)),
    "hard_tanh": Activation("clip", (-1.0, 1.0)),
}
"""By Keras' name."""


def name_of(found: Any, layer: str, /) -> str:
    """The name of a serialised activation.

    Raises:
        NotConvertibleError: it is a function of the model's own.
    """
    if found is None:
        return "linear"
    if isinstance(found, str):
        return found
    if isinstance(found, dict) and found.get("class_name") == "function":
        module = found.get("module")
        own = module not in (None, "builtins") and str(module).split(".")[0] != "keras"
        registered = found.get("registered_name")
        if isinstance(found.get("config"), str) and not own and ">" not in str(registered):
            return str(found["config"])
    shown = (
        found.get("registered_name") or found.get("config") if isinstance(found, dict) else found
    )
    raise refused(layer, f"its activation {str(shown)[:60]!r} is not one of Keras' own functions")


def for_cell(found: Any, layer: str, /) -> Activation:
    """The activation of a recurrent cell."""
    name = name_of(found, layer)
    if name not in IN_CELLS:
        raise refused(layer, f"a recurrent cell with the activation {name!r} is not described")
    return IN_CELLS[name]


def apply(build: Builder, found: Any, x: Value, layer: str, /) -> Value:
    """``activation(x)``."""
    name = name_of(found, layer)
    if name not in OPS:
        raise refused(layer, f"the activation {name!r} is not described")
    return OPS[name](build, x)


def _op(op: str) -> Callable[[Builder, Value], Value]:
    return lambda b, x: b(op, x)


def scaled(b: Builder, x: Value, factor: float, shift: float = 0.0, /) -> Value:
    """x * factor + shift."""
    product = x if factor == 1 else b("Mul", x, b.like(x, factor))
    return product if shift == 0 else b("AddV2", product, b.like(x, shift))


def clip(b: Builder, x: Value, low: float, high: float, /) -> Value:
    return b("ClipByValue", x, b.like(x, low), b.like(x, high))


def hard_sigmoid(b: Builder, x: Value, /) -> Value:
    """clip(x/6 + 1/2, 0, 1)."""
    return clip(b, scaled(b, x, *HARD_SIGMOID_KERAS3.constants), 0, 1)


def softmax(b: Builder, x: Value, axis: int = -1, *, op: str = "Softmax") -> Value:
    """Over any axis; TF's op knows the last only."""
    axis %= x.rank
    if axis == x.rank - 1:
        return b(op, x)
    perm = [a for a in range(x.rank) if a != axis] + [axis]
    return b.transpose(b(op, b.transpose(x, perm)), np.argsort(perm).tolist())


def gelu(b: Builder, x: Value, approximate: bool = False) -> Value:
    if approximate:
        inner = b("AddV2", x, scaled(b, b("Mul", b("Square", x), x), 0.044715))
        gate = b("Tanh", scaled(b, inner, float(np.sqrt(2 / np.pi))))
    else:
        gate = b("Erf", scaled(b, x, float(np.sqrt(0.5))))
    return b("Mul", scaled(b, x, 0.5), b("AddV2", gate, b.like(x, 1)))


def leaky_relu(b: Builder, x: Value, negative_slope: float = 0.2) -> Value:
    return b("LeakyRelu", x, alpha=float(negative_slope))


def elu(b: Builder, x: Value, alpha: float = 1.0) -> Value:
    """x, or alpha (exp(x) - 1) below 0."""
    if alpha == 1:
        return b("Elu", x)
    low = scaled(b, b("Elu", x), float(alpha))
    return b("SelectV2", b("Greater", x, b.like(x, 0)), x, low)


def silu(b: Builder, x: Value) -> Value:
    return b("Mul", x, b("Sigmoid", x))


OPS: dict[str, Callable[..., Value]] = {
    "linear": lambda b, x: x,
    "tanh": _op("Tanh"),
    "sigmoid": _op("Sigmoid"),
    "relu": _op("Relu"),
    "relu6": _op("Relu6"),
    "elu": elu,
    "selu": _op("Selu"),
    "softplus": _op("Softplus"),
    "softsign": _op("Softsign"),
    "exponential": _op("Exp"),
    "softmax": softmax,
    "log_softmax": lambda b, x: softmax(b, x, op="LogSoftmax"),
    "hard_sigmoid": hard_sigmoid,
    "silu": silu,
    "swish": silu,
    "gelu": gelu,
    "leaky_relu": leaky_relu,
    "hard_silu": lambda b, x: b("Mul", x, hard_sigmoid(b, x)),
    "hard_swish": lambda b, x: b("Mul", x, hard_sigmoid(b, x)),
    "hard_tanh": lambda b, x: clip(b, x, -1, 1),
    "log_sigmoid": lambda b, x: b("Neg", b("Softplus", b("Neg", x))),
    "mish": lambda b, x: b("Mul", x, b("Tanh", b("Softplus", x))),
    "tanh_shrink": lambda b, x: b("Sub", x, b("Tanh", x)),
}
"""By Keras' name."""
