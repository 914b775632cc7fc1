"""TF1's batch normalisation of one row, as the layer normalisation it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.idioms import idiom, marked


def mark_layer_norms(tensors: list[Any], /) -> None:
    """Say of each ``x * s + (beta - mean * s)`` with ``s = rsqrt(var + eps) * gamma`` that it is ``layer_norm(x, gamma, beta, eps)``."""
    seen, stack = set(), list(tensors)
    while stack:
        tensor = stack.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        found = _layer_norm(tensor)
        if found is not None and idiom(tensor) is None:
            marked("layer_norm", tensor, *found)
        operation, place = tensor._keras_history[:2]
        stack += operation._inbound_nodes[place].arguments.keras_tensors


def _args(tensor: Any, kind: str) -> tuple[Any, ...] | None:
    """The operands, where such an operation made the tensor."""
    if not keras.utils.is_keras_tensor(tensor):
        return None
    operation, place = tensor._keras_history[:2]
    if type(operation).__name__ != kind:
        return None
    return tuple(operation._inbound_nodes[place].arguments.args)


def _pairs(tensor: Any, kind: str) -> Iterator[tuple[Any, Any]]:
    """The two operands, both ways round."""
    found = _args(tensor, kind)
    if found is not None and len(found) == 2:
        yield found[0], found[1]
        yield found[1], found[0]


def _layer_norm(tensor: Any) -> tuple[Any, ...] | None:
    """(x, gamma, beta, epsilon)."""
    for scaled, moved in _pairs(tensor, "Add"):
        rest = _args(moved, "Subtract")
        if rest is None:
            continue
        beta, product = rest
        for x, scale in _pairs(scaled, "Multiply"):
            for mean, same in _pairs(product, "Multiply"):
                if same is not scale or not _is_mean(mean, x):
                    continue
                for root, gamma in _pairs(scale, "Multiply"):
                    epsilon = _epsilon(root, x, mean)
                    if epsilon is not None:
                        return x, gamma, beta, epsilon
    return None


def _is_mean(tensor: Any, x: Any) -> bool:
    """Whether it is the mean of x along the last axis, which stays as 1."""
    found = _args(tensor, "Mean")
    if found is None or found[0] is not x:
        return False
    one = tensor._keras_history[0]
    axes = one.axis if isinstance(one.axis, tuple | list) else (one.axis,)
    return bool(one.keepdims) and [a % len(x.shape) for a in axes] == [len(x.shape) - 1]


def _epsilon(root: Any, x: Any, mean: Any) -> Any | None:
    """What is added to the variance under the root."""
    under = _args(root, "Rsqrt")
    for variance, epsilon in _pairs(under[0], "Add") if under else ():
        if keras.utils.is_keras_tensor(epsilon) or np.ndim(epsilon):
            continue
        squares = _args(variance, "Mean")
        square = _args(squares[0], "Square") if squares else None
        if square is None or squares is None or not _is_mean(variance, squares[0]):
            continue
        difference = _args(square[0], "Subtract")
        if difference is not None and difference[0] is x and difference[1] is mean:
            return epsilon
    return None
