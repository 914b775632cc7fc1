"""Gathering, scattering, ordering."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.dtypes import held
from converters.to_keras.idioms import marked
from converters.to_keras.ops.elementwise import tensors
from converters.to_keras.ops.shaping import sizes
from converters.to_keras.ops.value import NeedsRunTimeError, Value, raw
from converters.to_keras.ops.values import dtype_name, ints, symbolic

kops = keras.ops


def _product(factors: Any) -> Any:
    result: Any = 1
    for factor in factors:
        result = result * factor
    return result


def _open_sizes(x: Any, depth: int, dtype: str) -> tuple[Any, ...]:
    """The sizes of a symbolic tensor, scalar tensors for the open ones among the first ``depth``.

    Raises:
        NeedsRunTimeError: another is open.
    """
    shape = list(x.shape)
    if None in shape[depth:]:
        msg = "the items of a gather_nd have open sizes"
        raise NeedsRunTimeError(msg)
    for axis in range(1, depth):  # the first is never asked for
        if shape[axis] is None:
            others = tuple(a for a in range(len(shape)) if a != axis)
            line = kops.sum(kops.zeros_like(x, dtype=dtype), axis=others)
            shape[axis] = kops.sum(line + 1)
    return tuple(shape)


class Indexing:
    """The vocabulary's ``Indexing`` on Keras tensors."""

    def gather(self, x: Any, indices: Any, /, *, axis: int = 0, batch_dims: int = 0) -> Value:
        data, where = raw(x), raw(indices)
        rank = len(data.shape)
        axis = axis % rank
        if batch_dims == 0:
            return Value(kops.take(data, where, axis=axis))
        if axis != batch_dims:
            order = [*range(batch_dims), axis, *(a for a in range(batch_dims, rank) if a != axis)]
            moved = self.gather(
                kops.transpose(data, order), where, axis=batch_dims, batch_dims=batch_dims
            )
            inner = len(where.shape) - batch_dims
            back = [
                *range(batch_dims),
                *range(batch_dims + inner, axis + inner),
                *range(batch_dims, batch_dims + inner),
                *range(axis + inner, rank - 1 + inner),
            ]
            return Value(kops.transpose(raw(moved), back))
        batch, rest = sizes(data)[:batch_dims], sizes(data)[batch_dims:]
        rows = _product(batch)
        flat = kops.reshape(data, (rows * rest[0], *rest[1:]))
        inner_shape = sizes(where)[batch_dims:]
        start = kops.arange(0, rows, 1, dtype=dtype_name(where)) * kops.cast(
            rest[0], dtype_name(where)
        )
        # No -1: a batch may be empty.
        places = kops.reshape(where, (rows, _product(inner_shape))) + start[:, None]
        return Value(
            kops.reshape(kops.take(flat, places, axis=0), (*batch, *inner_shape, *rest[1:]))
        )

    def gather_nd(self, x: Any, indices: Any, /, *, batch_dims: int = 0) -> Value:
        data, where = raw(x), raw(indices)
        depth = where.shape[-1]
        if depth is None or batch_dims:
            msg = "gather_nd needs an index depth known at build time and no batch axes"
            raise NeedsRunTimeError(msg)
        if depth == 0:
            return Value(kops.broadcast_to(data, (*sizes(where)[:-1], *sizes(data))))
        if symbolic(x):
            shape = _open_sizes(data, depth, dtype_name(where))
        else:
            shape = sizes(data)
        flat = kops.reshape(data, (-1, *shape[depth:]))
        place: Any = 0
        for axis in range(depth):
            if axis:
                size = shape[axis]
                place = place * (size if symbolic(size) else kops.cast(size, dtype_name(where)))
            place = place + where[..., axis] if axis else where[..., axis]
        taken = kops.take(flat, place, axis=0)
        return Value(marked("gather_nd", taken, data, where) if symbolic(x) else taken)

    def scatter_nd(self, indices: Any, updates: Any, shape: Any, /) -> Value:
        return Value(kops.scatter(raw(indices), raw(updates), ints(shape)))

    def one_hot(self, indices: Any, depth: int, on: Any, off: Any, /, *, axis: int = -1) -> Value:
        where = raw(indices)
        rank = len(where.shape) + 1
        axis = axis % rank
        places = np.arange(int(depth)).astype(dtype_name(where))
        places = places.reshape([-1 if a == axis else 1 for a in range(rank)])
        hit = kops.equal(kops.expand_dims(where, axis), places)
        return Value(kops.where(hit, *tensors(on, off)))

    def argmax(self, x: Any, axis: int, /, *, dtype: str = "int64") -> Value:
        return Value(kops.cast(kops.argmax(raw(x), axis=int(axis)), held(dtype)))

    def argmin(self, x: Any, axis: int, /, *, dtype: str = "int64") -> Value:
        return Value(kops.cast(kops.argmin(raw(x), axis=int(axis)), held(dtype)))

    def top_k(self, x: Any, k: Any, /) -> tuple[Value, Value]:
        (count,) = ints([k])
        values, places = kops.top_k(raw(x), count, sorted=True)
        return Value(values), Value(kops.cast(places, "int32"))

    def nonzero(self, x: Any, /) -> Value:
        if symbolic(x):
            msg = "the number of places that are not zero is known at run time only"
            raise NeedsRunTimeError(msg)
        places = kops.nonzero(raw(x))
        return Value(kops.stack([kops.cast(p, held("int64")) for p in places], axis=1))

    def unique(self, x: Any, /, *, dtype: str = "int32") -> tuple[Value, Value]:
        data = raw(x)
        (length,) = sizes(data)
        # The place of each item's first appearance, then the rank of that place among the firsts.
        same = kops.equal(data[:, None], data[None, :])
        first = kops.argmax(kops.cast(same, "int32"), axis=1)
        leads = kops.equal(first, kops.arange(0, length, 1, dtype=dtype_name(first)))
        number = kops.cumsum(kops.cast(leads, held(dtype))) - 1
        (places,) = kops.nonzero(leads)
        return Value(kops.take(data, places)), Value(kops.take(number, first))
