"""Which checkpoint tensor each variable is restored from, as the graph's own Saver says.

A Saver is nodes: ``Assign(variable, RestoreV2:k)``, where the k-th string of a constant is the name
in the checkpoint. The name may differ from the variable's (moving averages, partitions, renamed
scopes), so the nodes are asked before names are compared. TF2 puts them into a function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from converters.graph import Graph, Node, split_tensor
from converters.read_checkpoint.slices import Slice, parse_slice

VARIABLE_OPS = ("VariableV2", "Variable", "VarHandleOp", "AutoReloadVariable")
_ASSIGN_OPS = ("Assign", "AssignVariableOp")
_CALL_OPS = ("StatefulPartitionedCall", "PartitionedCall")
_SAME_OPS = ("Identity", "RefIdentity")
_RESTORE_OPS = {"RestoreV2": True, "RestoreSlice": True, "Restore": False}
"""Whether the op has an input for slices."""

Source = tuple[str, Slice | None]
"""A name in the checkpoint, and the part of that tensor which is meant."""


def restored_from(graph: Graph, restore_op: str) -> dict[str, Source]:
    """The source of each variable node; of all Savers where ``restore_op`` is not in the graph.

    Raises
    ------
    ArtefactError
        A slice specification does not parse.
    """
    start = split_tensor(restore_op.removeprefix("^"))[0]
    names = _ancestors(graph.nodes, start) if start in graph.nodes else list(graph.nodes)
    found: dict[str, Source] = {}
    for name in names:
        node = graph.nodes[name]
        for target, source in _assignments(node, graph):
            variable = _origin(graph.nodes, target)
            if variable and variable.op in VARIABLE_OPS:
                found.setdefault(variable.name, source)
    return found


def _assignments(node: Node, graph: Graph) -> Iterator[tuple[str, Source]]:
    """(tensor of the variable in the graph, its source), for an assignment or a call of one."""
    if node.op in _ASSIGN_OPS:
        source = _source(graph.nodes, node)
        if source:
            yield node.inputs[0], source
        return
    if node.op not in _CALL_OPS:
        return
    function = graph.functions.get(getattr(node.attr("f", None), "name", ""))
    if function is None:
        return
    places = {f"{name}:0": place for place, (name, _) in enumerate(function.inputs)}
    for inner in function.nodes.values():
        source = _source(function.nodes, inner) if inner.op in _ASSIGN_OPS else None
        place = places.get(inner.inputs[0]) if source else None
        if source and place is not None and place < len(node.inputs):
            yield node.inputs[place], source


def _source(nodes: Mapping[str, Node], assign: Node) -> Source | None:
    if len(assign.inputs) < 2:
        return None
    restore, index = _walk(nodes, assign.inputs[1])
    if restore is None or restore.op not in _RESTORE_OPS or len(restore.inputs) < 2:
        return None
    name = _text(nodes, restore.inputs[1], index)
    sliced = _RESTORE_OPS[restore.op] and len(restore.inputs) > 2
    spec = _text(nodes, restore.inputs[2], index) if sliced else ""
    if name is None or spec is None:
        return None
    return name, parse_slice(spec, f"node {restore.name!r}")


def _text(nodes: Mapping[str, Node], tensor: str, index: int) -> str | None:
    """The ``index``-th string of a constant."""
    node, _ = _walk(nodes, tensor)
    value = node.attr("value", None) if node is not None and node.op == "Const" else None
    if not isinstance(value, np.ndarray) or value.dtype != object or index >= value.size:
        return None
    text: bytes = value.reshape(-1)[index]
    return text.decode("utf-8", "surrogateescape")


def _walk(nodes: Mapping[str, Node], tensor: str) -> tuple[Node | None, int]:
    """The node behind ``tensor`` past all Identity nodes, and the index of its output."""
    name, index = split_tensor(tensor)
    node = nodes.get(name)
    while node is not None and node.op in _SAME_OPS and node.inputs:
        name, index = split_tensor(node.inputs[0])
        node = nodes.get(name)
    return node, index


def _origin(nodes: Mapping[str, Node], tensor: str) -> Node | None:
    return _walk(nodes, tensor)[0]


def _ancestors(nodes: Mapping[str, Node], start: str) -> list[str]:
    """``start`` and all it depends on, in the order of the file."""
    seen, stack = {start}, [start]
    while stack:
        node = nodes[stack.pop()]
        for source in [split_tensor(t)[0] for t in node.inputs] + list(node.controls):
            if source not in seen:
                seen.add(source)
                stack.append(source)
    return [name for name in nodes if name in seen]
