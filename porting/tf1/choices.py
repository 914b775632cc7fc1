"""Activations and initializers given by name, as TF1 took them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from porting.tf1.runtime import tf
from reference.activations import HARD_SIGMOID_TF1


@dataclass(frozen=True)
class Applied:
    """Any Python function of a tensor, where an equation wants an activation."""

    function: Callable[[Any], Any]

    def __call__(self, ops: Any, x: Any, /) -> Any:
        return self.function(x)


def _hard_sigmoid(x: Any) -> Any:
    from porting.tf1.vocabulary import OPS

    return HARD_SIGMOID_TF1(OPS, x)


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda x: x, "relu": tf.nn.relu, "tanh": tf.tanh, "sigmoid": tf.sigmoid,
    "hard_sigmoid": _hard_sigmoid, "softplus": tf.nn.softplus, "softsign": tf.nn.softsign,
    "softmax": tf.nn.softmax, "elu": tf.nn.elu, "selu": tf.nn.selu, "exponential": tf.exp,
}  # fmt: skip
"""The names of ``keras.activations`` in TF 1.15.5."""


def activation(given: Any, default: Any = tf.tanh, /) -> Any:
    """A function from a function, a Keras name or None.

    Raises:
        ValueError: an unknown name, or neither a name nor a function.
    """
    if not given:
        return default
    if isinstance(given, str):
        if given not in _ACTIVATIONS:
            msg = f"Unknown activation function: {given}; known: {', '.join(_ACTIVATIONS)}"
            raise ValueError(msg)
        return _ACTIVATIONS[given]
    if not callable(given):
        msg = f"Could not interpret activation function identifier: {given!r}"
        raise ValueError(msg)
    return given


_INITIALIZERS: dict[str, Callable[[], Any]] = {
    "zeros": tf.zeros_initializer, "ones": tf.ones_initializer,
    "glorot_uniform": tf.glorot_uniform_initializer, "glorot_normal": tf.glorot_normal_initializer,
    "orthogonal": tf.orthogonal_initializer, "identity": tf.initializers.identity,
    "random_uniform": lambda: tf.random_uniform_initializer(-0.05, 0.05),
    "uniform": lambda: tf.random_uniform_initializer(-0.05, 0.05),
    "random_normal": lambda: tf.random_normal_initializer(0.0, 0.05),
    "normal": lambda: tf.random_normal_initializer(0.0, 0.05),
    "truncated_normal": lambda: tf.truncated_normal_initializer(0.0, 0.05),
    "he_normal": tf.initializers.he_normal, "he_uniform": tf.initializers.he_uniform,
    "lecun_normal": tf.initializers.lecun_normal, "lecun_uniform": tf.initializers.lecun_uniform,
}  # fmt: skip
"""The names of ``keras.initializers`` in TF 1.15.5, with its defaults."""


def initializer(given: Any, /) -> Any:
    """An initializer from one, its class, a Keras name or None.

    Raises:
        ValueError: an unknown name.
    """
    if isinstance(given, str):
        if given not in _INITIALIZERS:
            msg = f"Unknown initializer: {given}; known: {', '.join(_INITIALIZERS)}"
            raise ValueError(msg)
        return _INITIALIZERS[given]()
    return given() if inspect.isclass(given) else given
