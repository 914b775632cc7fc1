"""Every operation of the vocabulary in ONNX Runtime against NumPy: static and unknown sizes, odd values, several dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.errors import NotConvertibleError
from reference.vocabulary.numpy_ops import NumpyOps
from reference.vocabulary.protocol import BINARY, UNARY
from reference.vocabulary.signatures import SIGNATURES
from tests.converters.to_onnx_running import run_vocabulary, vocabulary_model

RNG = np.random.default_rng(7)
NAN, INF = np.nan, np.inf
ODD = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 3.5, 1e-6, -1e-6, 20.0, -20.0, 88.0, NAN, INF, -INF],
    np.float32,
)
TINY = (RNG.normal(size=16) * 1e-4).astype(np.float32)
X = RNG.normal(size=(2, 3, 4)).astype(np.float32)
Y = RNG.normal(size=(2, 3, 4)).astype(np.float32)
I = RNG.integers(-9, 9, (2, 3, 4)).astype(np.int32)  # noqa: E741
NZ = np.where(I == 0, 5, I).astype(np.int32)


def c(ops: Any, value: Any, dtype: str = "int32") -> Any:
    return ops.constant(np.asarray(value, dtype))


DOMAIN = {
    "log": (0, INF), "sqrt": (0, INF), "rsqrt": (0, INF), "acosh": (1, INF), "atanh": (-1, 1),
    "asin": (-1, 1), "acos": (-1, 1), "log1p": (-1, INF), "tan": (-1.5, 1.5), "sin": (-20, 20), "cos": (-20, 20),
}  # fmt: skip


def check(
    call: Any,
    *arrays: np.ndarray,
    tolerance: float = 0.0,
    absolute: float = 0.0,
    dynamic: Any = (False, True),
    opset: int = 17,
) -> None:
    """NumPy and ONNX Runtime agree: equal dtype, shape, NaN and infinities; values within ``tolerance``, relative."""
    wanted = call(NumpyOps(), *arrays)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for flag in dynamic:
        found = run_vocabulary(call, arrays, dynamic=flag, opset=opset)
        for a, b in zip(found, wanted, strict=True):
            assert str(a.dtype) == str(b.dtype)
            assert a.shape == b.shape
            if tolerance:
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=absolute or tolerance * 1e-6)
            else:
                np.testing.assert_array_equal(a, b)


FLOAT32_ONLY = {"asin", "acos", "atan", "erf"}
EXACT = {"negative", "abs", "sign", "floor", "ceil", "round", "relu", "relu6", "square"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", [o for o in UNARY if not o.startswith(("is_", "logical"))])
def test_unary(op: str, dtype: str) -> None:
    """Odd values and small ones; float64 where ONNX Runtime can, refused by name where not."""
    x = np.concatenate([ODD, TINY]).astype(dtype)
    low, high = DOMAIN.get(op, (-INF, INF))
    x = x[(x >= low) & (x <= high) | np.isnan(x)] if op in DOMAIN else x
    tolerance = 0.0 if op in EXACT else 4e-6 if dtype == "float32" else 1e-13
    # ONNX Runtime's sigmoid ends at exact zeros, its elu cancels near 0: both within half a unit of float32's 1.
    absolute = (1e-7 if dtype == "float32" else 1e-15) if op in ("sigmoid", "elu", "selu") else 0.0
    if dtype == "float64" and op in FLOAT32_ONLY:
        with pytest.raises(NotConvertibleError, match="float32 only"):
            check(lambda ops, x: getattr(ops, op)(x), x)
        return
    check(lambda ops, x: getattr(ops, op)(x), x, tolerance=tolerance, absolute=absolute)


@pytest.mark.parametrize("op", ["is_nan", "is_inf", "is_finite"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kinds_of_float(op: str, dtype: str) -> None:
    check(lambda ops, x: getattr(ops, op)(x), ODD.astype(dtype))


@pytest.mark.parametrize(
    "dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "float32", "float64"]
)
@pytest.mark.parametrize(
    "op",
    [o for o in BINARY if not o.startswith("logical") and o not in ("divide", "power", "atan2")],
)
def test_binary(op: str, dtype: str) -> None:
    a, b = RNG.integers(-9, 9, 40), RNG.integers(-9, 9, 40)
    if dtype.startswith("u"):
        a, b = abs(a), abs(b)
    if "float" in dtype:
        a, b = a * 0.75, b * 0.5
    b = np.where(b == 0, 2, b)
    check(lambda ops, x, y: getattr(ops, op)(x, y), a.astype(dtype), b.astype(dtype), tolerance=0)


@pytest.mark.parametrize(
    "op",
    [
        "add",
        "multiply",
        "divide",
        "maximum",
        "minimum",
        "less",
        "greater_equal",
        "equal",
        "not_equal",
        "atan2",
    ],
)
def test_binary_odd(op: str) -> None:
    """All pairs of odd values: NaN goes through maximum and minimum."""
    a, b = (g.ravel() for g in np.meshgrid(ODD, ODD))
    if op == "atan2":
        keep = np.isfinite(a) & np.isfinite(b)
        a, b = a[keep], b[keep]
    check(lambda ops, x, y: getattr(ops, op)(x, y), a, b, tolerance=2e-6 if op == "atan2" else 0)


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
def test_power(dtype: str) -> None:
    a, b = RNG.integers(1, 5, 20).astype(dtype), RNG.integers(0, 4, 20).astype(dtype)
    check(lambda ops, x, y: ops.power(x, y), a, b, tolerance=1e-6)
    check(lambda ops, x: ops.power(x, c(ops, 2, dtype)), a)


def test_broadcast_and_logic() -> None:
    check(lambda ops, x, y: ops.add(x, y), X, Y[:1, :, :1])
    check(lambda ops, x, y: ops.logical_and(x, ops.logical_not(ops.logical_or(x, y))), X > 0, Y > 0)
    check(lambda ops, x: (1.0 - x) / 2.0 + -x * 3.0, X, tolerance=1e-6)


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "int32", "int64", "int8", "int16", "uint8", "bool"]
)
def test_where(dtype: str) -> None:
    check(lambda ops, k, x, y: ops.where(k, x, y), X > 0, I.astype(dtype), NZ.astype(dtype))


def test_where_selects() -> None:
    """NaN in the branch that is not taken stays there."""
    check(lambda ops, k, x: ops.where(k, x, ops.constant(np.float32(0))), np.isfinite(ODD), ODD)


def test_clip() -> None:
    check(lambda ops, x: ops.clip(x, -0.5, 0.5), ODD)
    check(lambda ops, x, y: ops.clip(x, y, y + 1.0), X, Y)
    check(lambda ops, x: ops.clip(x, 0, 3), I)
    check(lambda ops, x: ops.leaky_relu(x, 0.2), ODD, tolerance=1e-6)


@pytest.mark.parametrize(
    "target", ["bool", "int32", "int64", "float32", "float64", "int8", "float16"]
)
def test_cast(target: str) -> None:
    check(lambda ops, x: ops.cast(x, target), X * 3)
    check(lambda ops, x: ops.cast(x, target), I)
    check(lambda ops, x: ops.cast(x, target), X > 0)


def test_matmul() -> None:
    a, b = X, RNG.normal(size=(4, 5)).astype(np.float32)
    check(lambda ops, x, y: ops.matmul(x, y), a, b, tolerance=1e-5)
    check(lambda ops, x, y: ops.matmul(x, y, transpose_a=True), X, Y, tolerance=1e-5)
    check(lambda ops, x, y: ops.matmul(x, y, transpose_b=True), X, Y, tolerance=1e-5)
    check(lambda ops, x, y: ops.einsum("abc,abd->acd", x, y), X, Y, tolerance=1e-5)
    check(lambda ops, x, y: ops.matmul(x, y), I[0, :, :3], I[1, :, :3])
    check(lambda ops, x, y: ops.matmul(x, y), a[:, :0], b, tolerance=1e-5)


CONVS = [
    {"strides": (1,), "padding": "SAME", "dilations": (1,)},
    {"strides": (2,), "padding": "SAME", "dilations": (1,)},
    {"strides": (1,), "padding": "VALID", "dilations": (2,)},
    {"strides": (1,), "padding": ((2, 0),), "dilations": (1,)},
    {"strides": (1,), "padding": "SAME", "dilations": (2,)},
]


@pytest.mark.parametrize("options", CONVS, ids=str)
@pytest.mark.parametrize("size", [7, 8])
def test_conv_1d(options: Any, size: int) -> None:
    x, k = RNG.normal(size=(2, size, 3)).astype("f"), RNG.normal(size=(3, 3, 4)).astype("f")
    check(lambda ops, x: ops.conv(x, ops.constant(k), **options), x, tolerance=1e-5, absolute=1e-5)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_2d(padding: str, groups: int) -> None:
    x = RNG.normal(size=(2, 7, 6, 4)).astype("f")
    k = RNG.normal(size=(3, 2, 4 // groups, 6)).astype("f")
    options: Any = {"strides": (2, 1), "padding": padding, "dilations": (1, 1), "groups": groups}
    check(lambda ops, x: ops.conv(x, ops.constant(k), **options), x, tolerance=1e-5, absolute=1e-5)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("size", [5, 6])
def test_conv_transpose(padding: str, size: int) -> None:
    k = RNG.normal(size=(3, 5, 4)).astype("f")
    n = -(-size // 2) if padding == "SAME" else -(-(size - 2) // 2)
    x = RNG.normal(size=(2, n, 4)).astype("f")

    def call(ops: Any, x: Any) -> Any:
        return ops.conv_transpose(x, ops.constant(k), [2, size, 5], strides=(2,), padding=padding)

    check(call, x, tolerance=1e-4, dynamic=(False,))


@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("size", [6, 7])
def test_pool(kind: str, padding: str, size: int) -> None:
    x = RNG.normal(size=(2, size, size, 3)).astype("f") - 3
    options: Any = {"kind": kind, "window": (3, 2), "strides": (2, 2), "padding": padding}
    check(lambda ops, x: ops.pool(x, **options), x, tolerance=1e-5)


SHAPING = {
    "shape": lambda ops, x: ops.shape(x),
    "shape64": lambda ops, x: ops.shape(x, dtype="int64"),
    "reshape": lambda ops, x: ops.reshape(x, [4, -1]),
    "reshape_parts": lambda ops, x: ops.reshape(x, [item(ops, x, 0), -1]),
    "reshape_swap": lambda ops, x: ops.reshape(x, [item(ops, x, 1), item(ops, x, 0), item(ops, x, 2)]),
    "reshape_vector": lambda ops, x: ops.reshape(x, ops.concat([ops.shape(x), c(ops, [1])], 0)),
    "reshape_product": lambda ops, x: ops.reshape(x, [ops.multiply(item(ops, x, 0), item(ops, x, 1)), 4]),
    "transpose": lambda ops, x: ops.transpose(x, (2, 0, 1)),
    "transpose_twice": lambda ops, x: ops.transpose(ops.transpose(x, (2, 0, 1)), (0, 2, 1)),
    "transpose_back": lambda ops, x: ops.transpose(ops.transpose(x, (1, 0, 2)), (1, 0, 2)),
    "expand": lambda ops, x: (ops.expand_dims(x, 1), ops.expand_dims(x, -1)),
    "squeeze": lambda ops, x: ops.squeeze(ops.strided_slice(x, [0, 1], [None, 2], [1, 1]), (1,)),
    "concat": lambda ops, x: ops.concat([x, x, x], -1),
    "stack": lambda ops, x: ops.stack([x, x], -1),
    "unstack": lambda ops, x: ops.unstack(x, 1, 3),
    "split": lambda ops, x: ops.split(x, (1, 3), -1),
    "slice": lambda ops, x: ops.strided_slice(x, [0, None, -3], [1, None, None], [1, 1, 2]),
    "slice_beyond": lambda ops, x: ops.strided_slice(x, [-9, 1], [9, 99], [1, 1]),
    "slice_back": lambda ops, x: ops.strided_slice(x, [None, None, -1], [None, 0, None], [-1, -1, -2]),
    "slice_empty": lambda ops, x: ops.strided_slice(x, [2], [1], [1]),
    "slice_dynamic": lambda ops, x: ops.strided_slice(x, [ops.subtract(item(ops, x, 1), c(ops, 2))], [item(ops, x, 1)], [1]),
    "broadcast": lambda ops, x: ops.broadcast_to(x, [2, *items(ops, x)]),
    "tile": lambda ops, x: ops.tile(x, [1, item(ops, x, 0), 2]),
    "pad": lambda ops, x: ops.pad(x, ((0, 0), (1, 2), (0, 1)), value=3.0),
    "pad_dynamic": lambda ops, x: ops.pad(x, ((0, 0), (item(ops, x, 0), 2), (0, 1))),
    "pad_reflect": lambda ops, x: ops.pad(x, ((0, 0), (1, 2), (0, 1)), mode="reflect"),
    "pad_symmetric": lambda ops, x: ops.pad(x, ((0, 0), (1, 2), (0, 1)), mode="symmetric"),
    "reverse": lambda ops, x: ops.reverse(x, (0, -1)),
    "fill": lambda ops, x: ops.fill([item(ops, x, 1), 2], ops.constant(np.float32(2.5))),
    "range": lambda ops, x: ops.range(c(ops, 0), item(ops, x, 1), c(ops, 1)),
    "range_down": lambda ops, x: ops.range(item(ops, x, 2), c(ops, -3), c(ops, -2)),
}  # fmt: skip


def item(ops: Any, x: Any, axis: int) -> Any:
    return ops.squeeze(ops.strided_slice(ops.shape(x), [axis], [axis + 1], [1]), (0,))


def items(ops: Any, x: Any) -> list[Any]:
    return [item(ops, x, axis) for axis in range(3)]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (name, dtype)
        for name in SHAPING
        for dtype in ("float32", "int32", "bool", "int8")
        if (name, dtype) != ("pad", "bool")  # False and True have no 3 between them
    ],
)
def test_shaping(name: str, dtype: str) -> None:
    check(SHAPING[name], (X * 5).astype(dtype))


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in SHAPING
        if n not in ("unstack", "reshape_parts", "pad_reflect", "pad_symmetric", "squeeze")
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_shaping_empty(name: str, axis: int) -> None:
    """Arrays without items."""
    check(
        SHAPING[name], np.zeros([0 if a == axis else n for a, n in enumerate(X.shape)], np.float32)
    )


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 0), (1, 2)])
def test_reverse_sequence(axes: tuple[int, int], dtype: str) -> None:
    """Lengths 0, 1 and all."""
    seq, batch = axes
    n = X.shape[batch]
    lengths = np.array([0, X.shape[seq], 1, 2][:n], dtype)
    check(lambda ops, x, s: ops.reverse_sequence(x, s, seq_axis=seq, batch_axis=batch), X, lengths)


INDEXING = {
    "gather": lambda ops, x, i: ops.gather(x, i),
    "gather_1": lambda ops, x, i: ops.gather(x, i, axis=1),
    "gather_constant": lambda ops, x, i: ops.gather(x, c(ops, [1, 0, 1])),
    "batch_gather": lambda ops, x, i: ops.gather(x, i, axis=1, batch_dims=1),
    "batch_gather_2": lambda ops, x, i: ops.gather(x, i, axis=2, batch_dims=1),
    "gather_nd": lambda ops, x, i: ops.gather_nd(x, i),
    "gather_nd_batch": lambda ops, x, i: ops.gather_nd(x, i, batch_dims=1),
    "scatter_nd": lambda ops, x, i: ops.scatter_nd(i, ops.gather_nd(x, i), [2, 3, 4]),
}  # fmt: skip


@pytest.mark.parametrize("name", INDEXING)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_indexing(name: str, dtype: str) -> None:
    indices = np.array([[0, 1], [1, 1]], dtype)
    check(
        INDEXING[name],
        X,
        indices,
        tolerance=1e-6,
        dynamic=(False,) if "nd" in name else (False, True),
    )


def test_negative_index_is_an_error() -> None:
    """ONNX would count from the end; TF refuses."""
    with pytest.raises(Exception, match="out of"):
        run_vocabulary(
            lambda ops, x, i: ops.gather(x, i), [X, np.array([-1], np.int32)], dynamic=True
        )


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(dtype: str, axis: int) -> None:
    """Out of range: a row of off."""
    i = np.array([[0, 3, 9], [2, 1, 1]]) - (0 if dtype == "uint8" else 1)
    check(
        lambda ops, x: ops.one_hot(
            x, 3, ops.constant(np.float32(2)), ops.constant(np.float32(-1)), axis=axis
        ),
        i.astype(dtype),
    )
    check(
        lambda ops, x: ops.one_hot(
            x, 3, ops.constant(np.array(True)), ops.constant(np.array(False))
        ),
        i.astype(dtype),
    )


def test_order() -> None:
    """The first of equals; the lower index first."""
    ties = np.array([[1, 3, 3, 2], [5, 5, 5, 5], [0, -1, 0, -1]])
    for dtype in ("float32", "float64", "int32", "int64"):
        check(
            lambda ops, x: (ops.argmax(x, -1), ops.argmin(x, 0, dtype="int32")), ties.astype(dtype)
        )
        check(lambda ops, x: ops.top_k(x, 3), ties.astype(dtype))
    check(lambda ops, x, k: ops.top_k(x, k), X, np.array(2, np.int32))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool", "uint8"])
def test_nonzero(dtype: str) -> None:
    check(lambda ops, x: ops.nonzero(x), (I * (I > 2)).astype(dtype))
    check(lambda ops, x: ops.nonzero(x), np.zeros((0, 3), dtype))


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
def test_unique(dtype: str) -> None:
    check(lambda ops, x: ops.unique(x), np.array([5, 3, 5, 1, 3, 9]).astype(dtype))


@pytest.mark.parametrize("opset", [17, 18, 21])
@pytest.mark.parametrize("op", ["sum", "mean", "max", "min", "prod", "logsumexp"])
def test_reductions(op: str, opset: int) -> None:
    for axes, keep in (((1,), False), ((0, -1), True), (None, False)):
        check(
            lambda ops, x, axes=axes, keep=keep: getattr(ops, op)(x, axes, keepdims=keep),
            X,
            tolerance=1e-5,
            opset=opset,
        )
    if op in ("sum", "max", "min", "prod"):
        check(lambda ops, x: getattr(ops, op)(x, (1,)), I, opset=opset)
    if op == "sum":
        check(lambda ops, x: ops.sum(x, (1,)), X[:, :0], opset=opset)


@pytest.mark.parametrize("opset", [17, 18])
def test_reductions_of_an_empty_batch(opset: int) -> None:
    """Along axes counted from the end, which ONNX Runtime itself leaves as they are."""
    empty = X[:0]
    for op in ("sum", "max", "min", "prod", "any", "all"):
        x = empty > 0 if op in ("any", "all") else empty
        check(lambda ops, x, op=op: getattr(ops, op)(x, (-1,)), x, opset=opset)
    check(lambda ops, x: (ops.argmax(x, -1), ops.argmin(x, -2)), empty, opset=opset)
    check(lambda ops, x: ops.mean(x, (-1,)), empty, opset=opset)


@pytest.mark.parametrize("op", ["any", "all"])
def test_logical_reductions(op: str) -> None:
    check(lambda ops, x: getattr(ops, op)(x, (1,)), X > 0)
    check(lambda ops, x: getattr(ops, op)(x, None, keepdims=True), X > -99)
    check(lambda ops, x: getattr(ops, op)(x, (1,)), X[:, :0] > 0)


def test_logsumexp_infinite() -> None:
    x = np.array([[-INF, -INF], [0, INF], [1, -INF], [1000, 1000]], np.float32)
    check(lambda ops, x: ops.logsumexp(x, (1,)), x, tolerance=1e-6)


def test_softmax() -> None:
    for axis in (-1, 1):
        check(
            lambda ops, x, axis=axis: (ops.softmax(x, axis), ops.log_softmax(x, axis)),
            X * 9,
            tolerance=1e-5,
            absolute=1e-6,
        )


@pytest.mark.parametrize("dtype", ["float32", "int32", "float64"])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running(dtype: str, exclusive: bool, reverse: bool) -> None:
    options: Any = {"exclusive": exclusive, "reverse": reverse}
    x = (X * 4).astype(dtype)
    check(lambda ops, x: ops.cumsum(x, 1, **options), x, tolerance=1e-5)
    check(lambda ops, x: ops.cumprod(x, 2, **options), x, tolerance=1e-5)


def test_constants_fold() -> None:
    """Shape arithmetic on known sizes writes no node."""
    model = vocabulary_model(
        lambda ops, x: ops.reshape(x, [item(ops, x, 1), -1]), [X], dynamic=False
    )
    assert [node.op_type for node in model.graph.node] == ["Reshape"]
    model = vocabulary_model(SHAPING["transpose_back"], [X], dynamic=True)
    assert [node.op_type for node in model.graph.node] == ["Identity"]


def test_every_operation_is_written() -> None:
    """No operation of the vocabulary lacks an emitter."""
    from converters.to_onnx.emit import emitter

    assert all(callable(emitter(op)) for op in SIGNATURES)


def test_deterministic() -> None:
    first = vocabulary_model(SHAPING["pad_dynamic"], [X], dynamic=True)
    second = vocabulary_model(SHAPING["pad_dynamic"], [X], dynamic=True)
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )


def test_sizes_that_are_no_polynomials() -> None:
    """Halves, remainders, the smaller and larger, what two broadcast to: read back from their names."""

    def call(ops: Any, x: Any, y: Any) -> Any:
        a, b = item(ops, x, 0), item(ops, x, 1)
        half = ops.floor_divide(ops.add(ops.multiply(a, b), 3), 2)
        rest = ops.floor_mod(ops.add(a, b), 3)
        dims = [half, ops.add(rest, 1), ops.minimum(a, b), ops.maximum(a, b)]
        return ops.fill(dims, ops.constant(np.float32(1))), ops.shape(ops.add(x, y))

    check(call, X, X[:1])
    check(call, X[:0], X[:1])
