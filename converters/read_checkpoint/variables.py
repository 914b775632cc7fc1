"""The values of a graph's variables, read from a checkpoint when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

import numpy as np

from converters.graph import Graph, Node, Shape
from converters.read_checkpoint.checkpoint import Checkpoint
from converters.read_checkpoint.restore import VARIABLE_OPS, Source, restored_from
from converters.read_checkpoint.slices import bounds, extent
from converters.read_graphdef.messages import parse

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


class Variables(Mapping[str, np.ndarray]):
    """Values by node name. Optimiser slots cost nothing unless somebody asks for one.

    A value is read, and its checksum verified, at the first access: looking one up may raise
    :class:`~reference.errors.ArtefactError`.
    """

    def __init__(self, checkpoint: Checkpoint, sources: Mapping[str, Source]) -> None:
        self._checkpoint = checkpoint
        self._sources = sources
        self._values: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._values:
            self._values[name] = self._checkpoint.read(*self._sources[name])
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __repr__(self) -> str:
        return f"Variables({list(self._sources)})"


def bind_variables(
    graph: Graph, checkpoint: Checkpoint, restore_op: str = ""
) -> tuple[Variables, tuple[str, ...]]:
    """The variables of ``graph`` that have a value in ``checkpoint``, and notes on those refused.

    A variable's value is, in this order: what the Saver restores into it; the tensor of its name or
    shared name; the tensor an object-based checkpoint records under its shared name. One that is
    found with another shape or dtype than the graph declares is left out, with a note.

    Raises
    ------
    ArtefactError
        The Saver in the graph, or the checkpoint's object graph, is damaged.
    """
    saver = restored_from(graph, restore_op)
    objects = _object_names(checkpoint)
    sources: dict[str, Source] = {}
    notes = []
    bodies = (function.nodes.values() for function in graph.functions.values())
    for node in chain(graph.nodes.values(), *bodies):
        if node.op not in VARIABLE_OPS or node.name in sources:
            continue
        source = _choose(node, saver.get(node.name), objects, checkpoint)
        if source is None:
            continue
        problem = _mismatch(node, source, checkpoint)
        if problem:
            notes.append(f"variable {node.name!r} is left without a value: {problem}")
        else:
            sources[node.name] = source
    return Variables(checkpoint, sources), tuple(notes)


def _choose(
    node: Node, saved: Source | None, objects: Mapping[str, str], checkpoint: Checkpoint
) -> Source | None:
    if saved is not None and saved[0] in checkpoint:
        return saved
    shared = node.text("shared_name", "") if node.op == "VarHandleOp" else ""
    for name in (node.name, shared):
        if name and name in checkpoint:
            return name, None
    for name in (shared, node.name):
        if objects.get(name) in checkpoint:
            return objects[name], None
    return None


def _mismatch(node: Node, source: Source, checkpoint: Checkpoint) -> str:
    name, piece = source
    stored = checkpoint.shape(name)
    if piece is not None:
        stored = extent(bounds(piece, stored, f"{checkpoint.where}: {name!r}"))
    shape = node.attr("shape", None)
    declared = shape.dims if isinstance(shape, Shape) else None
    # An old Variable of unknown shape is written as a scalar (state_ops.variable_op).
    if declared == () and node.op == "Variable":
        declared = None
    if declared is not None and (
        len(declared) != len(stored)
        or any(d not in (None, s) for d, s in zip(declared, stored, strict=True))
    ):
        return f"its shape is {list(declared)}, that of {name!r} in the checkpoint {list(stored)}"
    dtype = node.attr("dtype", checkpoint.dtype(name))
    if dtype != checkpoint.dtype(name):
        return f"its dtype is {dtype}, that of {name!r} in the checkpoint {checkpoint.dtype(name)}"
    return ""


def _object_names(checkpoint: Checkpoint) -> dict[str, str]:
    """Checkpoint keys by the full names an object-based checkpoint records, where unambiguous."""
    if _OBJECT_GRAPH not in checkpoint or checkpoint.dtype(_OBJECT_GRAPH) != "string":
        return {}
    value = checkpoint.read(_OBJECT_GRAPH)
    data: bytes = value.reshape(-1)[0] if value.size else b""
    message = parse("TrackableObjectGraph", data, f"{checkpoint.where}: {_OBJECT_GRAPH}")
    keys: dict[str, set[str]] = {}
    for item in message.nodes:
        for attribute in item.attributes:
            if attribute.full_name:
                keys.setdefault(attribute.full_name, set()).add(attribute.checkpoint_key)
    return {name: found.pop() for name, found in keys.items() if len(found) == 1}
