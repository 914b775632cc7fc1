"""CONTRACT, promise by promise: what a call is answered with, and what is left in the folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from porting.verification.samples import Run
from tests.porting.contract_rows import BASIC, CHECKPOINT, DROPOUT, ROWS, renamed, samples
from tests.zoo.catalogue import MODELS


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_convert(cli, tmp_path, row):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    done = cli(
        "convert", row.make(source), "--to", "onnx", "-o", target / "port.onnx", *row.options
    )
    assert done.status == row.status, done.out + done.err
    assert row.says in done.out + done.err
    assert "Traceback" not in done.err
    assert "unexpected" not in done.err, done.err
    assert sorted(path.name for path in target.iterdir()) == sorted(row.left)
    if row.status in (2, 3):
        assert done.out == ""
        assert done.err.strip()


def test_a_refusal_with_json_prints_no_half_object(cli, tmp_path):
    done = cli(
        "convert", BASIC, "--to", "onnx", "-o", tmp_path / "p.onnx", "--outputs", "no:0", "--json"
    )
    assert (done.status, done.out) == (2, "")


# ---- what is written ---------------------------------------------------------------------------------------


def test_a_different_port_never_takes_the_name(cli, tmp_path):
    """A recording of another model: the reader is blamed, and OUT of an earlier run stays as it was."""
    wrong = samples(
        tmp_path / "s.npz", BASIC,
        lambda run: Run(run.inputs, {k: v + np.float32(0.01) for k, v in run.outputs.items()}),
    )  # fmt: skip
    (tmp_path / "p.onnx").write_bytes(b"yesterday")
    done = cli(
        "convert", BASIC, "--to", "onnx", "-o", tmp_path / "p.onnx", "--samples", wrong, "--json"
    )
    assert done.status == 1
    assert done.json["output"].endswith("p.onnx.different")
    assert done.json["verification"]["verdict"] == "different"
    assert (tmp_path / "p.onnx").read_bytes() == b"yesterday"
    onnx.checker.check_model(onnx.load_from_string((tmp_path / "p.onnx.different").read_bytes()))


def test_an_existing_out_is_replaced(cli, tmp_path):
    (tmp_path / "p.onnx").write_bytes(b"yesterday")
    assert (
        cli("convert", BASIC, "--to", "onnx", "-o", tmp_path / "p.onnx", "--no-verify").status == 0
    )
    assert onnx.load(tmp_path / "p.onnx").graph.node
    assert [path.name for path in tmp_path.iterdir()] == ["p.onnx"]


def test_a_refusal_leaves_an_existing_out_alone(cli, tmp_path):
    (tmp_path / "p.onnx").write_bytes(b"yesterday")
    assert (
        cli("convert", BASIC, "--to", "onnx", "-o", tmp_path / "p.onnx", "--opset", "3").status == 2
    )
    assert (tmp_path / "p.onnx").read_bytes() == b"yesterday"


@pytest.mark.parametrize("name", ["a/../../x", "../up", "CON", "sp ace", "x\x1b[2J", "ß" * 40])
def test_hostile_names_reach_no_file_and_no_terminal(cli, tmp_path, name):
    path = renamed(tmp_path / "odd.pb", BASIC, "x", name)
    (tmp_path / "out").mkdir()
    done = cli(
        "convert", path, "--to", "onnx", "-o", tmp_path / "out" / "p.onnx", "--no-verify", "--json"
    )
    assert done.status in (0, 2), done.err
    if done.status == 0:
        assert done.json["names"][f"{name}:0"] == f"{name}:0"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["odd.pb", "out"]
    text = cli("inspect", path)
    assert "\x1b" not in text.out + text.err


def test_byte_identical_whatever_the_name_of_out(cli, tmp_path):
    for name in ("a", "b"):
        cli("convert", BASIC, "--to", "onnx", "-o", tmp_path / f"{name}.onnx", "--no-verify")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


# ---- samples -----------------------------------------------------------------------------------------------


def verified(cli: Any, folder: Path, source: Path, recording: Path) -> Any:
    return cli(
        "convert", source, "--to", "onnx", "-o", folder / "p.onnx", "--samples", recording, "--json"
    )


def test_samples_that_fed_dropout_another_value_are_refused(cli, tmp_path):
    recording = samples(
        tmp_path / "s.npz", DROPOUT,
        lambda run: Run({**run.inputs, "keep_prob:0": np.float32(0.5)}, run.outputs),
    )  # fmt: skip
    done = verified(cli, tmp_path, DROPOUT, recording)
    assert done.status == 2
    assert "keep_prob:0" in done.err
    assert not (tmp_path / "p.onnx").exists()


def test_unknown_keys_are_ignored_and_another_hash_is_said(cli, tmp_path):
    with np.load(BASIC.with_name("samples.npz"), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays |= {"mid0:x": np.ones(3), "note": np.array("hello"), "in_0": np.ones(2)}
    arrays["meta"] = np.array(json.dumps({"format": 1, "sha256": "0" * 64}))
    np.savez(tmp_path / "s.npz", **arrays)
    done = verified(cli, tmp_path, BASIC, tmp_path / "s.npz")
    assert done.status == 0, done.err
    assert any("SHA-256" in note for note in done.json["verification"]["notes"])


def test_pickled_samples_are_refused(cli, tmp_path):
    np.savez(tmp_path / "s.npz", **{"in0:x:0": np.array([{}], object)})
    done = verified(cli, tmp_path, BASIC, tmp_path / "s.npz")
    assert done.status == 2
    assert "Traceback" not in done.err


# ---- the other commands ------------------------------------------------------------------------------------

CALLS = [
    (("inspect", "nothing.pb"), 2),
    (("inspect", str(BASIC), "--outputs", "no:0"), 2),
    (("inspect", str(BASIC)), 0),
    (("inspect", str(CHECKPOINT)), 0),
    (("verify", str(BASIC), "nothing.onnx"), 2),
    (("verify", "nothing.pb", "port.onnx"), 2),
    (("verify", str(BASIC), "port.onnx", "--cases", "2"), 0),
    (("verify", str(BASIC), "text.onnx"), 2),
    (("verify", str(BASIC), "port.onnx", "--samples", "no-such-*.npz"), 2),
    (
        (
            "verify",
            str(MODELS / "basic_lstm_forget_bias" / "frozen.pb"),
            "port.onnx",
            "--cases",
            "3",
        ),
        1,
    ),
    (("bench", str(BASIC), "nothing.onnx"), 2),
    (("bench", str(BASIC)), 2),
    (("record", "-o", "nowhere/r.py"), 2),
    (("record", "-o", "r.py"), 0),
    (("scan", "nowhere"), 2),
    (("scan", "empty"), 0),
    (("scan", "old.py"), 1),
    (("demo", "-o", "text.onnx"), 2),
    (("nonsense",), 2),
    ((), 2),
    (("--version",), 0),
]


@pytest.mark.parametrize(
    ("arguments", "status"),
    CALLS,
    ids=lambda v: Path(str(v[-1])).name if isinstance(v, tuple) and v else str(v),
)
def test_statuses(cli, tmp_path, monkeypatch, arguments, status):
    monkeypatch.chdir(tmp_path)
    cli("convert", BASIC, "--to", "onnx", "-o", "port.onnx", "--no-verify")
    (tmp_path / "text.onnx").write_text("a letter")
    (tmp_path / "empty").mkdir()
    (tmp_path / "old.py").write_text("import tensorflow as tf\ncell = tf.nn.rnn_cell.LSTMCell(3)\n")
    done = cli(*arguments)
    assert done.status == status, done.out + done.err
    assert "Traceback" not in done.err
    assert "unexpected" not in done.err, done.err


@pytest.mark.parametrize("command", ["inspect", "convert", "verify", "bench", "scan"])
def test_json_is_alone_on_stdout(cli, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("porting.benching._tensorflow", lambda *_: None)
    cli("convert", BASIC, "--to", "onnx", "-o", "port.onnx", "--no-verify")
    (tmp_path / "a.py").write_text("x = 1\n")
    arguments = {
        "inspect": (BASIC,), "convert": (BASIC, "--to", "onnx", "-o", "b.onnx", "--cases", "2"),
        "verify": (BASIC, "port.onnx", "--cases", "2"), "bench": (BASIC, "port.onnx", "--repeat", "1"), "scan": ("a.py",),
    }[command]  # fmt: skip
    found = cli(command, *arguments, "--json").json
    assert found["schema"] == 1


def test_an_interrupt_is_no_traceback(cli, monkeypatch, tmp_path):
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("porting.conversion.convert", stop)
    done = cli("convert", BASIC, "--to", "onnx", "-o", tmp_path / "p.onnx")
    assert done.status == 2
    assert "Traceback" not in done.err


def test_a_missing_shard_and_a_cut_one(cli, tmp_path):
    for part in ("index", "meta", "data-00000-of-00001"):
        shutil.copy(f"{CHECKPOINT}.{part}", tmp_path / f"m.ckpt.{part}")
    shard = tmp_path / "m.ckpt.data-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:1000])
    call = (
        "convert",
        tmp_path / "m.ckpt",
        "--to",
        "onnx",
        "-o",
        tmp_path / "p.onnx",
        "--outputs",
        "probs:0",
    )
    assert cli(*call).status == 2
    shard.unlink()
    done = cli(*call)
    assert done.status == 2
    assert "data-00000-of-00001" in done.err
    assert not (tmp_path / "p.onnx").exists()
