"""The Tracer: equal expressions are one, constants fold and keep their origin, replay computes the same numbers."""

from __future__ import annotations

import time

import numpy as np
import pytest

from reference.cells.base import map_weights
from reference.cells.basic_lstm import BasicLSTMCell
from reference.states import LSTMStateTuple
from reference.vocabulary.abstract import Fact, unknown
from reference.vocabulary.numpy_ops import NumpyOps
from reference.vocabulary.origins import Joined, Origin
from reference.vocabulary.tracer import Tracer, needed, replay

B = unknown("B")


def test_a_traced_cell_replays_to_the_same_numbers() -> None:
    generator = np.random.default_rng(3)
    cell = BasicLSTMCell(
        generator.normal(size=(7, 16)).astype("f4"), generator.normal(size=16).astype("f4")
    )
    tracer, ops = Tracer(), NumpyOps()
    traced = map_weights(lambda path, w: tracer.constant(w, name=path), cell)
    inputs = [tracer.input(n, Fact("float32", (B, d))) for n, d in (("x", 3), ("c", 4), ("h", 4))]
    output, state = traced.step(tracer, inputs[0], LSTMStateTuple(*inputs[1:]))
    fed = {e: generator.normal(size=(2, e.shape[1])).astype("f4") for e in inputs}
    want, want_state = cell.step(
        ops, fed[inputs[0]], LSTMStateTuple(fed[inputs[1]], fed[inputs[2]])
    )
    got = replay([output, *state], ops, fed)
    for value, expected in zip(got, (want, *want_state), strict=True):
        np.testing.assert_array_equal(value, expected)
    assert output.shape == (B, 4)


def test_equal_expressions_are_one_object() -> None:
    t = Tracer()
    x = t.input("x", Fact("float32", (B, 4)))
    assert t.tanh(x + 1.0) is t.tanh(x + 1.0)
    assert t.tanh(x + 1.0) is not t.tanh(x + 2.0)
    assert t.split(x, (2, 2), 1)[1] is t.split(x, [2, 2], 1)[1]
    assert t.split(x, (2, 2), 1)[0] is not t.split(x, (2, 2), 1)[1]


def test_an_input_of_another_shape_is_another_input() -> None:
    tracer = Tracer()
    first = tracer.input("x", Fact("float32", (unknown("B"), 3)))
    assert tracer.input("x", Fact("float32", (unknown("B"), 3))) is first
    second = tracer.input("x", Fact("float32", (unknown("B"), 4)))
    assert second is not first
    assert second.shape[1] == 4


def test_constants_fold_and_know_their_origin() -> None:
    t = Tracer()
    value = np.arange(12, dtype="f4").reshape(3, 4)
    kernel = t.constant(value, name="kernel")
    part = t.split(t.transpose(kernel, [1, 0]), (1, 3), 0)[1]
    assert part.op == "constant"
    assert part.origin == Origin("kernel", ((0, 3), (1, 4)), (1, 0))
    np.testing.assert_array_equal(part.origin.take(value), part.value)
    sliced = t.strided_slice(kernel, [1, None], [None, -2], [1, 1])
    np.testing.assert_array_equal(sliced.origin.take(value), sliced.value)
    joined = t.concat([part, part], 0)
    assert joined.origin == Joined(0, (part.origin, part.origin))
    assert (kernel * 2.0).origin is None


def test_results_of_one_operation_share_a_group() -> None:
    t = Tracer()
    a, b = t.split(t.input("x", Fact("float32", (B, 4))), (1, 3), 1)
    assert a.group == b.group
    assert (a.index, b.index) == (0, 1)


def test_replay_needs_every_input_and_stops_at_bindings() -> None:
    t, ops = Tracer(), NumpyOps()
    x = t.input("x", Fact("float32", (2,)))
    y = t.tanh(x)
    with pytest.raises(KeyError, match="x"):
        replay([y + 1.0], ops, {})
    assert replay([y + 1.0], ops, {y: np.ones(2, "f4")})[0].tolist() == [2.0, 2.0]


def test_many_nodes_are_cheap_and_deep_chains_do_not_recurse() -> None:
    t = Tracer()
    y = x = t.input("x", Fact("float32", (B, 4)))
    start = time.perf_counter()
    for _ in range(20_000):
        y = t.tanh(y + x)
    assert time.perf_counter() - start < 10
    assert len(needed([y])) == 40_001
    assert replay([y], NumpyOps(), {x: np.zeros((1, 4), "f4")})[0].shape == (1, 4)
