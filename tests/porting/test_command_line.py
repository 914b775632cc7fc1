"""The contract of the command line: statuses, one sentence, nothing written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.zoo.catalogue import MODELS

BASIC = MODELS / "basic_lstm"


def sentence(err: str) -> str:
    """The first line on stderr, which must be one of ours and no traceback."""
    assert "Traceback" not in err
    assert "unexpected" not in err, err
    assert err.startswith("rnnport: "), err
    return err.splitlines()[0]


def damaged(kind: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """A file that cannot be converted, and options to convert it with."""
    path = folder / "model.pb"
    data = (BASIC / "frozen.pb").read_bytes()
    if kind == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is a letter to a friend, and no model\n")
    elif kind == "missing":
        return folder / "nothing.pb", ()
    elif kind == "shard":
        for name in ("index", "meta"):
            shutil.copy(TUNES / f"tunes.ckpt.{name}", folder / f"m.ckpt.{name}")
        return folder / "m.ckpt", ("--outputs", "probs:0")
    return path, ()


TUNES = Path(__file__).resolve().parents[2] / "examples" / "irish_tunes" / "model" / "checkpoint"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("truncated", "model.pb"),
        ("empty", "empty"),
        ("text", "model.pb"),
        ("missing", "is not there"),
        ("shard", "data"),
    ],
)
def test_a_bad_file_is_status_2_with_one_sentence_and_nothing_written(cli, tmp_path, kind, word):
    source = tmp_path / "in"
    source.mkdir()
    target = tmp_path / "out"
    target.mkdir()
    path, options = damaged(kind, source)
    done = cli("convert", path, "--to", "onnx", "-o", target / "port.onnx", *options)
    assert done.status == 2
    assert word in sentence(done.err)
    assert done.out == ""
    assert list(target.iterdir()) == []


def test_an_unknown_tensor_is_named_with_its_likes(cli, tmp_path):
    done = cli(
        "convert",
        BASIC / "frozen.pb",
        "--to",
        "onnx",
        "-o",
        tmp_path / "p.onnx",
        "--outputs",
        "rnn/transpose_9:0",
    )
    assert done.status == 2
    assert "rnn/transpose_9" in sentence(done.err)
    assert "rnn/transpose_1" in done.err
    assert list(tmp_path.iterdir()) == []


def test_an_op_outside_the_table_is_status_3_with_its_node_and_what_would_convert(cli, tmp_path):
    data = (MODELS / "bidirectional_lstm_lengths" / "frozen.pb").read_bytes()
    renamed = data.replace(b"ReverseSequence", b"ReverseSequencf")
    assert renamed != data
    (tmp_path / "odd.pb").write_bytes(renamed)
    done = cli("convert", tmp_path / "odd.pb", "--to", "onnx", "-o", tmp_path / "p.onnx",
               "--outputs", "bidirectional_rnn/fw/fw/transpose_1:0,ReverseSequencf:0")  # fmt: skip
    assert done.status == 3
    assert "ReverseSequencf" in done.err
    assert "--outputs bidirectional_rnn/fw/fw/transpose_1:0" in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["odd.pb"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "torch"),
        ("--to", "keras", "-o", "port.onnx"),
        ("--to", "onnx", "-o", "nowhere/at/all/port.onnx"),
        ("--to", "onnx", "-o", "port.onnx", "--freeze", "keep"),
        ("--to", "onnx", "-o", "port.onnx", "--samples", "nowhere.npz"),
        ("--to", "onnx", "-o", "port.onnx", "--signature", "serve"),
        ("--to", "onnx", "-o", "port.onnx", "--opset", "3"),
    ],
)
def test_a_wrong_call_is_status_2(cli, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    done = cli("convert", BASIC / "frozen.pb", *arguments)
    assert done.status == 2, done.err
    assert done.err.strip()
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_object_with_the_contracts_keys(cli, tmp_path):
    out = tmp_path / "port.onnx"
    done = cli(
        "convert",
        BASIC / "frozen.pb",
        "--to",
        "onnx",
        "-o",
        out,
        "--samples",
        BASIC / "samples.npz",
        "--json",
    )
    assert done.status == 0
    found = done.json
    assert found["schema"] == 1
    assert {
        "output",
        "inputs",
        "outputs",
        "names",
        "frozen",
        "recurrences",
        "verification",
    } <= found.keys()
    assert found["names"]["x:0"] == "x:0"
    recurrence = found["recurrences"][0]
    assert set(recurrence) == {
        "name", "cell", "units", "direction", "time_major", "lengths", "initial_state", "parameters", "form", "reason",
    }  # fmt: skip
    assert (recurrence["form"], recurrence["units"], recurrence["reason"]) == ("LSTM", 7, None)
    told = found["verification"]
    assert {
        "verdict",
        "oracle",
        "cases",
        "few",
        "max_abs_diff",
        "noise_floor",
        "worst",
    } <= told.keys()
    assert (told["verdict"], told["oracle"], told["cases"]) == ("equivalent", "recording", 5)
    assert 0 < told["max_abs_diff"] < 1e-6
    assert told["weights"]["exact"] == 2
    assert told["weights"]["rounded"] == 1, (
        "the forget bias was added to the bias, with one rounding"
    )


def test_the_same_call_gives_the_same_bytes(cli, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        done = cli(
            "convert",
            BASIC / "frozen.pb",
            "--to",
            "onnx",
            "-o",
            tmp_path / name / "p.onnx",
            "--cases",
            2,
        )
        assert done.status in (0, 4)
    assert (tmp_path / "a" / "p.onnx").read_bytes() == (tmp_path / "b" / "p.onnx").read_bytes()


def test_the_port_carries_its_origin(cli, tmp_path):
    import onnx

    cli(
        "convert",
        BASIC / "frozen.pb",
        "--to",
        "onnx",
        "-o",
        tmp_path / "p.onnx",
        "--samples",
        BASIC / "samples.npz",
    )
    told = {item.key: item.value for item in onnx.load(tmp_path / "p.onnx").metadata_props}
    assert told["rnnport.verdict"] == "equivalent"
    assert told["rnnport.oracle"] == "recording"
    assert len(told["rnnport.sha256"]) == 64
    assert str(tmp_path) not in " ".join(told.values())


def test_no_verify_writes_and_says_so(cli, tmp_path):
    done = cli(
        "convert",
        BASIC / "frozen.pb",
        "--to",
        "onnx",
        "-o",
        tmp_path / "p.onnx",
        "--no-verify",
        "--json",
    )
    assert done.status == 0
    assert done.json["verification"] is None
    assert (tmp_path / "p.onnx").is_file()


def test_verify_judges_a_file_of_its_own(cli, tmp_path):
    out = tmp_path / "p.onnx"
    cli(
        "convert",
        BASIC / "frozen.pb",
        "--to",
        "onnx",
        "-o",
        out,
        "--samples",
        BASIC / "samples.npz",
    )
    done = cli("verify", BASIC / "frozen.pb", out, "--samples", BASIC / "samples.npz", "--json")
    assert done.status == 0
    assert done.json["verdict"] == "equivalent"
    other = cli(
        "verify", MODELS / "basic_lstm_forget_bias" / "frozen.pb", out, "--cases", 3, "--json"
    )
    assert other.status in (1, 2), "another model is not the original"


def test_verify_runs_code_only_with_trust(cli, tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit(77)\n")
    done = cli("verify", BASIC / "frozen.pb", tmp_path / "mine.py")
    assert done.status == 2
    assert "--trust" in done.err


def test_inspect_says_what_each_recurrence_becomes(cli):
    done = cli("inspect", BASIC / "frozen.pb", "--json")
    assert done.status == 0
    assert done.json["recurrences"][0]["onnx"] == {"form": "LSTM", "reason": None}
    text = cli("inspect", BASIC / "frozen.pb").out
    assert "BasicLSTMCell(7)" in text
    assert "\x1b" not in text, "no colours in a pipe"


def test_record_writes_the_recorder(cli, tmp_path):
    assert cli("record", "-o", tmp_path / "r.py").status == 0
    own = Path(__file__).resolve().parents[2] / "porting" / "record_tf1.py"
    assert (tmp_path / "r.py").read_bytes() == own.read_bytes()
    assert cli("record", "-o", tmp_path / "no" / "r.py").status == 2


def test_bench_gives_medians_and_ratios(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("porting.benching._tensorflow", lambda *_: None)
    out = tmp_path / "p.onnx"
    cli("convert", BASIC / "frozen.pb", "--to", "onnx", "-o", out, "--no-verify")
    done = cli(
        "bench",
        BASIC / "frozen.pb",
        out,
        out,
        "--samples",
        BASIC / "samples.npz",
        "--repeat",
        3,
        "--json",
    )
    assert done.status == 0
    first, second = done.json["times"]
    assert first["ratio"] == 1.0
    assert second["median"] > 0


def test_help_lists_only_commands_that_exist(cli):
    text = cli("--help").out
    for name in ("inspect", "convert", "verify", "record", "bench", "demo"):
        assert name in text
        assert cli(name, "--help").status == 0


def test_the_version_names_what_decides_about_numbers(cli):
    text = cli("--version").out
    assert f"numpy {np.__version__}" in text
    assert "onnxruntime" in text


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "porting", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("rnnport ")
