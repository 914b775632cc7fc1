"""Loops in odd spellings: recognised where they are a recurrence, left alone where they only look like one. The oracle runs the raw graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from converters import oracle
from converters.graph import DType, Graph, Node
from converters.lift import lift
from converters.lift.execute import execute
from converters.lift.recognise.cells.identify import identify
from converters.lift.recognise.cells.model import Component
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.loops.masks import depends
from converters.lift.recognise.loops.model import State, Step, Write
from converters.lift.recognise.loops.stacked import unstack_states
from converters.lift.recognise.loops.traced import TracedCell
from converters.program import Loop, Program, Recurrence, walk
from converters.read_graphdef import read
from converters.to_onnx import to_onnx
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.tracer import Tracer
from tests.zoo.catalogue import ZooModel, zoo_model

INT = DType("int32")


def graph_of(model: ZooModel, *nodes: Node) -> Graph:
    """The model's graph with these nodes added, or in place of those of their names."""
    graph = read(model.graph).graph
    return replace(graph, nodes={**graph.nodes, **{n.name: n for n in nodes}})


def constant(name: str, value: int) -> Node:
    attrs = {"value": np.asarray(value, np.int32), "dtype": INT}
    return Node(name, "Const", (), (), attrs)


def changed(model: ZooModel, name: str, **fields: Any) -> Node:
    """A node of the model with another op or other inputs."""
    return replace(read(model.graph).graph.nodes[name], **fields)


def lifted(model: ZooModel, graph: Graph, *outputs: str) -> Program:
    return lift(graph, inputs=model.inputs, outputs=outputs or model.outputs)


def agree(model: ZooModel, graph: Graph, program: Program) -> None:
    """The Program gives what the raw graph does, in float64, for every recorded input."""
    for run in model.runs():
        want = oracle.run(graph, run.inputs, list(program.outputs), widen=True)
        got = execute(program, run.inputs, widen=True)
        for name in program.outputs:
            np.testing.assert_allclose(got[name], want[name], rtol=1e-9, atol=1e-12, err_msg=name)


def cells(program: Program) -> list[object]:
    return [s.cell for s in walk(program.statements) if isinstance(s, Recurrence)]


def test_a_bound_below_0_runs_no_step() -> None:
    """Found by fuzzing: min(T, 1 - max(lengths)) steps are none, not all but six."""
    model = zoo_model("backward_only")
    graph = graph_of(model, changed(model, "rnn/Maximum", op="Sub"))
    agree(model, graph, lifted(model, graph, "rnn/while/Exit_3:0"))


@pytest.mark.parametrize("first", [0, 1])
def test_a_loop_over_a_part_of_its_sequence_reads_that_part(first: int) -> None:
    """From ``first`` to T - 2, by a counter that starts there."""
    model = zoo_model("while_from_one")
    raw = read(model.graph).graph
    less = next(n for n in raw.nodes.values() if n.op == "LessEqual")
    begin = raw.nodes["Const"]
    attrs = {**begin.attrs, "value": np.asarray(1 + first, np.int64)}
    graph = graph_of(model, replace(less, op="Less"), replace(begin, attrs=attrs))
    agree(model, graph, lifted(model, graph))


def test_a_list_longer_than_the_loop_keeps_its_zeros() -> None:
    model = zoo_model("while_lstm")
    size = Node("more", "AddV2", ("strided_slice:0", "two:0"), (), {"T": INT})
    graph = graph_of(
        model, size, constant("two", 2), changed(model, "TensorArray_1", inputs=("more:0",))
    )
    program = lifted(model, graph)
    assert any(isinstance(s, Loop) for s in program.statements)
    agree(model, graph, program)


def test_the_mask_of_other_lengths_is_another_mask() -> None:
    """Half as long: the recurrence must take the mask's own lengths, whatever else the graph calls so."""
    model = zoo_model("scan_masked")
    graph = read(model.graph).graph
    [column] = [n for n in graph.nodes.values() if n.op == "ExpandDims" and "lengths:0" in n.inputs]
    half = Node("half", "FloorDiv", ("lengths:0", "two:0"), (), {"T": INT})
    other = replace(column, inputs=("half:0", *column.inputs[1:]))
    graph = graph_of(model, half, constant("two", 2), other)
    program = lifted(model, graph)
    assert not any(isinstance(cell, TracedCell) for cell in cells(program))
    agree(model, graph, program)


@pytest.mark.parametrize("wanted", ["scan_lstm", "scan_tuple"])
def test_a_state_is_native_only_where_its_last_item_is_all_that_is_read(wanted: str) -> None:
    """scan_lstm gives c of every step, scan_tuple the last c: an operator gives only that."""
    model = zoo_model(wanted)
    graph = read(model.graph).graph
    [cell] = cells(lifted(model, graph))
    assert isinstance(cell, TracedCell) == (wanted == "scan_lstm")


def test_an_early_item_of_a_state_is_not_its_last() -> None:
    """c[-2] instead of c[-1]."""
    model = zoo_model("scan_tuple")
    graph = read(model.graph).graph
    last = next(
        n for n in graph.nodes.values() if n.op == "StridedSlice" and n.name.startswith("strided")
    )
    places = [graph.nodes[v.rpartition(":")[0]] for v in last.inputs[1:3]]
    nodes = [
        replace(node, attrs={**node.attrs, "value": np.asarray([at], np.int32)})
        for node, at in zip(places, (-2, -1), strict=True)
    ]
    mutant = graph_of(model, *nodes)
    [cell] = cells(lifted(model, mutant))
    assert isinstance(cell, TracedCell)


def test_a_refusal_names_the_cause_and_not_what_follows_from_it() -> None:
    """Of an op that is not known nothing follows: neither its dtype nor its rank are reasons."""
    model = zoo_model("basic_lstm")
    source = model.outputs[0]
    call = Node("call", "PyFunc", (source,), (), {"Tin": (DType("float32"),)})
    total = Node("total", "AddV2", ("call:0", source), (), {"T": DType("float32")})
    graph = graph_of(model, call, total)
    with pytest.raises(NotConvertibleError) as caught:
        lift(graph, inputs=model.inputs, outputs=["total:0", source])
    assert [reason.node for reason in caught.value.reasons] == ["call"]
    assert caught.value.convertible == (source,)


def test_a_beam_over_prefixes_is_refused_by_its_width() -> None:
    model = zoo_model("ctc_beam")
    program = lift(read(model.graph).graph, inputs=model.inputs, outputs=model.outputs)
    with pytest.raises(NotConvertibleError, match=r"beam of \d+ prefixes of CTC; name the logits"):
        to_onnx(program)


def test_a_state_of_whole_numbers_is_no_cell() -> None:
    """Found by fuzzing: the weights of a cell are floats; none are made of what an int32 state is multiplied by."""
    tracer = Tracer()
    state = tracer.input("s", Fact("int32", (unknown("B"), 3)))
    norm = Normaliser()
    norm.leaf(state, "s")
    found = identify(Component((state,), (tracer.multiply(state, state),), ()), norm)
    assert found == "a state part is not of floats"


def test_a_vector_that_selects_along_the_features_is_no_mask() -> None:
    """Found by mutation: SelectV2 lays the vector of lengths along the last axis, Select along the rows."""
    model = zoo_model("gru")
    graph = read(model.graph).graph
    selects = [n for n in graph.nodes.values() if n.op == "Select"]
    graph = graph_of(model, *[replace(n, op="SelectV2") for n in selects])
    program = lifted(model, graph)
    assert not any(isinstance(s, Recurrence) and s.lengths for s in walk(program.statements))
    feeds = {"lengths:0": np.arange(6, dtype=np.int32) % 4}
    feeds |= {"x:0": np.linspace(-1, 1, 6 * 3 * 5, dtype=np.float32).reshape(6, 3, 5)}
    feeds |= {"state_0:0": np.ones((6, 6), np.float32)}
    name = program.outputs[0]
    want = oracle.run(graph, feeds, [name], widen=True)[name]
    np.testing.assert_allclose(execute(program, feeds, widen=True)[name], want, rtol=1e-9)


def test_the_output_may_be_read_off_the_new_stack() -> None:
    """SeqGAN's generator: ``h, c = tf.unstack(state)`` of the new state too, where its logits are made."""
    tracer = Tracer()
    old = tracer.input("state", Fact("float32", (2, 3, 4)))
    h, c = tracer.unstack(old, num=2, axis=0)
    new = tracer.stack([tracer.tanh(h * c), c + h], 0)
    out = tracer.sigmoid(tracer.unstack(new, num=2, axis=0)[0])
    step = Step(tracer, tracer.input("time", Fact("int32", ())), "n:0")
    step.states.append(State(0, old, new))
    step.writes.append(Write(1, out))
    unstack_states(step)
    assert [s.window for s in step.states] == [(0, 1), (1, 2)]
    assert step.writes[0].item.args[0] is step.states[0].new
    assert not depends([*(s.new for s in step.states), step.writes[0].item], {old})


def test_an_item_that_a_branch_guards_need_not_be_there() -> None:
    """Found by mutation: with a first input of its own the loop reads item t + 1, and none for its last step; a step was lost."""
    model = zoo_model("training_attention")
    node = changed(model, "decoder/TrainingHelperInitialize/All", op="Any")
    graph = graph_of(model, node)
    program = lifted(model, graph, "decoder/while/Exit_3:0")
    assert not any(isinstance(s, Loop) for s in walk(program.statements))
    agree(model, graph, program)


def test_a_step_may_give_its_rows_on_any_axis() -> None:
    """Found by mutation: ``tf.stack([c, h])`` of every step has its rows on the second axis; without lengths nothing masks them."""
    model = zoo_model("scan_lstm")
    graph = read(model.graph).graph
    agree(model, graph, lifted(model, graph, "scan/TensorArrayStack/TensorArrayGatherV3:0"))
