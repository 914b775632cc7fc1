"""Function bodies put in place: calls, While, If and Case become nodes of the one graph, with names of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from converters.graph import FunctionRef, Node
from converters.lift.frames import (
    CALLS,
    IFS,
    LOOP_ARGUMENT,
    MAX_DEPTH,
    TOP,
    WHILES,
    Branches,
    Context,
    Frame,
    LoopVariable,
)
from reference.errors import ArtefactError

if TYPE_CHECKING:
    from converters.lift.work import Work


def instantiate(work: Work, node: Node) -> None:
    """Put the functions of a call, While or If in place; any other node is left alone.

    Raises:
        ArtefactError: a function is missing, takes more arguments than it is given, or calls nest too deeply.
    """
    if node.op in CALLS or node.op in work.functions:
        ref = node.attr("f") if node.op in CALLS else FunctionRef(node.op)
        results = _place(work, node, ref, "", node.inputs, work.context.get(node.name, TOP))
        work.alias.update({f"{node.name}:{i}": r for i, r in enumerate(results)})
    elif node.op in WHILES:
        _place_while(work, node)
    elif node.op in IFS:
        frame, guards = work.context.get(node.name, TOP)
        guard = f"|{node.name}"
        then, otherwise = (
            _place(
                work,
                node,
                node.attr(key),
                f"/{key}",
                node.inputs[1:],
                (frame, guards | {(guard, side)}),
            )
            for key, side in (("then_branch", True), ("else_branch", False))
        )
        work.branches[node.name] = Branches(node.inputs[0], guard, then, otherwise)


def _place_while(work: Work, node: Node) -> None:
    frame = work.frames[node.name] = Frame(node.name, node.name)
    inside: Context = (node.name, frozenset())
    arguments: dict[str, list[str]] = {}
    for part in ("cond", "body"):
        names = [f"{node.name}/{part}/|{i}" for i in range(len(node.inputs))]
        for i, name in enumerate(names):
            work.nodes[name] = Node(name, LOOP_ARGUMENT, (f"{node.name}:{i}",))
            work.context[name] = inside
        arguments[part] = [f"{name}:0" for name in names]
    conditions = _place(work, node, node.attr("cond"), "/cond", arguments["cond"], inside)
    results = _place(work, node, node.attr("body"), "/body", arguments["body"], inside)
    frame.condition = conditions[0]
    for i, init in enumerate(node.inputs):
        if work.resolve(results[i]) == arguments["body"][i]:  # carried round unchanged
            for same in (f"{node.name}:{i}", arguments["cond"][i], arguments["body"][i]):
                work.alias[same] = init
        else:
            key = f"{node.name}:{i}"
            frame.variables[key] = LoopVariable(
                init, arguments["cond"][i], arguments["body"][i], results[i], key
            )


def place_case(work: Work, node: Node) -> Node:
    """A chain of Ifs on index == 0, 1, …; any other index takes the last branch (TF 1.15 ``ops/functional_ops.cc``)."""
    index, arguments = node.inputs[0], node.inputs[1:]
    refs = node.attr("branches")
    frame, guards = work.context.get(node.name, TOP)
    names = [node.name, *(f"{node.name}/|{k}" for k in range(1, len(refs)))]
    made = node
    for k, name in enumerate(names):
        context = (frame, guards | {(f"|{name}", True)}) if k < len(refs) - 1 else (frame, guards)
        results = _place(work, node, refs[k], f"/branch_{k}", arguments, context)
        if k == len(refs) - 1:
            work.alias.update({f"{name}:{i}": t for i, t in enumerate(results)})
            link = Node(name, "NoOp")
        else:
            test = f"{name}/|test"
            work.nodes[test] = Node(test, "Equal", (index, work.literal(f"{name}/|index", k)))
            link = Node(name, "If", (f"{test}:0",), node.controls)
            rest = tuple(f"{names[k + 1]}:{i}" for i in range(len(results)))
            work.branches[name] = Branches(f"{test}:0", f"|{name}", results, rest)
        work.context[name] = (frame, guards)
        guards = guards | {(f"|{name}", False)}
        work.normal.add(name)
        work.nodes[name] = link
        made = link if k == 0 else made
    return made


def _place(
    work: Work, node: Node, ref: FunctionRef, part: str, arguments: Sequence[str], context: Context
) -> tuple[str, ...]:
    """Copy a function's nodes into the graph; the tensors that are its results."""
    function = work.functions.get(ref.name)
    if function is None:
        msg = f"node {node.name!r} calls the function {ref.name!r}, which the graph does not hold"
        raise ArtefactError(msg)
    depth = work.depth.get(node.name, 0) + 1
    if depth > MAX_DEPTH:
        msg = f"node {node.name!r} calls functions more than {MAX_DEPTH} deep"
        raise ArtefactError(msg)
    if len(arguments) < len(function.inputs):
        msg = f"node {node.name!r} gives {len(arguments)} arguments to {ref.name!r}, which takes {len(function.inputs)}"
        raise ArtefactError(msg)
    prefix = f"{node.name}{part}"
    while any(f"{prefix}/{name}" in work.nodes for name in function.nodes):
        prefix += "_"
    names = {f"{arg}:0": t for (arg, _), t in zip(function.inputs, arguments, strict=False)}

    def outer(tensor: str) -> str:
        return names.get(tensor) or f"{prefix}/{tensor}"

    for inner in function.nodes.values():
        name = f"{prefix}/{inner.name}"
        attrs = dict(inner.attrs)
        if "frame_name" in attrs:
            attrs["frame_name"] = prefix.encode() + b"/" + attrs["frame_name"]
        work.nodes[name] = replace(
            inner,
            name=name,
            inputs=tuple(map(outer, inner.inputs)),
            controls=tuple(f"{prefix}/{c}" for c in inner.controls if c in function.nodes),
            attrs=attrs,
        )
        work.context[name] = context
        work.depth[name] = depth
    return tuple(outer(tensor) for _, tensor in function.outputs)
