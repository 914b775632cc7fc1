"""Identities, transposes and reshapes: what disappears when a value is seen in the right view."""

from __future__ import annotations

from typing import Any

from converters.program import Recurrence
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.plan import Key, Plan, alias, single
from reference.vocabulary.abstract.sizes import Size


def identity(context: Context, key: Key) -> Plan | None:
    """Identity hands its input on."""
    target = context.resolve(key.value)
    return None if target == key.value else alias(key, key.of(target))


def transpose(context: Context, key: Key) -> Plan | None:
    """A transpose of the first two axes is the other view of what it transposes."""
    node = context.node(key.value, "Transpose")
    if node is None or key.lead is not None:
        return None
    perm = context.known(node.inputs[1])
    if perm is None or perm.ndim != 1:
        return None
    order = [int(p) for p in perm]
    if order == list(range(len(order))):
        return alias(key, key.of(node.inputs[0]))
    if len(order) < 2 or order != [1, 0, *range(2, len(order))]:
        return None
    return alias(key, Key(node.inputs[0], swapped=not key.swapped))


def recurrence_layout(context: Context, key: Key) -> Plan | None:
    """Keras gives sequences batch-major; a Program's are time-major."""
    statement, index = context.producers.get(key.value, (None, 0))
    if not isinstance(statement, Recurrence) or not key.plain or index >= len(statement.outputs):
        return None
    return single([Key(key.value, swapped=True)], key, lambda _b, tensor: swap(tensor))


def unflatten(context: Context, key: Key) -> Plan | None:
    """``reshape(rows [B*T, D], [B, T, D])`` is a view of the rows; seen as [B, T, D], a flattening is its input."""
    node = context.node(key.value, "Reshape")
    if node is None:
        return None
    source, target = context.shape(node.inputs[0]), context.shape(key.value)
    if not source or not target:
        return None
    if key.lead is not None:
        if source[:2] == key.lead and source[2:] == target[1:]:
            return alias(key, Key(node.inputs[0], swapped=key.swapped))
        return None
    if source == target:
        return alias(key, key.of(node.inputs[0]))
    if len(target) < 2 or target[2:] != source[1:] or target[0] * target[1] != source[0]:
        return None
    if not isinstance(target[0], Size) and not isinstance(target[1], Size) and key.plain:
        return None
    return alias(key, Key(node.inputs[0], lead=(target[0], target[1]), swapped=key.swapped))


def swapped_anyway(_context: Context, key: Key) -> Plan | None:
    """No rule worked through the swapped view: transpose."""
    if not key.swapped:
        return None
    return single([Key(key.value, key.lead)], key, lambda _b, tensor: swap(tensor))


def swap(tensor: Any, /) -> Any:
    """The first two axes exchanged."""
    return keras.ops.transpose(tensor, (1, 0, *range(2, len(tensor.shape))))
