"""Every other op, and constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.program import OpNode
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.operations import apply_op, constant, operand
from converters.to_keras.plan import Builder, Key, Plan, Tensors, single
from converters.to_keras.rules.control import block
from converters.to_keras.rules.sizes import size_vector
from converters.to_keras.shapes import sources, with_one_unknown
from converters.to_keras.slices import with_sizes


def known_value(context: Context, key: Key) -> Plan | None:
    """A constant that the model itself gives out, or that a layer takes as a tensor."""
    value = context.known(key.value)
    if value is None or not key.plain:
        return None
    array = np.asarray(value)
    return single([], key, lambda builder: constant(builder, array, key.value))


def reshape(context: Context, key: Key) -> Plan | None:
    """A reshape whose target has at most one symbolic size is plain."""
    node = context.node(key.value, "Reshape")
    if node is None or not key.plain:
        return None
    target = with_one_unknown(context.shape(key.value))
    if target is None:
        return None
    return single(
        [Key(node.inputs[0])],
        key,
        lambda builder, x: apply_op(builder, node.node, [x, target], node.outputs)[0],
    )


def unflattened_anyway(context: Context, key: Key) -> Plan | None:
    """No rule worked through the unflattened view: reshape."""
    shape = context.shape(key.value)
    if key.lead is None or key.swapped or shape is None:
        return None
    from converters.graph import Node

    dims = (*key.lead, *shape[1:])
    node = Node(f"{key.value.split(':')[0]}/rows", "Reshape")
    target = with_one_unknown(dims)
    if target is not None:
        return single(
            [Key(key.value)], key, lambda builder, x: apply_op(builder, node, [x, target])[0]
        )
    places = sources(context, dims, key.value)
    if places is None:
        return None
    needs = [Key(key.value), *(place for place, _ in places.values())]

    def build(builder: Builder, x: Any, *tensors: Any) -> Any:
        vector = size_vector(dims, places, tensors, "int32")
        return apply_op(builder, node, [x, vector])[0]

    return single(needs, key, build)


def symbolic_sizes(context: Context, key: Key) -> Plan | None:
    """A shape vector of symbolic sizes that something needs as a tensor."""
    dims = context.sizes(key.value)
    fact = context.fact(key.value)
    if dims is None or fact is None or not key.plain or fact.shape is None or len(fact.shape) > 1:
        return None
    places = sources(context, dims, key.value)
    if not places:
        return None

    def build(_builder: Builder, *tensors: Any) -> Any:
        vector = size_vector(dims, places, tensors, fact.dtype)
        return vector if fact.shape else vector[0]

    return single([place for place, _ in places.values()], key, build)


def operation(context: Context, key: Key) -> Plan | None:
    """Any op of the table, in the plain view."""
    statement, _ = context.producers.get(key.value, (None, 0))
    if not isinstance(statement, OpNode) or not key.plain:
        return None
    if keras.backend.backend() == "jax":
        whole = with_sizes(context, (statement,))
        if len(whole) > 1:
            return block(context, whole)
    given = [operand(context, name) for name in statement.inputs]
    needs = [Key(n) for n, g in zip(statement.inputs, given, strict=True) if g is None]

    def build(builder: Builder, tensors: Tensors) -> Mapping[Key, Any]:
        feed = iter(tensors)
        operands = [next(feed) if item is None else item for item in given]
        results = apply_op(builder, statement.node, operands, statement.outputs)
        named = zip(statement.outputs, results, strict=False)
        return {
            Key(name): constant(builder, result, name) if isinstance(result, np.ndarray) else result
            for name, result in named
            if name and (name == key.value or not isinstance(result, np.ndarray))
        }

    return Plan(tuple(needs), build)
