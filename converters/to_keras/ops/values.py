"""Constants, and what is known before the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.dtypes import held
from converters.to_keras.ops.value import NeedsRunTimeError, Value, known, raw
from reference.errors import NotConvertibleError

kops = keras.ops


def dtype_name(x: Any, /) -> str:
    """NumPy's name of the dtype of a tensor, held or not."""
    data = raw(x)
    if isinstance(data, np.ndarray | np.generic):
        return "string" if data.dtype.kind in "OSU" else str(held(str(data.dtype)))
    return str(keras.backend.standardize_dtype(data.dtype))


def symbolic(x: Any, /) -> bool:
    """Whether x is a ``KerasTensor`` of a functional graph under construction."""
    return bool(keras.utils.is_keras_tensor(raw(x)))


def ints(values: Any, /) -> tuple[Any, ...]:
    """A shape-like argument as Python ints where they are known, else scalar tensors.

    Raises:
        NeedsRunTimeError: an item is a KerasTensor.
    """
    if isinstance(values, Value | np.ndarray) or not isinstance(values, Sequence):
        if known(values):
            return tuple(int(v) for v in np.asarray(raw(values)).reshape(-1))
        if symbolic(values):
            msg = "a size is computed"
            raise NeedsRunTimeError(msg)
        return tuple(kops.unstack(raw(values), axis=0))
    return tuple(_int(v) for v in values)


def _int(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    if known(value):
        return int(raw(value))
    if symbolic(value):
        msg = "a size is computed"
        raise NeedsRunTimeError(msg)
    return raw(value)


class Values:
    """The vocabulary's ``Values`` on Keras tensors."""

    def constant(self, value: np.ndarray, /) -> Value:
        return Value(np.asarray(value))

    def dtype_of(self, x: Any, /) -> str:
        return dtype_name(x)

    def rank_of(self, x: Any, /) -> int:
        shape = getattr(raw(x), "shape", None)
        rank = None if shape is None else getattr(shape, "rank", len(shape))
        if rank is None:
            msg = "a tensor of unknown rank has no Keras form; give its shape in the graph"
            raise NotConvertibleError(msg)
        return int(rank)

    def dims_of(self, x: Any, /) -> tuple[int | None, ...]:
        return tuple(None if d is None else int(d) for d in raw(x).shape)

    def static(self, x: Any, /) -> np.ndarray | None:
        return np.asarray(raw(x)) if known(x) else None

    def cast(self, x: Any, dtype: str, /) -> Value:
        if known(x):
            return Value(np.asarray(raw(x)).astype(dtype))
        if dtype_name(x) == held(dtype):
            return x if isinstance(x, Value) else Value(x)
        return Value(kops.cast(raw(x), held(dtype)))
