"""Damaged bytes, by the thousand: one sentence each, never a traceback of another kind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.read_checkpoint import open_checkpoint
from converters.read_checkpoint.table import Table
from converters.read_graphdef import read
from converters.read_graphdef.messages import message_class
from reference.errors import ArtefactError, UsageError

READERS = Path(__file__).parents[1] / "goldens" / "readers"
LIMIT = 1 << 24


@st.composite
def damaged(draw: st.DrawFn, source: bytes) -> bytes:
    """``source`` with some bytes changed, a piece removed, doubled or cut off."""
    data = bytearray(source)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(1, 12))
        match draw(st.sampled_from(["set", "drop", "double", "cut", "insert"])):
            case "set":
                data[at : at + length] = draw(st.binary(min_size=length, max_size=length))
            case "drop":
                del data[at : at + length]
            case "double":
                data[at:at] = data[at : at + length]
            case "cut":
                del data[at:]
            case "insert":
                data[at:at] = draw(st.sampled_from([b"\xff" * 9 + b"\x01", b"\x00", b"\x80" * 4]))
    return bytes(data)


def survives(call: Callable[[], object]) -> None:
    """Either it works, or it is refused in one line."""
    message = "."
    try:
        call()
    except (ArtefactError, UsageError) as error:
        message = str(error)
    assert message
    assert "\n" not in message
    assert len(message) < 2000


def check(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        survives(lambda: read(path, max_tensor=LIMIT))


@settings(deadline=None, max_examples=150)
@given(damaged((READERS / "constants.pb").read_bytes()))
def test_a_damaged_frozen_graph(data: bytes) -> None:
    check("m.pb", data)


@settings(deadline=None, max_examples=60)
@given(damaged((READERS / "functions" / "model.meta").read_bytes()))
def test_a_damaged_meta_graph(data: bytes) -> None:
    check("m.pb", data)


@settings(deadline=None, max_examples=40)
@given(damaged((READERS / "frozen.pbtxt").read_bytes()[:6000]))
def test_a_damaged_text_graph(data: bytes) -> None:
    check("m.pbtxt", data)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_noise(data: bytes) -> None:
    check("m.pb", data)
    check("m.pbtxt", data)
    check("saved_model.pb", data)


def values(folder: Path) -> None:
    variables = read(folder, max_tensor=LIMIT).graph.variables
    for name in variables:
        variables[name]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_checkpoint(data: st.DataObject) -> None:
    source, file = data.draw(
        st.sampled_from(
            [
                ("averages", "ema.index"),
                ("averages", "ema.meta"),
                ("averages", "ema.data-00000-of-00001"),
                ("v1_sharded", "model.ckpt-5-00000-of-00002"),
            ]
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        home = shutil.copytree(READERS / source, Path(folder) / "m")
        raw = data.draw(damaged((home / file).read_bytes()))
        (home / file).write_bytes(raw)
        survives(lambda: values(home / ("ema" if source == "averages" else "model.ckpt-5")))


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_damaged_table_whose_checksums_are_right(data: st.DataObject) -> None:
    """Damage behind the checksum: the parser itself is reached."""
    source = (READERS / "v2" / "model.ckpt-5.index").read_bytes()
    raw = data.draw(damaged(source[:-48])) + source[-48:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.index"
        path.write_bytes(raw)
        unchecked = lambda data, crc=0: 0  # noqa: E731
        trusting = {"crc32c": unchecked, "unmask": lambda masked: 0}
        old = {name: Table._entries.__globals__[name] for name in trusting}
        Table._entries.__globals__.update(trusting)
        try:
            survives(lambda: list(Table(path).items()))
            survives(lambda: open_checkpoint(path.with_suffix("")).names())
        finally:
            Table._entries.__globals__.update(old)


def test_hostile_tags_stay_on_one_line(tmp_path: Path) -> None:
    """Found by fuzzing: the tags to choose from are the file's own words."""
    metas = b""
    for tag in (b"a\nb", b"c\x1b[2J"):
        info = b"\x22" + bytes([len(tag)]) + tag  # MetaInfoDef.tags = 4
        meta = b"\x0a" + bytes([len(info)]) + info  # MetaGraphDef.meta_info_def = 1
        metas += b"\x12" + bytes([len(meta)]) + meta  # SavedModel.meta_graphs = 2
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01" + metas)
    with pytest.raises(UsageError, match="choose one with --tag") as caught:
        read(tmp_path)
    assert str(caught.value).removeprefix(str(tmp_path)).isprintable()


@pytest.mark.parametrize("index", ["9" * 11, "9" * 5000, "\u00b2", "999999999"])
def test_an_output_that_no_op_has(tmp_path: Path, index: str) -> None:
    """Found by fuzzing: room was made for every output up to it; what int() does not read was a ValueError."""
    message = message_class("GraphDef")()
    message.node.add(name="a", op="Placeholder")
    message.node.add(name="b", op="Tanh", input=[f"a:{index}"])
    path = tmp_path / "m.pb"
    path.write_bytes(message.SerializeToString())
    with pytest.raises(ArtefactError, match=r"no op has so many|is not there"):
        read(path)
