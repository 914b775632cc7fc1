"""A graph, its functions included, as tensors with rules between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from converters.graph import FunctionRef, Graph, Node, Shape, split_tensor
from converters.lift.ranks import elementwise, indexing, linear, listing, shaping
from converters.lift.ranks.shapes import Dims, Shapes
from converters.lift.ranks.table import RULES, out

_MODULES = (elementwise, indexing, linear, listing, shaping)
"""Loaded for the rules they register."""
LAST_AMBIGUOUS = 21
"""Up to this GraphDef version an unknown shape was written as a scalar's (the shape function of Placeholder, ``core/ops/array_ops.cc``, v1.15.5);
freezing loses the version, so the uses decide."""
_VARIABLES = frozenset(("VariableV2", "Variable", "VarHandleOp", "TemporaryVariable"))
_DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def infer(graph: Graph, given: Mapping[str, Dims] = {}, /) -> Mapping[str, Dims]:
    """Sizes by tensor of the graph itself, as far as they can be told; ``given`` is known from elsewhere (a recording).

    A damaged node tells nothing: whoever lifts the graph names it.
    """
    shapes = Shapes(_constants(graph))
    for tensor, dims in given.items():
        shapes.tell(tensor, dims)
    nodes = [node for node in _nodes(graph) if node.op in RULES]
    outputs: dict[str, set[str]] = {}
    for node in nodes:
        for tensor in node.inputs:
            outputs.setdefault(split_tensor(tensor)[0], set()).add(tensor)
    for node in nodes:
        shapes.watch(node, {*node.inputs, out(node), *outputs.get(node.name, ())})
    for node in graph.nodes.values():
        shapes.tell(out(node), stated(graph, out(node)))
    shapes.settle(_apply(shapes))
    tensors = {t for node in graph.nodes.values() for t in (out(node), *node.inputs)}
    known = ((tensor, shapes.dims(tensor)) for tensor in sorted(tensors))
    return {tensor: dims for tensor, dims in known if dims is not None}


def _apply(shapes: Shapes) -> Callable[[Node], None]:
    def one(node: Node) -> None:
        try:
            RULES[node.op](shapes, node)
        except _DAMAGE:
            return

    return one


def stated(graph: Graph, tensor: str, /) -> Dims | None:
    """The shape that the graph writes down for a placeholder or variable; None where that is none, or may be none."""
    node = graph.nodes[split_tensor(tensor)[0]]
    if node.op not in _VARIABLES and not node.op.startswith("Placeholder"):
        return None
    shape = node.attrs.get("shape")
    dims = shape.dims if isinstance(shape, Shape) else None
    if is_ambiguous(graph, node) or dims is None:
        return _told(node, tensor)
    return tuple(dims)


def is_ambiguous(graph: Graph, node: Node, /) -> bool:
    """Whether a placeholder says that it is a scalar, and may be anything."""
    shape = node.attrs.get("shape")
    return (
        node.op == "Placeholder"
        and isinstance(shape, Shape)
        and shape.dims == ()
        and graph.producer <= LAST_AMBIGUOUS
    )


def _told(node: Node, tensor: str) -> Dims | None:
    """What a meta graph tells of the shape besides: ``Saver`` writes what TensorFlow had inferred."""
    told = node.attrs.get("_output_shapes")
    index = split_tensor(tensor)[1]
    if not isinstance(told, tuple | list) or index >= len(told):
        return None
    shape = told[index]
    return shape.dims if isinstance(shape, Shape) else None


def _constants(graph: Graph) -> Callable[[str], np.ndarray | None]:
    """The value of a constant or variable, by tensor; those of functions are ``function|tensor``."""
    bodies = {name: function.nodes for name, function in graph.functions.items()}

    def value(tensor: str) -> np.ndarray | None:
        name, index = split_tensor(tensor)
        scope, bar, inner = name.rpartition("|")
        node = (bodies.get(scope, {}) if bar else graph.nodes).get(inner)
        if node is None or index:
            return None
        if node.op == "Const":
            found = node.attrs.get("value")
            return found if isinstance(found, np.ndarray) else None
        return graph.variables.get(name) if node.op in _VARIABLES else None

    return value


# ---- nodes, with functions beside the graph --------------------------------------------------------------------


def _nodes(graph: Graph) -> Iterator[Node]:
    """All nodes, those of a function called ``function|node``, and ties where a function is called.

    A function that is called from several places may be given other shapes at each: its inside is left alone.
    """
    scopes = [("", graph.nodes)] + [(f"{n}|", f.nodes) for n, f in graph.functions.items()]
    calls = Counter(
        ref.name for _, nodes in scopes for n in nodes.values() for ref in _functions(graph, n)
    )
    for prefix, nodes in scopes:
        for node in nodes.values():
            scoped = node
            if prefix:
                inputs = tuple(prefix + tensor for tensor in node.inputs)
                scoped = replace(node, name=prefix + node.name, inputs=inputs)
            yield scoped
            refs = _functions(graph, node)
            if refs and all(calls[ref.name] == 1 and ref.name in graph.functions for ref in refs):
                yield from _ties(graph, scoped)


def _functions(graph: Graph, node: Node) -> list[FunctionRef]:
    found = [value for value in node.attrs.values() if isinstance(value, FunctionRef)]
    return [FunctionRef(node.op), *found] if node.op in graph.functions else found


def _ties(graph: Graph, node: Node) -> Iterator[Node]:
    """The arguments and results of what is called here are those outside."""
    if node.op in ("While", "StatelessWhile"):
        condition, body = (_arguments(graph, node, key) for key in ("cond", "body"))
        results = _results(graph, node, "body")
        for k, start in enumerate(node.inputs):
            name = f"{node.name}|{k}"
            yield Node(name, "Merge", (start, results[k]))
            yield from _equal(name, f"{name}:0", (condition[k], body[k], out(node, k)))
    elif node.op in ("If", "StatelessIf"):
        sides = [_arguments(graph, node, key) for key in ("then_branch", "else_branch")]
        for k, given in enumerate(node.inputs[1:]):
            yield from _equal(f"{node.name}|in{k}", given, [side[k] for side in sides])
        ends = [_results(graph, node, key) for key in ("then_branch", "else_branch")]
        for k, pair in enumerate(zip(*ends, strict=False)):
            yield Node(f"{node.name}|{k}", "Merge", pair)
            yield from _equal(f"{node.name}|{k}", f"{node.name}|{k}:0", (out(node, k),))
    elif node.op in ("PartitionedCall", "StatefulPartitionedCall") or node.op in graph.functions:
        pairs = [*zip(node.inputs, _arguments(graph, node, "f"), strict=False)]
        pairs += [(out(node, k), name) for k, name in enumerate(_results(graph, node, "f"))]
        for k, (one, other) in enumerate(pairs):
            yield from _equal(f"{node.name}|{k}", one, (other,))


def _called(graph: Graph, node: Node, key: str) -> str:
    ref = node.attrs.get(key)
    return ref.name if isinstance(ref, FunctionRef) else node.op


def _arguments(graph: Graph, node: Node, key: str) -> list[str]:
    name = _called(graph, node, key)
    return [f"{name}|{argument}:0" for argument, _ in graph.functions[name].inputs]


def _results(graph: Graph, node: Node, key: str) -> list[str]:
    name = _called(graph, node, key)
    return [f"{name}|{tensor}" for _, tensor in graph.functions[name].outputs]


def _equal(name: str, one: str, others: Iterable[str]) -> Iterator[Node]:
    for k, other in enumerate(others):
        yield Node(f"{name}|tie{k}", "AddN", (one, other))
