"""Which activation Keras knows by a name of its own, with the same numbers."""

from __future__ import annotations

import numpy as np

from reference.activations import Activation

PLAIN = ("linear", "tanh", "sigmoid", "relu", "relu6", "elu", "selu", "softplus", "softsign")
"""Names with one meaning on both sides."""

WITH_CONSTANTS = {
    "hard_sigmoid": (1.0 / 6.0, 0.5),
    "leaky_relu": (0.2,),
}
"""The constants that Keras 3 gives to its function of that name."""

RENAMED = {"exp": "exponential", "swish": "silu"}


def keras_activation(activation: Activation, /) -> str | None:
    """The name, or None where Keras has no function with these numbers.

    Example:
        >>> keras_activation(Activation("hard_sigmoid", (0.2, 0.5))) is None
        True
    """
    if activation.name in WITH_CONSTANTS:
        wanted = np.asarray(WITH_CONSTANTS[activation.name], np.float32)
        given = np.asarray(activation.constants, np.float32)
        same = wanted.shape == given.shape and bool(np.all(wanted == given))
        return activation.name if same else None
    if activation.constants:
        return None
    if activation.name in PLAIN:
        return activation.name
    return RENAMED.get(activation.name)


def why_not(activation: Activation, /) -> str:
    """The reason a native layer cannot hold this activation."""
    constants = ", ".join(f"{c:g}" for c in activation.constants)
    text = f"{activation.name}({constants})" if constants else activation.name
    if activation.name == "hard_sigmoid":
        return f"Keras 3's hard_sigmoid is clip(x / 6 + 0.5), the model's is {text}"
    return f"Keras has no activation {text}"
