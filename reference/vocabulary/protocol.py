"""The vocabulary: the array operations in which every equation of this project is written.

An *interpreter* is an object with these methods. What an array is differs between interpreters (a NumPy array,
an expression, a Keras tensor, an ONNX value); the meaning of each operation does not. The interpreters:

==============================  =========================================================================
``reference.vocabulary.numpy``  not a module: :class:`reference.vocabulary.numpy_ops.NumpyOps` computes
``AbstractOps``                 dtype, symbolic shape and known values only (``reference.vocabulary.abstract``)
``Tracer``                      records an expression graph (``reference.vocabulary.tracer``)
``OnnxOps``                     emits ONNX nodes (``converters.to_onnx``)
``KerasOps``                    calls ``keras.ops`` (``converters.to_keras``)
==============================  =========================================================================

Rules all interpreters keep:

* Arrays overload ``+ - * /`` and unary ``-`` with the meaning of ``add subtract multiply divide negative``. A Python
  scalar takes the dtype of the array it meets. There is no other implicit promotion: two arrays have equal dtypes.
* Broadcasting is NumPy's.
* ``shape``-like arguments (``shape``, ``begin``, ``end``, ``paddings``, ``multiples``, ``indices``) may be a Python sequence
  whose items are ints or rank-0 integer arrays, or one integer array. ``axis``/``axes``/``perm`` are always Python ints;
  negative axes count from the end.
* Integer operations wrap; comparisons give bool; NaN propagates through ``maximum``/``minimum``/``clip`` as in TensorFlow.
* Nothing is computed in another dtype than its operands'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

Array = Any
"""Whatever the interpreter computes with."""

Ints = Any
"""A sequence of ints (or rank-0 integer arrays), or a rank-1 integer array."""

UNARY = (
    "negative abs sign exp expm1 log log1p sqrt rsqrt square reciprocal floor ceil round "
    "sin cos tan asin acos atan sinh cosh asinh acosh atanh tanh sigmoid erf "
    "softplus softsign relu relu6 elu selu is_nan is_inf is_finite logical_not"
).split()
"""``round`` rounds half to even; ``sign(0)`` is 0; ``is_*`` and ``logical_not`` give bool."""

BINARY = (
    "add subtract multiply divide floor_divide truncate_divide floor_mod truncate_mod power "
    "maximum minimum atan2 equal not_equal less less_equal greater greater_equal logical_and logical_or"
).split()
"""``divide`` is for floats; the ``floor_*`` round to minus infinity, the ``truncate_*`` to zero."""

REDUCTIONS = "sum mean max min prod any all logsumexp".split()
"""``(x, axes, keepdims=False)``; ``axes`` is a tuple of ints, or None for all."""


class Values(Protocol):
    """Constants, and what is known of an array while the equation is being read."""

    def constant(self, value: np.ndarray, /) -> Array:
        """A literal array."""
        ...

    def dtype_of(self, x: Array, /) -> str:
        """NumPy's name of the dtype."""
        ...

    def rank_of(self, x: Array, /) -> int:
        """Number of axes; NotConvertibleError where it is not known at build time."""
        ...

    def dims_of(self, x: Array, /) -> tuple[int | None, ...]:
        """Sizes known at build time (NumPy: all of them), None for the others."""
        ...

    def static(self, x: Array, /) -> np.ndarray | None:
        """The value, where it is known at build time (NumPy: always)."""
        ...

    def cast(self, x: Array, dtype: str, /) -> Array: ...


class Elementwise(Protocol):
    """Beside these, every name of UNARY ``(x)`` and BINARY ``(a, b)`` is a method."""

    def where(self, condition: Array, a: Array, b: Array, /) -> Array:
        """Selects, never multiplies: NaN in the unselected side does not leak."""
        ...

    def clip(self, x: Array, low: Array | float, high: Array | float, /) -> Array:
        """min(max(x, low), high)."""
        ...

    def leaky_relu(self, x: Array, alpha: float, /) -> Array:
        """max(x, alpha x) for alpha <= 1."""
        ...


class Linear(Protocol):
    def matmul(
        self, a: Array, b: Array, /, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> Array:
        """Over the last two axes, leading axes broadcast."""
        ...

    def einsum(self, equation: str, /, *operands: Array) -> Array: ...

    def conv(
        self,
        x: Array,
        kernel: Array,
        /,
        *,
        strides: Sequence[int],
        padding: str | Sequence[tuple[int, int]],
        dilations: Sequence[int],
        groups: int = 1,
    ) -> Array:
        """Cross-correlation, channels last: x [N, *spatial, C], kernel [*spatial, C/groups, F]. padding: "SAME", "VALID", pairs."""
        ...

    def conv_transpose(
        self,
        x: Array,
        kernel: Array,
        output_shape: Ints,
        /,
        *,
        strides: Sequence[int],
        padding: str,
    ) -> Array:
        """Gradient of conv with respect to its input; kernel [*spatial, F, C]."""
        ...

    def pool(
        self, x: Array, /, *, kind: str, window: Sequence[int], strides: Sequence[int], padding: str
    ) -> Array:
        """kind "max" or "mean" over the spatial axes of [N, *spatial, C]; padding never counts."""
        ...


class Shaping(Protocol):
    def shape(self, x: Array, /, *, dtype: str = "int32") -> Array:
        """Rank-1 integer array."""
        ...

    def reshape(self, x: Array, shape: Ints, /) -> Array:
        """One item may be -1."""
        ...

    def transpose(self, x: Array, perm: Sequence[int], /) -> Array: ...

    def expand_dims(self, x: Array, axis: int, /) -> Array: ...

    def squeeze(self, x: Array, axes: Sequence[int] | None, /) -> Array:
        """Without those axes, each of size 1; None: without all that turn out to be of size 1, so the rank is not known before."""
        ...

    def concat(self, xs: Sequence[Array], axis: int, /) -> Array: ...

    def stack(self, xs: Sequence[Array], axis: int, /) -> Array: ...

    def unstack(self, x: Array, axis: int, num: int, /) -> tuple[Array, ...]: ...

    def split(self, x: Array, sizes: Sequence[int], axis: int, /) -> tuple[Array, ...]: ...

    def strided_slice(self, x: Array, begin: Ints, end: Ints, strides: Sequence[int], /) -> Array:
        """One begin, end and stride per leading axis; NumPy's clamping; None in begin or end means "from the edge"."""
        ...

    def broadcast_to(self, x: Array, shape: Ints, /) -> Array: ...

    def tile(self, x: Array, multiples: Ints, /) -> Array: ...

    def pad(
        self, x: Array, paddings: Any, /, *, mode: str = "constant", value: float = 0.0
    ) -> Array:
        """paddings [rank, 2]; mode "constant", "reflect" or "symmetric"."""
        ...

    def reverse(self, x: Array, axes: Sequence[int], /) -> Array: ...

    def reverse_sequence(
        self, x: Array, lengths: Array, /, *, seq_axis: int, batch_axis: int
    ) -> Array:
        """The first lengths[b] items of row b reversed, the rest left in place."""
        ...

    def fill(self, shape: Ints, value: Array, /) -> Array:
        """value: rank 0."""
        ...

    def range(self, start: Array, limit: Array, delta: Array, /) -> Array: ...


class Indexing(Protocol):
    def gather(
        self, x: Array, indices: Array, /, *, axis: int = 0, batch_dims: int = 0
    ) -> Array: ...

    def gather_nd(self, x: Array, indices: Array, /, *, batch_dims: int = 0) -> Array: ...

    def scatter_nd(self, indices: Array, updates: Array, shape: Ints, /) -> Array:
        """Zeros of ``shape`` with updates added."""
        ...

    def one_hot(
        self, indices: Array, depth: int, on: Array, off: Array, /, *, axis: int = -1
    ) -> Array:
        """Out-of-range indices give a row of ``off``."""
        ...

    def argmax(self, x: Array, axis: int, /, *, dtype: str = "int64") -> Array:
        """The first of equals."""
        ...

    def argmin(self, x: Array, axis: int, /, *, dtype: str = "int64") -> Array: ...

    def top_k(self, x: Array, k: Array | int, /) -> tuple[Array, Array]:
        """Over the last axis, largest first, the lower index first among equals; int32 indices."""
        ...

    def nonzero(self, x: Array, /) -> Array:
        """int64 [count, rank], row-major order."""
        ...

    def unique(self, x: Array, /, *, dtype: str = "int32") -> tuple[Array, Array]:
        """Rank 1: values in order of first appearance, and each item's place among them."""
        ...


class Scans(Protocol):
    """Beside these, every name of REDUCTIONS ``(x, axes, keepdims=False)`` is a method."""

    def softmax(self, x: Array, axis: int, /) -> Array: ...

    def log_softmax(self, x: Array, axis: int, /) -> Array: ...

    def cumsum(
        self, x: Array, axis: int, /, *, exclusive: bool = False, reverse: bool = False
    ) -> Array: ...

    def cumprod(
        self, x: Array, axis: int, /, *, exclusive: bool = False, reverse: bool = False
    ) -> Array: ...


class Ops(Values, Elementwise, Linear, Shaping, Indexing, Scans, Protocol):
    """The whole vocabulary. UNARY, BINARY and REDUCTIONS are methods too."""

    def __getattr__(self, name: str) -> Any: ...
