"""The calls of a functional graph in the order of computation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.idioms import idiom


def nodes_in_order(
    outputs: Sequence[Any], known: Callable[[Any], bool] = lambda _: False, /
) -> Iterator[tuple[Any, Any]]:
    """The calls that lead to the outputs, operands first, each with the tensor it was wanted for; an idiom counts as one call.

    Args:
        known: whether a tensor has its name already, so that what leads to it is written.
    """
    done: set[int] = set()
    stack = [(t, False) for t in reversed(outputs) if keras.utils.is_keras_tensor(t)]
    while stack:
        tensor, ready = stack.pop()
        if known(tensor) and not ready:
            continue
        operation, index = tensor._keras_history[:2]
        node = operation._inbound_nodes[index]
        if id(node) in done or isinstance(operation, keras.layers.InputLayer):
            continue
        if ready:
            done.add(id(node))
            yield node, tensor
            continue
        stack.append((tensor, True))
        stack += [(t, False) for t in reversed(operands(node, tensor))]


def operands(node: Any, tensor: Any, /) -> list[Any]:
    """The tensors that a call reads; those of an idiom are its arguments."""
    found = idiom(tensor)
    given = node.arguments.keras_tensors if found is None else found.arguments
    return [t for t in given if keras.utils.is_keras_tensor(t)]
