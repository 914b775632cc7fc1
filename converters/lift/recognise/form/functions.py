"""Names of elementwise functions, as the normal form and the patterns use them."""

from __future__ import annotations

ACTIVATION = "activation?"
"""The op of a pattern atom that stands for any elementwise function; its parameter is the field's name."""

NORMALISED = "normalised"
"""The op of an atom that is ``(x - mean) / sqrt(variance + eps)`` over the features: of all of them, so it is no elementwise function."""

ELEMENTWISE = frozenset(
    (
        *(
            "tanh",
            "sigmoid",
            "relu",
            "relu6",
            "elu",
            "selu",
            "softplus",
            "softsign",
            "sin",
            "cos",
            "erf",
        ),
        *("exp", "abs", "square", "sqrt", "hard_sigmoid", "leaky_relu", "clip", "sign"),
    )
)
"""What an activation may be bound to."""

FUNCTIONS = ELEMENTWISE | frozenset(
    (
        *(
            "expm1",
            "log",
            "log1p",
            "rsqrt",
            "reciprocal",
            "floor",
            "ceil",
            "round",
            "tan",
            "asin",
            "acos",
        ),
        *("atan", "sinh", "cosh", "asinh", "acosh", "atanh", "logical_not"),
    )
)
"""Every elementwise function that becomes an atom."""

BINARY = ("less", "less_equal", "greater", "greater_equal", "floor_mod")
"""Functions of two arrays of floats, element by element, that are atoms; sums and products are none."""

PASSIVE = ("reshape", "squeeze", "expand_dims", "broadcast_to")
"""Operations that change nothing where the shapes are equal."""
