"""The vocabulary over ``keras.ops``, on any Keras backend.

Arrays are :class:`~converters.to_keras.ops.value.Value`. What is known is folded by NumPy, so that shape arithmetic leaves
no trace; what a functional graph cannot express before it runs raises :class:`NeedsRunTimeError`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_keras.ops.elementwise import Elementwise
from converters.to_keras.ops.indexing import Indexing
from converters.to_keras.ops.linear import Linear
from converters.to_keras.ops.scans import Scans
from converters.to_keras.ops.shaping import Shaping
from converters.to_keras.ops.value import NeedsRunTimeError, Value, known, raw
from converters.to_keras.ops.values import Values
from reference.vocabulary.numpy_ops import NumpyOps

__all__ = ["KerasOps", "NeedsRunTimeError", "Value", "known", "raw"]


class KerasOps(Values, Elementwise, Linear, Shaping, Indexing, Scans):
    """:class:`reference.vocabulary.protocol.Ops` on backend tensors and on ``KerasTensor``.

    Example:
        >>> ops = KerasOps()
        >>> ops.truncate_divide(ops.constant(np.int32(-7)), 2).data.item()
        -3
    """


_NUMPY = NumpyOps()
_ARRAY = Value | np.ndarray | np.generic


def _arrays(argument: Any) -> list[Any]:
    if isinstance(argument, list | tuple):
        return [item for part in argument for item in _arrays(part)]
    return [argument] if isinstance(argument, _ARRAY) or hasattr(argument, "dtype") else []


def _plain(argument: Any) -> Any:
    if isinstance(argument, list | tuple):
        return type(argument)(_plain(item) for item in argument)
    return raw(argument)


def _held(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(Value(np.asarray(item)) for item in result)
    return Value(np.asarray(result))


def _folding(name: str, method: Any) -> Any:
    """The method, computed by NumPy where every array it is given is known."""

    def operation(self: KerasOps, *args: Any, **kwargs: Any) -> Any:
        arrays = _arrays([args, list(kwargs.values())])
        if all(known(array) for array in arrays):
            plain = {key: _plain(value) for key, value in kwargs.items()}
            return _held(getattr(_NUMPY, name)(*_plain(args), **plain))
        return method(self, *args, **kwargs)

    operation.__name__ = name
    operation.__doc__ = method.__doc__
    return operation


for _part in (Elementwise, Linear, Shaping, Indexing, Scans):
    for _name, _method in list(vars(_part).items()):
        if not _name.startswith("_"):
            setattr(KerasOps, _name, _folding(_name, _method))

Value.ops = KerasOps()
