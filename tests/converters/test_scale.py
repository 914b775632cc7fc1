"""Long unrolled graphs: one recurrence again, in a time that grows with the graph. The full sizes: ``benchmarks/scale.py``."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from converters.lift import lift
from converters.oracle import run
from converters.program import OpNode, Program, Recurrence
from converters.read_graphdef import read
from converters.to_onnx import to_onnx
from tests.converters.to_onnx_running import session
from tests.support.unrolled_graphs import static_lstm
from tests.zoo.catalogue import zoo

INPUTS = ["x:0", "state_0:0", "state_1:0"]
OUTPUTS = ["stacked:0", "last:0"]


def lifted(steps: int) -> Program:
    return lift(static_lstm(steps), inputs=INPUTS, outputs=OUTPUTS)


def test_the_generated_steps_are_those_tensorflow_writes() -> None:
    model = next(model for model in zoo() if model.name == "static_lstm")
    theirs = read(model.graph).graph.nodes
    ours = static_lstm(5).nodes
    cell = [name for name in ours if name.startswith("rnn/basic_lstm_cell/")]
    assert cell == [name for name in theirs if name.startswith("rnn/basic_lstm_cell/")]
    for name in cell:
        a, b = ours[name], theirs[name]
        assert (a.op, a.inputs) == (b.op, b.inputs)
        assert set(b.attrs) <= set(a.attrs)


def test_a_long_unrolled_network_is_one_recurrence() -> None:
    program = lifted(300)
    kinds = [s.node.op if isinstance(s, OpNode) else type(s).__name__ for s in program.statements]
    assert kinds == ["Transpose", "Recurrence", "Transpose"]
    [recurrence] = [s for s in program.statements if isinstance(s, Recurrence)]
    assert type(recurrence.cell).__name__ == "BasicLSTMCell"
    exported = to_onnx(program)
    assert [record.form for record in exported.recurrences] == ["LSTM"]
    assert len(exported.model.graph.node) < 30


def test_its_numbers_are_the_graphs() -> None:
    graph, rng = static_lstm(40), np.random.default_rng(1)
    feeds = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in zip(INPUTS, [(2, 40, 3), (2, 4), (2, 4)], strict=True)
    }
    truth = run(graph, feeds, OUTPUTS, widen=True)
    model = to_onnx(lift(graph, inputs=INPUTS, outputs=OUTPUTS)).model
    for name, value in zip(OUTPUTS, session(model).run(None, feeds), strict=True):
        # 40 steps of float32 with weights below 1 in gain: far below any wrong gate, far above rounding.
        np.testing.assert_allclose(value, truth[name], rtol=0, atol=5e-6)


def test_time_grows_with_the_graph() -> None:
    """Four times the steps cost less than nine times the time: quadratic work would cost sixteen."""
    lifted(20)  # imports
    spent = {steps: min(seconds(steps) for _ in range(2)) for steps in (100, 400)}
    assert spent[400] < 9 * spent[100]


def seconds(steps: int) -> float:
    """CPU time, so that other processes do not count."""
    start = time.process_time()
    to_onnx(lifted(steps))
    return time.process_time() - start


@pytest.mark.parametrize("steps", [200])
def test_memory_grows_with_the_graph(steps: int) -> None:
    """A node may cost 10 kB at the peak: 100,000 nodes then need 1 GB."""
    graph = static_lstm(steps)
    tracemalloc.start()
    try:
        to_onnx(lift(graph, inputs=INPUTS, outputs=OUTPUTS))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000 * len(graph.nodes)
