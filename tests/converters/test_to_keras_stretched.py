"""Where sequences are not cut at the last step (JAX): what follows keeps the steps apart and is zeros behind the last, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the cuts are undone for a Keras backend")

from converters.graph import DType, Node
from converters.lift import lift
from converters.lift.execute import execute
from converters.program import Program
from converters.read_graphdef import read
from converters.to_keras.backend import keras
from converters.to_keras.cuts import without_cuts
from converters.to_keras.stretched import refuse_across
from reference.errors import NotConvertibleError
from tests.support.lifting import lifted
from tests.zoo.catalogue import ZooModel, zoo_model

MODEL = zoo_model("training_unmasked")
"""A TrainingHelper without ``impute_finished``: scores [B, steps, 9], tokens [B, steps]; x has 8 steps."""
F32, I32 = DType("float32"), DType("int32")


class After:
    """The model's graph with more nodes behind it."""

    def __init__(self, model: ZooModel = MODEL) -> None:
        self.model, self.graph = model, read(model.graph).graph
        self.nodes = dict(self.graph.nodes)

    def add(self, op: str, *inputs: str, **attrs: Any) -> str:
        name = f"after/{op}_{len(self.nodes)}"
        self.nodes[name] = Node(name, op, inputs, (), attrs)
        return f"{name}:0"

    def number(self, value: Any) -> str:
        array = np.asarray(value, np.int32) if not isinstance(value, np.ndarray) else value
        return self.add("Const", value=array, dtype=DType(str(array.dtype)))

    def sliced(self, x: str, *bounds: int, shrink: int = 0, begin: int = 0, end: int = 0) -> str:
        begins, ends = self.number(list(bounds[::2])), self.number(list(bounds[1::2]))
        steps = self.number([1] * (len(bounds) // 2))
        masks = {"begin_mask": begin, "end_mask": end, "shrink_axis_mask": shrink}
        return self.add("StridedSlice", x, begins, ends, steps, ellipsis_mask=0, new_axis_mask=0, **masks)  # fmt: skip

    def lifted(self, output: str) -> Program:
        graph = type(self.graph)(self.nodes, self.graph.functions, self.graph.variables, 134)
        return lift(graph, inputs=self.model.inputs, outputs=[output])


def size(m: After, axis: int) -> str:
    whole = m.add("Shape", "scores:0", T=F32, out_type=I32)
    return m.sliced(whole, axis, axis + 1, shrink=1)


def dense(m: After) -> str:
    """As ``tf.layers.dense`` has it: rows, a product, and the sizes read off the scores."""
    rows = m.add("Reshape", "scores:0", m.number([-1, 9]))
    kernel = m.number(np.random.default_rng(1).normal(size=(9, 3)).astype(np.float32))
    bias = m.number(np.array([1, -2, 3], np.float32))
    y = m.add("BiasAdd", m.add("MatMul", rows, kernel), bias)
    shape = m.add("Pack", size(m, 0), size(m, 1), m.number(3), N=3, axis=0)
    return m.add("Reshape", y, shape)


def time_major_chances(m: After) -> str:
    return m.add("Transpose", m.add("Softmax", "scores:0"), m.number([1, 0, 2]))


def some_features(m: After) -> str:
    part = m.sliced("scores:0", 0, 0, 0, 0, 2, 5, begin=3, end=3)
    return m.add("ConcatV2", part, m.add("Exp", part), m.number(2), N=2)


def best(m: After) -> str:
    return m.add("Max", "scores:0", m.number(-1), keep_dims=False)


def looked_up(m: After) -> str:
    table = m.number(np.random.default_rng(2).normal(size=(9, 2)).astype(np.float32))
    return m.add("GatherV2", table, "tokens:0", m.number(0))


def one_feature(m: After) -> str:
    return m.sliced("scores:0", 0, 0, 0, 0, 4, 5, begin=3, end=3, shrink=4)


def as_ones(m: After) -> str:
    hot = m.add("OneHot", "tokens:0", m.number(9), m.number(7), m.number(1), axis=-1)
    return m.add("Greater", m.add("ExpandDims", hot, m.number(1)), m.number(2))


def batch_last(m: After) -> str:
    return m.add("Squeeze", m.add("ExpandDims", "tokens:0", m.number(0)), squeeze_dims=(0,))


APART = [dense, time_major_chances, some_features, best, looked_up, one_feature, as_ones, batch_last]  # fmt: skip


def lengths(*values: int) -> dict[str, np.ndarray]:
    run = next(r for r in MODEL.runs() if r.inputs["lengths:0"].shape == (len(values),))
    return {**run.inputs, "lengths:0": np.asarray(values, np.int32)}


@pytest.mark.parametrize("make", APART)
def test_steps_kept_apart_are_the_same_and_zeros_follow(
    make: Callable[[After], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    m = After()
    output = make(m)
    program = m.lifted(output)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    whole, longer = without_cuts(program)
    assert longer
    feeds = lengths(3, 1, 2)
    want, got = execute(program, feeds)[output], execute(whole, feeds)[output]
    (axis,) = [k for k, (a, b) in enumerate(zip(want.shape, got.shape, strict=True)) if a != b]
    assert want.shape[axis] == 3 < got.shape[axis] == feeds["x:0"].shape[1]
    kept, rest = np.split(got, [3], axis=axis)
    np.testing.assert_allclose(kept, want, rtol=1e-6)
    assert rest.size
    assert not rest.any()


@pytest.mark.parametrize("name", ["raw_rnn_go", "training_few_steps", "training_fed_maximum"])
def test_decoders_are_the_same_on_their_own_steps(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among them one that begins with a symbol of its own: what it reads is moved up by a step."""
    program, feeds = lifted(name), zoo_model(name).runs()[0].inputs
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    whole, _ = without_cuts(program)
    want, got = execute(program, feeds), execute(whole, feeds)
    for output in program.outputs:
        kept = got[output][tuple(slice(n) for n in want[output].shape)]
        np.testing.assert_allclose(kept, want[output], rtol=1e-5, atol=1e-7)


def mean_over_time(m: After) -> str:
    return m.add("Mean", "scores:0", m.number([1]), keep_dims=False)


def last_step(m: After) -> str:
    return m.sliced("scores:0", 0, 0, -1, 0, begin=1, end=1, shrink=2)


def running_sum(m: After) -> str:
    return m.add("Cumsum", "scores:0", m.number(1))


def number_of_steps(m: After) -> str:
    return m.add("Neg", size(m, 1))


def shares_of_steps(m: After) -> str:
    count = m.add("Cast", size(m, 1), SrcT=I32, DstT=F32)
    return m.add("RealDiv", "scores:0", count)


def chances_over_time(m: After) -> str:
    return m.add("Softmax", m.add("Transpose", "scores:0", m.number([0, 2, 1])))


def rows(m: After) -> str:
    return m.add("Reshape", "scores:0", m.number([-1, 9]))


def among_steps(m: After) -> str:
    return m.add("BatchMatMul", "scores:0", "scores:0", adj_x=False, adj_y=True)


def backwards(m: After) -> str:
    return m.add("ReverseV2", "tokens:0", m.number([1]))


def all_steps_in_one_row(m: After) -> str:
    return m.add("Max", m.add("Reshape", "tokens:0", m.number([-1])), m.number(0), keep_dims=False)


def one_more_step(m: After) -> str:
    """Of a length that no value is."""
    start = m.add("ExpandDims", "lengths:0", m.number(1))
    return m.add("ConcatV2", start, "tokens:0", m.number(1), N=2)


ACROSS = [
    mean_over_time, last_step, running_sum, number_of_steps, shares_of_steps, chances_over_time, rows, among_steps, backwards,
    all_steps_in_one_row, one_more_step,
]  # fmt: skip


@pytest.mark.parametrize("make", ACROSS)
def test_what_works_across_the_steps_is_refused(
    make: Callable[[After], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    m = After()
    program = m.lifted(make(m))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(NotConvertibleError, match="whose number depends on values") as caught:
        without_cuts(program)
    assert caught.value.reasons[0].node.startswith("after/")


GREEDY = zoo_model("greedy_decoder")
"""A loop that stops by data: its lists have as many items as it can run rounds, where sizes are fixed."""


@pytest.mark.parametrize("make", [mean_over_time, last_step, number_of_steps, rows])
def test_what_works_across_the_rounds_of_a_loop_is_refused(make: Callable[[After], str]) -> None:
    m = After(GREEDY)
    with pytest.raises(NotConvertibleError, match="whose number depends on values") as caught:
        refuse_across(m.lifted(make(m)))
    assert caught.value.reasons[0].node.startswith("after/")


@pytest.mark.parametrize("make", [time_major_chances, best, dense])
def test_rounds_that_are_kept_apart_are_taken(make: Callable[[After], str]) -> None:
    m = After(GREEDY)
    refuse_across(m.lifted(make(m)))
