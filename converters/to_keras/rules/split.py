"""A split into equal parts of an axis whose size is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.program import OpNode
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.naming import layer_name
from converters.to_keras.plan import Builder, Key, Plan, Tensors
from reference.vocabulary.abstract.sizes import Size


def equal_split(context: Context, key: Key) -> Plan | None:
    """``keras.ops.split`` by number; where the size is known the vocabulary splits by sizes."""
    statement, _ = context.producers.get(key.value, (None, 0))
    if not isinstance(statement, OpNode) or statement.node.op != "Split" or not key.plain:
        return None
    axis, shape = context.known(statement.inputs[0]), context.shape(statement.inputs[1])
    if axis is None or shape is None or not isinstance(shape[int(axis)], Size):
        return None
    number = int(statement.node.attr("num_split", len(statement.outputs)))

    def build(builder: Builder, tensors: Tensors) -> Mapping[Key, Any]:
        parts = keras.ops.split(tensors[0], number, axis=int(axis))
        builder.name_operation(parts[0]._keras_history[0], layer_name(statement.node.name))
        return {Key(name): part for name, part in zip(statement.outputs, parts, strict=True)}

    return Plan((Key(statement.inputs[1]),), build)
