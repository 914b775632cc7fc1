"""Loops that stop when all rows are finished: counted where lengths tell it, and left alone where they only look so. The oracle runs the raw graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from converters import oracle
from converters.graph import Graph
from converters.lift import lift
from converters.lift.execute import execute
from converters.program import Loop, Program, Recurrence, walk
from converters.read_graphdef import read
from tests.zoo.catalogue import ZooModel, zoo_model

STEPS = 7


def feeds(model: ZooModel, lengths: Sequence[int]) -> dict[str, np.ndarray]:
    """The first recorded run with other lengths, which must not exceed its 7 items."""
    run = next(r for r in model.runs() if r.inputs["lengths:0"].shape == (len(lengths),))
    return {**run.inputs, "lengths:0": np.asarray(lengths, np.int32)}


def agree(graph: Graph, program: Program, given: Mapping[str, np.ndarray]) -> None:
    want = oracle.run(graph, given, list(program.outputs), widen=True)
    got = execute(program, given, widen=True)
    for name in program.outputs:
        np.testing.assert_allclose(got[name], want[name], rtol=1e-9, atol=1e-12, err_msg=name)


def lifted(model: ZooModel, graph: Graph) -> Program:
    return lift(graph, inputs=model.inputs, outputs=model.outputs)


def is_loop(program: Program) -> bool:
    return any(isinstance(s, Loop) for s in walk(program.statements))


@pytest.mark.parametrize("lengths", [(7, 0, 1), (-9, 3, -1), (2, 2, 2), (0, 6, -1)])
@pytest.mark.parametrize(
    "name",
    [
        "training_unmasked",
        "training_few_steps",
        "training_fed_maximum",
        "raw_rnn_lstm",
        "raw_rnn_capped",
        "v2_training_decoder",
    ],
)
def test_the_rows_end_where_tf_ends_them(name: str, lengths: tuple[int, ...]) -> None:
    """A negative length is one step under a TrainingHelper, which calls only a length of 0 finished at first; none under this raw_rnn."""
    model = zoo_model(name)
    graph = read(model.graph).graph
    program = lifted(model, graph)
    assert not is_loop(program)
    agree(graph, program, feeds(model, lengths))


def test_a_negative_length_alone_is_one_step() -> None:
    model = zoo_model("training_unmasked")
    graph = read(model.graph).graph
    agree(graph, lifted(model, graph), feeds(model, (-2, 0, 0)))


@pytest.mark.parametrize("most", [-1, 0, 1, 3, 9])
def test_the_maximum_may_be_any_number(most: int) -> None:
    model = zoo_model("training_fed_maximum")
    graph = read(model.graph).graph
    if most > 0:
        given = {**feeds(model, (5, 0, 2)), "most:0": np.asarray(most, np.int32)}
        agree(graph, lifted(model, graph), given)
        return
    names = [name for name in model.outputs if "Exit" in name]  # TF stacks no empty list
    program = lift(graph, inputs=model.inputs, outputs=names)
    given = {**feeds(model, (5, 0, 2)), "most:0": np.asarray(most, np.int32)}
    agree(graph, program, given)


def test_a_first_input_that_is_no_item_0_stays_the_first_input() -> None:
    """Item 6 at first, then item 1, 2, …: what is read ahead is not what is read at the counter."""
    model = zoo_model("training_unmasked")
    raw = read(model.graph).graph
    index = raw.nodes["decoder/TrainingHelperInitialize/cond/TensorArrayReadV3/index"]
    attrs = {**index.attrs, "value": np.asarray(6, np.int32)}
    graph = replace(raw, nodes={**raw.nodes, index.name: replace(index, attrs=attrs)})
    agree(graph, lifted(model, graph), feeds(model, (5, 0, 3)))


def test_lengths_that_are_a_state_are_no_count() -> None:
    """finished compares with the number of steps each row has seen so far: that is not known before the loop."""
    model = zoo_model("training_unmasked")
    raw = read(model.graph).graph
    test = raw.nodes["decoder/while/BasicDecoderStep/TrainingHelperNextInputs/GreaterEqual"]
    inputs = (test.inputs[0], "decoder/while/Select:0")
    graph = replace(raw, nodes={**raw.nodes, test.name: replace(test, inputs=inputs)})
    program = lifted(model, graph)
    assert is_loop(program)
    agree(graph, program, feeds(model, (5, 0, 3)))


def test_the_outputs_are_as_long_as_the_longest_row() -> None:
    model = zoo_model("training_unmasked")
    program = lifted(model, read(model.graph).graph)
    found = execute(program, feeds(model, (3, 0, 2)), widen=True)
    assert found["scores:0"].shape[1] == 3 < STEPS
    [recurrence] = [s for s in program.statements if isinstance(s, Recurrence)]
    assert recurrence.lengths is None
