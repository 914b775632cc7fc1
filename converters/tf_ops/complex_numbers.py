"""Complex tensors, which no target has: float arrays with a last axis of 2, the real and the imaginary part.

Spectra inside a model (``tf.signal.stft``, DCTs) are computed so; a model whose own inputs, outputs or variables are
complex is refused. A node is complex where one of its type attributes is (``T``, ``Tout``, ``DstT``); Fourier transforms always are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.tf_ops.table import (
    COMPLEX,
    Array,
    Function,
    apply,
    is_complex,
    known_int,
    refusal,
    tf_op,
)

BY_PARTS = (
    "Identity StopGradient PreventGradient ZerosLike Add AddV2 Sub AddN Neg Sum Mean Cumsum Reshape Transpose ExpandDims Squeeze Slice "
    "StridedSlice Concat ConcatV2 Pack Unpack Split SplitV Pad PadV2 MirrorPad Tile Gather GatherV2 GatherNd Reverse ReverseV2 "
    "BroadcastTo Fill Select SelectV2 Diag MatrixDiag UnsortedSegmentSum"
).split()
"""Linear in the tensor or only moving it about: the same for either part."""
REAL_RESULTS = frozenset(("Real", "Imag", "ComplexAbs", "Angle", "Shape", "Size", "Rank", "IRFFT"))
TRANSFORMS = frozenset(("RFFT", "FFT", "IFFT"))


def complex_op(*names: str) -> Callable[[Function], Function]:
    """Registers what an op does with complex operands."""

    def register(function: Function) -> Function:
        COMPLEX.update(dict.fromkeys(names, function))
        return function

    return register


def gives_complex(node: Node) -> bool:
    """Whether the node's results are."""
    if node.op == "Cast":
        return str(node.attr("DstT")).startswith("complex")
    return node.op in TRANSFORMS or (is_complex(node) and node.op not in REAL_RESULTS)


def as_parts(value: Any) -> Any:
    """A complex literal as this module's arrays are; any other as it is."""
    array = np.asarray(value)
    return np.stack([array.real, array.imag], -1) if array.dtype.kind == "c" else value


def parts(ops: Any, node: Node, x: Array) -> tuple[Array, Array]:
    """(real, imaginary).

    Raises:
        NotConvertibleError: the tensor comes from where complex numbers are not taken apart.
    """
    if not ops.dtype_of(x).startswith("float"):
        raise refusal(
            node, "it reads a complex input, variable or TensorList; complex numbers are ported inside a model only"
        )  # fmt: skip
    real, imaginary = ops.unstack(x, ops.rank_of(x) - 1, 2)
    return real, imaginary


def joined(ops: Any, real: Array, imaginary: Array) -> Array:
    """The complex array of these parts."""
    return ops.stack([real, imaginary], ops.rank_of(real))


@complex_op(*BY_PARTS)
def by_parts(ops: Any, node: Node, *inputs: Array) -> tuple[Array, ...]:
    """The op on the real parts and on the imaginary parts; indices, shapes and conditions are no complex numbers."""
    attrs = {k: DType("float32") if _complex_type(v) else v for k, v in node.attrs.items()}
    plain = replace(node, attrs=attrs)
    moved = [ops.dtype_of(x)[:3] in ("int", "uin", "boo") for x in inputs]
    pairs = [(x, x) if m else parts(ops, node, x) for x, m in zip(inputs, moved, strict=True)]
    results = zip(*(apply(ops, plain, [pair[k] for pair in pairs]) for k in range(2)), strict=True)
    return tuple(joined(ops, real, imaginary) for real, imaginary in results)


def _complex_type(value: Any) -> bool:
    return isinstance(value, DType) and value.startswith("complex")


@complex_op("Shape", "Size", "Rank")
def sizes(ops: Any, node: Node, x: Array) -> tuple[Array, ...]:
    """Of the tensor as TF has it."""
    return apply(ops, replace(node, attrs={**node.attrs, "T": DType("float32")}), parts(ops, node, x)[:1])  # fmt: skip


@complex_op("Const")
def const(ops: Any, node: Node) -> Array:
    """The literal."""
    return ops.constant(as_parts(node.attr("value")))


@complex_op("Cast")
def cast(ops: Any, node: Node, x: Array) -> Array:
    """A real tensor has no imaginary part; a complex one loses it."""
    source, target = (str(node.attr(k)) for k in ("SrcT", "DstT"))
    if target.startswith("complex"):
        if source.startswith("complex"):
            return ops.cast(x, _part(target))
        real = ops.cast(x, _part(target))
        return joined(ops, real, ops.subtract(real, real))
    return ops.cast(parts(ops, node, x)[0], target)


def _part(name: str) -> str:
    return "float32" if name == "complex64" else "float64"


@complex_op("Complex")
def complex_of(ops: Any, node: Node, real: Array, imaginary: Array) -> Array:
    """Both broadcast."""
    zero = ops.subtract(ops.add(real, imaginary), ops.add(real, imaginary))
    return joined(ops, ops.add(real, zero), ops.add(imaginary, zero))


@complex_op("Real")
def real(ops: Any, node: Node, x: Array) -> Array:
    """The real part."""
    return parts(ops, node, x)[0]


@complex_op("Imag")
def imag(ops: Any, node: Node, x: Array) -> Array:
    """The imaginary part."""
    return parts(ops, node, x)[1]


@complex_op("ComplexAbs")
def complex_abs(ops: Any, node: Node, x: Array) -> Array:
    """The modulus."""
    re, im = parts(ops, node, x)
    return ops.sqrt(ops.add(ops.square(re), ops.square(im)))


@complex_op("Angle")
def angle(ops: Any, node: Node, x: Array) -> Array:
    """The argument, in -pi to pi."""
    re, im = parts(ops, node, x)
    return ops.atan2(im, re)


@complex_op("Conj")
def conj(ops: Any, node: Node, x: Array) -> Array:
    """The conjugate."""
    re, im = parts(ops, node, x)
    return joined(ops, re, ops.negative(im))


@complex_op("Mul")
def multiply(ops: Any, node: Node, x: Array, y: Array) -> Array:
    """The product."""
    (a, b), (c, d) = parts(ops, node, x), parts(ops, node, y)
    return joined(ops, a * c - b * d, a * d + b * c)


@complex_op("RealDiv", "Div")
def divide(ops: Any, node: Node, x: Array, y: Array) -> Array:
    """The quotient."""
    (a, b), (c, d) = parts(ops, node, x), parts(ops, node, y)
    size = c * c + d * d
    return joined(ops, (a * c + b * d) / size, (b * c - a * d) / size)


@complex_op("Square")
def square(ops: Any, node: Node, x: Array) -> Array:
    """x * x."""
    return multiply(ops, node, x, x)


@complex_op("Exp")
def exp(ops: Any, node: Node, x: Array) -> Array:
    """e to the x."""
    re, im = parts(ops, node, x)
    size = ops.exp(re)
    return joined(ops, size * ops.cos(im), size * ops.sin(im))


@complex_op("MatMul", "BatchMatMul", "BatchMatMulV2")
def matmul(ops: Any, node: Node, x: Array, y: Array) -> Array:
    """A product of matrices; an adjoint is conjugate too."""
    (a, b), (c, d) = parts(ops, node, x), parts(ops, node, y)
    flags = {}
    for side, plain, adjoint in (("a", "transpose_a", "adj_x"), ("b", "transpose_b", "adj_y")):
        flags[plain] = bool(node.attr(plain, False)) or bool(node.attr(adjoint, False))
        if node.attr(adjoint, False):
            b, d = (ops.negative(b), d) if side == "a" else (b, ops.negative(d))

    def product(left: Array, right: Array) -> Array:
        return ops.matmul(left, right, **flags)

    return joined(ops, product(a, c) - product(b, d), product(a, d) + product(b, c))


@tf_op("RFFT")
def rfft(ops: Any, node: Node, x: Array, length: Array) -> Array:
    """The first n // 2 + 1 frequencies of the rows, cut to n."""
    n = known_int(ops, node, length, "length")
    cos, sin = waves(n, n, n // 2 + 1)
    x = fitted(ops, node, x, n)
    return joined(ops, _times(ops, x, cos), ops.negative(_times(ops, x, sin)))


@tf_op("IRFFT")
def irfft(ops: Any, node: Node, x: Array, length: Array) -> Array:
    """Real rows of n values from n // 2 + 1 frequencies."""
    n = known_int(ops, node, length, "length")
    count = n // 2 + 1
    cos, sin = waves(n, count, n)
    twice = np.full((count, 1), 2.0)
    twice[0] = 1.0
    if n % 2 == 0:
        twice[-1] = 1.0
    re, im = (fitted(ops, node, part, count) for part in parts(ops, node, x))
    return _times(ops, re, cos * twice / n) - _times(ops, im, sin * twice / n)


@complex_op("FFT", "IFFT")
@tf_op("FFT", "IFFT")
def fft(ops: Any, node: Node, x: Array) -> Array:
    """All frequencies of complex rows, or back."""
    re, im = parts(ops, node, x)
    n = ops.dims_of(re)[-1]
    if n is None:
        raise refusal(node, "the length of its rows is not known before the model runs")
    cos, sin = waves(n, n, n)
    if node.op == "IFFT":
        cos, sin = cos / n, -sin / n
    return joined(
        ops,
        _times(ops, re, cos) + _times(ops, im, sin),
        _times(ops, im, cos) - _times(ops, re, sin),
    )


def waves(n: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin of 2 pi k t / n, [rows, columns], float64; the angle is reduced first, in integers."""
    angles = 2 * np.pi * (np.outer(np.arange(rows), np.arange(columns)) % n) / n
    return np.cos(angles), np.sin(angles)


def _times(ops: Any, x: Array, matrix: np.ndarray) -> Array:
    waves = ops.constant(matrix.astype(ops.dtype_of(x)))
    if ops.rank_of(x) > 1:
        return ops.matmul(x, waves)
    return ops.squeeze(ops.matmul(ops.expand_dims(x, 0), waves), [0])


def fitted(ops: Any, node: Node, x: Array, n: int) -> Array:
    """The first n of the last axis; TF refuses fewer (core/kernels/fft_ops.cc, v1.15.5: "must have length of at least")."""
    size, rank = ops.dims_of(x)[-1], ops.rank_of(x)
    if size == n:
        return x
    if size is not None and size < n:
        raise refusal(node, f"its rows must have length of at least {n} but have {size}")
    return ops.strided_slice(x, [0] * rank, [None] * (rank - 1) + [n], [1] * rank)


for _name in ("Complex", "ComplexAbs", "Real", "Imag", "Conj", "Angle"):
    tf_op(_name)(COMPLEX[_name])
