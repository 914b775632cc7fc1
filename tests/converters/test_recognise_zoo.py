"""The lift of whole graphs: what the cards of the zoo promise is found, and a graph that only looks like a recurrence is left alone.

What a card says was written from TF1's semantics before any conversion (``tests/zoo/README.md``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from converters import oracle
from converters.graph import Graph, Node
from converters.lift import lift
from converters.lift.execute import execute
from converters.lift.recognise.loops.traced import TracedCell
from converters.program import Loop, Program, Recurrence, walk
from converters.read_graphdef import read
from reference.cells.gru import GRUCell
from tests.zoo.catalogue import ZooModel, zoo, zoo_model

NATIVE = {"LSTM", "GRU", "RNN"}

DEVIATIONS = {
    "legacy_tied": "encoder and decoder share their cell and follow one another: one recurrence of seven steps",
    "scan_lstm": "c of every step is an output, and no LSTM gives more of it than the last",
}
"""Models whose card promises native forms only, and why the lift gives another count."""

NATIVE_ONLY = [
    m for m in zoo() if {e.form for e in m.expected} and {e.form for e in m.expected} <= NATIVE
]


def lifted(model: ZooModel, graph: Graph | None = None) -> Program:
    artefact = read(model.graph)
    if graph is not None:
        artefact = replace(artefact, graph=graph)
    frozen = {k: v for k, v in model.card.get("frozen", {}).items() if k in must_freeze(model)}
    return lift(artefact, inputs=list(model.inputs), outputs=list(model.outputs), freeze=frozen)


def must_freeze(model: ZooModel) -> list[str]:
    names = list(model.card.get("must_freeze", []))
    return names + [n for n in model.card.get("frozen", {}) if "train" in n]


def recurrences(program: Program) -> list[Recurrence]:
    return [s for s in walk(program.statements) if isinstance(s, Recurrence)]


@pytest.mark.parametrize("model", NATIVE_ONLY, ids=lambda m: m.name)
def test_recurrences_that_onnx_knows_are_recognised(model: ZooModel) -> None:
    program = lifted(model)
    found = recurrences(program)
    loops = [s for s in walk(program.statements) if isinstance(s, Loop)]
    strange = [r.reason for r in found if isinstance(r.cell, TracedCell)] + [
        s.reason for s in loops
    ]
    if model.name in DEVIATIONS:
        assert strange or len(found) != len(model.expected), (
            "no deviation any more: take it off the list"
        )
        return
    assert not strange
    assert Counter(r.cell.units for r in found) == Counter(e.units for e in model.expected)


def runs_agree(model: ZooModel, graph: Graph, program: Program, rtol: float = 1e-9) -> None:
    """The lifted program against the oracle on the raw graph, both in float64."""
    for run in model.runs()[:3]:
        feeds = {k: v for k, v in run.inputs.items() if k in program.inputs}
        want = oracle.run(graph, run.inputs, list(run.outputs), widen=True)
        got = execute(program, feeds, widen=True)
        for name in run.outputs:
            np.testing.assert_allclose(
                got[name], want[name], rtol=rtol, atol=rtol * 1e-3, err_msg=name
            )


def changed(graph: Graph, node: Node) -> Graph:
    return replace(graph, nodes={**graph.nodes, node.name: node})


def constants(graph: Graph, value: float) -> list[Node]:
    """Scalar float constants of this value, in the order of the file."""
    found = []
    for node in graph.nodes.values():
        array = node.attrs.get("value") if node.op == "Const" else None
        if (
            array is not None
            and array.dtype.kind == "f"
            and array.shape == ()
            and float(array) == value
        ):
            found.append(node)
    return found


@pytest.mark.parametrize("step", [0, 2, 4])
def test_one_unrolled_step_with_another_forget_bias_is_no_loop_over_all_steps(step: int) -> None:
    model = zoo_model("static_lstm")
    graph = read(model.graph).graph
    nodes = constants(graph, 1.0)
    assert len(nodes) == 5, "one forget bias a step"
    odd = nodes[step]
    attrs: Mapping[str, Any] = {**odd.attrs, "value": np.asarray(0.25, odd.attrs["value"].dtype)}
    mutant = changed(graph, replace(odd, attrs=attrs))
    program = lifted(model, mutant)
    whole = [r for r in recurrences(program) if type(r.cell).__name__ == "BasicLSTMCell"]
    assert not [r for r in whole if program.facts[r.sequences[0]].shape[0] == 5]
    runs_agree(model, mutant, program)


def test_a_swapped_operand_in_one_unrolled_step_is_seen() -> None:
    model = zoo_model("static_lstm")
    graph = read(model.graph).graph
    subtractions = [n for n in graph.nodes.values() if n.op == "Mul"]
    victim = subtractions[len(subtractions) // 2]
    mutant = changed(graph, replace(victim, inputs=(victim.inputs[0], victim.inputs[0])))
    program = lifted(model, mutant)
    runs_agree(model, mutant, program)


@pytest.mark.parametrize(
    "name",
    [
        "basic_lstm",
        "basic_lstm_state_concat",
        "multi_state_concat",
        "residual_lstm2",
        "highway_lstm",
        "output_projection",
        "embedding_wrapper",
        "static_lstm_lengths",
        "static_bidirectional",
        "unrolled_lstm",
        "keras_lstm_unroll",
        "block_fused",
        "block_fused_bidirectional",
        "scan_gru",
        "while_gru_select",
        "ntm",
        "nested_while",
        "crf_only",
    ],
)
def test_the_lift_changes_no_number(name: str) -> None:
    model = zoo_model(name)
    graph = read(model.graph).graph
    # The NTM's start state is folded from float32 weights, in float32; the oracle widens first.
    runs_agree(model, graph, lifted(model), rtol=1e-5 if name == "ntm" else 1e-9)


def test_the_cudnn_graphs_give_their_twins_numbers() -> None:
    """The graphs cannot run without a GPU; their twins, built of CudnnCompatible cells, were recorded."""
    for name in ("cudnn_lstm", "cudnn_gru"):
        model, twin = zoo_model(name), zoo_model(f"{name}_twin")
        program = lifted(model)
        assert all(not isinstance(r.cell, TracedCell) for r in recurrences(program))
        for run in twin.runs():
            if any(0 in v.shape for v in run.inputs.values()):
                continue
            got = execute(program, {k: v for k, v in run.inputs.items() if k in program.inputs})
            for output in set(run.outputs) & set(program.outputs):
                np.testing.assert_allclose(got[output], run.outputs[output], rtol=0, atol=5e-6)


def test_a_loop_that_is_none_says_why() -> None:
    program = lifted(zoo_model("while_until_settled"))
    (loop,) = [s for s in walk(program.statements) if isinstance(s, Loop)]
    assert "condition depends on" in loop.reason
    assert "Greater" in loop.reason


def test_an_output_that_is_the_masked_state_holds_it_past_the_length() -> None:
    model = zoo_model("while_gru_select")
    program = lifted(model)
    (found,) = recurrences(program)
    assert isinstance(found.cell, GRUCell)
    assert found.lengths == "lengths:0"
    run = model.runs()[0]
    got = execute(program, run.inputs, widen=False)
    outputs, lengths = got["outputs:0"], run.inputs["lengths:0"]
    assert lengths[1] < outputs.shape[1]
    np.testing.assert_array_equal(outputs[1, lengths[1]], run.inputs["h:0"][1])
    np.testing.assert_allclose(outputs, run.outputs["outputs:0"], rtol=0, atol=5e-6)


NAMED = {
    "cifg_lstm_options": ["CoupledInputForgetGateLSTMCell"],
    "conv2d_lstm": ["Conv2DLSTMCell"],
    "glstm_proj": ["GLSTMCell"],
    "gru_without_reset": ["UGRNNCell"],
    "intersection_rnn": ["IntersectionRNNCell"],
    "layer_norm_basic_lstm": ["LayerNormBasicLSTMCell"],
    "layer_norm_by_hand": ["LayerNormBasicLSTMCell"],
    "layer_norm_lstm": ["LayerNormLSTMCell"],
    "minimal_rnn": ["MinimalRNNCell"],
    "mixed_contrib": ["SRUCell", "GRUCell", "IndyLSTMCell", "LayerNormBasicLSTMCell"],
    "phased_lstm": ["PhasedLSTMCell"],
    "residual_sru": ["SRUCell", "SRUCell"],
    "single_units": ["BasicLSTMCell", "GRUCell", "BasicRNNCell", "IndyGRUCell"],
    "slow_context": ["IndRNNCell", "BasicRNNCell"],
    "sru_by_hand": ["SRUCell"],
    "static_conv_lstm": ["Conv2DLSTMCell"],
}
"""Recurrences that ONNX may not know, by the cell they are."""


@pytest.mark.parametrize("name", NAMED)
def test_other_cells_are_known_by_name(name: str) -> None:
    model = zoo_model(name)
    program = lifted(model)
    assert [type(r.cell).__name__ for r in recurrences(program)] == NAMED[name]
    assert not any(r.reason for r in recurrences(program))
    # Numbers that multiply a matrix are multiplied into it: one rounding in float32.
    runs_agree(model, read(model.graph).graph, program, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("recurrent_highway", "it has the functions of CFNCell, the nearest, but other sums"),
        ("grid_lstm", "it is named GridLSTMCell, .* no pattern of that cell is looked for"),
        ("conv_gru", "^no cell that is looked for has this equation"),
    ],
)
def test_other_steps_say_what_tells_them_apart(name: str, reason: str) -> None:
    [found] = recurrences(lifted(zoo_model(name)))
    assert isinstance(found.cell, TracedCell)
    assert re.search(reason, found.reason), found.reason
