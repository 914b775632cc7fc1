"""Elementwise operations: mostly the ``keras.ops`` function of the same meaning."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.ops.value import Value, known, raw
from converters.to_keras.ops.values import dtype_name
from reference.vocabulary.protocol import BINARY, UNARY

kops = keras.ops

RENAMED = {
    "is_nan": "isnan",
    "is_inf": "isinf",
    "is_finite": "isfinite",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "atan2": "arctan2",
    "floor_mod": "mod",
}
"""Names of ``keras.ops`` that differ from the vocabulary's."""

DIRECT = [name for name in [*UNARY, *BINARY] if name != "add" and not name.startswith("truncate")]
"""Operations that are one call of ``keras.ops``."""


def tensors(*operands: Any) -> list[Any]:
    """The tensors inside, Python scalars turned to the dtype of the array they meet.

    Raises:
        TypeError: two arrays differ in dtype (Keras would promote them; TF1 refuses).
    """
    dtypes = {dtype_name(x) for x in operands if hasattr(raw(x), "dtype")}
    if len(dtypes) > 1:
        msg = f"operands of different dtypes: {sorted(dtypes)}"
        raise TypeError(msg)
    dtype = dtypes.pop() if dtypes else None
    return [raw(x) if hasattr(raw(x), "dtype") else np.asarray(x, dtype) for x in operands]


def _alike(result: Any, operands: list[Any]) -> Any:
    """The result in the operands' dtype, as TensorFlow has it: Keras widens or narrows some integers."""
    wanted, found = dtype_name(operands[0]), dtype_name(result)
    return result if found in (wanted, "bool") else kops.cast(result, wanted)


def _function(name: str) -> Any:
    def operation(_self: Any, *operands: Any) -> Value:
        given = tensors(*operands)
        return Value(_alike(getattr(kops, RENAMED.get(name, name))(*given), given))

    operation.__name__ = name
    return operation


class Elementwise:
    """The vocabulary's ``Elementwise`` on Keras tensors."""

    def add(self, a: Any, b: Any, /) -> Value:
        given = tensors(a, b)
        result = Value(_alike(kops.add(*given), given))
        for base, more in ((a, b), (b, a)):
            if known(more) and np.ndim(raw(more)) == 0 and not known(base):
                result.offset = raw(base), int(raw(more))
        return result

    def truncate_divide(self, a: Any, b: Any, /) -> Value:
        a, b = tensors(a, b)
        quotient = kops.floor_divide(a, b)
        inexact = kops.not_equal(kops.multiply(quotient, b), a)
        opposite = kops.not_equal(kops.less(a, 0), kops.less(b, 0))
        below = kops.cast(kops.logical_and(inexact, opposite), dtype_name(quotient))
        return Value(kops.add(quotient, below))

    def truncate_mod(self, a: Any, b: Any, /) -> Value:
        a, b = tensors(a, b)
        # The sign is the dividend's, and the remainder of magnitudes is exact for floats too.
        rest = kops.mod(kops.abs(a), kops.abs(b))
        return Value(kops.where(kops.less(a, 0), kops.negative(rest), rest))

    def where(self, condition: Any, a: Any, b: Any, /) -> Value:
        return Value(kops.where(raw(condition), *tensors(a, b)))

    def clip(self, x: Any, low: Any, high: Any, /) -> Value:
        x, low, high = tensors(x, low, high)
        return Value(kops.minimum(kops.maximum(x, low), high))

    def leaky_relu(self, x: Any, alpha: float, /) -> Value:
        return Value(kops.leaky_relu(raw(x), negative_slope=float(alpha)))


for _name in DIRECT:
    setattr(Elementwise, _name, _function(_name))
