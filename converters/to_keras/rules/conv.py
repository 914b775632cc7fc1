"""Convolutions over constant kernels as ``keras.layers.Conv1D``, ``Conv2D`` and ``DepthwiseConv2D``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.program import OpNode
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.plan import Builder, Key, Plan, fingerprint, single
from converters.to_keras.rules.dense import ACTIVATIONS, scope_of


@dataclass(frozen=True, eq=False)
class Convolution:
    """A Keras layer class with its arguments and weights."""

    layer: str
    x: Key
    kernel: np.ndarray
    options: dict[str, Any]
    names: tuple[str, ...]
    scope: str
    bias: np.ndarray | None = None
    activation: str | None = None


def conv(context: Context, key: Key) -> Plan | None:
    """The convolution with its bias and activation, where nothing else reads what lies between."""
    if not key.plain:
        return None
    found = (
        _activated(context, key.value) or _biased(context, key.value) or _conv(context, key.value)
    )
    if found is None:
        return None
    return single([found.x], key, lambda builder, x: _apply(builder, found, x))


def _apply(builder: Builder, found: Convolution, x: Any) -> Any:
    def make(name: str) -> Any:
        return getattr(keras.layers, found.layer)(
            **found.options,
            activation=found.activation,
            use_bias=found.bias is not None,
            name=name,
            dtype=str(found.kernel.dtype),
        )

    numbers = fingerprint(found.kernel, found.bias)
    key = (found.layer, found.names, str(found.options), found.activation, numbers)
    layer = builder.layer(key, found.scope, make)
    if not layer.built:
        channels = found.kernel.shape[-2]
        layer.build((*[None] * (len(x.shape) - 1), channels))
    y = layer(x)
    layer.set_weights([w for w in (found.kernel, found.bias) if w is not None])
    return y


def _activated(context: Context, value: str) -> Convolution | None:
    node = context.node(value, *ACTIVATIONS)
    if node is None or node.node.op == "Softmax":
        return None
    below = context.resolve(node.inputs[0])
    if not context.sole_reader(below):
        return None
    found = _biased(context, below) or _conv(context, below)
    return None if found is None else replace(found, activation=ACTIVATIONS[node.node.op])


def _biased(context: Context, value: str) -> Convolution | None:
    node = context.node(value, "BiasAdd", "Add", "AddV2")
    if node is None or node.node.text("data_format", "NHWC").startswith("NC"):
        return None
    below, bias = context.resolve(node.inputs[0]), context.known(node.inputs[1])
    if bias is None or bias.ndim != 1 or not context.sole_reader(below):
        return None
    found = _conv(context, below)
    filters = 0 if found is None else _filters(found)
    if found is None or bias.shape != (filters,):
        return None
    name = context.variable(node.inputs[1]) or node.inputs[1]
    return replace(found, bias=bias, names=(*found.names, name))


def _filters(found: Convolution) -> int:
    *_, channels, last = found.kernel.shape
    return int(channels * last if found.layer == "DepthwiseConv2D" else last)


def _conv(context: Context, value: str) -> Convolution | None:
    node = context.node(value, "Conv2D", "DepthwiseConv2dNative", "Squeeze")
    if node is None:
        return None
    return _line(context, node) if node.node.op == "Squeeze" else _plane(context, node)


def _plane(context: Context, node: OpNode) -> Convolution | None:
    kernel = context.known(node.inputs[1])
    padding = node.node.text("padding", "").lower()
    strides = tuple(int(s) for s in node.node.attr("strides", (1, 1, 1, 1)))
    rates = tuple(int(s) for s in node.node.attr("dilations", (1, 1, 1, 1)))
    if kernel is None or kernel.ndim != 4 or padding not in ("same", "valid"):
        return None
    channels_first = node.node.text("data_format", "NHWC").startswith("NC")
    # Keras takes a step or a dilation, not both.
    if channels_first or strides[0] != 1 or strides[3] != 1 or (max(strides) > 1 < max(rates)):
        return None
    name = context.variable(node.inputs[1]) or node.inputs[1]
    options: dict[str, Any] = {"kernel_size": kernel.shape[:2], "strides": strides[1:3]}
    options |= {"padding": padding, "dilation_rate": rates[1:3]}
    if node.node.op == "Conv2D":
        shape = context.shape(node.inputs[0])
        if shape is None or shape[-1] != kernel.shape[2]:
            return None
        options["filters"], layer = kernel.shape[3], "Conv2D"
    else:
        if strides[1] != strides[2]:
            return None
        options["depth_multiplier"], layer = kernel.shape[3], "DepthwiseConv2D"
    return Convolution(layer, Key(node.inputs[0]), kernel, options, (name,), scope_of(node, name))


def _line(context: Context, node: OpNode) -> Convolution | None:
    """``tf.nn.conv1d``: a plane of height 1."""
    below = context.resolve(node.inputs[0])
    inner = context.node(below, "Conv2D")
    if inner is None or not context.sole_reader(below):
        return None
    spread = context.node(context.resolve(inner.inputs[0]), "ExpandDims")
    plane = _plane(context, inner)
    shape = context.shape(below)
    if spread is None or plane is None or shape is None or plane.kernel.shape[0] != 1:
        return None
    axis = context.known(spread.inputs[1])
    squeezed = tuple(int(a) % 4 for a in node.node.attr("squeeze_dims", ()))
    if axis is None or int(axis) % 4 != 1 or squeezed != (1,):
        return None
    options = {
        k: v[1:] if k in ("kernel_size", "strides", "dilation_rate") else v
        for k, v in plane.options.items()
    }
    x, kernel = Key(spread.inputs[0]), plane.kernel[0]
    return replace(plane, layer="Conv1D", x=x, kernel=kernel, options=options)
