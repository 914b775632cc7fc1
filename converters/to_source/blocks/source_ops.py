"""The vocabulary as source writes it: ``keras.ops`` on symbolic tensors, where sizes known only at run time may stand too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.ops import KerasOps, NeedsRunTimeError, Value, known, raw
from converters.to_keras.ops.values import dtype_name, symbolic
from converters.to_source.blocks.operations import Text, size_vector
from converters.to_source.blocks.sizes import (
    computed,
    fixed,
    helped,
    item_of,
    items_of,
    peeled,
    scalar,
    shape_like,
    shape_text,
    sizes,
    slice_text,
    static,
    static_target,
    written,
)
from converters.to_source.literals import number

kops = keras.ops


class SourceOps(KerasOps):
    """Gives symbolic tensors that are never computed: the source is.

    Args:
        near: any tensor: what a call without operands is hung on.
    """

    def __init__(self, near: Any) -> None:
        self.near = near

    def vector(self, items: Sequence[Any], dtype: str = "int32") -> Value:
        """Sizes in a row; an array where all are known."""
        if fixed(items):
            return Value(np.asarray(items, dtype))
        return Value(size_vector(items, dtype, raw(self.near)))

    def shape(self, x: Any, /, *, dtype: str = "int32") -> Value:
        return self.vector(sizes(x), dtype)

    def cast(self, x: Any, dtype: str, /) -> Value:
        if computed(x) and len(raw(x).shape) == 1 and np.dtype(dtype).kind == "i":
            return self.vector(items_of(x) or [], dtype)
        return super().cast(x, dtype)

    def reshape(self, x: Any, shape: Any, /) -> Value:
        items, data = shape_like(shape), raw(x)
        if symbolic(x) and dtype_name(x).startswith("int"):
            held = [peeled(data)] if not len(data.shape) else items_of(x)
            if held is not None and fixed(items):
                count = [len(held) if n == -1 else n for n in items]
                if count == []:
                    return scalar(held[0], dtype_name(x))
                if count == [len(held)]:
                    return self.vector(held, dtype_name(x))
        open_ones = [item for item in items if symbolic(item)]
        if not open_ones or (len(open_ones) == 1 and -1 not in items and 0 not in items):
            return super().reshape(x, static_target(items))
        spec = tuple(None if symbolic(n) or n == -1 else n for n in items), dtype_name(x)
        return written(
            lambda text, args: f"ops.reshape({text(args[0])}, {shape_text(text, items)})",
            [data, *open_ones], spec, "reshape",
        )  # fmt: skip

    def squeeze(self, x: Any, axes: Sequence[int] | None, /) -> Value:
        if computed(x) and len(raw(x).shape) == 1:
            return scalar((items_of(x) or [0])[0], dtype_name(x))
        return super().squeeze(x, axes)

    def expand_dims(self, x: Any, axis: int, /) -> Value:
        if symbolic(x) and not raw(x).shape and dtype_name(x).startswith("int"):
            return self.vector([peeled(raw(x))], dtype_name(x))
        return super().expand_dims(x, axis)

    def concat(self, xs: Sequence[Any], axis: int, /) -> Value:
        if any(computed(x) for x in xs) and all(items_of(x) is not None for x in xs):
            return self.vector([n for x in xs for n in items_of(x) or []], dtype_name(xs[0]))
        return super().concat(xs, axis)

    def stack(self, xs: Sequence[Any], axis: int, /) -> Value:
        scalars = all(np.ndim(raw(x)) == 0 if known(x) else not raw(x).shape for x in xs)
        if scalars and all(dtype_name(x).startswith("int") for x in xs if hasattr(raw(x), "dtype")):
            return self.vector([item_of(x) for x in xs])
        return super().stack(xs, axis)

    def unstack(self, x: Any, axis: int, num: int, /) -> tuple[Value, ...]:
        if computed(x):
            return tuple(scalar(n, dtype_name(x)) for n in items_of(x) or [])
        return super().unstack(x, axis, num)

    def strided_slice(self, x: Any, begin: Any, end: Any, strides: Sequence[int], /) -> Value:
        first, last, steps = shape_like(begin), shape_like(end), [int(s) for s in strides]
        bounds = [n for n in (*first, *last) if symbolic(n)]
        if not bounds:
            if computed(x):
                held = items_of(x) or []
                return self.vector(held[slice(first[0], last[0], steps[0])], dtype_name(x))
            return super().strided_slice(x, first, last, strides)
        key = [
            slice(a, b, None if s == 1 else s) for a, b, s in zip(first, last, steps, strict=True)
        ]

        def write(text: Text, args: Sequence[Any]) -> str:
            return f"{text(args[0], 0)}[{', '.join(slice_text(text, one) for one in key)}{', ...' if len(key) == 1 else ''}]"

        shape = (n if k == slice(None) else None for n, k in zip(raw(x).shape, key, strict=False))
        return written(write, [raw(x), *bounds], (tuple(shape), dtype_name(x)), "get_item")

    def broadcast_to(self, x: Any, shape: Any, /) -> Value:
        items = shape_like(shape)
        if fixed(items):
            return super().broadcast_to(x, items)
        data = raw(x)

        def write(text: Text, _args: Sequence[Any]) -> str:
            return f"ops.broadcast_to({text(data)}, {shape_text(text, items)})"

        return written(write, [data, *items], (static(items), dtype_name(x)), "broadcast_to")

    def fill(self, shape: Any, value: Any, /) -> Value:
        items = shape_like(shape)
        if fixed(items) and not symbolic(value):
            return super().fill(items, value)
        if symbolic(value):
            return self.broadcast_to(value, items)
        held = np.asarray(raw(value))

        def write(text: Text, _args: Sequence[Any]) -> str:
            dims, dtype = shape_text(text, items), str(held.dtype)
            if held == 0:
                return (
                    f"ops.zeros({dims})"
                    if dtype == "float32"
                    else f'ops.zeros({dims}, dtype="{dtype}")'
                )
            return f'ops.full({dims}, {number(held)}, dtype="{dtype}")'

        return written(
            write, items, (static(items), str(held.dtype)), "zeros" if held == 0 else "full"
        )

    def tile(self, x: Any, multiples: Any, /) -> Value:
        items = shape_like(multiples)
        if fixed(items):
            return super().tile(x, items)
        data = raw(x)
        shape = [
            None if symbolic(m) or n is None else n * m
            for n, m in zip(data.shape, items, strict=True)
        ]

        def write(text: Text, _args: Sequence[Any]) -> str:
            return f"ops.tile({text(data)}, {shape_text(text, items)})"

        return written(write, [data, *items], (shape, dtype_name(x)), "tile")

    def range(self, start: Any, limit: Any, delta: Any, /) -> Value:
        parts = [item_of(v) for v in (start, limit, delta)]
        if fixed(parts):
            return super().range(start, limit, delta)
        dtype = next(dtype_name(v) for v in (start, limit, delta) if hasattr(raw(v), "dtype"))
        shown = (
            parts
            if parts[2] != 1
            else parts[:2]
            if parts[0] != 0 or symbolic(parts[0])
            else [parts[1]]
        )

        def write(text: Text, _args: Sequence[Any]) -> str:
            more = "" if dtype == "int32" else f', dtype="{dtype}"'
            return f"ops.arange({', '.join(text(n) for n in shown)}{more})"

        return written(write, parts, ((None,), dtype), "arange")

    def pad(self, x: Any, paddings: Any, /, *, mode: str = "constant", value: float = 0.0) -> Value:
        if isinstance(paddings, Sequence):
            pairs = [shape_like(pair) for pair in paddings]
            if not all(fixed(pair) for pair in pairs):
                return self._pad(raw(x), pairs, mode, value)
        return super().pad(x, paddings, mode=mode, value=value)

    def _pad(self, data: Any, pairs: list[list[Any]], mode: str, value: Any) -> Value:
        if mode != "constant" or symbolic(value):
            msg = "a computed padding of another mode"
            raise NeedsRunTimeError(msg)
        more = (
            ""
            if not np.asarray(raw(value))
            else f", constant_values={number(np.asarray(raw(value)))}"
        )

        def write(text: Text, args: Sequence[Any]) -> str:
            inner = ", ".join(shape_text(text, pair) for pair in pairs)
            return f"ops.pad({text(args[0])}, ({inner},){more})"

        shape = [
            None if n is None or not fixed(p) else n + sum(p)
            for n, p in zip(data.shape, pairs, strict=True)
        ]
        return written(
            write, [data, *(n for pair in pairs for n in pair)], (shape, dtype_name(data)), "pad"
        )

    def gather(self, x: Any, indices: Any, /, *, axis: int = 0, batch_dims: int = 0) -> Value:
        data, where = raw(x), raw(indices)
        if computed(x) and known(indices):
            held = items_of(x) or []
            if not np.ndim(where):
                return scalar(held[int(where)], dtype_name(x))
            return self.vector([held[int(n)] for n in np.asarray(where)], dtype_name(x))
        rank = len(data.shape)
        if batch_dims and axis % rank == batch_dims and len(where.shape) == batch_dims + 1:
            more = tuple(range(batch_dims + 1, rank))
            place = kops.expand_dims(where, more[0] if len(more) == 1 else more) if more else where
            return Value(kops.take_along_axis(data, place, axis=batch_dims))
        return super().gather(x, indices, axis=axis, batch_dims=batch_dims)

    def scatter_nd(self, indices: Any, updates: Any, shape: Any, /) -> Value:
        items = shape_like(shape)
        if fixed(items):
            return super().scatter_nd(indices, updates, items)
        where, data = raw(indices), raw(updates)

        def write(text: Text, _args: Sequence[Any]) -> str:
            return f"ops.scatter({text(where)}, {text(data)}, {shape_text(text, items)})"

        return written(
            write, [where, data, *items], (static(items), dtype_name(updates)), "scatter"
        )

    def nonzero(self, x: Any, /) -> Value:
        if not symbolic(x):
            return super().nonzero(x)
        data = raw(x)

        def write(text: Text, _args: Sequence[Any]) -> str:
            return f'ops.cast(ops.stack(ops.nonzero({text(data)}), axis=1), "int64")'

        return written(write, [data], ((None, len(data.shape)), "int64"), "nonzero")

    def put(self, rows: Value, place: Value, item: Value, /) -> Value:
        """The rows, ``item`` at ``place``."""
        return helped("put", rows, [rows, place, item], rows.data.shape)

    def cut(self, rows: Value, count: Value, /) -> Value:
        """The first ``count`` rows."""
        return helped("cut", rows, [rows, count], (None, *rows.data.shape[1:]))

    def prod(self, x: Any, axes: Any, keepdims: bool = False) -> Value:
        if not computed(x) or len(raw(x).shape) != 1 or keepdims:
            found: Value = getattr(super(), "prod")(x, axes, keepdims)  # noqa: B009
            return found
        result: Any = None
        for n in items_of(x) or []:
            result = n if result is None else result * n
        return scalar(1 if result is None else result, dtype_name(x))
