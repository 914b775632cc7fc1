"""The vocabulary over symbolic TensorFlow tensors: ``TfOps`` turns an equation into TF1 graph nodes.

Every operation has its gradient in TensorFlow, so a cell whose step runs here can be trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from porting.tf1.runtime import tf
from reference.errors import NotConvertibleError

Array = Any

_UNARY = {
    "negative": tf.negative, "abs": tf.abs, "sign": tf.sign, "exp": tf.exp, "expm1": tf.math.expm1,
    "log": tf.math.log, "log1p": tf.math.log1p, "sqrt": tf.sqrt, "rsqrt": tf.math.rsqrt,
    "square": tf.square, "reciprocal": tf.math.reciprocal, "floor": tf.floor, "ceil": tf.math.ceil,
    "round": tf.round, "sin": tf.sin, "cos": tf.cos, "tan": tf.tan, "asin": tf.asin, "acos": tf.acos,
    "atan": tf.atan, "sinh": tf.sinh, "cosh": tf.cosh, "asinh": tf.asinh, "acosh": tf.acosh,
    "atanh": tf.atanh, "tanh": tf.tanh, "sigmoid": tf.sigmoid, "erf": tf.math.erf,
    "softplus": tf.nn.softplus, "softsign": tf.nn.softsign, "relu": tf.nn.relu, "relu6": tf.nn.relu6,
    "elu": tf.nn.elu, "selu": tf.nn.selu, "is_nan": tf.math.is_nan, "is_inf": tf.math.is_inf,
    "is_finite": tf.math.is_finite, "logical_not": tf.logical_not,
}  # fmt: skip

_BINARY = {
    "add": tf.add, "subtract": tf.subtract, "multiply": tf.multiply, "divide": tf.realdiv,
    "floor_divide": tf.math.floordiv, "truncate_divide": tf.truncatediv, "floor_mod": tf.math.floormod,
    "truncate_mod": tf.truncatemod, "power": tf.pow, "maximum": tf.maximum, "minimum": tf.minimum,
    "atan2": tf.math.atan2, "equal": tf.equal, "not_equal": tf.not_equal, "less": tf.less,
    "less_equal": tf.less_equal, "greater": tf.greater, "greater_equal": tf.greater_equal,
    "logical_and": tf.logical_and, "logical_or": tf.logical_or,
}  # fmt: skip

_REDUCTIONS = {
    "sum": tf.reduce_sum, "mean": tf.reduce_mean, "max": tf.reduce_max, "min": tf.reduce_min,
    "prod": tf.reduce_prod, "any": tf.reduce_any, "all": tf.reduce_all, "logsumexp": tf.reduce_logsumexp,
}  # fmt: skip


def _reduction(function: Any) -> Any:
    def reduce(x: Array, axes: Any, keepdims: bool = False) -> Array:
        return function(x, axis=None if axes is None else list(axes), keepdims=keepdims)

    return reduce


class _Values:
    def constant(self, value: Any, /) -> Array:
        return tf.constant(np.asarray(value))

    def dtype_of(self, x: Array, /) -> str:
        return str(tf.as_dtype(x.dtype).base_dtype.name)

    def dims_of(self, x: Array, /) -> tuple[int | None, ...]:
        self.rank_of(x)
        return tuple(x.shape.as_list())

    def rank_of(self, x: Array, /) -> int:
        """NotConvertibleError where the rank is not static."""
        if x.shape.ndims is None:
            msg = f"the rank of {getattr(x, 'name', x)} is not known when the graph is built: give it a static shape"
            raise NotConvertibleError(msg)
        return int(x.shape.ndims)

    def static(self, x: Array, /) -> np.ndarray | None:
        return x if isinstance(x, np.ndarray) else tf.get_static_value(x)

    def cast(self, x: Array, dtype: str, /) -> Array:
        return tf.cast(x, dtype)

    def stop_gradient(self, x: Array, /) -> Array:
        return tf.stop_gradient(x)


class _Elementwise:
    def where(self, condition: Array, a: Array, b: Array, /) -> Array:
        return tf.where_v2(condition, a, b)

    def clip(self, x: Array, low: Any, high: Any, /) -> Array:
        return tf.clip_by_value(x, low, high)

    def leaky_relu(self, x: Array, alpha: float, /) -> Array:
        return tf.nn.leaky_relu(x, alpha)


class _Linear:
    def matmul(
        self, a: Array, b: Array, /, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> Array:
        return tf.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)

    def einsum(self, equation: str, /, *operands: Array) -> Array:
        return tf.einsum(equation, *operands)

    def conv(
        self, x: Array, kernel: Array, /, *, strides: Any, padding: Any, dilations: Any, groups: int = 1
    ) -> Array:  # fmt: skip
        """Explicit paddings become a Pad, since not every rank takes them."""
        if groups != 1:
            # TF's own kernels derive the groups from the shapes.
            pass
        if not isinstance(padding, str):
            x, padding = tf.pad(x, [(0, 0), *padding, (0, 0)]), "VALID"
        return tf.nn.convolution(
            x, kernel, padding=padding, strides=list(strides), dilation_rate=list(dilations)
        )

    def conv_transpose(
        self, x: Array, kernel: Array, output_shape: Any, /, *, strides: Any, padding: str
    ) -> Array:
        return tf.nn.conv_transpose(
            x, kernel, _ints(output_shape), strides=list(strides), padding=padding
        )

    def pool(self, x: Array, /, *, kind: str, window: Any, strides: Any, padding: str) -> Array:
        pooling = {"max": "MAX", "mean": "AVG"}[kind]
        return tf.nn.pool(
            x,
            window_shape=list(window),
            pooling_type=pooling,
            strides=list(strides),
            padding=padding,
        )


class _Shaping:
    def shape(self, x: Array, /, *, dtype: str = "int32") -> Array:
        return tf.shape(x, out_type=tf.as_dtype(dtype))

    def reshape(self, x: Array, shape: Any, /) -> Array:
        return tf.reshape(x, _ints(shape))

    def transpose(self, x: Array, perm: Sequence[int], /) -> Array:
        return tf.transpose(x, list(perm))

    def expand_dims(self, x: Array, axis: int, /) -> Array:
        return tf.expand_dims(x, axis)

    def squeeze(self, x: Array, axes: Sequence[int], /) -> Array:
        return tf.squeeze(x, axis=list(axes))

    def concat(self, xs: Sequence[Array], axis: int, /) -> Array:
        return tf.concat(list(xs), axis)

    def stack(self, xs: Sequence[Array], axis: int, /) -> Array:
        return tf.stack(list(xs), axis)

    def unstack(self, x: Array, axis: int, num: int, /) -> tuple[Array, ...]:
        return tuple(tf.unstack(x, num, axis))

    def split(self, x: Array, sizes: Sequence[int], axis: int, /) -> tuple[Array, ...]:
        return tuple(tf.split(x, [int(size) for size in sizes], axis))

    def strided_slice(self, x: Array, begin: Any, end: Any, strides: Sequence[int], /) -> Array:
        items = zip(_edges(begin), _edges(end), strides, strict=True)
        return x[tuple(slice(b, e, s) for b, e, s in items)]

    def broadcast_to(self, x: Array, shape: Any, /) -> Array:
        return tf.broadcast_to(x, _ints(shape))

    def tile(self, x: Array, multiples: Any, /) -> Array:
        return tf.tile(x, _ints(multiples))

    def pad(
        self, x: Array, paddings: Any, /, *, mode: str = "constant", value: float = 0.0
    ) -> Array:
        return tf.pad(x, paddings, mode=mode.upper(), constant_values=value)

    def reverse(self, x: Array, axes: Sequence[int], /) -> Array:
        return tf.reverse(x, list(axes))

    def reverse_sequence(
        self, x: Array, lengths: Array, /, *, seq_axis: int, batch_axis: int
    ) -> Array:
        return tf.reverse_sequence(x, lengths, seq_axis=seq_axis, batch_axis=batch_axis)

    def fill(self, shape: Any, value: Array, /) -> Array:
        return tf.fill(_ints(shape), value)

    def range(self, start: Array, limit: Array, delta: Array, /) -> Array:
        return tf.range(start, limit, delta)


class _Indexing:
    def gather(self, x: Array, indices: Array, /, *, axis: int = 0, batch_dims: int = 0) -> Array:
        return tf.gather(x, indices, axis=axis, batch_dims=batch_dims)

    def gather_nd(self, x: Array, indices: Array, /, *, batch_dims: int = 0) -> Array:
        return tf.gather_nd(x, indices, batch_dims=batch_dims)

    def scatter_nd(self, indices: Array, updates: Array, shape: Any, /) -> Array:
        return tf.scatter_nd(indices, updates, _ints(shape))

    def one_hot(
        self, indices: Array, depth: int, on: Array, off: Array, /, *, axis: int = -1
    ) -> Array:
        return tf.one_hot(indices, depth, on, off, axis=axis)

    def argmax(self, x: Array, axis: int, /, *, dtype: str = "int64") -> Array:
        return tf.argmax(x, axis, output_type=tf.as_dtype(dtype))

    def argmin(self, x: Array, axis: int, /, *, dtype: str = "int64") -> Array:
        return tf.argmin(x, axis, output_type=tf.as_dtype(dtype))

    def top_k(self, x: Array, k: Any, /) -> tuple[Array, Array]:
        values, indices = tf.nn.top_k(x, k)
        return values, indices

    def nonzero(self, x: Array, /) -> Array:
        return tf.where(x)

    def unique(self, x: Array, /, *, dtype: str = "int32") -> tuple[Array, Array]:
        values, places = tf.unique(x, out_idx=tf.as_dtype(dtype))
        return values, places


class TfOps(_Values, _Elementwise, _Linear, _Shaping, _Indexing):
    """:class:`reference.vocabulary.protocol.Ops` on tensors of the current graph."""

    def softmax(self, x: Array, axis: int, /) -> Array:
        return tf.nn.softmax(x, axis=axis)

    def log_softmax(self, x: Array, axis: int, /) -> Array:
        return tf.nn.log_softmax(x, axis=axis)

    def cumsum(
        self, x: Array, axis: int, /, *, exclusive: bool = False, reverse: bool = False
    ) -> Array:
        return tf.cumsum(x, axis, exclusive=exclusive, reverse=reverse)

    def cumprod(
        self, x: Array, axis: int, /, *, exclusive: bool = False, reverse: bool = False
    ) -> Array:
        return tf.math.cumprod(x, axis, exclusive=exclusive, reverse=reverse)


for _name, _function in (_UNARY | _BINARY).items():
    setattr(TfOps, _name, staticmethod(_function))
for _name, _function in _REDUCTIONS.items():
    setattr(TfOps, _name, staticmethod(_reduction(_function)))

OPS: Any = TfOps()
"""The one instance; it has no state."""


def _ints(values: Any) -> Any:
    """A shape-like argument as TensorFlow takes it."""
    return list(values) if isinstance(values, tuple) else values


def _edges(values: Any) -> list[Any]:
    if isinstance(values, tuple | list):
        return list(values)
    known = tf.get_static_value(values)
    return list(known) if known is not None else tf.unstack(values)
