"""Planted mistakes: each must be called different. STYLE's rule 3."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import converters.lift.recognise as recognition
from converters.program import Program, Recurrence
from porting.conversion import Options, convert
from porting.exporting import export
from porting.model import Model, open_model
from porting.verification import check, load_samples
from porting.verification.streaming import streaming_candidate
from porting.verification.verdict import DIFFERENT, EQUIVALENT
from reference.cells.base import map_weights
from tests.zoo.catalogue import MODELS

BASIC = MODELS / "basic_lstm"


def changed(program: Program, change) -> Program:
    """The program with every recurrence put through ``change``."""
    statements = tuple(change(s) if isinstance(s, Recurrence) else s for s in program.statements)
    return replace(program, statements=statements)


def cell(**fields):
    return lambda r: replace(r, cell=replace(r.cell, **fields))


def weights(function):
    return lambda r: replace(r, cell=map_weights(function, r.cell))


def swap_gates(path, value):
    """The first two gates exchanged."""
    parts = np.split(value, 4, axis=-1)
    return np.concatenate([parts[1], parts[0], *parts[2:]], axis=-1)


def one_weight(path, value):
    """One weight off by one part in 10^5."""
    if path != "kernel":
        return value
    found = value.copy()
    found.flat[5] *= np.float32(1 + 1e-5)
    return found


MISTAKES = {
    "forget_bias dropped": cell(forget_bias=0.0),
    "gates permuted": weights(swap_gates),
    "c and h swapped": lambda r: replace(r, initial_state=r.initial_state[::-1]),
    "lengths ignored": lambda r: replace(r, lengths=None),
    "one weight off by 1e-5": weights(one_weight),
    "one bias negated": weights(lambda path, value: -value if path == "bias" else value),
}


def judged(model: Model, program: Program, folder: Path, samples=None):
    """The verdict on a port of ``program``."""
    port = export(program, Options("onnx"), "port", {})
    path = port.save(folder / "port.onnx")
    runs, oracle, notes = model.runs(samples, 4, 0)
    return check(model.original, port.candidate(path, 1), runs, oracle=oracle, notes=notes)


@pytest.fixture(scope="module")
def model() -> Model:
    return open_model(BASIC / "frozen.pb")


def test_no_mistake_is_equivalent(model, tmp_path):
    found = judged(model, model.program, tmp_path, load_samples(BASIC / "samples.npz"))
    assert found.verdict == EQUIVALENT, found.reasons


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("recorded", [True, False])
def test_a_mistake_is_different(model, tmp_path, mistake, recorded):
    samples = load_samples(BASIC / "samples.npz") if recorded else None
    found = judged(model, changed(model.program, MISTAKES[mistake]), tmp_path, samples)
    assert found.verdict == DIFFERENT
    assert found.worst or found.audit["wrong"]


def test_a_weight_is_named_by_the_audit(model, tmp_path):
    found = judged(model, changed(model.program, MISTAKES["one weight off by 1e-5"]), tmp_path)
    (wrong,) = found.audit["wrong"]
    assert wrong["original"] == "rnn/basic_lstm_cell/kernel"
    assert wrong["values"] == 1


def test_a_mistake_of_the_lift_is_found_without_a_recording(monkeypatch, tmp_path):
    """The oracle interprets the raw graph: a wrong lift cannot agree with itself."""
    right = recognition.recognise
    wrong = cell(forget_bias=0.0)
    monkeypatch.setattr(
        recognition, "recognise", lambda *given, **how: changed(right(*given, **how), wrong)
    )
    done = convert(BASIC / "frozen.pb", to="onnx", out=tmp_path / "port.onnx", cases=4)
    assert done.verification is not None
    assert done.verification.verdict == DIFFERENT
    assert done.verification.oracle == "reference"
    assert done.status == 1
    assert [p.name for p in tmp_path.iterdir()] == ["port.onnx.different"]


def test_a_graph_read_wrongly_is_told_by_the_recording(tmp_path):
    """The recording of another model with the same names: the reader is blamed, not the port."""
    model = open_model(BASIC / "frozen.pb")
    samples = load_samples(BASIC / "samples.npz")
    runs = tuple(
        replace(run, outputs={k: v * np.float32(1.001) for k, v in run.outputs.items()})
        for run in samples.runs
    )
    found = judged(model, model.program, tmp_path, replace(samples, runs=runs))
    assert found.verdict == DIFFERENT
    assert found.worst == {"place": "reader"}


@pytest.mark.parametrize("kind", ["row", "padding", "nan", "dtype", "shape", "last column"])
def test_a_port_wrong_in_one_place_is_different(model, kind):
    """Changed outputs, not weights: in one row, in the padding alone, in kind."""
    from porting.verification import Candidate

    samples = load_samples(BASIC / "samples.npz")
    name = "rnn/transpose_1:0"

    def answer(feeds):
        number = next(
            i
            for i, run in enumerate(samples.runs)
            if all(run.inputs[k] is v for k, v in feeds.items())
        )
        found = dict(samples.runs[number].outputs)
        value = found[name].copy()
        if number == 0:
            value = damage(kind, value)
        return found | {name: value}

    port = Candidate(answer, tuple(model.program.inputs), model.program.outputs)
    found = check(model.original, port, samples.runs, oracle="recording")
    assert found.verdict == DIFFERENT
    assert name in " ".join(found.reasons)


def damage(kind: str, value: np.ndarray) -> np.ndarray:
    """[3, 7, 7], lengths 7, 0, 1: wrong in one place."""
    if kind == "dtype":
        return value.astype(np.float64)
    if kind == "shape":
        return value[:, :-1]
    place = {"row": (0, 3, 2), "padding": (1, 2, 0), "nan": (0, 0, 0), "last column": (0, 6, 6)}[
        kind
    ]
    value[place] = (
        np.nan if kind == "nan" else value[place] + (1e-30 if kind == "padding" else 1e-5)
    )
    return value


def test_a_step_model_that_forgets_its_state_is_different(tmp_path):
    """The cutting of ``--streaming`` sees states that are not handed on."""
    model = open_model(BASIC / "frozen.pb")
    port = export(model.program, Options("onnx", streaming=True), "port", {})
    path = port.save(tmp_path / "step.onnx")
    samples = load_samples(BASIC / "samples.npz")
    good = streaming_candidate(model.original, model.program, port.states, path, 1)
    assert check(model.original, good, samples.runs, oracle="recording").verdict == EQUIVALENT
    crossed = tuple(
        (taken, given)
        for (taken, _), (_, given) in zip(port.states, port.states[::-1], strict=True)
    )
    bad = streaming_candidate(model.original, model.program, crossed, path, 1)
    assert check(model.original, bad, samples.runs, oracle="recording").verdict == DIFFERENT


def gained(model: Model, kernel: str, gain: float) -> Model:
    """The same graph with a recurrent kernel of that gain (spectral radius about ``gain``)."""
    graph = model.artefact.graph
    node = graph.nodes[kernel]
    value = np.array(node.attr("value"))
    units = value.shape[1]
    value[-units:] = (
        np.random.default_rng(12).standard_normal((units, units)) * gain / np.sqrt(units)
    )
    changed_node = replace(node, attrs={**node.attrs, "value": value.astype(np.float32)})
    nodes = {**graph.nodes, kernel: changed_node}
    return replace(model, artefact=replace(model.artefact, graph=replace(graph, nodes=nodes)))


@pytest.mark.parametrize(("gain", "verdict"), [(0.5, EQUIVALENT), (3.0, "unverified")])
def test_a_chaotic_network_is_not_called_equivalent(tmp_path, gain, verdict):
    """After 100 steps of an expanding tanh network, outputs that agree prove nothing."""
    model = gained(
        open_model(MODELS / "basic_rnn_tanh" / "frozen.pb"), "rnn/basic_rnn_cell/kernel", gain
    )
    random = np.random.default_rng(7)
    sizes = {"x:0": (3, 100, 5), "lengths:0": (3,), "state_0:0": (3, 6)}
    given = {
        name: random.standard_normal(sizes[name]).astype(np.float32) * 0.1
        for name in model.inputs
        if name != "lengths:0"
    }
    if "lengths:0" in model.inputs:
        given["lengths:0"] = np.array([100, 100, 50], np.int32)
    path = export(model.program, Options("onnx"), "port", {}).save(tmp_path / "port.onnx")
    from porting.verification import Run, open_candidate

    found = check(model.original, open_candidate(path), [Run(given)] * 3)
    assert found.verdict == verdict, found.sentence()
