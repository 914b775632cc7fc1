"""Constants that an exporter folded out of the artefact's weights, computed again from these: ``g * v / |v|`` of a normalised attention."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converters import oracle
from converters.graph import Graph, Node, split_tensor
from converters.lift.frames import IFS, WHILES
from converters.lift.work import VARIABLES, is_random
from reference.errors import RnnportError

CLOSE = 2.0**-20
"""Of the largest value: a few roundings. A weight off by one part in 10^5 is ten times farther."""
MOST = 200
"""Nodes that such a constant is made of."""


def explained(graph: Graph, tensor: str, value: np.ndarray, /) -> frozenset[str]:
    """The weights that the tensor of this name is computed from, where ``value`` is that tensor; else none."""
    made = _cone(graph, split_tensor(tensor)[0])
    if made is None:
        return frozenset()
    own = replace(graph, nodes={node.name: _unframed(node) for node in made})
    try:
        truth = oracle.run(own, {}, [tensor], widen=True)[tensor]
    except RnnportError:
        return frozenset()
    if truth.dtype.kind != "f" or truth.size != value.size or not np.isfinite(truth).all():
        return frozenset()
    gap = np.abs(truth.reshape(-1) - value.reshape(-1).astype(np.float64)).max()
    if gap > CLOSE * np.abs(truth).max():
        return frozenset()
    return frozenset(node.name for node in made if node.op in VARIABLES | {"Const"})


def _cone(graph: Graph, name: str) -> list[Node] | None:
    """All nodes that one is made of; None where that is not constants and variables alone."""
    found: dict[str, Node] = {}
    stack = [name]
    while stack:
        name = stack.pop()
        node = graph.nodes.get(name)
        if name in found:
            continue
        if node is None or len(found) >= MOST or not _pure(node):
            return None
        found[name] = node
        stack.extend(split_tensor(tensor)[0] for tensor in node.inputs)
    return list(found.values())


def _pure(node: Node) -> bool:
    loops = {"Switch", "Merge", "NextIteration", "Exit", *IFS, *WHILES}
    return not (node.op in loops or node.op.startswith("Placeholder") or is_random(node))


def _unframed(node: Node) -> Node:
    """What enters a loop and never changes is the same inside."""
    return replace(node, op="Identity" if node.op == "Enter" else node.op, controls=())
