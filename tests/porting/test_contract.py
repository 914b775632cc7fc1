"""CONTRACT, promise by promise: what a call is answered with, and what is left in the folder."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from converters.read_graphdef.messages import message_class
from porting.verification.samples import Run, load_samples, save_samples
from tests.zoo.catalogue import MODELS

BASIC = MODELS / "basic_lstm" / "frozen.pb"
DROPOUT = MODELS / "dropout_placeholder" / "frozen.pb"
CONSTANT = MODELS / "dropout_constant" / "frozen.pb"
FED = MODELS / "zero_state_fed" / "frozen.pb"
NORM = MODELS / "gru_batch_norm" / "frozen.pb"
TUNES = Path(__file__).resolve().parents[2] / "examples" / "irish_tunes" / "model"
CHECKPOINT = TUNES / "checkpoint" / "tunes.ckpt"


def graph_of(path: Path) -> Any:
    return message_class("GraphDef").FromString(path.read_bytes())


def saved_model(folder: Path, source: Path, tags: tuple[str, ...], *signatures: str) -> Path:
    """A SavedModel of a frozen graph, once under each tag, with signatures of these names."""
    model = message_class("SavedModel")(saved_model_schema_version=1)
    for tag in tags:
        meta = model.meta_graphs.add()
        meta.graph_def.CopyFrom(graph_of(source))
        meta.meta_info_def.tags.append(tag)
        for number, name in enumerate(signatures):
            signature = meta.signature_def[name]
            for key in ("x", "lengths", "state_0", "state_1"):
                signature.inputs[key].name = f"{key}:0"
            signature.outputs["y"].name = ("rnn/transpose_1:0", "rnn/while/Exit_3:0")[number % 2]
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder


def hostile(path: Path, **sizes: Any) -> Path:
    """A graph of a few bytes that declares 64 GiB."""
    graph = message_class("GraphDef")()
    node = graph.node.add(name="c", op="Const")
    node.attr["dtype"].type = 1
    tensor = node.attr["value"].tensor
    tensor.dtype = 1
    tensor.tensor_shape.dim.add(size=1 << 34)
    tensor.tensor_content = b"abcd"
    path.write_bytes(graph.SerializeToString())
    return path


def renamed(path: Path, source: Path, old: str, new: str) -> Path:
    """The same graph with another name for a node."""
    graph = graph_of(source)
    for node in graph.node:
        node.name = new if node.name == old else node.name
        for place, tensor in enumerate(node.input):
            name = tensor.partition(":")[0]
            if name.lstrip("^") == old:
                node.input[place] = tensor.replace(old, new, 1)
    path.write_bytes(graph.SerializeToString())
    return path


def samples(path: Path, source: Path, change: Callable[[Run], Run]) -> Path:
    recorded = load_samples(source.with_name("samples.npz"))
    save_samples(path, [change(run) for run in recorded.runs], recorded.meta)
    return path


@dataclass(frozen=True)
class Row:
    """``convert`` on an artefact: the status, what is said, and whether OUT is there."""

    promise: str
    make: Callable[[Path], Path]
    options: tuple[str, ...]
    status: int
    says: str = ""
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        return re.sub(r"\W+", "_", self.promise)


def fixed(path: Path) -> Callable[[Path], Path]:
    return lambda folder: path


OUT = ("port.onnx",)
QUICK = ("--no-verify",)
ROWS = [
    Row("no verification is status 0", fixed(BASIC), QUICK, 0, "not verified", OUT),
    Row("unknown output", fixed(BASIC), ("--outputs", "nothing:0"), 2, "'nothing:0'"),
    Row("unknown input", fixed(BASIC), ("--inputs", "nothing:0"), 2, "'nothing:0'"),
    Row("no output at all", fixed(BASIC), ("--outputs", ""), 2, "--outputs"),
    Row("no input at all", fixed(BASIC), ("--inputs", ","), 2, "--inputs"),
    Row("an output index that is not there", fixed(BASIC), ("--outputs", "rnn/transpose_1:7"), 2, "rnn/transpose_1:7"),
    Row("inputs that do not suffice", fixed(BASIC), ("--inputs", "x:0"), 2, "lengths:0"),
    Row("unknown tensor to freeze", fixed(BASIC), ("--freeze", "nothing=1"), 2, "'nothing'"),
    Row("freeze without value", fixed(BASIC), ("--freeze", "x:0"), 2, "NAME=VALUE"),
    Row("freeze a bool with false", fixed(NORM), (*QUICK, "--freeze", "is_training=false"), 0, "is_training:0 is frozen to False", OUT),
    Row("freeze a bool with Python's False", fixed(NORM), (*QUICK, "--freeze", "is_training=False"), 0, "is_training:0 is frozen to False", OUT),
    Row("freeze a bool with 0", fixed(NORM), (*QUICK, "--freeze", "is_training=0"), 0, "is_training:0 is frozen to False", OUT),
    Row("freeze a bool with text", fixed(NORM), ("--freeze", "is_training=off"), 2, "is_training"),
    Row("freeze a number with text", fixed(DROPOUT), ("--freeze", "keep_prob=much"), 2, "keep_prob"),
    Row("freeze with another shape", fixed(BASIC), ("--freeze", "lengths:0=[[1]]"), 2, "lengths:0"),
    Row("freeze keep_prob below 1", fixed(DROPOUT), ("--freeze", "keep_prob=0.5"), 3, "dropout stays on"),
    Row("freeze integers with a fraction", fixed(BASIC), ("--freeze", "lengths:0=[0.5]"), 2, "int32 cannot hold that"),
    Row("freeze with ragged rows", fixed(BASIC), ("--freeze", "x:0=[[1],[1,2]]"), 2, "differ in length"),
    Row("freeze a name twice", fixed(DROPOUT), ("--freeze", "keep_prob=1", "--freeze", "keep_prob:0=0.5"), 2, "twice"),
    Row("keep_prob is frozen", fixed(DROPOUT), QUICK, 0, "keep_prob:0 is frozen to 1.0", OUT),
    Row("keep_prob is frozen even if it is an input", fixed(DROPOUT), (*QUICK, "--inputs", "x:0,lengths:0,state_0:0,state_1:0,keep_prob:0"), 0, "keep_prob:0 is frozen to 1.0", OUT),
    Row("a constant keep below 1 is refused", lambda f: constant_keep(f), ("--outputs", "dropped:0"), 3, "--freeze keep:0=1"),
    Row("and taken when it is frozen", lambda f: constant_keep(f), (*QUICK, "--outputs", "dropped:0", "--freeze", "keep:0=1"), 0, "frozen", OUT),
    Row("tensors inside the graph are inputs", fixed(FED), (*QUICK, "--inputs", "x:0,MultiRNNCellZeroState/BasicLSTMCellZeroState/zeros:0"), 0, "", OUT),
    Row("several signatures and none chosen", lambda f: saved_model(f / "sm", BASIC, ("serve",), "first", "second"), (), 2, "first, second"),
    Row("a signature that is not there", lambda f: saved_model(f / "sm", BASIC, ("serve",), "first", "second"), ("--signature", "third"), 2, "first, second"),
    Row("one of several signatures", lambda f: saved_model(f / "sm", BASIC, ("serve",), "first", "second"), (*QUICK, "--signature", "second"), 0, "", OUT),
    Row("several tags and none chosen", lambda f: saved_model(f / "sm", BASIC, ("train", "eval"), "s"), (), 2, "--tag"),
    Row("a tag that is not there", lambda f: saved_model(f / "sm", BASIC, ("train", "eval"), "s"), ("--tag", "serve"), 2, "train"),
    Row("one of several tags", lambda f: saved_model(f / "sm", BASIC, ("train", "eval"), "s"), (*QUICK, "--tag", "eval"), 0, "", OUT),
    Row("a checkpoint without outputs", fixed(CHECKPOINT), (), 2, "probs:0"),
    Row("a checkpoint with outputs", fixed(CHECKPOINT), (*QUICK, "--outputs", "probs:0"), 0, "", OUT),
    Row("a hostile size", lambda f: hostile(f / "h.pb"), ("--outputs", "c:0"), 2, "bytes"),
    Row("a tensor over the limit", fixed(BASIC), ("--max-tensor", "64"), 2, "64"),
    Row("an opset that is not there", fixed(BASIC), ("--opset", "3"), 2, "opset"),
    Row("an opset of the future", fixed(BASIC), ("--opset", "99"), 2, "opset"),
    Row("streaming what needs the future", fixed(MODELS / "bidirectional_lstm_lengths" / "frozen.pb"), ("--streaming",), 3, "bidirectional"),
    Row("int8 claims nothing without a limit", fixed(BASIC), ("--dtype", "int8"), 1, "approximate", ("port.onnx.different",)),
    Row("int8 outside the limit", fixed(BASIC), ("--dtype", "int8", "--max-error", "1e-9"), 1, "approximate", ("port.onnx.different",)),
    Row("int8 within the limit", fixed(BASIC), ("--dtype", "int8", "--max-error", "1"), 0, "approximate", OUT),
    Row("a limit for what is compared by floors", fixed(BASIC), ("--max-error", "1"), 2, "--dtype int8"),
    Row("an option of another target", fixed(BASIC), ("--to", "keras", "--streaming"), 2, "--streaming"),
    Row("samples that are not there", fixed(BASIC), ("--samples", "no.npz"), 2, "no.npz"),
    Row("a folder that is no SavedModel", lambda f: f, (), 2, "saved_model"),
]  # fmt: skip


def constant_keep(folder: Path) -> Path:
    """x, dropped out by a constant keep of one half, as TF 1.12 did it."""
    graph = message_class("GraphDef")()

    def node(name: str, op: str, *inputs: str, **types: int) -> Any:
        made = graph.node.add(name=name, op=op)
        made.input.extend(inputs)
        for key, value in types.items():
            made.attr[key].type = value
        return made

    x = node("x", "Placeholder", dtype=1)
    for size in (-1, 3):
        x.attr["shape"].shape.dim.add(size=size)
    keep = node("keep", "Const", dtype=1).attr["value"].tensor
    keep.dtype = 1
    keep.float_val.append(0.5)
    node("shape", "Shape", "x", T=1, out_type=3)
    node("uniform", "RandomUniform", "shape", dtype=1, T=3)
    node("moved", "Add", "keep", "uniform", T=1)
    node("mask", "Floor", "moved", T=1)
    node("scaled", "RealDiv", "x", "keep", T=1)
    node("dropped", "Mul", "scaled", "mask", T=1)
    (folder / "keep.pb").write_bytes(graph.SerializeToString())
    return folder / "keep.pb"


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
