"""Running a port as a user does who compiles it: one traced function for all sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from converters.to_keras.backend import keras

Arrays = Mapping[str, np.ndarray]


def runner(model: Any, /) -> Callable[[Arrays], dict[str, np.ndarray]]:
    """``run(arrays by Keras name) -> arrays by Keras name``.

    On TensorFlow the model is traced once with the sizes open, as ``predict`` traces it: the loops run in the runtime, not in
    Python, and an empty batch works (called eagerly, Keras 3.15 takes a ``[0, n]`` matrix for a bias and fails). Elsewhere the
    model is called.
    """
    function = _traced(model) if keras.backend.backend() == "tensorflow" else model

    def run(feeds: Arrays, /) -> dict[str, np.ndarray]:
        tensors = {
            name: keras.ops.convert_to_tensor(value, dtype=model.input[name].dtype)
            for name, value in feeds.items()
        }
        results = function(tensors)
        return {name: _numpy(value) for name, value in results.items()}

    return run


def _traced(model: Any) -> Any:
    import tensorflow as tf

    signature = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for name, tensor in model.input.items()
    }
    return tf.function(lambda feeds: model(feeds), input_signature=[signature], autograph=False)


def _numpy(value: Any) -> np.ndarray:
    if keras.backend.backend() == "tensorflow":
        return np.asarray(value.numpy())
    return np.asarray(keras.ops.convert_to_numpy(value))
