"""Hash tables: ``LookupTableFind(V2)`` gets four inputs: the table's keys, its values, the keys asked for, the default.

The first two are constants [n]; the graph's own op has three inputs, the first of them the table's handle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from converters.graph import Artefact, Node, split_tensor
from converters.lift.work import Work
from reference.errors import ArtefactError

_TABLES = frozenset(
    [
        "HashTable",
        "HashTableV2",
        "MutableHashTable",
        "MutableHashTableV2",
        "MutableDenseHashTable",
        "MutableDenseHashTableV2",
    ]
)
_FILLS = frozenset(
    ["LookupTableImport", "LookupTableImportV2", "InitializeTable", "InitializeTableV2"]
)
_FILES = frozenset(["InitializeTableFromTextFile", "InitializeTableFromTextFileV2"])
_FINDS = frozenset(["LookupTableFind", "LookupTableFindV2"])
_WHOLE_LINE, _LINE_NUMBER = -2, -1


def attach(work: Work, artefact: Artefact | None) -> None:
    """Turn every lookup in a table whose contents the graph or an asset tells into that form."""
    finds = [node for node in work.nodes.values() if node.op in _FINDS]
    if not finds:
        return
    assets: Mapping[str, Any] = artefact.assets if artefact is not None else {}
    contents: dict[str, tuple[str, str]] = {}
    for node in list(work.nodes.values()):
        if node.op in _FILLS:
            contents[_table(work, node.inputs[0])] = (node.inputs[1], node.inputs[2])
        elif node.op in _FILES:
            contents[_table(work, node.inputs[0])] = _from_file(work, node, assets)
    for node in finds:
        found = contents.get(_table(work, node.inputs[0]))
        if found is not None:
            work.nodes[node.name] = replace(node, inputs=(*found, node.inputs[1], node.inputs[2]))


def _table(work: Work, tensor: str) -> str:
    return split_tensor(work.resolve(tensor))[0]


def _from_file(work: Work, node: Node, assets: Mapping[str, Any]) -> tuple[str, str]:
    """Keys and values out of a vocabulary file (TF 1.15.5 ``core/kernels/lookup_util.cc``)."""
    name = work.leaf_value(work.resolve(node.inputs[1]))
    text = (
        bytes(np.asarray(name).reshape(-1)[0]).decode("utf-8", "replace")
        if name is not None
        else ""
    )
    path = assets.get(text.rpartition("/")[2])
    if path is None:
        msg = f"node {node.name!r}: the vocabulary file {text!r} is not among the assets"
        raise ArtefactError(msg)
    lines = path.read_bytes().split(b"\n")
    lines = [line.removesuffix(b"\r") for line in lines]
    if lines and not lines[-1]:
        lines.pop()
    size = int(node.attr("vocab_size", -1))
    lines = lines if size < 0 else lines[:size]
    separator = node.attr("delimiter", b"\t")
    table = work.nodes[_table(work, node.inputs[0])]
    results = []
    for part, dtype in (("key", table.attr("key_dtype")), ("value", table.attr("value_dtype"))):
        column = _column(lines, int(node.attr(f"{part}_index")), separator)
        array = (
            np.array(column, object) if dtype == "string" else np.array(column).astype(str(dtype))
        )
        results.append(f"{node.name}|{part}:0")
        work.frozen[results[-1]] = array
    return results[0], results[1]


def _column(lines: list[bytes], index: int, separator: bytes) -> list[Any]:
    if index == _LINE_NUMBER:
        return list(range(len(lines)))
    if index == _WHOLE_LINE:
        return list(lines)
    return [line.split(separator)[index] for line in lines]
