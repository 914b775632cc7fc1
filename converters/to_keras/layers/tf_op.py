"""One TF op as a small layer, named after its node: for what a functional graph cannot hold before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.graph import Node
from converters.tf_ops import apply
from converters.to_keras.backend import keras
from converters.to_keras.encode import Slot, decode, encode
from converters.to_keras.layers.base import TracedLayer
from converters.to_keras.layers.tensorflow_only import is_tensorflows, run
from converters.to_keras.naming import layer_name
from converters.to_keras.ops import KerasOps, Value, raw
from converters.to_keras.ops.values import dtype_name

OPS = KerasOps()


@keras.saving.register_keras_serializable(package="rnnport")
class TFOp(TracedLayer):
    """Applies ``node`` (encoded) to its operands, by the table of TF ops.

    Args:
        node: the op.
        operands: one item per input of the op: None (the next tensor the layer is called with), an encoded array,
            or an encoded slot (a weight of this layer, named by its path).
        specs: shapes and dtypes of the outputs, once they are known.
    """

    def __init__(
        self, node: Any, operands: Sequence[Any], specs: Sequence[Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(specs, **kwargs)
        self.node, self.operands = node, list(operands)
        self._node: Node = decode(node)
        self._operands = [decode(item) for item in self.operands]
        self._slots: dict[str, Any] = {}
        self._made: dict[str, Any] = {}

    @property
    def title(self) -> tuple[str, str]:
        """The node."""
        return self._node.name, self._node.op

    def build(self, *_shapes: Any) -> None:
        """Make the weights, in the order of their paths: the file holds them by number, and its JSON has sorted keys."""
        slots = {item.path: item for item in self._operands if isinstance(item, Slot)}
        for path, slot in sorted(slots.items()):
            if path not in self._slots:
                self._slots[path] = self.add_weight(
                    name=layer_name(path),
                    shape=slot.shape,
                    dtype=slot.dtype,
                    initializer="zeros",
                    autocast=False,
                    trainable=slot.dtype.startswith(("float", "bfloat")),
                )
        self.built = True

    def assign(self, values: dict[str, Any], /) -> None:
        """Take the weights by slot path."""
        for path, value in values.items():
            self._slots[path].assign(value)

    def call(self, tensors: Any) -> Any:
        """The op's outputs; a list where there are several."""
        feed = iter(tensors if isinstance(tensors, list | tuple) else [tensors])
        values = []
        for operand in self._operands:
            if operand is None:
                values.append(Value(next(feed)))
            elif hasattr(operand, "path"):
                values.append(Value(keras.ops.convert_to_tensor(self._slots[operand.path])))
            else:
                values.append(Value(operand))
        if is_tensorflows(self._node, values):
            return self.shaped([result.data for result in run(self._node, values, self._made)])
        return self.shaped([as_tensor(result) for result in apply(OPS, self._node, values)])

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "node": self.node, "operands": self.operands}


def as_tensor(value: Any, /) -> Any:
    """The tensor of a held value, constants too."""
    data = raw(value)
    return keras.ops.convert_to_tensor(data, dtype=dtype_name(data))


def encode_node(node: Node, /) -> Any:
    """The node without its wiring."""
    return encode(Node(node.name, node.op, (), (), node.attrs))
