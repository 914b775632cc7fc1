"""Frozen graphs against what TensorFlow 1.15.5 itself read in them."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converters.graph import Artefact, Shape, split_tensor
from converters.read_graphdef import read
from converters.read_graphdef.messages import message_class
from reference.errors import ArtefactError, UsageError

READERS = Path(__file__).parents[1] / "goldens" / "readers"


def recorded(artefact: str) -> dict[str, np.ndarray]:
    """What TensorFlow recorded for ``artefact``, by name."""
    with np.load(READERS / "values.npz") as values:
        split = (key.partition("|") for key in values.files)
        return {name: values[f"{a}|{name}"] for a, _, name in split if a == artefact}


def assert_same(got: np.ndarray, want: np.ndarray) -> None:
    """Bit for bit; string objects are compared as the fixed-width bytes NumPy can store."""
    got = got.astype("S") if got.dtype == object else got
    assert (got.shape, got.dtype.kind) == (want.shape, want.dtype.kind)
    if got.dtype.kind != "S":
        assert got.dtype == want.dtype
    assert got.tobytes() == want.tobytes() or np.array_equal(got, want)


def constant(artefact: Artefact, name: str) -> np.ndarray:
    value: np.ndarray = artefact.graph.nodes[name].attr("value")
    return value


@pytest.mark.parametrize("name", sorted(recorded("constants.pb")))
def test_a_constant_is_what_tensorflow_reads(name: str) -> None:
    artefact = read(READERS / "constants.pb")
    assert_same(constant(artefact, name), recorded("constants.pb")[name])


def test_importing_is_cheap() -> None:
    code = "import sys, converters.read_graphdef, converters.read_checkpoint; print(*sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"onnx", "tensorflow", "keras", "onnxruntime", "google.protobuf"}


def test_dtype_names() -> None:
    nodes = read(READERS / "constants.pb").graph.nodes
    for name in ("bfloat16", "float16", "complex64", "string", "uint16", "bool", "int64"):
        assert nodes[name].attr("dtype") == name


@pytest.mark.parametrize("file", ["frozen.pb", "frozen.pbtxt"])
def test_frozen_weights(file: str) -> None:
    artefact = read(READERS / file)
    assert artefact.kind == "frozen"
    for name, value in recorded("frozen.pb").items():
        assert_same(constant(artefact, name), value)


def test_text_and_binary_are_the_same_graph() -> None:
    binary, text = (read(READERS / f).graph for f in ("frozen.pb", "frozen.pbtxt"))
    assert list(binary.nodes) == list(text.nodes)
    for name, node in binary.nodes.items():
        other = text.nodes[name]
        assert (node.op, node.inputs, node.controls) == (other.op, other.inputs, other.controls)
        assert node.attrs.keys() == other.attrs.keys()


def test_inputs_attributes_and_controls() -> None:
    nodes = read(READERS / "frozen.pb").graph.nodes
    assert all(":" in tensor for node in nodes.values() for tensor in node.inputs)
    assert nodes["x"].attr("shape") == Shape((None, 4, 2))
    split = next(node for node in nodes.values() if node.op == "Split")
    used = {split_tensor(t) for node in nodes.values() for t in node.inputs}
    assert {i for name, i in used if name == split.name} == {0, 1, 2, 3}
    assert any(node.controls for node in nodes.values())


def test_digest_is_that_of_the_bytes() -> None:
    path = READERS / "frozen.pb"
    assert read(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_meta_graph_or_saved_model_under_another_name(tmp_path: Path) -> None:
    for source, kind in (
        ("v2/model.ckpt-5.meta", "MetaGraphDef"),
        ("functions/model.meta", "MetaGraphDef"),
    ):
        path = tmp_path / "model.pb"
        path.write_bytes((READERS / source).read_bytes())
        artefact = read(path)
        assert kind in artefact.notes[0]
        assert len(artefact.graph.nodes) == len(read(READERS / source).graph.nodes)
        assert len(artefact.graph.variables) == 0
    path.write_bytes((READERS / "tf2" / "saved_model.pb").read_bytes())
    assert "SavedModel" in read(path).notes[0]


def test_text_under_a_binary_name(tmp_path: Path) -> None:
    path = tmp_path / "model.pb"
    path.write_bytes((READERS / "frozen.pbtxt").read_bytes())
    assert len(read(path).graph.nodes) == 127


def _refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(ArtefactError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pb"
    good = (READERS / "frozen.pb").read_bytes()
    assert "empty" in _refusal(path, b"")
    assert "text file without a graph" in _refusal(path, b"name: value\nnothing: here\n")
    assert "GraphDef" in _refusal(path, b"import tensorflow as tf\nprint(1)\n")
    assert "cut off" in _refusal(path, good[: len(good) // 2])
    assert "cut off" in _refusal(path, good[:-1])
    assert "LFS" in _refusal(path, b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    assert "gzip" in _refusal(path, gzip.compress(good))
    assert "HDF5" in _refusal(path, b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert "TensorFlow Lite" in _refusal(path, b"\x1c\0\0\0TFL3" + bytes(100))
    v1 = (READERS / "v1" / "model.ckpt-5").read_bytes()
    assert ".meta" in _refusal(path, v1)
    with pytest.raises(UsageError, match="not there"):
        read(tmp_path / "absent.pb")
    with pytest.raises(UsageError, match="neither"):
        read(tmp_path)
    with pytest.raises(UsageError, match="tags"):
        read(READERS / "frozen.pb", tags="serve")


def graph_def(*nodes: tuple[str, str, list[str]]) -> bytes:
    """A GraphDef of (name, op, inputs)."""
    graph = message_class("GraphDef")()
    for name, op, inputs in nodes:
        graph.node.add(name=name, op=op, input=inputs)
    data: bytes = graph.SerializeToString()
    return data


def test_broken_graphs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.pb"
    two = ("a", "NoOp", [])
    assert "two nodes named 'a'" in _refusal(path, graph_def(two, two))
    assert "'b', which is not there" in _refusal(path, graph_def(("a", "Identity", ["b"])))
    assert "'b', which is not there" in _refusal(path, graph_def(("a", "NoOp", ["^b"])))
    cycle = [("a", "Identity", ["b"]), ("b", "Identity", ["a:0"]), ("c", "Neg", ["a"])]
    assert "cycle that is no loop, at node 'a'" in _refusal(path, graph_def(*cycle))
    assert "cannot be printed" in _refusal(path, graph_def(("a\x1b[2J\n", "NoOp", [])))
    assert "5000 characters" in _refusal(path, graph_def(("a" * 5000, "NoOp", [])))
    assert "has no name" in _refusal(path, graph_def(("", "NoOp", [])))
    assert "without a name" in _refusal(path, graph_def(("a", "Neg", [""])))
    assert "holds no graph" in _refusal(path, graph_def(("a", "", [])))


def test_a_loop_is_no_cycle(tmp_path: Path) -> None:
    path = tmp_path / "g.pb"
    loop = [("m", "Merge", ["e", "n"]), ("e", "Enter", []), ("n", "NextIteration", ["m"])]
    path.write_bytes(graph_def(*loop))
    assert read(path).graph.nodes["m"].inputs == ("e:0", "n:0")


def declared(path: Path, dims: list[int], *, copies: int = 1, **fields: object) -> Path:
    """A GraphDef of float32 constants whose TensorProto has ``fields``."""
    graph = message_class("GraphDef")()
    for i in range(copies):
        tensor = graph.node.add(name=f"c{i}", op="Const").attr["value"].tensor
        tensor.MergeFrom(message_class("TensorProto")(dtype=1, **fields))
        for dim in dims:
            tensor.tensor_shape.dim.add(size=dim)
    path.write_bytes(graph.SerializeToString())
    return path


def test_a_declared_size_is_checked_before_it_is_allocated(tmp_path: Path) -> None:
    path = declared(tmp_path / "g.pb", [2**34], float_val=[1.0])
    assert path.stat().st_size < 80
    with pytest.raises(ArtefactError, match=r"node 'c0'.*68719476736 bytes.*--max-tensor"):
        read(path)
    with pytest.raises(ArtefactError, match="--max-tensor"):
        read(declared(path, [2**62, 2**62], float_val=[1.0]))
    with pytest.raises(ArtefactError, match="negative"):
        read(declared(path, [-1], float_val=[1.0]))
    with pytest.raises(ArtefactError, match="rank 40"):
        read(declared(path, [1] * 40, float_val=[1.0]))
    with pytest.raises(ArtefactError, match="holds 3 bytes"):
        read(declared(path, [1], tensor_content=b"abc"))


def test_a_large_splat_is_a_view_and_tails_have_a_budget(tmp_path: Path) -> None:
    path = declared(tmp_path / "g.pb", [2**28], float_val=[2.5])
    value = constant(read(path), "c0")
    assert value.strides == (0,)
    assert (value.shape, value[-1]) == ((2**28,), np.float32(2.5))
    zeros = constant(read(declared(path, [2**28])), "c0")
    assert (zeros.strides, zeros[7]) == ((0,), 0)
    assert constant(read(declared(path, [3], float_val=[1.0, 2.0])), "c0").tolist() == [1, 2, 2]
    many = declared(path, [1000], copies=20, float_val=[1.0, 2.0])
    with pytest.raises(ArtefactError, match="expand by repetition"):
        read(many, max_tensor=40_000)


def test_nesting_is_bounded(tmp_path: Path) -> None:
    text = "func { name: 'f' attr { key: 'k' value { " * 400 + "i: 1" + " } } }" * 400
    path = tmp_path / "deep.pbtxt"
    path.write_text(f"node {{ name: 'a' op: 'B' attr {{ key: 'k' value {{ {text} }} }} }}")
    with pytest.raises(ArtefactError):
        read(path)
    inner = message_class("AttrValue")(i=1).SerializeToString()
    for _ in range(200):
        outer = message_class("NameAttrList")(name="f").SerializeToString()
        entry = b"\x0a\x01k\x12" + _varint(len(inner)) + inner
        outer += b"\x12" + _varint(len(entry)) + entry
        inner = b"\x52" + _varint(len(outer)) + outer
    entry = b"\x0a\x01k\x12" + _varint(len(inner)) + inner
    node = b"\x0a\x01a\x12\x01B\x2a" + _varint(len(entry)) + entry
    assert "GraphDef" in _refusal(tmp_path / "deep.pb", b"\x0a" + _varint(len(node)) + node)


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])
