"""Every model of the zoo as ONNX under ``--prefer native``: the forms its card allows, reasons where a form is not native, and TF 1.15.5's numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from converters.lift import lift
from converters.program import Program
from converters.read_graphdef import read
from converters.to_onnx import Exported, to_onnx
from reference.errors import NotConvertibleError
from tests.converters.to_onnx_running import as_bytes, as_text, session
from tests.zoo.catalogue import NATIVE, Run, ZooModel, zoo

REFUSED = {"ctc_beam", "speech_ctc"}
"""A beam search over the paths of CTC: ONNX has no operator, and no loop of fixed width is exact."""

DEVIATIONS = {
    # Better than the card, which was written before the conversion.
    "legacy_tied": (["GRU"], "the decoder goes on where the encoder ends, with its weights: one recurrence"),
    "lstm_float16": (["LSTM"], "ONNX Runtime computes a float16 LSTM in float32, natively"),
    "map_fn_lstm": (["LSTM"], "map_fn has no state: it is done for all items at once"),
    "nested_while": (["Loop", "Scan"], "the inner loop has a form of its own"),
    # Less than the card asks: the lift knows too little.
    "legacy_tied_loop": (["unrolled"], "the encoder shares the weights of a decoder that is fed its own output"),
    "scan_lstm": (["Scan"], "c of every step is an output, and no operator gives more of it than the last"),
}  # fmt: skip
"""By model: the forms it has instead of its card's, and why. The card's are right too."""

EDGES = {
    "attention_bahdanau": "attended to by softmax",
    "attention_dynamic_rnn": "attended to by softmax",
    "beam_decoder": r"chosen from the output of the one before by decoder/while/.*\(TopKV2\)",
    "dnc": "sorted, by top_k",
    "forecaster": r"output of the one before through future/value/MatMul \(MatMul\)",
    "agent_resets": r"sets its state back by an item that it reads, by where",
    "policy_masks": r"multiplies its state by an item that it reads, by multiply",
    "inference_helper": r"made of its output, by matmul",
    "raw_rnn_feedback": r"made of its output, by matmul",
    "greedy_decoder": r"chosen from the output of the one before by decoder/while/.*\(ArgMax\)",
    "layer_norm_basic_lstm": "ONNX LSTM has no layer normalisation",
    "conv2d_lstm": "multiply by matrices, they do not convolve",
    "legacy_attention": r"attended to by .*/Attention_0/Softmax",
    "legacy_embedding_greedy": r"chosen from the output of the one before by .*/loop_function/ArgMax",
    "time_freq_lstm": "12 steps stand one after another in the graph: no cell that is looked for has the equation",
    "training_attention": "attended to by softmax",
    "while_until_settled": r"condition depends on while/Greater \(Greater\), not only on a counter$",
}  # fmt: skip
"""By model: what the reason of a form that is not native says of the edge that keeps it."""

RECORDED = [model for model in zoo() if model.samples is not None]
TOLERANCE = 2e-5
"""Relative to an output's largest number. The zoo's models are a few dozen steps of float32 each; their noise floors lie below."""


def lifted(model: ZooModel) -> Program:
    """The model's Program, with what its card freezes and all its inputs."""
    frozen = {name: model.card["frozen"][name] for name in model.card["must_freeze"]}
    return lift(read(model.graph).graph, inputs=model.inputs, outputs=model.outputs, freeze=frozen)


def forms_fit(model: ZooModel, forms: list[str]) -> bool:
    """Whether each recurrence of the card has an allowed form, and there is none besides."""
    left = list(forms)
    for entry in sorted(model.expected, key=lambda e: len(e.also)):
        match = next((form for form in (entry.form, *entry.also) if form in left), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def check_forms(model: ZooModel, exported: Exported) -> None:
    """As the card says, or as listed."""
    forms = [record.form for record in exported.recurrences]
    listed = sorted(DEVIATIONS.get(model.name, ((), ""))[0])
    assert forms_fit(model, forms) or sorted(forms) == listed, forms
    for record in exported.recurrences:
        assert bool(record.reason) == (record.form not in NATIVE), record
    nodes = {node.op_type for node in exported.model.graph.node}
    for form in NATIVE & set(forms):
        assert form in nodes or nodes & {"Loop", "If"}


def check_numbers(model: ZooModel, exported: Exported, runs: list[Run]) -> None:
    """Equal dtypes and shapes; floats within TOLERANCE, everything else exactly."""
    running = session(exported.model)
    taken = {port.name for port in exported.model.graph.input}
    for run in runs:
        feeds = {name: as_text(array) for name, array in run.inputs.items() if name in taken}
        for name, found in zip(model.outputs, running.run(list(model.outputs), feeds), strict=True):
            compare(f"{model.name} {name}", as_bytes(found), as_bytes(run.outputs[name]))


def compare(where: str, found: np.ndarray, wanted: np.ndarray) -> None:
    """One output."""
    assert found.shape == wanted.shape, where
    if wanted.dtype.kind in "SUO":
        assert found.ravel().tolist() == wanted.ravel().tolist(), where
        return
    assert found.dtype == wanted.dtype, where
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, where)
        return
    unit = {2: 2.0**-10, 4: TOLERANCE, 8: 1e-12}[wanted.dtype.itemsize]
    largest = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0))
    np.testing.assert_allclose(
        found, wanted, rtol=0, atol=unit * 4 * max(largest, 1e-3), err_msg=where
    )


@pytest.mark.parametrize(
    "model", [m for m in RECORDED if m.name not in REFUSED], ids=lambda model: model.name
)
def test_model(model: ZooModel) -> None:
    exported = to_onnx(lifted(model), prefer="native")
    check_forms(model, exported)
    check_numbers(model, exported, model.runs())


@pytest.mark.parametrize("name", EDGES)
def test_the_reason_names_the_edge(name: str) -> None:
    """What a step reads of the one before; where it reads nothing but its state, no edge is made up."""
    [model] = [model for model in RECORDED if model.name == name]
    records = to_onnx(lifted(model), prefer="native").recurrences
    [reason] = [record.reason for record in records if record.reason]
    assert re.search(EDGES[name], reason)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused(name: str) -> None:
    """By the name of the node that stands in the way."""
    [model] = [model for model in RECORDED if model.name == name]
    with pytest.raises(NotConvertibleError, match="CTCBeamSearchDecoder"):
        to_onnx(lifted(model), prefer="native")


@pytest.mark.parametrize(
    "model", [m for m in zoo() if m.samples is None], ids=lambda model: model.name
)
def test_graph_only(model: ZooModel) -> None:
    """What no CPU of TF's time ran has the forms of its card."""
    check_forms(model, to_onnx(lifted(model), prefer="native"))


def test_planted_mistakes_are_seen() -> None:
    """A form too few, one too many, another one, and a wrong number."""
    [model] = [model for model in RECORDED if model.name == "basic_lstm"]
    assert forms_fit(model, ["LSTM"])
    assert not any(forms_fit(model, forms) for forms in ([], ["LSTM", "LSTM"], ["Scan"]))
    wanted = model.runs()[0].outputs[model.outputs[0]]
    with pytest.raises(AssertionError):
        compare("planted", wanted * np.float32(1.001), wanted)
