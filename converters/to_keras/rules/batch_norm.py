"""FusedBatchNorm at inference as ``keras.layers.BatchNormalization``."""

from __future__ import annotations

from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.plan import Builder, Key, Plan, single


def batch_norm(context: Context, key: Key) -> Plan | None:
    """Constant scale, offset, mean and variance over the last axis."""
    node = context.node(key.value, "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
    if node is None or not key.plain or node.node.attr("is_training", True):
        return None
    if node.node.text("data_format", "NHWC").startswith("NC"):
        return None
    found = [context.known(name) for name in node.inputs[1:5]]
    weights = [w for w in found if w is not None and w.ndim == 1]
    if len(weights) != 4:
        return None
    variable = context.variable(node.inputs[1]) or node.inputs[1]
    scope = node.node.name.rpartition("/")[0] or node.node.name

    def make(name: str) -> Any:
        epsilon = float(node.node.attr("epsilon", 1e-4))
        return keras.layers.BatchNormalization(epsilon=epsilon, name=name)

    def build(builder: Builder, x: Any) -> Any:
        layer = builder.layer(("BatchNormalization", variable, node.node.name), scope, make)
        if not layer.built:
            layer.build((*[None] * (len(x.shape) - 1), weights[0].shape[0]))
        y = layer(x, training=False)
        layer.set_weights(weights)
        return y

    return single([Key(node.inputs[0])], key, build)
