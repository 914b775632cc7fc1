"""The shipped model, end to end."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from porting import convert
from porting.verification.samples import Run, load_samples, save_samples
from reference.errors import UsageError

OUTPUTS = ["logits:0", "probs:0", "final_state:0"]
FORMS = {
    "frozen": "model/frozen.pb",
    "saved_model": "model/saved_model",
    "checkpoint": "model/checkpoint/tunes.ckpt",
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    from tests.porting.conftest import TUNES

    folder = tmp_path_factory.mktemp("ports")
    return {
        form: convert(
            TUNES / place,
            to="onnx",
            out=folder / f"{form}.onnx",
            outputs=OUTPUTS,
            samples=TUNES / "samples.npz",
        )
        for form, place in FORMS.items()
    }


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_equivalent_to_the_recording(ports, form):
    done = ports[form]
    assert done.verification.verdict == "equivalent", done.verification.reasons
    assert done.verification.oracle == "recording"
    assert done.verification.cases == 6
    assert [item["form"] for item in done.recurrences] == ["LSTM", "LSTM"]
    assert done.frozen == {"keep_prob:0": 1.0}
    assert "keep_prob:0" not in done.inputs


@pytest.mark.parametrize("form", ["saved_model", "checkpoint"])
def test_all_forms_give_the_same_model(ports, form):
    models = [onnx.load(ports[name].output) for name in ("frozen", form)]
    first, second = (sorted(item.raw_data for item in model.graph.initializer) for model in models)
    assert first == second
    kinds = [[node.op_type for node in model.graph.node] for model in models]
    assert kinds[0] == kinds[1]


def test_recurrences_are_native(ports):
    kinds = {node.op_type for node in onnx.load(ports["frozen"].output).graph.node}
    assert "LSTM" in kinds
    assert not kinds & {"Scan", "Loop", "If"}


def test_samples_that_fed_dropout_are_refused(tunes, tmp_path):
    run = load_samples(tunes / "samples.npz").runs[0]
    path = tmp_path / "s.npz"
    save_samples(path, [Run({**run.inputs, "keep_prob:0": np.float32(0.5)}, run.outputs)])
    with pytest.raises(UsageError, match=r"keep_prob:0 with 0\.5"):
        convert(
            tunes / "model" / "frozen.pb",
            to="onnx",
            out=tmp_path / "p.onnx",
            outputs=OUTPUTS,
            samples=path,
        )
    assert not (tmp_path / "p.onnx").exists()


def test_dropout_is_frozen_even_where_it_is_named(tunes, tmp_path):
    done = convert(
        tunes / "model" / "frozen.pb", to="onnx", out=tmp_path / "p.onnx", verify=False,
        inputs=["ids:0", "lengths:0", "initial_state:0", "keep_prob:0"], outputs=["probs:0"],
    )  # fmt: skip
    assert done.frozen == {"keep_prob:0": 1.0}
    assert done.inputs == ("ids:0", "lengths:0", "initial_state:0")


def test_a_checkpoint_without_outputs_lists_what_could_be_meant(tunes, tmp_path):
    with pytest.raises(UsageError, match="probs:0"):
        convert(tunes / FORMS["checkpoint"], to="onnx", out=tmp_path / "p.onnx")


def test_drawn_inputs_suit_the_graph(tunes, tmp_path):
    done = convert(
        tunes / "model" / "frozen.pb", to="onnx", out=tmp_path / "p.onnx", outputs=OUTPUTS, cases=4
    )
    assert done.verification.verdict == "equivalent", done.verification.reasons
    assert done.verification.oracle == "reference"
    assert done.verification.cases == 4


def test_the_demo_tells_the_whole_story(cli, tmp_path):
    pytest.importorskip("tensorflow", reason="the Keras models here run on TensorFlow")
    done = cli("demo", "-o", tmp_path / "out")
    assert done.status == 0, done.err
    assert "each the same as TensorFlow 1.15.5 chose" in done.out
    assert done.out.count("equivalent (6 cases, oracle: recording)") == 3
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"tunes.onnx", "tunes.keras", "tunes_step.onnx", "tune.abc", "report.html"}
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert page.count('class="verdict big equivalent"') == 2
    assert "http" not in page.replace("http-equiv", ""), "the page needs nothing else"
