"""Running a port as a user does who compiles it: one traced function for all sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from reference.errors import UsageError

Arrays = Mapping[str, np.ndarray]


def runner(model: Any, /) -> Callable[[Arrays], dict[str, np.ndarray]]:
    """``run(arrays by Keras name) -> arrays by Keras name``.

    On TensorFlow the model is traced once with the sizes open, as ``predict`` traces it: the loops run in the runtime, not in
    Python, and an empty batch works (called eagerly, Keras 3.15 takes a ``[0, n]`` matrix for a bias and fails). Elsewhere the
    model is called.

    Raises:
        UsageError: (``run``) an integer does not fit its input, which Keras would wrap around without a word.
    """
    function = _traced(model) if keras.backend.backend() == "tensorflow" else model

    def run(feeds: Arrays, /) -> dict[str, np.ndarray]:
        for name, value in feeds.items():
            _refuse_wide(name, np.asarray(value), str(model.input[name].dtype))
        tensors = {
            name: keras.ops.convert_to_tensor(value, dtype=model.input[name].dtype)
            for name, value in feeds.items()
        }
        results = function(tensors)
        return {name: _numpy(value) for name, value in results.items()}

    return run


def _refuse_wide(name: str, value: np.ndarray, dtype: str) -> None:
    if value.dtype.kind not in "iu" or not value.size or not dtype.startswith(("int", "uint")):
        return
    info = np.iinfo(dtype)
    far = next(
        (int(v) for v in (value.min(), value.max()) if not info.min <= int(v) <= info.max), None
    )
    if far is not None:
        msg = f"input {name!r}: {far} does not fit {dtype}, in which this model holds it on the {keras.backend.backend()} backend"
        raise UsageError(msg)


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
