"""A single file: what kind of message it is, told from its bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from converters.read_graphdef.messages import parse, parse_text
from reference.errors import ArtefactError

TEXT_SUFFIXES = (".pbtxt", ".prototxt", ".txt")
_OP = re.compile(r"[A-Za-z0-9_.>/\-]+")
_TEXT_START = re.compile(rb"\s*(#[^\n]*\s*)*(\w+\s*[:{<])")
_TABLE_MAGIC = bytes.fromhex("57fb808b247547db")
_OTHERS = (
    (b"version https://git-lfs", "a Git LFS pointer: fetch the real file with `git lfs pull`"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras .h5), not a GraphDef"),
    (
        b"PK\x03\x04",
        "a zip archive: a .keras file needs its own suffix, samples (.npz) go to --samples, anything else must be unpacked",
    ),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"<!DOCTYPE", "a web page, not a model: the download went wrong"),
    (b"<html", "a web page, not a model: the download went wrong"),
)


def read_bytes(path: Path) -> bytes:
    """The whole file.

    Raises
    ------
    ArtefactError
        It cannot be read, is empty, or is well known to be something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise ArtefactError(msg) from error
    if not data:
        msg = f"{path} is empty"
        raise ArtefactError(msg)
    if data[-8:] == _TABLE_MAGIC:
        msg = f"{path} is a table of checkpoint values without a graph: its .meta file is needed"
        raise ArtefactError(msg)
    for magic, what in _OTHERS:
        if data.startswith(magic) or data[4:8] == b"TFL3":
            what = "a TensorFlow Lite model, not a GraphDef" if data[4:8] == b"TFL3" else what
            msg = f"{path} is {what}"
            raise ArtefactError(msg)
    return data


def classify(data: bytes, path: Path) -> tuple[str, Any]:
    """(``"GraphDef"``, ``"MetaGraphDef"`` or ``"SavedModel"``; the message).

    Raises
    ------
    ArtefactError
        It is none of the three.
    """
    if path.suffix in TEXT_SUFFIXES or _looks_like_text(data):
        return _classify_text(data, path)
    # The forms have no magic number. A SavedModel starts with its version, a varint; a GraphDef is
    # told by nodes with an op; only then can it be a MetaGraphDef.
    if data[:1] == b"\x08":
        message = parse("SavedModel", data, str(path))
        if len(message.meta_graphs):
            return "SavedModel", message
    failure = None
    for kind in ("GraphDef", "MetaGraphDef", "SavedModel"):
        try:
            message = parse(kind, data, str(path))
        except ArtefactError as error:
            failure = failure or error
            continue
        if _plausible(kind, message):
            return kind, message
    if failure:
        raise failure
    msg = f"{path} holds no graph: it is not a GraphDef, a MetaGraphDef or a SavedModel"
    raise ArtefactError(msg)


def _plausible(kind: str, message: Any) -> bool:
    if kind == "SavedModel":
        return len(message.meta_graphs) > 0
    if kind == "MetaGraphDef":
        return _plausible("GraphDef", message.graph_def)
    return len(message.node) > 0 and all(_OP.fullmatch(node.op) for node in message.node)


def _looks_like_text(data: bytes) -> bool:
    head = data[:512]
    return bool(_TEXT_START.match(head)) and all(b >= 32 or b in b"\t\r\n" for b in head)


def _classify_text(data: bytes, path: Path) -> tuple[str, Any]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"{path} is not text, though its name says so"
        raise ArtefactError(msg) from error
    names = set(re.findall(r"^(\w+)\s*[:{<]", text, re.MULTILINE))
    for key, kind in (
        ("meta_graphs", "SavedModel"),
        ("graph_def", "MetaGraphDef"),
        ("node", "GraphDef"),
    ):
        if key in names:
            return kind, parse_text(kind, text, str(path))
    msg = f"{path} is a text file without a graph in it"
    raise ArtefactError(msg)
