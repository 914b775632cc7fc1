"""Checkpoints and SavedModels against the values TensorFlow 1.15.5 had when it wrote them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from converters.read_checkpoint import open_checkpoint
from converters.read_checkpoint.crc32c import crc32c, mask, unmask
from converters.read_checkpoint.slices import _signed
from converters.read_graphdef import read
from converters.read_graphdef.messages import message_class
from reference.errors import ArtefactError, UsageError

READERS = Path(__file__).parents[1] / "goldens" / "readers"
FORMS = {
    "saved_model": "saved_model",
    "saved_model_text": "saved_model",
    "v1/model.ckpt-5": "v1",
    "v2/model.ckpt-5": "v2",
    "v1_sharded/model.ckpt-5": "v1_sharded",
    "v2_sharded/model.ckpt-5": "v2_sharded",
    "averages/ema": "averages",
    "functions/model": "functions",
}


def recorded(artefact: str) -> dict[str, np.ndarray]:
    """What TensorFlow recorded for ``artefact``: variables by name; tensors have a colon."""
    with np.load(READERS / "values.npz") as values:
        split = (key.partition("|") for key in values.files)
        found = {name: values[f"{a}|{name}"] for a, _, name in split if a == artefact}
    return {name: value for name, value in found.items() if ":" not in name}


def assert_same(got: np.ndarray, want: np.ndarray) -> None:
    """Bit for bit; string objects are compared as the fixed-width bytes NumPy can store."""
    got = got.astype("S") if got.dtype == object else got
    assert (got.shape, got.dtype.kind) == (want.shape, want.dtype.kind)
    assert np.array_equal(got, want)


@pytest.mark.parametrize("path", FORMS)
def test_every_variable_has_its_value(path: str) -> None:
    variables = read(READERS / path).graph.variables
    want = recorded(FORMS[path])
    assert variables.keys() == want.keys()
    for name, value in want.items():
        assert_same(variables[name], value)


def test_partitions_are_put_together() -> None:
    for form in ("v1/model.ckpt-5", "v2/model.ckpt-5", "v2_sharded/model.ckpt-5"):
        checkpoint = open_checkpoint(READERS / form)
        want = recorded(FORMS[form])
        for name, axis, parts in (("split", 0, 3), ("columns", 1, 2), ("long", 0, 2)):
            whole = np.concatenate([want[f"{name}/part_{i}"] for i in range(parts)], axis)
            assert checkpoint.shape(name) == whole.shape
            assert_same(checkpoint.read(name), whole)
        assert_same(checkpoint.read("split", ((1, 5), (0, -1))), checkpoint.read("split")[1:6])
        assert checkpoint.dtype("half") == "float16"
        assert "a/Adam" in checkpoint.names()
        with pytest.raises(UsageError, match="no tensor 'nope'"):
            checkpoint.read("nope")


def test_only_what_is_asked_for_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = read(READERS / "v2" / "model.ckpt-5").graph.variables
    asked: list[str] = []
    original = variables._checkpoint.read  # type: ignore[attr-defined]
    monkeypatch.setattr(
        variables._checkpoint,  # type: ignore[attr-defined]
        "read",
        lambda name, piece: (asked.append(name), original(name, piece))[1],
    )
    assert "a/Adam" in variables
    assert variables["a"] is variables["a"]
    assert asked == ["a"]


def test_a_tf2_saved_model_gives_each_variable_its_own_value() -> None:
    artefact = read(READERS / "tf2")
    with np.load(READERS / "tf2.npz") as want:
        values = artefact.graph.variables
        # The trackable order is not the node order; both variables are called "kernel".
        assert_same(values["kernel"], want["second"])
        assert_same(values["kernel_1"], want["first"])
    assert artefact.signatures["serving_default"].inputs == {"x": "serving_default_x:0"}
    assert any(
        node.op.endswith("While")
        for f in artefact.graph.functions.values()
        for node in f.nodes.values()
    )


def test_saved_model_tags_signatures_assets_and_initializers() -> None:
    artefact = read(READERS / "saved_model")
    signature = artefact.signatures["serving_default"]
    assert (dict(signature.inputs), dict(signature.outputs)) == (
        {"words": "words:0"},
        {"y": "out:0"},
    )
    assert signature.method == "tensorflow/serving/predict"
    assert artefact.assets["vocabulary.txt"].read_text() == "alpha\nbeta\ngamma\n"
    assert artefact.asset_tensors["asset_path:0"] == artefact.assets["vocabulary.txt"]
    tables = [artefact.graph.nodes[name].op for name in artefact.initializers]
    assert "InitializeTableFromTextFileV2" in tables
    other = read(READERS / "saved_model", tags="gpu, train")
    assert list(other.signatures) == ["other"]
    with pytest.raises(UsageError, match="choose one with --tag: serve; gpu,train"):
        read(READERS / "saved_model", tags="tpu")
    assert read(READERS / "saved_model" / "saved_model.pb").kind == "saved_model"


def test_defaults_left_out_of_a_saved_model_are_filled_in() -> None:
    nodes = read(READERS / "saved_model").graph.nodes
    table = next(node for node in nodes.values() if node.op == "HashTableV2")
    assert table.attr("use_node_name_sharing") in (True, False)
    assert table.attr("container") == b""


def test_every_way_to_name_a_checkpoint(tmp_path: Path) -> None:
    shutil.copytree(READERS / "v2", tmp_path / "moved")
    home = tmp_path / "moved"
    ends = ("", "model.ckpt-5", "model.ckpt-5.meta", "model.ckpt-5.index")
    digests = {read(home / end).sha256 for end in ends}
    assert digests == {read(READERS / "v2" / "model.ckpt-5").sha256}
    # The absolute path of the machine that trained means the same name here.
    (home / "checkpoint").write_text('model_checkpoint_path: "/home/me/run/model.ckpt-5"\n')
    assert read(home).sha256 in digests
    (home / "checkpoint").write_text('model_checkpoint_path: "../v1/model.ckpt-9"\n')
    with pytest.raises(ArtefactError, match="has no"):
        read(home)
    shutil.copytree(READERS / "v1", tmp_path / "v1")
    (home / "checkpoint").write_text('model_checkpoint_path: "../v1/model.ckpt-5"\n')
    assert read(home).sha256 in digests, "the name in this folder, not the way out of it"


def test_the_digest_sees_every_file(tmp_path: Path) -> None:
    home = shutil.copytree(READERS / "saved_model", tmp_path / "m")
    first = read(home).sha256
    assert first == read(READERS / "saved_model").sha256
    with (home / "assets" / "vocabulary.txt").open("a") as stream:
        stream.write("x")
    assert read(home).sha256 != first


def _damaged(tmp_path: Path, source: str, file: str, change: str) -> str:
    home = shutil.copytree(READERS / source, tmp_path / "x")
    path = home / file
    if change == "remove":
        path.unlink()
    elif change == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        raw = bytearray(path.read_bytes())
        raw[int(change)] ^= 64
        path.write_bytes(raw)
    with pytest.raises((ArtefactError, UsageError)) as caught:
        dict(read(home / "model.ckpt-5").graph.variables)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("source", "file", "change", "match"),
    [
        (
            "v2_sharded",
            "model.ckpt-5.data-00001-of-00002",
            "remove",
            "data-00001-of-00002 is missing",
        ),
        ("v2", "model.ckpt-5.data-00000-of-00001", "cut", "cut off"),
        ("v2", "model.ckpt-5.data-00000-of-00001", "9", "fails its checksum"),
        ("v2", "model.ckpt-5.data-00000-of-00001", "20000", "fails its checksum"),
        ("v2", "model.ckpt-5.index", "remove", "index is missing"),
        ("v2", "model.ckpt-5.index", "cut", "end is missing"),
        ("v2", "model.ckpt-5.index", "30", "block at byte 0 fails its checksum"),
        ("v2", "model.ckpt-5.meta", "remove", "meta is missing"),
        ("v1", "model.ckpt-5", "200", "fails its checksum"),
        ("v1", "model.ckpt-5", "remove", "no checkpoint is at"),
        ("v1_sharded", "model.ckpt-5-00000-of-00002", "remove", "00000-of-00002 is missing"),
    ],
)
def test_damage_is_named(tmp_path: Path, source: str, file: str, change: str, match: str) -> None:
    assert match in _damaged(tmp_path, source, file, change)


def test_a_compressed_block_is_named(tmp_path: Path) -> None:
    raw = bytearray((READERS / "averages" / "ema.index").read_bytes())
    # The footer's second handle is the index block; its trailer carries the type.
    footer = raw[-48:]
    numbers, at = [], 0
    for _ in range(4):
        value = shift = 0
        while True:
            byte = footer[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        numbers.append(value)
    offset, size = numbers[2:]
    raw[offset + size] = 1
    total = mask(crc32c(bytes(raw[offset : offset + size + 1])))
    raw[offset + size + 1 : offset + size + 5] = total.to_bytes(4, "little")
    (tmp_path / "c.index").write_bytes(raw)
    with pytest.raises(ArtefactError, match=r"compressed block \(Snappy\)"):
        open_checkpoint(tmp_path / "c")


def test_names_decide_where_no_saver_does(tmp_path: Path) -> None:
    home = shutil.copytree(READERS / "averages", tmp_path / "m")
    meta = message_class("MetaGraphDef").FromString((home / "ema.meta").read_bytes())
    kept = [node for node in meta.graph_def.node if not node.name.startswith("save/")]
    del meta.graph_def.node[:]
    meta.graph_def.node.extend(kept)
    for node in meta.graph_def.node:
        if node.name == "b":
            node.attr["shared_name"].s = b"c"
            meta.graph_def.node.add(name="x", op="VarHandleOp").attr["shared_name"].s = b"c"
    (home / "ema.meta").write_bytes(meta.SerializeToString())
    variables = read(home / "ema").graph.variables
    want = recorded("averages")
    # The Saver of this golden swaps b and c, so that the names hold each other's values.
    assert variables.keys() == {"b", "c", "x"}
    assert_same(variables["b"], want["c"])
    assert_same(variables["c"], want["b"])
    assert_same(variables["x"], want["b"])


def test_a_saver_of_the_oldest_form(tmp_path: Path) -> None:
    """RestoreSlice and Restore, one op a tensor, as TensorFlow wrote before 0.12."""
    meta = message_class("MetaGraphDef")()
    graph = meta.graph_def
    restores = {"v": ("RestoreSlice", b"split", b"7 3 0,3:0,3"), "u": ("Restore", b"a", None)}
    for name, (op, key, spec) in restores.items():
        texts = [b"file", key] + ([spec] if spec is not None else [])
        for i, text in enumerate(texts):
            const = graph.node.add(name=f"{name}/{i}", op="Const").attr["value"].tensor
            const.dtype = 7
            const.string_val.append(text)
        graph.node.add(name=name, op="Variable").attr["dtype"].type = 1
        graph.node[-1].attr["shape"].shape.SetInParent()
        inputs = [f"{name}/{i}" for i in range(len(texts))]
        graph.node.add(name=f"{name}/restore", op=op, input=inputs)
        graph.node.add(name=f"{name}/assign", op="Assign", input=[name, f"{name}/restore"])
    home = shutil.copytree(READERS / "v1", tmp_path / "m")
    (home / "model.ckpt-5.meta").write_bytes(meta.SerializeToString())
    variables = read(home / "model.ckpt-5").graph.variables
    want = recorded("v1")
    assert_same(variables["v"], want["split/part_0"])
    assert_same(variables["u"], want["a"])


def test_a_variable_of_another_shape_is_left_out_with_a_note(tmp_path: Path) -> None:
    home = shutil.copytree(READERS / "averages", tmp_path / "m")
    meta = message_class("MetaGraphDef").FromString((home / "ema.meta").read_bytes())
    for node in meta.graph_def.node:
        if node.name == "w":
            node.attr["shape"].shape.dim[0].size = 4
    (home / "ema.meta").write_bytes(meta.SerializeToString())
    artefact = read(home / "ema")
    assert sorted(artefact.graph.variables) == ["b", "c"]
    assert "'w' is left without a value" in artefact.notes[0]


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/hostname", "..\\secret", "C:\\x", "link", "a/../../b"]
)
def test_assets_stay_inside(tmp_path: Path, name: str) -> None:
    home = shutil.copytree(READERS / "saved_model", tmp_path / "m")
    (tmp_path / "secret").write_text("s")
    os.symlink(tmp_path / "secret", home / "assets" / "link")
    model = message_class("SavedModel").FromString((home / "saved_model.pb").read_bytes())
    for meta in model.meta_graphs:
        meta.asset_file_def.add(filename=name).tensor_info.name = "asset_path:0"
    (home / "saved_model.pb").write_bytes(model.SerializeToString())
    with pytest.raises(ArtefactError, match="outside the SavedModel's own assets folder"):
        read(home)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 65537, 300001])
def test_crc32c_in_lanes_is_crc32c_byte_by_byte(size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    want = register ^ 0xFFFFFFFF
    assert crc32c(data) == want
    assert crc32c(data[size // 3 :], crc32c(data[: size // 3])) == want
    assert unmask(mask(want)) == want


def test_crc32c_of_the_published_vectors() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_signed_numbers_in_keys_sort_as_numbers_do() -> None:
    numbers = [-(2**62), -8193, -8192, -65, -64, -1, 0, 63, 64, 8191, 8192, 2**20, 2**34, 2**62]
    keys = [_signed(n) for n in numbers]
    assert keys == sorted(keys)
    assert (_signed(0), _signed(-1), _signed(64)) == (b"\x80", b"\x7f", b"\xc0\x40")
