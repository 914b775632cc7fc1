"""Reductions, softmax and running sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.ops.value import NeedsRunTimeError, Value, raw
from converters.to_keras.ops.values import dtype_name, symbolic
from reference.vocabulary.protocol import REDUCTIONS

kops = keras.ops


def _reduction(name: str) -> Any:
    def operation(_self: Any, x: Any, axes: Any, keepdims: bool = False) -> Value:
        data = raw(x)
        axes = tuple(range(len(data.shape))) if axes is None else tuple(int(a) for a in axes)
        if not axes:
            return x if isinstance(x, Value) else Value(x)
        if name in ("max", "min") and keras.backend.backend() == "torch":
            result = _extreme(name, data, axes, keepdims)
        else:
            result = getattr(kops, name)(data, axis=axes, keepdims=keepdims)
        return Value(_as(result, dtype_name(x)))

    operation.__name__ = name
    return operation


def _extreme(name: str, data: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """PyTorch's own: Keras refuses empty arrays there, also where none of the axes is empty.

    Raises:
        NeedsRunTimeError: in a functional graph.
    """
    import torch

    if symbolic(data):
        msg = "an empty batch is known at run time"
        raise NeedsRunTimeError(msg)
    function = torch.amax if name == "max" else torch.amin
    return function(data, dim=axes, keepdim=keepdims)


def _as(result: Any, dtype: str) -> Any:
    return result if dtype_name(result) == dtype else kops.cast(result, dtype)


class Scans:
    """The vocabulary's ``Scans`` on Keras tensors."""

    def softmax(self, x: Any, axis: int, /) -> Value:
        return Value(kops.softmax(raw(x), axis=int(axis)))

    def log_softmax(self, x: Any, axis: int, /) -> Value:
        return Value(kops.log_softmax(raw(x), axis=int(axis)))

    def cumsum(
        self, x: Any, axis: int, /, *, exclusive: bool = False, reverse: bool = False
    ) -> Value:
        return Value(_scan(kops.cumsum, raw(x), axis, 0, exclusive=exclusive, reverse=reverse))

    def cumprod(
        self, x: Any, axis: int, /, *, exclusive: bool = False, reverse: bool = False
    ) -> Value:
        return Value(_scan(kops.cumprod, raw(x), axis, 1, exclusive=exclusive, reverse=reverse))


def _scan(
    function: Callable[..., Any], x: Any, axis: int, neutral: int, *, exclusive: bool, reverse: bool
) -> Any:
    rank = len(x.shape)
    axis = axis % rank
    dtype = dtype_name(x)
    if reverse:
        x = kops.flip(x, axis=(axis,))
    if exclusive:
        # One neutral item in front and the last cut off; subtracting x again would turn inf to NaN.
        pairs = [(int(a == axis), 0) for a in range(rank)]
        x = kops.pad(x, pairs, constant_values=neutral)
        x = x[tuple(slice(None, -1 if a == axis else None) for a in range(rank))]
    result = _as(function(x, axis=axis), dtype)
    return kops.flip(result, axis=(axis,)) if reverse else result


for _name in REDUCTIONS:
    setattr(Scans, _name, _reduction(_name))
