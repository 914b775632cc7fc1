"""CONTRACT's promises about ``convert``, one row each, and the files they are tried on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
