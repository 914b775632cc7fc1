"""One TF op as a small layer, named after its node: for what a functional graph cannot hold before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.graph import Node
from converters.tf_ops import apply
from converters.to_keras.backend import keras
from converters.to_keras.encode import decode, encode
from converters.to_keras.naming import layer_name
from converters.to_keras.ops import KerasOps, Value, raw
from converters.to_keras.ops.values import dtype_name
from reference.errors import NotConvertibleError, Reason, RnnportError

OPS = KerasOps()


@keras.saving.register_keras_serializable(package="rnnport")
class TFOp(keras.layers.Layer):  # type: ignore[misc]
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
        super().__init__(autocast=False, **kwargs)
        self.node, self.operands, self.specs = node, list(operands), specs
        self._node: Node = decode(node)
        self._operands = [decode(item) for item in self.operands]
        self._slots: dict[str, Any] = {}
        self.hints: list[Any] = []

    def build(self, *_shapes: Any) -> None:
        """Make the weights."""
        for slot in self._operands:
            if hasattr(slot, "path") and slot.path not in self._slots:
                self._slots[slot.path] = self.add_weight(
                    name=layer_name(slot.path),
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
        results = self._shaped([as_tensor(result) for result in apply(OPS, self._node, values)])
        return results[0] if len(results) == 1 else results

    def refine(self, shapes: Sequence[Sequence[int | None] | None], /) -> None:
        """Sizes of the outputs that are known from outside, to be asserted at run time."""
        self.hints = [None if shape is None else list(shape) for shape in shapes]

    def _shaped(self, results: list[Any]) -> list[Any]:
        if not self.specs or keras.backend.backend() != "tensorflow":
            return results
        import tensorflow as tf

        shapes = [shape for shape, _ in self.specs]
        return [tf.ensure_shape(y, s) for y, s in zip(results, shapes, strict=True)]

    def compute_output_spec(self, tensors: Any) -> Any:
        """From ``specs``, or found by tracing once.

        Raises:
            NotConvertibleError: this backend cannot run the op.
        """
        if self.specs is None:
            self.specs = self._trace(tensors)
        found = [
            keras.KerasTensor(tuple(None if d is None else int(d) for d in shape), dtype=dtype)
            for shape, dtype in self.specs
        ]
        return found[0] if len(found) == 1 else found

    def _trace(self, tensors: Any) -> list[Any]:
        try:
            traced = super().compute_output_spec(tensors)
        except RnnportError:
            raise
        except Exception as error:
            first = _cause(error)
            text = f"the {keras.backend.backend()} backend cannot run {self._node.op}: {first}"
            msg = f"node {self._node.name!r}: {text}"
            raise NotConvertibleError(msg, (Reason(self._node.name, text),)) from error
        traced = traced if isinstance(traced, list | tuple) else [traced]
        hints = [*self.hints, *[None] * len(traced)]
        return [[_merged(t.shape, hint), dtype_name(t)] for t, hint in zip(traced, hints, strict=False)]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "node": self.node, "operands": self.operands, "specs": self.specs}


def _cause(error: Exception) -> str:
    """One line; Keras wraps the error of a layer's call in advice."""
    text = str(error)
    if "Error encountered:" in text:
        text = text.split("Error encountered:", 1)[1]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else repr(error)


def _merged(shape: Any, hint: Any) -> list[int | None]:
    if hint is None or len(hint) != len(shape):
        return list(shape)
    return [h if d is None else d for d, h in zip(shape, hint, strict=True)]


def as_tensor(value: Any, /) -> Any:
    """The tensor of a held value, constants too."""
    data = raw(value)
    return keras.ops.convert_to_tensor(data, dtype=dtype_name(data))


def encode_node(node: Node, /) -> Any:
    """The node without its wiring."""
    return encode(Node(node.name, node.op, (), (), node.attrs))
