"""A .keras file as the artefact of convert and verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from porting.verification.samples import Run, save_samples

keras = pytest.importorskip("keras", reason="the source that is written here is run")


def network(*, seed: int = 0) -> Any:
    """Integers and floats in, a mask, both directions; every weight random."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    start = keras.Input((6,), name="start")
    y = keras.layers.Embedding(11, 5, mask_zero=True)(ids)
    y = keras.layers.LSTM(6, return_sequences=True)(y)
    y = keras.layers.Bidirectional(keras.layers.GRU(4, reset_after=False))(y)
    last = keras.layers.Concatenate()([y, start])
    model = keras.Model([ids, start], [keras.layers.Dense(3, name="head")(last), y])
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(rng.normal(size=variable.shape).astype("float32") * 0.6)
    return model


@pytest.fixture(scope="module")
def model() -> Any:
    return network()


@pytest.fixture
def artefact(model: Any, tmp_path: Path) -> Path:
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_keras_itself_confirms_what_was_read(cli, artefact, tmp_path):
    done = cli("convert", artefact, "--to", "onnx", "-o", tmp_path / "p.onnx", "--json")
    assert done.status == 0, done.out + done.err
    told = done.json["verification"]
    assert told["verdict"] == "equivalent"
    assert any("Keras model itself" in note for note in told["notes"])
    assert told["weights"]["exact"] >= 6
    assert not told["weights"]["wrong"]
    assert done.json["inputs"] == ["ids", "start"]
    assert [item["form"] for item in done.json["recurrences"]] == ["LSTM", "GRU", "GRU"]
    again = cli("verify", artefact, tmp_path / "p.onnx", "--json")
    assert again.status == 0
    assert again.json["verdict"] == "equivalent"


def test_without_keras_and_without_samples_nothing_is_proven(cli, artefact, tmp_path, monkeypatch):
    monkeypatch.setattr("porting.keras_source._live", lambda path: "it is not here")
    done = cli("convert", artefact, "--to", "onnx", "-o", tmp_path / "p.onnx", "--json")
    assert done.status == 4
    assert done.json["verification"]["verdict"] == "unverified"
    assert done.json["verification"]["oracle"] == "reference"
    assert "--samples" in " ".join(done.json["verification"]["reasons"])
    assert "Keras could not be asked: it is not here" in done.json["verification"]["notes"]
    assert (tmp_path / "p.onnx").is_file()


def test_a_recording_is_an_oracle_too(cli, model, artefact, tmp_path, monkeypatch):
    monkeypatch.setattr("porting.keras_source._live", lambda path: "it is not here")
    rng = np.random.default_rng(3)
    runs = []
    for rows, steps in ((3, 7), (1, 4), (4, 1)):
        ids = rng.integers(0, 11, (rows, steps)).astype("int32")
        start = rng.normal(size=(rows, 6)).astype("float32")
        found = [np.asarray(value) for value in model([ids, start])]
        names = dict(zip(("head", "bidirectional"), found, strict=True))
        runs.append(Run({"ids": ids, "start": start}, names))
    inspected = cli("inspect", artefact, "--json").json["outputs"]
    runs = [
        Run(run.inputs, dict(zip(inspected, run.outputs.values(), strict=True))) for run in runs
    ]
    save_samples(tmp_path / "s.npz", runs)
    call = ("convert", artefact, "--to", "onnx", "-o", tmp_path / "p.onnx", "--json")
    done = cli(*call, "--samples", tmp_path / "s.npz")
    assert (done.status, done.json["verification"]["oracle"]) == (0, "recording")
    wrong = [Run(r.inputs, {k: v * np.float32(1.01) for k, v in r.outputs.items()}) for r in runs]
    save_samples(tmp_path / "s.npz", wrong)
    done = cli(*call, "--samples", tmp_path / "s.npz")
    assert (done.status, done.json["verification"]["worst"]) == (1, {"place": "reader"})


def test_a_file_read_wrongly_is_called_different(cli, artefact, tmp_path, monkeypatch):
    """Keras keeps the true weights; what is read has the columns of the Dense layer reversed."""
    from converters.read_keras import builder

    plain = builder.Builder.weight

    def swapped(self: Any, array: np.ndarray, path: str) -> Any:
        return plain(
            self,
            array[:, ::-1].copy() if path.startswith("layers/dense") and array.ndim == 2 else array,
            path,
        )

    monkeypatch.setattr(builder.Builder, "weight", swapped)
    done = cli("convert", artefact, "--to", "onnx", "-o", tmp_path / "p.onnx", "--json")
    assert done.status == 1
    assert done.json["verification"]["worst"] == {"place": "reader"}
    assert not (tmp_path / "p.onnx").exists()
    assert (tmp_path / "p.onnx.different").is_file()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--to", "keras", "-o", "p.keras"), "Keras model already"),
        (("--to", "onnx", "-o", "p.onnx", "--freeze", "x=1"), "--freeze"),
        (("--to", "onnx", "-o", "p.onnx", "--signature", "s"), "--signature"),
        (("--to", "onnx", "-o", "p.onnx", "--outputs", "tail"), "has no output 'tail'"),
        (("--to", "onnx", "-o", "p.onnx", "--inputs", "ids"), "ids, start"),
    ],
)
def test_what_is_for_tf1_only_is_refused(cli, artefact, tmp_path, monkeypatch, options, word):
    monkeypatch.chdir(tmp_path)
    done = cli("convert", artefact, *options)
    assert done.status == 2
    assert word in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


def test_one_output_alone(cli, artefact, tmp_path):
    call = ("convert", artefact, "--to", "onnx", "-o", tmp_path / "p.onnx", "--no-verify")
    assert cli(*call, "--outputs", "head").status == 0
    assert [o.name for o in onnx.load(tmp_path / "p.onnx").graph.output] == ["head"]
