"""A live TensorFlow session as the oracle."""

from __future__ import annotations

import pytest

from porting import record_tf1
from tests.zoo.catalogue import MODELS

GRAPH = MODELS / "layer_norm_basic_lstm" / "frozen.pb"
"""With its optimisers on, TensorFlow 2.21 gets a graph of this kind wrong by 2e-2."""


@pytest.fixture
def call(tmp_path):
    return (
        "convert", GRAPH, "--to", "onnx", "-o", tmp_path / "p.onnx", "--cases", 3, "--live", "--json",
    )  # fmt: skip


def test_tensorflow_agrees_where_it_runs_the_graph_without_its_optimisers(cli, call):
    pytest.importorskip("tensorflow", reason="a live session is the oracle")
    done = cli(*call)
    assert done.status == 0, done.out + done.err
    told = done.json["verification"]
    assert (told["verdict"], told["oracle"]) == ("equivalent", "tensorflow")
    assert all(row["recording_diff"] <= 8 * row["noise_floor"] for row in told["tensors"])
    assert max(row["recording_diff"] for row in told["tensors"]) > 0


def test_a_graph_read_wrongly_is_seen(cli, call, monkeypatch):
    """TensorFlow reads the file itself, so a weight that we read wrongly cannot hide."""
    pytest.importorskip("tensorflow", reason="a live session is the oracle")
    from porting.verification.original import Original

    run = Original._oracle

    def off(self, *arguments, **options):
        return {name: v * 1.001 for name, v in run(self, *arguments, **options).items()}

    monkeypatch.setattr(Original, "_oracle", off)
    done = cli(*call)
    assert done.status == 1
    assert done.json["verification"]["worst"] == {"place": "reader"}


def test_without_tensorflow_it_says_what_to_install(cli, call, monkeypatch, tmp_path):
    def missing():
        raise record_tf1.RecorderError("no TensorFlow")

    monkeypatch.setattr(record_tf1, "import_tensorflow", missing)
    done = cli(*call)
    assert done.status == 2
    assert "rnnport[tensorflow]" in done.err
    assert not list(tmp_path.iterdir())


def test_a_graph_that_tensorflow_cannot_load_is_one_sentence(cli, call, monkeypatch, tmp_path):
    pytest.importorskip("tensorflow", reason="a live session is the oracle")

    def failing(*_):
        raise ValueError("No op named Odd")

    monkeypatch.setattr(record_tf1, "load", failing)
    done = cli(*call)
    assert done.status == 2
    assert "cannot load" in done.err
    assert "No op named Odd" in done.err
    assert not list(tmp_path.iterdir())


def test_a_recording_and_a_session_together_are_refused(cli, call):
    done = cli(*call, "--samples", GRAPH.with_name("samples.npz"))
    assert done.status == 2
    assert "not both" in done.err


def test_tensorflow_is_not_loaded_unless_asked_for(cli, call, monkeypatch):
    def forbidden(*_):
        raise AssertionError("TensorFlow was asked for")

    monkeypatch.setattr(record_tf1, "import_tensorflow", forbidden)
    assert cli(*(item for item in call if item != "--live")).status in (0, 4)
