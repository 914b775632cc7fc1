"""The functional graph without ``TFOp``: each is opened into the calls of ``keras.ops`` it is made of, its weights into :class:`Variable`."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.tf_ops import apply
from converters.to_keras.backend import keras
from converters.to_keras.encode import Slot
from converters.to_keras.idioms import Idiom, idiom, marked
from converters.to_keras.layers.block import Block
from converters.to_keras.layers.tensorflow_only import is_tensorflows
from converters.to_keras.layers.tf_op import TFOp
from converters.to_keras.naming import Names, layer_name
from converters.to_keras.ops import KerasOps, NeedsRunTimeError, Value, raw
from reference.errors import NotConvertibleError, Reason

OPS = KerasOps()


class Variable(keras.layers.Layer):
    """An array of the model by itself: called with any tensor, it gives the array."""

    def __init__(self, shape: Any, dtype: str = "float32", **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.shape, self.held = tuple(shape), dtype
        trains = dtype.startswith("float")
        self.value = self.add_weight(name="value", shape=shape, dtype=dtype, trainable=trains)
        self.built = True

    def call(self, _: Any) -> Any:
        """The array."""
        return keras.ops.convert_to_tensor(self.value)

    def compute_output_spec(self, _: Any) -> Any:
        """Its shape is known."""
        return keras.KerasTensor(self.shape, self.held)


def opened(model: Any, /) -> Any:
    """The same model without ``TFOp``; itself where it has none.

    Raises:
        NotConvertibleError: an op cannot be written down before the sizes are known; the reasons name the nodes.
    """
    if not any(isinstance(layer, TFOp) for layer in model.layers):
        return model
    work = _Opening(model)
    outputs = {key: work.of(tensor) for key, tensor in model.output.items()}
    return keras.Model(model.input, outputs, name=model.name)


class _Opening:
    """Replays the calls of one model."""

    def __init__(self, model: Any) -> None:
        self.names = Names()
        for layer in model.layers:
            self.names.claim(layer.name)
        self.near = next(iter(model.input.values()))
        self.tensors: dict[int, Any] = {id(t): t for t in model.input.values()}
        self.variables: dict[str, Any] = {}
        self.reasons: list[Reason] = []
        outputs = list(model.output.values())
        for node in _nodes(outputs, set(self.tensors)):
            self._replay(node)
        if self.reasons:
            msg = f"the model cannot be plain Keras source: {'; '.join(map(str, self.reasons[:3]))}"
            raise NotConvertibleError(msg, tuple(self.reasons))

    def of(self, tensor: Any, /) -> Any:
        """What stands for a tensor of the old graph."""
        return self.tensors[id(tensor)]

    def _replay(self, node: Any) -> None:
        operation = node.operation
        if isinstance(operation, TFOp) and type(operation) is not Block:
            results = self._open(operation, node)
        else:
            args, kwargs = keras.tree.map_structure(
                lambda item: self.of(item) if keras.utils.is_keras_tensor(item) else item,
                (node.arguments.args, node.arguments.kwargs),
            )
            results = keras.tree.flatten(operation(*args, **kwargs))
        for old, new in zip(node.output_tensors, results, strict=True):
            self.tensors[id(old)] = new
            found = idiom(old)
            if found is not None:
                self._mark(new, found)

    def _mark(self, new: Any, found: Idiom) -> None:
        given = [self.of(a) if keras.utils.is_keras_tensor(a) else a for a in found.arguments]
        marked(found.function, new, *given)

    def _open(self, layer: TFOp, node: Any) -> list[Any]:
        """The op's results by plain calls; the old ones where it has none."""
        given = node.arguments.args[0]
        tensors = [self.of(t) for t in (given if isinstance(given, list | tuple) else [given])]
        feed = iter(tensors)
        values = []
        for operand in layer._operands:
            if operand is None:
                values.append(Value(next(feed)))
            elif isinstance(operand, Slot):
                values.append(Value(self._variable(layer, operand)))
            else:
                values.append(Value(operand))
        try:
            if is_tensorflows(layer._node, values):
                msg = "TensorFlow's own kernel runs it"
                raise NeedsRunTimeError(msg)
            found = [raw(result) for result in apply(OPS, layer._node, values)]
            results = [self._tensor(layer, result) for result in found]
        except NeedsRunTimeError as error:
            node_name, op = layer.title
            self.reasons.append(Reason(node_name, f"{op} has no plain line of keras.ops: {error}"))
            return list(node.output_tensors)
        self._name(layer, results, values)
        return results

    def _tensor(self, layer: TFOp, result: Any) -> Any:
        """A constant as a tensor."""
        if not isinstance(result, np.ndarray):
            return result
        if result.dtype.kind not in "fiub":
            msg = "it is a constant of strings"
            raise NeedsRunTimeError(msg)
        name = self.names.claim(layer_name(layer._node.name))
        made = Variable(result.shape, str(result.dtype), name=name)
        made.value.assign(result)
        return made(self.near)

    def _variable(self, layer: TFOp, slot: Slot) -> Any:
        """The tensor of a weight."""
        held = layer._slots[slot.path]
        key = f"{slot.path} {np.asarray(held).tobytes()[:64]!r}"
        if key not in self.variables:
            name = self.names.claim(layer_name(slot.path))
            made = Variable(slot.shape, slot.dtype, name=name)
            made.value.assign(held.value)
            self.variables[key] = made(self.near)
        return self.variables[key]

    def _name(self, layer: TFOp, results: list[Any], values: list[Value]) -> None:
        """The new operations, named after the node."""
        stop = {id(value.data) for value in values}
        stack = list(results)
        while stack:
            tensor = stack.pop()
            if id(tensor) in stop or not keras.utils.is_keras_tensor(tensor):
                continue
            stop.add(id(tensor))
            operation, place = tensor._keras_history[:2]
            operation.name = self.names.claim(layer_name(layer._node.name))
            stack += operation._inbound_nodes[place].arguments.keras_tensors


def _nodes(outputs: list[Any], given: set[int]) -> list[Any]:
    """All calls that lead to the outputs, those inside of idioms too, operands first."""
    order: list[Any] = []
    done: set[int] = set()
    stack = [(t, False) for t in reversed(outputs)]
    while stack:
        tensor, ready = stack.pop()
        operation, place = tensor._keras_history[:2]
        node = operation._inbound_nodes[place]
        if id(node) in done or id(tensor) in given:
            continue
        if ready:
            done.add(id(node))
            order.append(node)
            continue
        stack.append((tensor, True))
        found = idiom(tensor)
        more = (
            [] if found is None else [a for a in found.arguments if keras.utils.is_keras_tensor(a)]
        )
        stack += [(t, False) for t in reversed([*node.arguments.keras_tensors, *more])]
    return order
