"""A lookup in a constant table as ``keras.layers.Embedding``."""

from __future__ import annotations

from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.plan import Builder, Key, Plan, fingerprint, single


def embedding(context: Context, key: Key) -> Plan | None:
    """``gather(table [V, D], ids)`` on axis 0."""
    node = context.node(key.value, "GatherV2", "Gather", "ResourceGather")
    if node is None:
        return None
    table = context.known(node.inputs[0])
    axis = context.known(node.inputs[2]) if len(node.inputs) > 2 else 0
    if table is None or table.ndim != 2 or table.dtype.kind != "f":
        return None
    if axis is None or int(axis) != 0 or node.node.attr("batch_dims", 0):
        return None
    if context.known(node.inputs[1]) is not None:
        return None
    variable = context.variable(node.inputs[0]) or node.inputs[0]

    def build(builder: Builder, ids: Any) -> Any:
        layer = builder.layer(
            ("Embedding", variable, fingerprint(table)),
            variable,
            lambda name: keras.layers.Embedding(*table.shape, name=name, dtype=str(table.dtype)),
        )
        rows = layer(ids)
        layer.set_weights([table])
        return rows

    return single([key.of(node.inputs[1])], key, build)
