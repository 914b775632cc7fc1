"""Activations as data: a name, and the constants that go with it.

A cell holds an :class:`Activation`; calling it under an interpreter gives the array. Being data, an
activation can be compared, printed, and mapped to an ONNX activation or a Keras one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Equation = Callable[..., Any]

EQUATIONS: dict[str, Equation] = {
    "linear": lambda ops, x: x,
    "clip": lambda ops, x, low, high: ops.clip(x, low, high),
    # clip(alpha x + beta, 0, 1): Theano, TF1 and Keras 1/2 use alpha 0.2; Keras 3 uses 1/6.
    "hard_sigmoid": lambda ops, x, alpha, beta: ops.clip(x * alpha + beta, 0.0, 1.0),
    "swish": lambda ops, x: x * ops.sigmoid(x),
    "leaky_relu": lambda ops, x, alpha: ops.leaky_relu(x, alpha),
}
"""Every other name is the vocabulary's unary operation of that name."""


@dataclass(frozen=True, slots=True)
class Activation:
    """An elementwise function: ``name`` and its constants in the order the equation takes them."""

    name: str
    constants: tuple[float, ...] = ()

    def __call__(self, ops: Any, x: Any, /) -> Any:
        equation = EQUATIONS.get(self.name)
        if equation is None:
            return getattr(ops, self.name)(x)
        return equation(ops, x, *self.constants)


TANH = Activation("tanh")
SIGMOID = Activation("sigmoid")
SWISH = Activation("swish")
RELU = Activation("relu")
LINEAR = Activation("linear")
HARD_SIGMOID_TF1 = Activation("hard_sigmoid", (0.2, 0.5))
HARD_SIGMOID_KERAS3 = Activation("hard_sigmoid", (1.0 / 6.0, 0.5))
