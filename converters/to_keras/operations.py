"""A TF op in the functional model: plain ``keras.ops`` where that works on symbolic tensors, else a :class:`TFOp`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops import apply
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.encode import encode
from converters.to_keras.layers.tensorflow_only import is_tensorflows
from converters.to_keras.layers.tf_op import TFOp, as_tensor, encode_node
from converters.to_keras.naming import layer_name
from converters.to_keras.ops import KerasOps, NeedsRunTimeError, Value, known, raw
from converters.to_keras.plan import Builder
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.sizes import as_static

OPS = KerasOps()

INLINE = 256
"""Constants of more items become weights of a layer: the model's JSON is no place for tables."""


@dataclass(frozen=True, eq=False)
class Weight:
    """A constant that goes on training, or that is too large to be written into the model's text."""

    name: str
    value: np.ndarray


def operand(context: Context, name: str, /) -> np.ndarray | Weight | None:
    """A known input of an op, or None where it is computed."""
    value = context.known(name)
    if value is None:
        return None
    variable = context.variable(name)
    trains = bool(variable) and value.dtype.kind == "f" and value.size > 1
    if value.dtype.kind != "O" and (trains or value.size > INLINE):
        return Weight(variable or context.resolve(name), value)
    return value


def apply_op(
    builder: Builder, node: Node, operands: Sequence[Any], /, outputs: Sequence[str] = ()
) -> tuple[Any, ...]:
    """The outputs of ``node``: KerasTensors (or NumPy arrays, where all is known).

    ``operands`` are KerasTensors, NumPy arrays and :class:`Weight`; ``outputs`` are the names of the results in the program, where
    they are as there (not in a view): their facts tell sizes that Keras cannot infer.

    Raises:
        NotConvertibleError: the op is unknown, refused, or impossible on this backend.
    """
    plain = not any(isinstance(item, Weight) for item in operands)
    if plain and not is_tensorflows(node, operands):
        try:
            results = apply(OPS, node, [Value(item) for item in operands])
        except NeedsRunTimeError:
            pass
        else:
            _name(builder, node, results, operands)
            _dense(results)
            return tuple(raw(result) for result in results)
    return _layer(builder, node, operands, outputs)


Told = tuple[tuple[int | None, ...] | None, str | None]
"""A shape, None for open sizes, and a dtype; None where they are not known."""


def told(context: Context, names: Sequence[str], /) -> list[Told]:
    """What the facts know of the values' shapes and dtypes."""
    found: list[Told] = []
    for name in names:
        shape, fact = context.shape(name), context.fact(name)
        found.append((None if shape is None else as_static(shape), fact.dtype if fact else None))
    return found


def _layer(
    builder: Builder, node: Node, operands: Sequence[Any], outputs: Sequence[str] = ()
) -> tuple[Any, ...]:
    described: list[Any] = []
    tensors: list[Any] = []
    weights: dict[str, np.ndarray] = {}
    for item in operands:
        if isinstance(item, Weight):
            slot = {"path": item.name, "shape": list(item.value.shape)}
            described.append({"kind": "slot", **slot, "dtype": str(item.value.dtype)})
            weights[item.name] = item.value
        elif known(item):
            described.append(encode(np.asarray(item)))
        else:
            described.append(None)
            tensors.append(item)
    if not tensors:
        tensors.append(builder.any_input())
    layer = builder.layer(
        ("TFOp", node.name, str(described)),
        node.name,
        lambda name: TFOp(encode_node(node), described, name=name),
    )
    layer.refine(told(builder.context, outputs))
    results = layer(tensors)
    layer.assign(weights)
    return tuple(results) if isinstance(results, list | tuple) else (results,)


def _name(builder: Builder, node: Node, results: Sequence[Any], operands: Sequence[Any]) -> None:
    """Name the new operations after the node: no counter of the process enters the file."""
    stop = {id(raw(item)) for item in operands}
    stack = [raw(result) for result in results]
    while stack:
        tensor = stack.pop()
        if id(tensor) in stop or not keras.utils.is_keras_tensor(tensor):
            continue
        stop.add(id(tensor))
        operation, index = tensor._keras_history[:2]
        if builder.name_operation(operation, layer_name(node.name)):
            stack.extend(operation._inbound_nodes[index].arguments.keras_tensors)


def _dense(results: Sequence[Any]) -> None:
    """Keras takes a product with a NumPy array for a sparse tensor; a layer traced over it would be given one."""
    for result in results:
        if getattr(raw(result), "_sparse", False):
            raw(result)._sparse = False


def constant(builder: Builder, value: np.ndarray, name: str, /) -> Any:
    """A constant as a tensor of the model.

    Raises:
        NotConvertibleError: the model has no input it could hang on.
    """
    if value.dtype.kind in "OSU":
        msg = f"{name}: a string constant cannot be an output of a Keras model"
        raise NotConvertibleError(msg)
    node = Node(name, "Identity", (), (), {})
    item = Weight(name, value) if value.size > INLINE else value
    return _layer(builder, node, [item])[0]


__all__ = ["Weight", "apply_op", "as_tensor", "constant", "operand"]
