"""A reference cell as a Keras cell: the same equation, run over ``keras.ops``."""

from __future__ import annotations

from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.encode import Slot, decode, encode
from converters.to_keras.naming import layer_name
from converters.to_keras.ops import KerasOps, Value
from reference import states
from reference.cells.base import Dims, map_sizes, map_weights, weights

OPS = KerasOps()


@keras.saving.register_keras_serializable(package="rnnport")
class ReferenceCell(keras.layers.Layer):
    """The cell that ``equation`` (a reference cell in JSON, see :mod:`converters.to_keras.encode`) describes.

    Args:
        equation: the cell.
        parameters: TF variable names by weight path; the Keras weights are named after them.
    """

    def __init__(
        self, equation: Any, parameters: dict[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.equation = equation
        self.parameters = dict(parameters or {})
        self._cell = decode(equation)
        # Tuples: Keras wraps lists that are attributes of a layer.
        parts = [
            tuple(p) if isinstance(p, Dims) else int(p) for p in size_parts(self._cell.state_size)
        ]
        self.state_size = tuple(parts)
        outputs = size_parts(self._cell.output_size)
        outputs = [tuple(n) if isinstance(n, Dims) else n for n in outputs]
        self.output_size = outputs[0] if len(outputs) == 1 else tuple(outputs)

    def build(self, *_shapes: Any) -> None:
        """Make the weights, named after the TF variables."""
        slots: dict[str, Slot] = weights(self._cell)
        self._slots = {path: self._weight(path, slot) for path, slot in slots.items()}
        self.built = True

    def _weight(self, path: str, slot: Slot) -> Any:
        return self.add_weight(
            name=layer_name(self.parameters.get(path, path)),
            shape=slot.shape,
            dtype=slot.dtype,
            initializer="zeros",
            autocast=False,
            trainable=slot.dtype.startswith(("float", "bfloat")),
        )

    def assign(self, cell: Any, /) -> None:
        """Take the weights of the NumPy cell."""
        for path, value in weights(cell).items():
            self._slots[path].assign(value)

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros."""
        dtype = self.compute_dtype
        return [
            keras.ops.zeros((batch_size, *(p if isinstance(p, tuple) else (p,))), dtype)
            for p in self.state_size
        ]

    def step(self, x: Any, state: list[Any], /) -> tuple[Any, list[Any]]:
        """The equation on tensors: x a tensor or a tuple, the state's flat parts; gives the same."""
        tensor = keras.ops.convert_to_tensor
        cell = map_weights(lambda path, _: Value(tensor(self._slots[path])), self._cell)
        items = tuple(Value(item) for item in x) if isinstance(x, tuple) else Value(x)
        shape = map_sizes(lambda _: 0, cell.state_size)
        nest = states.unflatten_like(shape, [Value(part) for part in state])
        output, new = cell.step(OPS, items, nest)
        flat = [part.data for part in states.flatten(new)]
        outputs = [part.data for part in states.flatten(output)]
        return outputs[0] if len(outputs) == 1 else outputs, flat

    def call(self, inputs: Any, states: list[Any], training: bool = False) -> Any:
        """One step of ``keras.layers.RNN``."""
        return self.step(inputs, list(states))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "equation": self.equation, "parameters": self.parameters}


def size_parts(size: Any, /) -> list[Any]:
    """The leaves of a nest of sizes; a Dims is one."""
    found: list[Any] = []
    map_sizes(found.append, size)
    return found


def reference_cell(
    cell: Any, parameters: dict[str, str], name: str, dtype: str, /
) -> ReferenceCell:
    """The layer for a NumPy cell; its weights are assigned once it is built."""
    return ReferenceCell(encode(cell), dict(parameters), name=name, dtype=dtype)
