"""What the graph says of an input: where its values go decides what may be drawn for it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import FunctionRef, Graph, Node, Shape, split_tensor
from porting import record_tf1
from reference.errors import UsageError

recorder: Any = record_tf1
"""Untyped: it runs on Python 2.7 too."""
Place = tuple[str, str]
"""(function or "", tensor)."""
_TABLES = ("Gather", "GatherV2", "ResourceGather")
_LIMIT = 20_000


@dataclass(frozen=True)
class Arrival:
    """A node that reads the values: its input index, and the node types passed on the way."""

    function: str
    node: Node
    index: int
    path: tuple[str, ...]


class Flow:
    """Follows values through a graph and its functions."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.readers: dict[Place, list[tuple[Node, int]]] = {}
        for scope, nodes in self._scopes():
            for node in nodes.values():
                for index, tensor in enumerate(node.inputs):
                    self.readers.setdefault((scope, tensor), []).append((node, index))

    def _scopes(self) -> Iterator[tuple[str, Mapping[str, Node]]]:
        yield "", self.graph.nodes
        for name, function in self.graph.functions.items():
            yield name, function.nodes

    def reached(self, tensor: str, /) -> Iterator[Arrival]:
        """Where the values of ``tensor`` arrive, breadth first."""
        queue: deque[tuple[Place, tuple[str, ...]]] = deque([(("", tensor), ())])
        seen: set[Place] = {("", tensor)}
        while queue and len(seen) < _LIMIT:
            place, path = queue.popleft()
            for node, index in self.readers.get(place, ()):
                yield Arrival(place[0], node, index, path)
                for further in self._onward(place[0], node, index):
                    if further not in seen:
                        seen.add(further)
                        queue.append((further, (*path, node.op)))

    def _onward(self, scope: str, node: Node, index: int) -> Iterator[Place]:
        """Tensors that hold the same values."""
        for value in node.attrs.values():
            if isinstance(value, FunctionRef) and value.name in self.graph.functions:
                arguments = self.graph.functions[value.name].inputs
                place = index - (node.op in ("If", "StatelessIf"))
                if 0 <= place < len(arguments):
                    yield value.name, f"{arguments[place][0]}:0"
        passes = recorder.PASSING.get(node.op, ())
        if passes is None or index in passes:
            yield from ((scope, f"{node.name}:{k}") for k in range(_outputs(node)))

    def constant(self, scope: str, tensor: str, /) -> np.ndarray | None:
        """The value of a constant, seen through identities."""
        nodes = self.graph.functions[scope].nodes if scope else self.graph.nodes
        for _ in range(64):
            name = split_tensor(tensor)[0]
            node = nodes.get(name)
            if node is None:
                return None
            if node.op == "Const":
                return np.asarray(node.attr("value"))
            if name in self.graph.variables:
                return np.asarray(self.graph.variables[name])
            if (
                node.op not in ("Identity", "Enter", "RefEnter", "ReadVariableOp")
                or not node.inputs
            ):
                return None
            tensor = node.inputs[0]
        return None


def _outputs(node: Node) -> int:
    """How many outputs of a passing op may hold the values."""
    count = node.attr("num_split", None) or node.attr("num", None)
    return (
        int(count)
        if isinstance(count, int) and 0 < count < 4096
        else 3
        if node.op in ("Switch", "Unique")
        else 1
    )


def describe(flow: Flow, tensor: str, /, shape: tuple[Any, ...] | None, dtype: str) -> Any:
    """A :class:`porting.record_tf1.Spec`: shape (None for unknown sizes), and what the values stand for.

    Raises:
        UsageError: nothing can be drawn for this dtype.
    """
    node = flow.graph.nodes[split_tensor(tensor)[0]]
    dims = None if shape is None else tuple(n if isinstance(n, int) else None for n in shape)
    declared = node.attr("shape", None)
    scalar = dims == () or (dims is None and isinstance(declared, Shape) and declared.dims == ())
    short = split_tensor(tensor)[0].split("/")[-1].lower()
    arrivals = list(flow.reached(tensor))
    if dtype == "string":
        return recorder.Spec(tensor, "S", dims, "text", None, _words(flow, arrivals))
    if dtype == "bool":
        return recorder.Spec(tensor, "bool", dims or (), "bool" if dims else "training", None, ())
    kind = np.dtype(dtype).kind if dtype not in ("resource", "variant", "bfloat16") else "?"
    if kind == "f":
        if scalar or not dims:
            role = "keep" if "keep" in short else "float"
            return recorder.Spec(tensor, dtype, (), role, None, ())
        masks = ("mask" in short or "weight" in short) and len(dims) == 2
        return recorder.Spec(tensor, dtype, dims, "mask" if masks else "float", None, ())
    if kind not in "iu":
        msg = f"input {tensor!r} is of dtype {dtype}, for which nothing is drawn: give --samples"
        raise UsageError(msg)
    return _integers(flow, tensor, dtype, dims, scalar, short, arrivals)


def _integers(
    flow: Flow,
    tensor: str,
    dtype: str,
    dims: tuple[int | None, ...] | None,
    scalar: bool,
    short: str,
    arrivals: list[Arrival],
) -> Any:
    bounds = [(_bound(flow, a), "DynamicPartition" in a.path) for a in arrivals if _indexes(a)]
    known = [rows for rows, _ in bounds if rows]
    bound = (sum(known) if any(part for _, part in bounds) else min(known)) if known else None
    lengths = any((a.node.op, a.index) in recorder.LENGTH_SINKS for a in arrivals)
    named = re.search(r"len|seq_?n|num_?steps", short) is not None
    if dims == () or (scalar and not bounds and not lengths):
        role, dims = "ids" if bounds else "count", ()
    elif dims is None or len(dims) == 1:
        role = "lengths" if lengths or not bounds else "ids"
    else:
        role = "lengths" if (lengths or named) and not bounds else "ids"
    return recorder.Spec(tensor, dtype, dims, role, bound, ())


def _indexes(arrival: Arrival) -> bool:
    """Whether the values are looked up in something."""
    op = arrival.node.op
    return (op in _TABLES and arrival.index == 1) or (op == "OneHot" and arrival.index == 0)


def _bound(flow: Flow, arrival: Arrival) -> int | None:
    """The size of what is indexed."""
    node, scope = arrival.node, arrival.function
    if node.op == "OneHot":
        depth = flow.constant(scope, node.inputs[1])
        return None if depth is None else int(depth)
    table = flow.constant(scope, node.inputs[0])
    axis = flow.constant(scope, node.inputs[2]) if node.op == "GatherV2" else np.array(0)
    if table is None or axis is None or table.ndim == 0:
        return None
    return int(table.shape[int(axis)])


def _words(flow: Flow, arrivals: list[Arrival]) -> tuple[bytes, ...]:
    """Keys of the tables that text is looked up in."""
    words: list[bytes] = []
    for arrival in arrivals:
        if "LookupTableFind" not in arrival.node.op or arrival.index != 1:
            continue
        for node, index in flow.readers.get((arrival.function, arrival.node.inputs[0]), ()):
            if (
                ("InitializeTable" in node.op or "LookupTableImport" in node.op)
                and index == 0
                and len(node.inputs) == 3
            ):
                keys = flow.constant(arrival.function, node.inputs[1])
                words.extend(
                    []
                    if keys is None
                    else [k for k in keys.reshape(-1).tolist() if isinstance(k, bytes)]
                )
    return tuple(words)
