"""NumpyOps keeps the vocabulary's contract: names, dtypes, IEEE results, refusals. Numbers: tests/converters/test_tf_ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.errors import SemanticsError
from reference.vocabulary import protocol
from reference.vocabulary.numpy_ops import NumpyOps

OPS, TWIN = NumpyOps(), NumpyOps(widen=True)
FLOATS = np.array([-3.5, -1.0, -0.25, 0.0, 0.5, 1.0, 2.75])
PARTS = (
    protocol.Values, protocol.Elementwise, protocol.Linear, protocol.Shaping, protocol.Indexing,
    protocol.Scans,
)  # fmt: skip


def test_the_whole_vocabulary_is_there() -> None:
    names = [*protocol.UNARY, *protocol.BINARY, *protocol.REDUCTIONS]
    names += [name for part in PARTS for name in vars(part) if not name.startswith("_")]
    assert [name for name in names if not callable(getattr(OPS, name, None))] == []


FLOAT_UNARY = [n for n in protocol.UNARY if not n.startswith("is_") and n != "logical_not"]
FLOAT_BINARY = [n for n in protocol.BINARY if not n.startswith("logical")]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", FLOAT_UNARY)
def test_unary_keeps_dtype_and_never_warns(name: str, dtype: str) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e4, -1e4], dtype)
    for x in (FLOATS.astype(dtype), odd, np.zeros((0, 2), dtype), np.array(0.5, dtype)):
        got = getattr(OPS, name)(x)
        assert (got.dtype, got.shape) == (x.dtype, x.shape)
        assert isinstance(got, np.ndarray)
        wide = getattr(TWIN, name)(x)
        assert wide.dtype == np.float64


@pytest.mark.parametrize("name", FLOAT_BINARY)
def test_binary_takes_scalars_and_refuses_mixtures(name: str) -> None:
    x = FLOATS.astype("float32")
    method = getattr(OPS, name)
    compares = name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    for got in (method(x, 0.5), method(0.5, x), method(x, x[::-1])):
        assert got.dtype == (np.bool_ if compares else np.float32)
    with pytest.raises(SemanticsError, match="float32 and float64"):
        method(x, FLOATS)
    assert getattr(TWIN, name)(x, FLOATS).shape == x.shape


def test_a_fraction_does_not_slip_into_integers() -> None:
    assert OPS.add(np.int32([1, 2]), 3).dtype == np.int32
    with pytest.raises(SemanticsError, match=r"0\.5"):
        OPS.add(np.int32([1, 2]), 0.5)


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("sigmoid", lambda x: math.exp(min(x, 0)) / (1 + math.exp(-abs(x)))),
        ("softplus", lambda x: x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))),
        ("erf", math.erf),
        ("elu", lambda x: x if x > 0 else math.expm1(x)),
        ("softsign", lambda x: x / (1 + abs(x))),
    ],
)
def test_functions_are_exact_to_rounding(name: str, truth: Any) -> None:
    xs = np.concatenate([np.linspace(-40, 40, 161), [-700.0, -90.0, 1e-9, -1e-9, 700.0]])
    got = getattr(OPS, name)(xs)
    np.testing.assert_allclose(got, [truth(float(x)) for x in xs], rtol=4e-16, atol=0)


def test_sigmoid_is_symmetric_where_it_saturates() -> None:
    x = np.float32([-1000, -100, 100, 1000, np.inf, -np.inf])
    np.testing.assert_array_equal(OPS.sigmoid(x)[[0, 2, 3, 4, 5]], np.float32([0, 1, 1, 1, 0]))
    assert 0 < OPS.sigmoid(x)[1] < 1e-40


def test_integers_keep_their_width_and_wrap() -> None:
    big = np.array([2**31 - 1], np.int32)
    assert OPS.add(big, 1)[0] == -(2**31)
    for name in ("sum", "prod", "max", "min", "mean"):
        assert getattr(OPS, name)(np.int32([4, 5]), None).dtype == np.int32
    assert OPS.mean(np.int32([-7, 2]), None) == -2
    assert OPS.cumsum(np.int32([1, 2]), 0).dtype == np.int32


def test_widening() -> None:
    for value in (np.float16([1]), np.float32([1])):
        assert TWIN.constant(value).dtype == np.float64
        assert TWIN.cast(np.int32([1]), value.dtype.name).dtype == np.float64
    assert TWIN.dtype_of(np.float32([1])) == "float64"
    assert TWIN.cast(np.float64([1.9]), "int32")[0] == 1
    assert TWIN.fill([2], np.float32(3)).dtype == np.float64
    assert OPS.dtype_of(np.array([b"x"], object)) == "string"


def test_nan_does_not_leak_through_where() -> None:
    got = OPS.where(np.array([True, False]), np.float32([1, 2]), np.float32([np.nan, 3]))
    np.testing.assert_array_equal(got, [1, 3])
    assert np.isnan(OPS.clip(np.float32([np.nan]), -1.0, 1.0)[0])


REFUSED = {
    "gather past the end": lambda: OPS.gather(np.arange(3), np.array([3])),
    "gather before the start": lambda: OPS.gather(np.arange(3), np.array([-1])),
    "division by zero": lambda: OPS.floor_divide(np.array([1]), np.array([0])),
    "negative power": lambda: OPS.power(np.array([2]), np.array([-1])),
    "integer divide": lambda: OPS.divide(np.array([2]), np.array([1])),
    "reshape": lambda: OPS.reshape(np.arange(4), [3]),
    "squeeze": lambda: OPS.squeeze(np.ones((2, 1)), [0]),
    "axis": lambda: OPS.concat([np.ones(2)], 1),
    "top_k": lambda: OPS.top_k(np.ones(2), 3),
    "length": lambda: OPS.reverse_sequence(np.ones((2, 3)), np.array([4, 0]), seq_axis=1, batch_axis=0),
    "range": lambda: OPS.range(np.array(3), np.array(0), np.array(1)),
    "reflect": lambda: OPS.pad(np.ones(2), [(2, 0)], mode="reflect"),
    "split": lambda: OPS.split(np.ones(3), [1, 1], 0),
    "unstack": lambda: OPS.unstack(np.ones(3), 0, 2),
    "argmax of nothing": lambda: OPS.argmax(np.ones((2, 0)), 1),
    "matmul": lambda: OPS.matmul(np.ones((2, 3)), np.ones((2, 3))),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refusals(what: str) -> None:
    with pytest.raises(SemanticsError):
        REFUSED[what]()


def naive_conv(x: Any, k: Any, strides: Any, pads: Any, dilations: Any, groups: int) -> Any:
    """One output item at a time."""
    x = np.pad(x, [(0, 0), *pads, (0, 0)])
    inner, filters = k.shape[2:]
    reach = [(n - 1) * d + 1 for n, d in zip(k.shape[:2], dilations, strict=True)]
    out = [(x.shape[i + 1] - reach[i]) // strides[i] + 1 for i in (0, 1)]
    result = np.zeros((len(x), *out, filters))
    for n, i, j, f in np.ndindex(*result.shape):
        first = f // (filters // groups) * inner
        cut = x[n, i * strides[0] :, j * strides[1] :][
            : reach[0] : dilations[0], : reach[1] : dilations[1]
        ]
        result[n, i, j, f] = np.sum(cut[:, :, first : first + inner] * k[..., f])
    return result


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("strides", "dilations"), [((1, 1), (1, 1)), ((2, 1), (1, 2))])
def test_conv_is_the_sum_over_its_window(groups: int, strides: Any, dilations: Any) -> None:
    rng = np.random.default_rng(groups)
    x, k = rng.normal(size=(2, 7, 6, 4)), rng.normal(size=(3, 2, 4 // groups, 8))
    pads = [(1, 2), (0, 1)]
    got = OPS.conv(x, k, strides=strides, padding=pads, dilations=dilations, groups=groups)
    wanted = naive_conv(x, k, strides, pads, dilations, groups)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_conv_transpose_is_the_adjoint_of_conv(padding: str) -> None:
    rng = np.random.default_rng(3)
    x, k = rng.normal(size=(2, 7, 5, 3)), rng.normal(size=(3, 2, 3, 4))
    y = OPS.conv(x, k, strides=(2, 2), padding=padding, dilations=(1, 1))
    g = rng.normal(size=y.shape)
    back = OPS.conv_transpose(g, k, x.shape, strides=(2, 2), padding=padding)
    np.testing.assert_allclose(np.sum(y * g), np.sum(x * back), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3), st.integers(0, 6), st.data())
def test_reverse_sequence_twice_is_nothing(batch: int, steps: int, data: Any) -> None:
    x = np.arange(batch * steps * 2).reshape(batch, steps, 2)
    lengths = np.array([data.draw(st.integers(0, steps)) for _ in range(batch)], np.int32)
    once = OPS.reverse_sequence(x, lengths, seq_axis=1, batch_axis=0)
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(once[row, :length], x[row, :length][::-1])
        np.testing.assert_array_equal(once[row, length:], x[row, length:])
    np.testing.assert_array_equal(OPS.reverse_sequence(once, lengths, seq_axis=1, batch_axis=0), x)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=9), st.data())
def test_top_k_prefers_the_lower_index(values: list[int], data: Any) -> None:
    k = data.draw(st.integers(0, len(values)))
    top, places = OPS.top_k(np.array(values, np.int32), k)
    wanted = sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]
    assert places.tolist() == wanted
    assert top.tolist() == [values[i] for i in wanted]
    assert places.dtype == np.int32


@pytest.mark.parametrize(("axis", "batch_dims"), [(1, 1), (2, 1), (2, 2), (3, 2), (3, 1)])
def test_gather_by_row(axis: int, batch_dims: int) -> None:
    rng = np.random.default_rng(axis)
    x = rng.normal(size=(2, 3, 4, 5))
    indices = rng.integers(0, x.shape[axis], (2, 3, 6)[: batch_dims + 1])
    got = OPS.gather(x, indices, axis=axis, batch_dims=batch_dims)
    for row in np.ndindex(*x.shape[:batch_dims]):
        wanted = np.take(x[row], indices[row], axis=axis - batch_dims)
        np.testing.assert_array_equal(got[row], wanted)
