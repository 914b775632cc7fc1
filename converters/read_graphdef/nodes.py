"""NodeDefs to nodes, and the checks a graph must pass: names, absent inputs, cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from converters.graph import Node, split_tensor
from converters.read_graphdef.attrs import read_attrs
from converters.read_graphdef.tensors import TensorDecoder
from reference.errors import ArtefactError

MAX_NAME = 4096
MAX_UNREAD = 1 << 20
"""Outputs that no node reads, before others of the same node that one does, in a whole graph."""
_LOOP_ENDS = ("NextIteration", "RefNextIteration")

Defaults = Mapping[str, Mapping[str, Any]]
"""Default attribute values by op, where the file carries them."""


def check_name(name: str, what: str) -> str:
    """``name``, if it can be shown to a person and used as a key.

    Raises
    ------
    ArtefactError
        It is empty, longer than :data:`MAX_NAME`, or holds characters that cannot be printed.
    """
    if not name:
        msg = f"{what} has no name"
        raise ArtefactError(msg)
    if len(name) > MAX_NAME:
        msg = f"{what} has a name of {len(name)} characters, more than {MAX_NAME}: {name[:40]!r}…"
        raise ArtefactError(msg)
    if not name.isprintable():
        msg = f"{what} has a name with characters that cannot be printed: {name[:80]!a}"
        raise ArtefactError(msg)
    return name


def read_nodes(
    protos: Iterable[Any], decoder: TensorDecoder, defaults: Defaults, where: str
) -> MappingProxyType[str, Node]:
    """Nodes by name, inputs as written except for the index, which is always there.

    Raises
    ------
    ArtefactError
        A name is unusable or taken twice, an op is missing, an attribute cannot be read.
    """
    nodes: dict[str, Node] = {}
    for proto in protos:
        name = check_name(proto.name, f"a node of {where}")
        if name in nodes:
            msg = f"{where} has two nodes named {name!r}"
            raise ArtefactError(msg)
        op = check_name(proto.op, f"the op of node {name!r}")
        attrs = read_attrs(proto.attr, decoder, f"node {name!r} ({op})")
        missing = {k: v for k, v in defaults.get(op, {}).items() if k not in attrs}
        if missing:
            attrs = MappingProxyType(dict(sorted({**missing, **attrs}.items())))
        inputs, controls = _split_inputs(proto.input, name)
        nodes[name] = Node(name, op, inputs, controls, attrs, proto.device)
    return MappingProxyType(nodes)


def check_graph(nodes: Mapping[str, Node], arguments: frozenset[str], where: str) -> None:
    """Refuse inputs that name nothing, outputs beyond all others, and cycles that no NextIteration closes.

    Raises
    ------
    ArtefactError
        One of these is there; a node on it is named.
    """
    _check_indices(nodes, where)
    waiting: dict[str, int] = {}
    users: dict[str, list[str]] = {name: [] for name in nodes}
    for node in nodes.values():
        sources = {split_tensor(tensor)[0] for tensor in node.inputs} | set(node.controls)
        # Not a difference of sets: with the keys of a dict that walks over all of them for each node.
        for source in (s for s in sources if s not in users and s not in arguments):
            msg = f"node {node.name!r} of {where} takes {source[:200]!r}, which is not there"
            raise ArtefactError(msg)
        before = [s for s in sources if s in nodes and nodes[s].op not in _LOOP_ENDS]
        waiting[node.name] = len(before)
        for source in before:
            users[source].append(node.name)
    ready = [name for name, count in waiting.items() if count == 0]
    for name in ready:
        for user in users[name]:
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    if len(ready) < len(nodes):
        # Walking backwards over what still waits must meet a node of the cycle itself.
        stuck = {name for name, count in waiting.items() if count}
        msg = f"{where} has a cycle that is no loop, at node {_on_cycle(nodes, stuck)!r}"
        raise ArtefactError(msg)


def _check_indices(nodes: Mapping[str, Node], where: str) -> None:
    """Whoever works with a node makes room for all its outputs up to the last that is read."""
    last: dict[str, int] = {}
    reads = 0
    for node in nodes.values():
        reads += len(node.inputs)
        for tensor in node.inputs:
            name, index = split_tensor(tensor)
            if index > last.get(name, 0):
                last[name] = index
    if sum(last.values()) > reads + MAX_UNREAD:
        worst = max(last, key=lambda name: last[name])
        msg = f"a node of {where} takes output {last[worst]} of {worst[:200]!r}: no op has so many"
        raise ArtefactError(msg)


def renamed(node: Node, resolve: Callable[[str, Node], str]) -> Node:
    """``node`` with each input put through ``resolve``."""
    inputs = tuple(resolve(tensor, node) for tensor in node.inputs)
    return Node(node.name, node.op, inputs, node.controls, node.attrs, node.device)


def indexed(tensor: str) -> str:
    """``"a"`` is ``"a:0"``; what has an index keeps it, without leading zeros."""
    name, index = split_tensor(tensor)
    return f"{name}:{index}"


def _on_cycle(nodes: Mapping[str, Node], stuck: set[str]) -> str:
    seen: set[str] = set()
    name = min(stuck)
    while name not in seen:
        seen.add(name)
        node = nodes[name]
        sources = [split_tensor(tensor)[0] for tensor in node.inputs] + list(node.controls)
        name = min(s for s in sources if s in stuck and nodes[s].op not in _LOOP_ENDS)
    return name


def _split_inputs(inputs: Iterable[str], name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    data: list[str] = []
    controls: list[str] = []
    for text in inputs:
        if text.startswith("^"):
            controls.append(text[1:])
        elif text:
            data.append(text)
        else:
            msg = f"node {name!r} has an input without a name"
            raise ArtefactError(msg)
    return tuple(data), tuple(controls)
