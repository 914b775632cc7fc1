"""The vocabulary over ``keras.ops``: every operation gives what NumPy gives, with its dtype and shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="what is tested makes Keras models")

from converters.to_keras.backend import keras
from converters.to_keras.ops import KerasOps, NeedsRunTimeError, Value
from reference.vocabulary.numpy_ops import NumpyOps
from reference.vocabulary.protocol import BINARY, REDUCTIONS, UNARY

KERAS, NUMPY = KerasOps(), NumpyOps()
RNG = np.random.default_rng(7)


def f(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


X, Y, X3 = f(3, 4), f(3, 4), f(3, 5, 2)
INTS = RNG.integers(-9, 9, (3, 4)).astype(np.int32)
J = (RNG.integers(1, 5, (3, 4)) * RNG.choice([-1, 1], (3, 4))).astype(np.int32)
IMAGE, KERNEL = f(2, 7, 6, 4), f(3, 2, 4, 5)
NAN = np.array([np.nan, 1, np.inf], np.float32)


def tensor(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return Value(keras.ops.convert_to_tensor(x))
    if isinstance(x, list) and x and isinstance(x[0], np.ndarray):
        return [tensor(item) for item in x]
    return x


def same(name: str, *args: Any, **options: Any) -> None:
    expected = getattr(NUMPY, name)(*args, **options)
    got = getattr(KERAS, name)(*[tensor(x) for x in args], **options)
    pairs = zip(*[r if isinstance(r, tuple) else (r,) for r in (expected, got)], strict=True)
    for want, found in pairs:
        value = keras.ops.convert_to_numpy(found.data)
        assert value.dtype == np.asarray(want).dtype
        assert value.shape == np.asarray(want).shape
        # One unit in the last place of a transcendental function, doubled by its argument's.
        np.testing.assert_allclose(value, want, rtol=3e-6, atol=1e-6)


DOMAIN = {
    **dict.fromkeys(("log", "sqrt", "rsqrt", "acosh"), np.abs(X) + 1),
    **dict.fromkeys(("asin", "acos", "atanh"), np.tanh(X)),
    "logical_not": X > 0,
}


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    same(name, DOMAIN.get(name, X))


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    if name.startswith("logical"):
        same(name, X > 0, Y > 0)
    elif name in ("truncate_divide", "truncate_mod", "floor_divide", "floor_mod"):
        same(name, INTS, J)
    else:
        same(name, np.abs(X), Y)


@pytest.mark.parametrize("name", ["floor_mod", "truncate_mod", "floor_divide"])
def test_remainders_of_floats(name: str) -> None:
    same(name, X, Y)


@pytest.mark.parametrize("axes", [(1,), (0, 1), None])
@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, axes: Any, keepdims: bool) -> None:
    same(name, X > 0 if name in ("any", "all") else X, axes, keepdims)


@pytest.mark.parametrize("name", ["sum", "max", "mean"])
def test_reductions_keep_integers(name: str) -> None:
    same(name, INTS.astype(np.int64), (0,))


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
def test_scans(name: str, exclusive: bool, reverse: bool) -> None:
    same(name, X3, 1, exclusive=exclusive, reverse=reverse)
    same(name, INTS, -1, exclusive=exclusive, reverse=reverse)


LENGTHS = np.array([0, 3, 5])
CASES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "reverse_sequence": ("reverse_sequence", (X3, LENGTHS), {"seq_axis": 1, "batch_axis": 0}),
    "reverse_sequence of a plane": ("reverse_sequence", (X3[..., 0], LENGTHS), {"seq_axis": 1, "batch_axis": 0}),
    "reverse_sequence time-major": (
        "reverse_sequence", (np.ascontiguousarray(X3.transpose(1, 0, 2)), LENGTHS), {"seq_axis": 0, "batch_axis": 1}
    ),
    "gather": ("gather", (X3, np.array([[0, 2], [1, 1]])), {"axis": 0}),
    "gather in rows": ("gather", (X3, np.array([[0, 4], [1, 1], [2, 3]])), {"axis": 1, "batch_dims": 1}),
    "gather in rows, last axis": ("gather", (X3, np.array([[0, 1], [1, 1], [0, 0]])), {"axis": 2, "batch_dims": 1}),
    "gather_nd": ("gather_nd", (X3, np.array([[0, 4], [2, 3]])), {}),
    "scatter_nd adds": ("scatter_nd", (np.array([[0], [2], [0]]), X, [5, 4]), {}),
    "one_hot out of range": ("one_hot", (INTS, 5, np.float32(2), np.float32(-1)), {}),
    "one_hot on axis 1": ("one_hot", (INTS, 5, np.float32(2), np.float32(-1)), {"axis": 1}),
    "argmax takes the first": ("argmax", (np.array([[1, 3, 3], [2, 2, 0]]), 1), {}),
    "argmin": ("argmin", (INTS, 0), {"dtype": "int32"}),
    "top_k": ("top_k", (X, 2), {}),
    "top_k takes the first": ("top_k", (np.array([[1.0, 3.0, 3.0, 1.0]], np.float32), 3), {}),
    "nonzero": ("nonzero", (X > 0,), {}),
    "unique": ("unique", (np.array([3, 1, 3, 2, 1]),), {}),
    "softmax": ("softmax", (X, -1), {}),
    "log_softmax": ("log_softmax", (X, 0), {}),
    "split": ("split", (X, [1, 3], 1), {}),
    "stack": ("stack", ([X, Y], 1), {}),
    "unstack": ("unstack", (X, 1, 4), {}),
    "concat": ("concat", ([X, Y], -1), {}),
    "strided_slice": ("strided_slice", (X3, [0, None], [2, None], [1, -1]), {}),
    "strided_slice backwards": ("strided_slice", (X3, [None, -1], [None, None], [2, -2]), {}),
    "pad": ("pad", (X, [(1, 2), (0, 1)]), {"value": 2.0}),
    "pad reflect": ("pad", (X, [(1, 2), (0, 1)]), {"mode": "reflect"}),
    "pad symmetric": ("pad", (X, [(1, 2), (0, 1)]), {"mode": "symmetric"}),
    "squeeze": ("squeeze", (X[None, :, :, None], [0, -1]), {}),
    "tile": ("tile", (X, [2, 1]), {}),
    "reverse": ("reverse", (X, [0, 1]), {}),
    "broadcast_to": ("broadcast_to", (X, [2, 3, 4]), {}),
    "conv same": ("conv", (IMAGE, KERNEL), {"strides": [2, 1], "padding": "SAME", "dilations": [1, 1]}),
    "conv padded": ("conv", (IMAGE, KERNEL), {"strides": [2, 1], "padding": [(1, 2), (0, 1)], "dilations": [1, 1]}),
    "conv dilated": ("conv", (IMAGE, KERNEL), {"strides": [1, 1], "padding": "SAME", "dilations": [2, 1]}),
    "conv depthwise": (
        "conv", (IMAGE, f(3, 2, 1, 8)), {"strides": [1, 1], "padding": "SAME", "dilations": [1, 1], "groups": 4}
    ),
    "conv of a line": ("conv", (X3, f(3, 2, 6)), {"strides": [2], "padding": "SAME", "dilations": [1]}),
    "conv_transpose same": (
        "conv_transpose", (IMAGE, f(3, 2, 5, 4), [2, 14, 6, 5]), {"strides": [2, 1], "padding": "SAME"}
    ),
    "conv_transpose valid": (
        "conv_transpose", (IMAGE, f(3, 2, 5, 4), [2, 15, 7, 5]), {"strides": [2, 1], "padding": "VALID"}
    ),
    "max pool": ("pool", (IMAGE,), {"kind": "max", "window": [2, 3], "strides": [2, 2], "padding": "SAME"}),
    "mean pool": ("pool", (IMAGE,), {"kind": "mean", "window": [2, 3], "strides": [2, 2], "padding": "SAME"}),
    "matmul": ("matmul", (X, Y), {"transpose_b": True}),
    "einsum": ("einsum", ("ij,kj->ik", X, Y), {}),
    "where": ("where", (X > 0, X, Y), {}),
    "where selects, NaN stays out": ("where", (np.array([False, True, True]), NAN, X[0, :3]), {}),
    "clip": ("clip", (X, -0.5, 0.5), {}),
    "clip keeps NaN": ("clip", (NAN, 0.0, 1.0), {}),
    "maximum keeps NaN": ("maximum", (NAN, NAN[::-1].copy()), {}),
    "leaky_relu": ("leaky_relu", (X, 0.2), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operation(case: str) -> None:
    name, args, options = CASES[case]
    same(name, *args, **options)


def test_what_is_known_is_folded() -> None:
    result = KERAS.concat([KERAS.constant(X), KERAS.constant(Y)], 0)
    assert isinstance(result.data, np.ndarray)
    assert KERAS.static(KERAS.shape(tensor(X))).tolist() == [3, 4]


def test_arrays_of_two_dtypes_are_refused() -> None:
    with pytest.raises(TypeError, match="different dtypes"):
        KERAS.add(tensor(X), tensor(INTS))


def test_an_unknown_size_of_a_symbolic_tensor_needs_the_run() -> None:
    x = Value(keras.Input(batch_shape=(None, 3)))
    with pytest.raises(NeedsRunTimeError):
        KERAS.shape(x)
