"""Shapes: what moves items about and computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.dtypes import held
from converters.to_keras.ops.elementwise import tensors
from converters.to_keras.ops.value import NeedsRunTimeError, Value, known, raw
from converters.to_keras.ops.values import dtype_name, ints, symbolic

kops = keras.ops


def sizes(x: Any, /) -> tuple[Any, ...]:
    """The sizes of a tensor, scalar tensors for those known at run time only.

    Raises:
        NeedsRunTimeError: a KerasTensor has unknown sizes.
    """
    found = tuple(kops.shape(raw(x)))
    if any(size is None for size in found):
        msg = "a size is not known before the run"
        raise NeedsRunTimeError(msg)
    return found


class Shaping:
    """The vocabulary's ``Shaping`` on Keras tensors."""

    def shape(self, x: Any, /, *, dtype: str = "int32") -> Value:
        found = sizes(x)
        if all(isinstance(size, int) for size in found):
            return Value(np.asarray(found, dtype))
        return Value(kops.stack([kops.cast(size, held(dtype)) for size in found]))

    def reshape(self, x: Any, shape: Any, /) -> Value:
        return Value(kops.reshape(raw(x), ints(shape)))

    def transpose(self, x: Any, perm: Sequence[int], /) -> Value:
        return Value(kops.transpose(raw(x), tuple(int(p) for p in perm)))

    def expand_dims(self, x: Any, axis: int, /) -> Value:
        return Value(kops.expand_dims(raw(x), int(axis)))

    def squeeze(self, x: Any, axes: Sequence[int] | None, /) -> Value:
        data = raw(x)
        if axes is None:
            return Value(kops.squeeze(data))
        rank = len(data.shape)
        indexed = _indexed(data, {int(a) % rank for a in axes})
        if indexed is not None:
            return Value(indexed)
        for axis in sorted({int(a) % rank for a in axes}, reverse=True):
            # Keras refuses to squeeze an axis whose size it does not know, as after a slice of one item.
            open_axis = data.shape[axis] is None
            data = data[(slice(None),) * axis + (0,)] if open_axis else kops.squeeze(data, axis)
        return Value(data)

    def concat(self, xs: Sequence[Any], axis: int, /) -> Value:
        return Value(kops.concatenate(tensors(*xs), axis=int(axis)))

    def stack(self, xs: Sequence[Any], axis: int, /) -> Value:
        return Value(kops.stack(_scalars_as_tensors(tensors(*xs)), axis=int(axis)))

    def unstack(self, x: Any, axis: int, num: int, /) -> tuple[Value, ...]:
        return tuple(Value(item) for item in kops.unstack(raw(x), int(num), axis=int(axis)))

    def split(self, x: Any, sizes: Sequence[int], axis: int, /) -> tuple[Value, ...]:
        ends = [int(e) for e in np.cumsum([int(s) for s in sizes])]
        if len(ends) == 1:
            return (x if isinstance(x, Value) else Value(x),)
        if symbolic(x):
            return tuple(Value(part) for part in kops.split(raw(x), ends[:-1], axis=int(axis)))
        # Slices: TensorFlow's split refuses some empty arrays.
        before = (slice(None),) * (int(axis) % len(raw(x).shape))
        starts = [0, *ends[:-1]]
        return tuple(
            Value(raw(x)[(*before, slice(a, b))]) for a, b in zip(starts, ends, strict=True)
        )

    def strided_slice(self, x: Any, begin: Any, end: Any, strides: Sequence[int], /) -> Value:
        steps = [int(s) for s in strides]
        if keras.backend.backend() == "jax" and not isinstance(begin, Value | np.ndarray):
            x, begin, end = _moving(x, list(begin), list(end), steps)
        index = tuple(
            slice(a, b, None if s == 1 else s)
            for a, b, s in zip(ints(begin), ints(end), steps, strict=True)
        )
        return Value(raw(x)[index])

    def broadcast_to(self, x: Any, shape: Any, /) -> Value:
        return Value(kops.broadcast_to(raw(x), ints(shape)))

    def tile(self, x: Any, multiples: Any, /) -> Value:
        return Value(kops.tile(raw(x), ints(multiples)))

    def pad(self, x: Any, paddings: Any, /, *, mode: str = "constant", value: float = 0.0) -> Value:
        pairs = _pairs(paddings)
        if mode == "constant":
            constant = np.asarray(raw(value), dtype_name(x)).item() if known(value) else raw(value)
            return Value(kops.pad(raw(x), pairs, mode=mode, constant_values=constant))
        return Value(kops.pad(raw(x), pairs, mode=mode))

    def reverse(self, x: Any, axes: Sequence[int], /) -> Value:
        return Value(kops.flip(raw(x), axis=tuple(int(a) for a in axes)))

    def reverse_sequence(self, x: Any, lengths: Any, /, *, seq_axis: int, batch_axis: int) -> Value:
        data = raw(x)
        rank = len(data.shape)
        seq_axis, batch_axis = seq_axis % rank, batch_axis % rank
        # [B, T] positions, without asking how long T is.
        plane = kops.transpose(
            data,
            (batch_axis, seq_axis, *(a for a in range(rank) if a not in (batch_axis, seq_axis))),
        )
        plane = plane[(slice(None), slice(None), *([0] * (rank - 2)))]
        place = kops.cumsum(kops.ones_like(plane, dtype="int32"), axis=1) - 1
        count = kops.cast(raw(lengths), "int32")[:, None]
        place = kops.where(kops.less(place, count), count - 1 - place, place)
        if batch_axis > seq_axis:
            place = kops.transpose(place, (1, 0))
        shape_axes = [a for a in range(rank) if a not in (batch_axis, seq_axis)]
        place = kops.expand_dims(place, tuple(shape_axes)) if shape_axes else place
        return Value(kops.take_along_axis(data, place, axis=seq_axis))

    def fill(self, shape: Any, value: Any, /) -> Value:
        return Value(kops.broadcast_to(raw(value), ints(shape)))

    def range(self, start: Any, limit: Any, delta: Any, /) -> Value:
        if any(symbolic(v) for v in (start, limit, delta)):
            msg = "a range has a computed length"
            raise NeedsRunTimeError(msg)
        dtype = dtype_name(tensors(start, limit, delta)[0])
        parts = [
            raw(v).item() if isinstance(raw(v), np.ndarray) else raw(v)
            for v in (start, limit, delta)
        ]
        return Value(kops.arange(*parts, dtype=dtype))


def _moving(x: Any, begin: list[Any], end: list[Any], strides: list[int]) -> tuple[Any, ...]:
    """The axes cut to a fixed number of items from a computed place on, as JAX wants it; what is left to cut."""
    for axis, (a, b, step) in enumerate(zip(begin, end, strides, strict=True)):
        offset = getattr(b, "offset", None)
        if step == 1 and offset is not None and isinstance(a, Value) and offset[0] is a.data:
            places = kops.add(kops.cast(a.data, "int32"), np.arange(offset[1], dtype=np.int32))
            x, begin[axis], end[axis] = Value(kops.take(raw(x), places, axis=axis)), None, None
    return x, begin, end


def _indexed(data: Any, axes: set[int]) -> Any:
    """``x[2:3]`` squeezed is ``x[2]``, where a symbolic tensor comes from such a slice; else None."""
    if not symbolic(data):
        return None
    operation, place = data._keras_history[:2]
    if type(operation).__name__ != "GetItem":
        return None
    x, key = operation._inbound_nodes[place].arguments.args
    key = key if isinstance(key, tuple) else (key,)
    if len(key) < len(data.shape) or not all(isinstance(item, slice) for item in key):
        return None
    if not all(_one(key[axis]) for axis in axes):
        return None
    return x[tuple(item.start if axis in axes else item for axis, item in enumerate(key))]


def _one(item: slice) -> bool:
    """Whether a slice takes one item."""
    if not isinstance(item.start, int) or item.step not in (None, 1):
        return False
    return item.stop == item.start + 1 or (item.start == -1 and item.stop is None)


def _scalars_as_tensors(items: Sequence[Any]) -> list[Any]:
    """Keras writes a NumPy scalar into its file as a number, which ``stack`` refuses when the file is loaded."""
    like = next((item for item in items if symbolic(item)), None)
    if like is None or len(like.shape):
        return list(items)
    return [item if symbolic(item) else kops.add(kops.zeros_like(like), item) for item in items]


def _pairs(paddings: Any) -> Any:
    if isinstance(paddings, Value | np.ndarray):
        if not known(paddings):
            if symbolic(paddings):
                msg = "a padding is computed"
                raise NeedsRunTimeError(msg)
            return raw(paddings)
        return [(int(a), int(b)) for a, b in np.asarray(raw(paddings))]
    return [tuple(ints(pair)) for pair in paddings]
