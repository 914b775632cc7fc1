"""AbstractOps against NumPy: the shape it tells is the shape that comes out; the value it tells is the value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.errors import NotConvertibleError
from reference.vocabulary.abstract import AbstractOps, Fact, unknown
from reference.vocabulary.abstract.sizes import Dim, Size, evaluate, maximum, minimum
from reference.vocabulary.numpy_ops import NumpyOps

SIZES = {"B": 3, "T": 5, "N": 4}
B, T, N = (unknown(name) for name in SIZES)


def number(dim: Dim) -> int:
    """The size at SIZES; the opaque unknowns are function calls, and their names can be computed."""
    if isinstance(dim, Size):
        calls = {"floordiv": int.__floordiv__, "mod": int.__mod__, "min": min, "max": max}
        return int(eval(str(dim).replace("~", ""), {**calls, **SIZES}))
    return int(dim)


def check(build: Any, *shapes: tuple[Dim, ...], dtype: str = "float32") -> None:
    """Run ``build(ops, *arrays)`` on Facts and on numbers and compare dtypes and shapes."""
    ops, generator = AbstractOps(), np.random.default_rng(7)
    facts = build(ops, *(ops.input(Fact(dtype, shape)) for shape in shapes))
    arrays = [
        (generator.normal(size=[number(d) for d in shape]) * 3).astype(dtype) for shape in shapes
    ]
    results = build(NumpyOps(), *arrays)
    if not isinstance(facts, tuple):
        facts, results = (facts,), (results,)
    for array, result in zip(facts, results, strict=True):
        assert array.fact.dtype == str(result.dtype)
        assert tuple(number(dim) for dim in array.fact.shape) == result.shape
        if array.fact.value is not None:
            told = [number(item) for item in array.fact.value.ravel()]
            assert told == result.ravel().tolist()


@pytest.mark.parametrize(
    ("build", "shapes"),
    [
        (lambda o, x, y: x + y, [(B, T, 2), (T, 1)]),
        (lambda o, x: 1.0 - x * 2.0, [(B, 2)]),
        (lambda o, x: o.less(x, 0.0), [(B, 2)]),
        (lambda o, x, y: o.where(o.greater(x, 0.0), x, y), [(B, 2), (2,)]),
        (lambda o, x: o.cast(x, "int64"), [(B,)]),
        (lambda o, x, y: o.matmul(x, y), [(B, T, 4), (4, 2)]),
        (lambda o, x, y: o.matmul(x, y, transpose_b=True), [(B, 4), (7, 4)]),
        (lambda o, x, y: o.einsum("btd,dk->btk", x, y), [(B, T, 4), (4, 2)]),
        (lambda o, x, y: o.einsum("...d,dk", x, y), [(B, T, 4), (4, 2)]),
        (lambda o, x: o.shape(x), [(B, T, 3)]),
        (lambda o, x: o.reshape(x, [-1, 6]), [(B, T, 6)]),
        (lambda o, x: o.reshape(x, o.concat([o.shape(x), o.constant(np.array([1], "int32"))], 0)), [(B, T)]),
        (lambda o, x: o.reshape(x, [o.shape(x)[0] if False else -1, 2, 3]), [(B, 6)]),
        (lambda o, x: o.transpose(x, [1, 0, 2]), [(B, T, 2)]),
        (lambda o, x: o.expand_dims(x, -1), [(B, T)]),
        (lambda o, x: o.squeeze(x, [1, -1]), [(B, 1, T, 1)]),
        (lambda o, x, y: o.concat([x, y], 1), [(B, T), (B, 3)]),
        (lambda o, x, y: o.stack([x, y], -1), [(B, T), (B, T)]),
        (lambda o, x: o.unstack(x, 1, 3), [(B, 3)]),
        (lambda o, x: o.split(x, (1, 3), 1), [(B, 4)]),
        (lambda o, x: o.strided_slice(x, [1, None], [None, -1], [1, 1]), [(B, T)]),
        (lambda o, x: o.strided_slice(x, [1, 0], [3, 100], [1, 2]), [(B, T)]),
        (lambda o, x: o.strided_slice(x, [-2], [None], [1]), [(B, T)]),
        (lambda o, x: o.strided_slice(x, [None], [None], [-1]), [(T,)]),
        (lambda o, x: o.tile(x, [2, 3]), [(B, 2)]),
        (lambda o, x: o.pad(x, [[1, 2], [0, 1]]), [(B, 2)]),
        (lambda o, x: o.broadcast_to(x, o.shape(o.tile(x, [4, 1]))), [(1, T)]),
        (lambda o, x: o.range(o.constant(np.int32(0)), o.gather(o.shape(x), o.constant(np.int32(1))), o.constant(np.int32(1))), [(B, T)]),
        (lambda o, x: o.sum(x, (1,), keepdims=True), [(B, T, 2)]),
        (lambda o, x: o.mean(x, None), [(B, T)]),
        (lambda o, x: o.argmax(x, -1), [(B, T)]),
        (lambda o, x: o.top_k(x, 2), [(B, 4)]),
        (lambda o, x: o.softmax(x, -1), [(B, T)]),
        (lambda o, x: o.conv(x, o.constant(np.ones((3, 2, 4), "f4")), strides=(2,), padding="SAME", dilations=(1,)), [(B, T, 2)]),
        (lambda o, x: o.conv(x, o.constant(np.ones((3, 2, 4), "f4")), strides=(1,), padding="VALID", dilations=(2,)), [(B, T, 2)]),
        (lambda o, x: o.one_hot(o.cast(x, "int32"), 5, *(o.constant(np.float32(v)) for v in (1, 0))), [(B,)]),
        (lambda o, x: o.prod(o.shape(x), (0,)), [(B, T, 3)]),
        (lambda o, x: o.floor_divide(o.shape(x), 1) + o.shape(x), [(B, T, 3)]),
        (lambda o, x: o.maximum(o.shape(x), 0), [(B, T, 3)]),
        (lambda o, x: o.unstack(o.strided_slice(o.shape(x), [1], [3], [1]), 0, 2), [(B, T, 3)]),
    ],
)  # fmt: skip
def test_facts_are_what_numpy_gives(build: Any, shapes: Any) -> None:
    check(build, *shapes)


def test_sizes_simplify() -> None:
    assert B * T * 128 // 128 == B * T
    assert (B * T) // (T * B) == 1
    assert (2 * T + 3) // 2 == T + 1
    assert T // 2 == T // 2
    assert T // 2 != T // 3
    assert B - B == 0
    assert isinstance(B - B, int)
    assert minimum(T, T + 2) == T
    assert maximum(0, T) == T
    assert (6 * B) % 3 == 0
    assert np.int64(2) * B == B * 2
    assert evaluate(B * T - 2, SIZES) == 13


def test_different_unknowns_broadcast_to_an_unknown() -> None:
    ops = AbstractOps()
    x, y = (ops.input(Fact("float32", (dim, 2))) for dim in (B, T))
    dim = (x + y).shape[0]
    assert isinstance(dim, Size)
    assert dim not in (B, T)


def test_size_against_one_and_against_a_number() -> None:
    ops = AbstractOps()
    x, one, five = (ops.input(Fact("float32", (dim,))) for dim in (B, 1, 5))
    assert (x + one).shape == (B,)
    assert (x + five).shape == (5,)


def test_unknown_rank_passes_through_and_is_refused_where_asked() -> None:
    ops = AbstractOps()
    x = ops.input(Fact("float32"))
    assert ops.tanh(x).fact.shape is None
    assert ops.reshape(x, [2, 3]).shape == (2, 3)
    with pytest.raises(NotConvertibleError, match="rank"):
        ops.rank_of(x)


def test_unequal_dtypes_are_refused() -> None:
    ops = AbstractOps()
    with pytest.raises(NotConvertibleError, match="never promotes"):
        ops.add(ops.constant(np.float32(1)), ops.constant(np.int32(1)))


def test_comparisons_of_sizes_fold_only_when_decided() -> None:
    ops = AbstractOps()
    n = ops.gather(ops.shape(ops.input(Fact("float32", (B,)))), ops.constant(np.int32(0)))
    assert ops.static(ops.less(n, 0)) is not None
    assert not ops.static(ops.less(n, 0))
    assert ops.static(ops.greater(n, 3)) is None
    assert ops.static(ops.equal(n, n)) == np.bool_(True)


def test_a_fresh_size_is_named_after_the_hint() -> None:
    ops = AbstractOps("where_3")
    found = ops.nonzero(ops.input(Fact("bool", (B,))))
    assert str(found.shape[0]) == "where_3.0"


def test_huge_results_are_not_computed() -> None:
    ops = AbstractOps()
    fact = ops.fill([1 << 20, 1 << 10], ops.constant(np.float32(0))).fact
    assert fact.value is None
    assert fact.shape == (1 << 20, 1 << 10)


@pytest.mark.parametrize("wanted", [[-1, -2], [-1, -1], [5, 3], [2, 7]])
def test_a_shape_that_no_reshape_has_is_refused(wanted: list[int]) -> None:
    ops = AbstractOps()
    with pytest.raises(NotConvertibleError, match="reshape"):
        ops.reshape(ops.input(Fact("float32", (2, 6))), wanted)
    assert ops.reshape(ops.input(Fact("float32", (2, 6))), [-1, 4]).fact.shape == (3, 4)
    assert ops.reshape(ops.input(Fact("float32", (B, 6))), [5, 3]).fact.shape == (5, 3)


@pytest.mark.parametrize("perm", [[1, 1, 0], [0, 1], [0, 1, 2, 3], [-1, 2, 0]])
def test_axes_that_are_no_permutation_are_refused(perm: list[int]) -> None:
    ops = AbstractOps()
    with pytest.raises(NotConvertibleError, match="permutation"):
        ops.transpose(ops.input(Fact("float32", (B, T, 4))), perm)
