"""The functional graph opened: every layer of this package becomes the calls of ``keras.ops`` that it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.tf_ops import apply
from converters.to_keras.backend import keras
from converters.to_keras.encode import Slot
from converters.to_keras.idioms import Idiom, idiom, marked
from converters.to_keras.layers.tensorflow_only import is_tensorflows
from converters.to_keras.layers.tf_op import TFOp
from converters.to_keras.naming import Names, layer_name
from converters.to_keras.operations import INLINE
from converters.to_keras.ops import KerasOps, NeedsRunTimeError, Value, known, raw
from converters.to_source.variable import Variable
from reference.errors import Reason

OPS = KerasOps()


class Opening:
    """Replays the calls of one model; ``reasons`` says which ops have no line in a functional model."""

    def __init__(self, model: Any) -> None:
        self.names = Names()
        for layer in model.layers:
            self.names.claim(layer.name)
        self.near = next(iter(model.input.values()))
        self.tensors: dict[int, Any] = {id(t): t for t in model.input.values()}
        self.variables: dict[str, Any] = {}
        self.reasons: list[Reason] = []
        outputs = list(model.output.values())
        nodes = calls(outputs, set(self.tensors))
        for node in nodes:
            self._replay(node)

    def of(self, tensor: Any, /) -> Any:
        """What stands for a tensor of the old graph; a small constant as an array."""
        return self.tensors[id(tensor)]

    def result(self, tensor: Any, name: str, /) -> Any:
        """What stands for an output, a tensor in any case."""
        made = self.of(tensor)
        return (
            made if keras.utils.is_keras_tensor(made) else self._variable_of(np.asarray(made), name)
        )

    def _replay(self, node: Any) -> None:
        operation = node.operation
        if isinstance(operation, TFOp):
            results = self._guarded(operation, node, self._op)
        else:
            results = self._plain(operation, node)
        for old, new in zip(node.output_tensors, results, strict=True):
            self.tensors[id(old)] = new
            found = idiom(old)
            if found is not None and keras.utils.is_keras_tensor(new):
                self._mark(new, found)

    def _plain(self, operation: Any, node: Any) -> list[Any]:
        is_layer = isinstance(operation, keras.layers.Layer)

        def given(item: Any) -> Any:
            if not keras.utils.is_keras_tensor(item):
                return item
            made = self.of(item)
            if is_layer and not keras.utils.is_keras_tensor(made):
                made = self._variable_of(np.asarray(made), operation.name)
            return made

        args, kwargs = keras.tree.map_structure(given, (node.arguments.args, node.arguments.kwargs))
        results = keras.tree.flatten(operation(*args, **kwargs))
        return [
            r if keras.utils.is_keras_tensor(r) else keras.ops.convert_to_numpy(r) for r in results
        ]

    def _mark(self, new: Any, found: Idiom) -> None:
        given = [self.of(a) if keras.utils.is_keras_tensor(a) else a for a in found.arguments]
        marked(found.function, new, *given)

    def _guarded(self, layer: TFOp, node: Any, function: Any) -> list[Any]:
        """The results by plain calls; the old ones where there are none."""
        given = node.arguments.args[0]
        tensors = [self.of(t) for t in (given if isinstance(given, list | tuple) else [given])]
        try:
            return list(function(layer, node, tensors))
        except NeedsRunTimeError as error:
            name, op = layer.title
            self.reasons.append(Reason(name, f"{op} has no plain line of keras.ops: {error}"))
        return list(node.output_tensors)

    def _op(self, layer: TFOp, _node: Any, tensors: list[Any]) -> list[Any]:
        """The calls that a TF op is made of."""
        feed = iter(tensors)
        values = [
            Value(next(feed))
            if o is None
            else Value(self._variable(layer, o))
            if isinstance(o, Slot)
            else Value(o)
            for o in layer._operands
        ]
        if is_tensorflows(layer._node, values):
            msg = "TensorFlow's own kernel runs it"
            raise NeedsRunTimeError(msg)
        found = [raw(result) for result in apply(OPS, layer._node, values)]
        results = [self._held(layer, result) for result in found]
        self._name(layer, results, values)
        return results

    def _held(self, layer: TFOp, result: Any) -> Any:
        """A constant of many items as a tensor."""
        if not known(result):
            return result
        array = np.asarray(result)
        if array.dtype.kind not in "fiub":
            msg = "it is a constant of strings"
            raise NeedsRunTimeError(msg)
        return array if array.size <= INLINE else self._variable_of(array, layer.title[0])

    def _variable_of(self, array: np.ndarray, name: str) -> Any:
        made = Variable(array.shape, str(array.dtype), name=self.names.claim(layer_name(name)))
        made.value.assign(array)
        return made(self.near)

    def _variable(self, layer: TFOp, slot: Slot) -> Any:
        """The tensor of a weight."""
        held = layer._slots[slot.path]
        key = f"{slot.path} {np.asarray(held).tobytes()[:64]!r}"
        if key not in self.variables:
            made = Variable(
                slot.shape, slot.dtype, slot.path, name=self.names.claim(layer_name(slot.path))
            )
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
            if isinstance(operation, keras.layers.Layer):
                continue
            operation.name = self.names.claim(layer_name(layer._node.name))
            stack += operation._inbound_nodes[place].arguments.keras_tensors


def calls(outputs: list[Any], given: set[int], /) -> list[Any]:
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
