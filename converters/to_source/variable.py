"""A weight that belongs to no layer."""

from __future__ import annotations

from typing import Any

from converters.to_keras.backend import keras


class Variable(keras.layers.Layer):
    """An array of the model by itself: called with any tensor, it gives the array."""

    def __init__(self, shape: Any, dtype: str = "float32", origin: str = "", **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.shape, self.held, self.origin = tuple(shape), dtype, origin or self.name
        trains = dtype.startswith("float")
        self.value = self.add_weight(name="value", shape=shape, dtype=dtype, trainable=trains)
        self.built = True

    def call(self, _: Any) -> Any:
        """The array."""
        return keras.ops.convert_to_tensor(self.value)

    def compute_output_spec(self, _: Any) -> Any:
        """Its shape is known."""
        return keras.KerasTensor(self.shape, self.held)
