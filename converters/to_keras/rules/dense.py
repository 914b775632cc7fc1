"""A product with a constant matrix, its bias and its activation as ``keras.layers.Dense``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.program import OpNode
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.plan import Builder, Key, Plan, fingerprint, single
from reference.vocabulary.abstract.sizes import Size

ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Elu": "elu",
    "Selu": "selu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Softmax": "softmax",
}
"""TF ops that Keras knows as an activation of the same numbers."""


@dataclass(frozen=True, eq=False)
class Product:
    """x W + b, then an activation."""

    x: Key
    kernel: np.ndarray
    names: tuple[str, ...]
    """The constants: kernel, and bias where there is one."""
    scope: str
    bias: np.ndarray | None = None
    activation: str | None = None


def dense(context: Context, key: Key) -> Plan | None:
    """Dense on the array as the user sees it: rows flattened for the product are not."""
    found = _activated(context, key) or _biased(context, key) or _product(context, key)
    if found is None:
        return None
    return single([found.x], key, lambda builder, x: _apply(builder, found, x))


def _apply(builder: Builder, found: Product, x: Any) -> Any:
    units = found.kernel.shape[1]

    def make(name: str) -> Any:
        return keras.layers.Dense(
            units,
            activation=found.activation,
            use_bias=found.bias is not None,
            name=name,
            dtype=str(found.kernel.dtype),
        )

    layer = builder.layer(
        ("Dense", found.names, found.activation, fingerprint(found.kernel, found.bias)),
        found.scope,
        make,
    )
    if not layer.built:
        layer.build((*[None] * (len(x.shape) - 1), found.kernel.shape[0]))
    y = layer(x)
    layer.set_weights([w for w in (found.kernel, found.bias) if w is not None])
    return y


def _activated(context: Context, key: Key) -> Product | None:
    node = context.node(key.value, *ACTIVATIONS)
    if node is None or not context.sole_reader(context.resolve(node.inputs[0])):
        return None
    below = key.of(context.resolve(node.inputs[0]))
    found = _biased(context, below) or _product(context, below)
    return None if found is None else replace(found, activation=ACTIVATIONS[node.node.op])


def _biased(context: Context, key: Key) -> Product | None:
    node = context.node(key.value, "BiasAdd", "Add", "AddV2")
    if node is None or node.node.text("data_format", "NHWC").startswith("NC"):
        return None
    orders = [(0, 1)] if node.node.op == "BiasAdd" else [(0, 1), (1, 0)]
    for left, right in orders:
        value, bias = context.resolve(node.inputs[left]), context.known(node.inputs[right])
        if bias is None or not context.sole_reader(value):
            continue
        found = _product(context, key.of(value))
        units = 0 if found is None else found.kernel.shape[1]
        if (
            found is not None
            and bias.size == units
            and bias.shape[-1:] == (units,)
            and bias.ndim < 3
        ):
            name = context.variable(node.inputs[right]) or node.inputs[right]
            return replace(found, bias=bias.reshape(-1), names=(*found.names, name))
    return None


def _product(context: Context, key: Key) -> Product | None:
    node = context.node(key.value, "MatMul", "BatchMatMul", "BatchMatMulV2", "Reshape")
    if node is None:
        return None
    if node.node.op == "Reshape":
        return _unflattened(context, key, node)
    kernel = context.known(node.inputs[1])
    if kernel is None or kernel.ndim != 2 or kernel.dtype.kind != "f":
        return None
    left, right = ("adj_x", "adj_y") if "Batch" in node.node.op else ("transpose_a", "transpose_b")
    if node.node.attr(left, False):
        return None
    matrix = np.ascontiguousarray(kernel.T) if node.node.attr(right, False) else kernel
    name = context.variable(node.inputs[1]) or node.inputs[1]
    return Product(key.of(node.inputs[0]), matrix, (name,), scope_of(node, name))


def _unflattened(context: Context, key: Key, node: OpNode) -> Product | None:
    """The product of flattened rows, reshaped back: ``tf.tensordot`` and what people write by hand."""
    source, target = context.shape(node.inputs[0]), context.shape(key.value)
    value = context.resolve(node.inputs[0])
    if not source or not target or key.lead is not None or not context.sole_reader(value):
        return None
    if len(target) != 3 or len(source) != 2 or source[1] != target[2]:
        return None
    if target[0] * target[1] != source[0] or not any(isinstance(d, Size) for d in target):
        return None
    return _product(context, Key(value, (target[0], target[1]), key.swapped))


def scope_of(node: OpNode, variable: str, /) -> str:
    """``dense`` of ``dense/MatMul``; for a bare ``MatMul`` the variable's scope or name."""
    scope, slash, _ = node.node.name.rpartition("/")
    if slash:
        return scope.removesuffix("/Tensordot")
    head, slash, tail = variable.split(":")[0].rpartition("/")
    return head if slash else tail
