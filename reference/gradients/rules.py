"""How each operation of the vocabulary carries a cotangent backwards.

A rule is ``rule(result, args, kwargs[, k]) -> pull``; ``pull(g, parents, add)`` calls
``add(parents[i], cotangent of operand i)``. For an operation with several results ``k`` says which;
an operation whose result has no derivative returns None, and its result is a plain array again.
Operands that are lists stand in ``parents`` item by item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.gradients.derivatives import DERIVATIVES

Add = Callable[..., None]
Pull = Callable[[Any, tuple[Any, ...], Add], None]
Rule = Callable[..., Pull | None]

RULES: dict[str, Rule] = {}
"""By the operation's name."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule for some names."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


@rule("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
      "logical_not", "is_nan", "is_inf", "is_finite", "shape", "argmax", "argmin", "one_hot", "floor", "ceil",
      "round", "sign")  # fmt: skip
def no_derivative(result: Any, args: Any, kwargs: Any) -> None:
    """Piecewise constant, or not a float."""
    return


def summed_to(g: Any, shape: tuple[int, ...], /) -> Any:
    """The cotangent of an operand that was broadcast."""
    extra = g.ndim - len(shape)
    if extra:
        g = g.sum(axis=tuple(range(extra)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=axes, keepdims=True) if axes else g


def _unary(derivative: Any) -> Rule:
    def made(result: Any, args: Any, kwargs: Any) -> Pull:
        x = args[0]
        return lambda g, parents, add: add(parents[0], g * derivative(x, result))

    return made


for _name, _derivative in DERIVATIVES.items():
    RULES[_name] = _unary(_derivative)


def _binary(to_a: Any, to_b: Any) -> Rule:
    def made(result: Any, args: Any, kwargs: Any) -> Pull:
        a, b = args
        shapes = np.shape(a), np.shape(b)

        def pull(g: Any, parents: Any, add: Add) -> None:
            if hasattr(parents[0], "pull"):
                add(parents[0], summed_to(to_a(g, a, b, result), shapes[0]))
            if hasattr(parents[1], "pull"):
                add(parents[1], summed_to(to_b(g, a, b, result), shapes[1]))

        return pull

    return made


RULES |= {
    "add": _binary(lambda g, a, b, y: g, lambda g, a, b, y: g),
    "subtract": _binary(lambda g, a, b, y: g, lambda g, a, b, y: -g),
    "multiply": _binary(lambda g, a, b, y: g * b, lambda g, a, b, y: g * a),
    "divide": _binary(lambda g, a, b, y: g / b, lambda g, a, b, y: -g * y / b),
    "power": _binary(
        lambda g, a, b, y: g * b * np.power(a, b - 1),
        lambda g, a, b, y: np.where(a > 0, g * y * np.log(np.where(a > 0, a, 1)), 0),
    ),
    "maximum": _binary(lambda g, a, b, y: np.where(a >= b, g, 0), lambda g, a, b, y: np.where(a >= b, 0, g)),
    "minimum": _binary(lambda g, a, b, y: np.where(a <= b, g, 0), lambda g, a, b, y: np.where(a <= b, 0, g)),
    "floor_mod": _binary(lambda g, a, b, y: g, lambda g, a, b, y: -g * np.floor(a / b)),
}  # fmt: skip


@rule("where")
def where(result: Any, args: Any, kwargs: Any) -> Pull:
    condition, a, b = args
    shapes = np.shape(a), np.shape(b)

    def pull(g: Any, parents: Any, add: Add) -> None:
        add(parents[1], summed_to(np.where(condition, g, 0), shapes[0]))
        add(parents[2], summed_to(np.where(condition, 0, g), shapes[1]))

    return pull


@rule("clip")
def clip(result: Any, args: Any, kwargs: Any) -> Pull:
    x, low, high = args
    inside = (x >= low) & (x <= high)
    return lambda g, parents, add: add(parents[0], np.where(inside, g, 0))


@rule("leaky_relu")
def leaky_relu(result: Any, args: Any, kwargs: Any) -> Pull:
    x, alpha = args
    return lambda g, parents, add: add(parents[0], np.where(x > 0, g, g.dtype.type(alpha) * g))


@rule("matmul")
def matmul(result: Any, args: Any, kwargs: Any) -> Pull:
    a, b = args
    ta, tb = kwargs.get("transpose_a", False), kwargs.get("transpose_b", False)
    left = np.swapaxes(a, -1, -2) if ta else a
    right = np.swapaxes(b, -1, -2) if tb else b

    def pull(g: Any, parents: Any, add: Add) -> None:
        if hasattr(parents[0], "pull"):
            da = summed_to(g @ np.swapaxes(right, -1, -2), left.shape)
            add(parents[0], np.swapaxes(da, -1, -2) if ta else da)
        if hasattr(parents[1], "pull"):
            db = summed_to(np.swapaxes(left, -1, -2) @ g, right.shape)
            add(parents[1], np.swapaxes(db, -1, -2) if tb else db)

    return pull


@rule("concat")
def concat(result: Any, args: Any, kwargs: Any) -> Pull:
    xs, axis = args
    ends = np.cumsum([np.shape(x)[axis] for x in xs])[:-1]

    def pull(g: Any, parents: Any, add: Add) -> None:
        for parent, part in zip(parents, np.split(g, ends, axis), strict=False):
            add(parent, part)

    return pull


@rule("stack")
def stack(result: Any, args: Any, kwargs: Any) -> Pull:
    xs, axis = args

    def pull(g: Any, parents: Any, add: Add) -> None:
        for parent, part in zip(parents, np.moveaxis(g, axis, 0), strict=False):
            add(parent, part)

    return pull if xs else (lambda g, parents, add: None)


@rule("split")
def split(result: Any, args: Any, kwargs: Any, k: int) -> Pull:
    x, sizes, axis = args
    begin = sum(sizes[:k])
    index = (slice(None),) * (axis % x.ndim) + (slice(begin, begin + sizes[k]),)
    return lambda g, parents, add: add(parents[0], g, index)


@rule("unstack")
def unstack(result: Any, args: Any, kwargs: Any, k: int) -> Pull:
    x, axis = args[:2]
    index = (slice(None),) * (axis % x.ndim) + (k,)
    return lambda g, parents, add: add(parents[0], g, index)
