"""The graph while it is being structured: aliases, constants, function bodies put in place, what the outputs need.

Everything here is iterative: the depth of a graph is not the depth of a Python stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from converters.graph import Function, FunctionRef, Graph, Node, split_tensor
from converters.lift import lists
from reference.errors import ArtefactError, NotConvertibleError, Reason, UsageError

ALIASES = frozenset(
    "Identity StopGradient PreventGradient CheckNumerics Snapshot RefIdentity GuaranteeConst DeepCopy "
    "ReadVariableOp Enter RefEnter NextIteration RefNextIteration LoopCond PlaceholderWithDefault "
    "PlaceholderWithDefaultV2 Print EnsureShape".split()
)
"""Ops whose output is their first input."""
VARIABLES = frozenset(("VariableV2", "Variable", "VarHandleOp", "TemporaryVariable"))
CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall", "SymbolicGradient"))
WHILES = frozenset(("While", "StatelessWhile"))
IFS = frozenset(("If", "StatelessIf"))
LOOP_ARGUMENT = "_LoopArgument"
MAX_DEPTH = 64
"""Of functions in functions."""

Guard = tuple[str, bool]
Context = tuple[str, frozenset[Guard]]
"""The frame and guards that a function's instantiation puts on its nodes."""
TOP: Context = ("", frozenset())


@dataclass(slots=True)
class LoopVariable:
    """One value carried round a loop. All are tensor names."""

    init: str
    condition_input: str
    body_input: str
    result: str
    """Computed by the body."""
    output: str
    """The final value."""


@dataclass(slots=True)
class Frame:
    """A loop: a v1 frame or a v2 While node."""

    key: str
    name: str
    variables: dict[str, LoopVariable] = field(default_factory=dict)
    """The ones that are needed, by the tensor the graph calls them: Merge:0, or While:index."""
    condition: str = ""
    parent: str = ""
    guards: frozenset[Guard] = frozenset()
    """Of the loop as a whole, in its parent."""


@dataclass(slots=True)
class Branches:
    """An If node put in place: results of both branches."""

    predicate: str
    guard: str
    then: tuple[str, ...]
    otherwise: tuple[str, ...]


class Work:
    """``resolve`` follows aliases; ``node`` gives nodes in their normal form; ``reach`` finds what is needed."""

    def __init__(self, graph: Graph, inputs: Sequence[str], freeze: Mapping[str, Any]) -> None:
        self.nodes: dict[str, Node] = dict(graph.nodes)
        self.functions: Mapping[str, Function] = graph.functions
        self.variables = graph.variables
        self.inputs = frozenset(inputs)
        self.frozen: dict[str, np.ndarray] = {name: np.asarray(v) for name, v in freeze.items()}
        self.alias: dict[str, str] = {}
        self.context: dict[str, Context] = {}
        self.depth: dict[str, int] = {}
        self.frames: dict[str, Frame] = {}
        self.branches: dict[str, Branches] = {}
        self.known: dict[str, bool] = {}
        """Predicates whose value is known: their guards do not count."""
        self._normal: set[str] = set()

    def node(self, name: str) -> Node:
        """The node in normal form: list ops, plain names for the Ref ops.

        Raises:
            ArtefactError: there is no such node.
        """
        node = self.nodes.get(name)
        if node is None:
            msg = f"the graph refers to a node {name!r} that it does not contain"
            raise ArtefactError(msg)
        if name not in self._normal:
            self._normal.add(name)
            node = self.nodes[name] = self._normalised(node)
        return node

    def _normalised(self, node: Node) -> Node:
        if node.op in ("RefSwitch", "RefMerge", "RefExit"):
            return replace(node, op=node.op[3:])
        if node.op == "ResourceGather":
            return replace(node, op="Gather")
        if node.op == "ResourceGatherNd":
            return replace(node, op="GatherNd")
        lowered = lists.lower(node)
        if lowered.op == "ListNew" and node.op.startswith("TensorArray"):
            self.alias[f"{node.name}:1"] = f"{node.name}:0"
        if lowered.op in ("Case", "StatelessCase"):
            return self._place_case(lowered)
        self._instantiate(lowered)
        return lowered

    # ---- names -------------------------------------------------------------------------------------------------

    def literal(self, name: str, value: int) -> str:
        """An int32 constant of the lift's own."""
        self.frozen[f"{name}:0"] = np.asarray(value, np.int32)
        return f"{name}:0"

    def terminal(self, tensor: str) -> bool:
        """An input or a frozen tensor: nothing before it counts."""
        return tensor in self.inputs or tensor in self.frozen

    def step(self, tensor: str) -> str | None:
        """What ``tensor`` is another name for; None where it is a value of its own."""
        if self.terminal(tensor):
            return None
        name, index = split_tensor(tensor)
        node = self.node(name)
        if tensor in self.alias:
            return self.alias[tensor]
        if node.op in ALIASES and index == 0:
            if not node.inputs:
                msg = f"node {name!r} ({node.op}) has no input"
                raise ArtefactError(msg)
            return node.inputs[0]
        if node.op == "Switch":
            return None if self.is_loop_switch(node) else node.inputs[0]
        return node.inputs[index] if node.op == "IdentityN" else None

    def is_loop_switch(self, node: Node) -> bool:
        """Whether a Switch decides over one more iteration."""
        predicate = split_tensor(node.inputs[1])[0]
        return not self.terminal(node.inputs[1]) and self.node(predicate).op == "LoopCond"

    def resolve(self, tensor: str) -> str:
        """The value behind aliases."""
        path: list[str] = []
        while (target := self.step(tensor)) is not None:
            path.append(tensor)
            tensor = target
            if len(path) > len(self.nodes):
                msg = f"tensor {path[0]!r} is an alias of itself"
                raise ArtefactError(msg)
        for name in path:
            self.alias[name] = tensor
        return tensor

    def is_leaf(self, tensor: str) -> bool:
        """Whether a resolved tensor is an input or a constant."""
        if self.terminal(tensor):
            return True
        return self.node(split_tensor(tensor)[0]).op in VARIABLES | {"Const"}

    def leaf_value(self, tensor: str) -> np.ndarray | None:
        """The value of a constant leaf; None for an input.

        Raises:
            ArtefactError: a variable has no value.
        """
        if tensor in self.inputs:
            return None
        if tensor in self.frozen:
            return self.frozen[tensor]
        node = self.node(split_tensor(tensor)[0])
        if node.op == "Const":
            return np.asarray(node.attr("value"))
        if node.name not in self.variables:
            msg = f"variable {node.name!r} has no value: give the checkpoint that holds it"
            raise ArtefactError(msg)
        return np.asarray(self.variables[node.name])

    # ---- functions ---------------------------------------------------------------------------------------------

    def _instantiate(self, node: Node) -> None:
        if node.op in CALLS or node.op in self.functions:
            ref = node.attr("f") if node.op in CALLS else FunctionRef(node.op)
            results = self._place(node, ref, "", node.inputs, self.context.get(node.name, TOP))
            self.alias.update({f"{node.name}:{i}": r for i, r in enumerate(results)})
        elif node.op in WHILES:
            self._place_while(node)
        elif node.op in IFS:
            frame, guards = self.context.get(node.name, TOP)
            guard = f"|{node.name}"
            then, otherwise = (
                self._place(
                    node,
                    node.attr(key),
                    f"/{key}",
                    node.inputs[1:],
                    (frame, guards | {(guard, side)}),
                )
                for key, side in (("then_branch", True), ("else_branch", False))
            )
            self.branches[node.name] = Branches(node.inputs[0], guard, then, otherwise)

    def _place_while(self, node: Node) -> None:
        frame = self.frames[node.name] = Frame(node.name, node.name)
        inside: Context = (node.name, frozenset())
        arguments: dict[str, list[str]] = {}
        for part in ("cond", "body"):
            names = [f"{node.name}/{part}/|{i}" for i in range(len(node.inputs))]
            for i, name in enumerate(names):
                self.nodes[name] = Node(name, LOOP_ARGUMENT, (f"{node.name}:{i}",))
                self.context[name] = inside
            arguments[part] = [f"{name}:0" for name in names]
        conditions = self._place(node, node.attr("cond"), "/cond", arguments["cond"], inside)
        results = self._place(node, node.attr("body"), "/body", arguments["body"], inside)
        frame.condition = conditions[0]
        for i, init in enumerate(node.inputs):
            if self.resolve(results[i]) == arguments["body"][i]:  # carried round unchanged
                for same in (f"{node.name}:{i}", arguments["cond"][i], arguments["body"][i]):
                    self.alias[same] = init
            else:
                key = f"{node.name}:{i}"
                frame.variables[key] = LoopVariable(
                    init, arguments["cond"][i], arguments["body"][i], results[i], key
                )

    def _place_case(self, node: Node) -> Node:
        """A chain of Ifs on index == 0, 1, …; any other index takes the last branch (TF 1.15 ``ops/functional_ops.cc``)."""
        index, arguments = node.inputs[0], node.inputs[1:]
        refs = node.attr("branches")
        frame, guards = self.context.get(node.name, TOP)
        names = [node.name, *(f"{node.name}/|{k}" for k in range(1, len(refs)))]
        made = node
        for k, name in enumerate(names):
            context = (
                (frame, guards | {(f"|{name}", True)}) if k < len(refs) - 1 else (frame, guards)
            )
            results = self._place(node, refs[k], f"/branch_{k}", arguments, context)
            if k == len(refs) - 1:
                self.alias.update({f"{name}:{i}": t for i, t in enumerate(results)})
                link = Node(name, "NoOp")
            else:
                test = f"{name}/|test"
                self.nodes[test] = Node(test, "Equal", (index, self.literal(f"{name}/|index", k)))
                link = Node(name, "If", (f"{test}:0",), node.controls)
                rest = tuple(f"{names[k + 1]}:{i}" for i in range(len(results)))
                self.branches[name] = Branches(f"{test}:0", f"|{name}", results, rest)
            self.context[name] = (frame, guards)
            guards = guards | {(f"|{name}", False)}
            self._normal.add(name)
            self.nodes[name] = link
            made = link if k == 0 else made
        return made

    def _place(
        self, node: Node, ref: FunctionRef, part: str, arguments: Sequence[str], context: Context
    ) -> tuple[str, ...]:
        """Copy a function's nodes into the graph; the tensors that are its results."""
        function = self.functions.get(ref.name)
        if function is None:
            msg = (
                f"node {node.name!r} calls the function {ref.name!r}, which the graph does not hold"
            )
            raise ArtefactError(msg)
        depth = self.depth.get(node.name, 0) + 1
        if depth > MAX_DEPTH:
            msg = f"node {node.name!r} calls functions more than {MAX_DEPTH} deep"
            raise ArtefactError(msg)
        if len(arguments) < len(function.inputs):
            msg = f"node {node.name!r} gives {len(arguments)} arguments to {ref.name!r}, which takes {len(function.inputs)}"
            raise ArtefactError(msg)
        prefix = f"{node.name}{part}"
        while any(f"{prefix}/{name}" in self.nodes for name in function.nodes):
            prefix += "_"
        names = {f"{arg}:0": t for (arg, _), t in zip(function.inputs, arguments, strict=False)}

        def outer(tensor: str) -> str:
            return names.get(tensor) or f"{prefix}/{tensor}"

        for inner in function.nodes.values():
            name = f"{prefix}/{inner.name}"
            attrs = dict(inner.attrs)
            if "frame_name" in attrs:
                attrs["frame_name"] = prefix.encode() + b"/" + attrs["frame_name"]
            self.nodes[name] = replace(
                inner,
                name=name,
                inputs=tuple(map(outer, inner.inputs)),
                controls=tuple(f"{prefix}/{c}" for c in inner.controls if c in function.nodes),
                attrs=attrs,
            )
            self.context[name] = context
            self.depth[name] = depth
        return tuple(outer(tensor) for _, tensor in function.outputs)

    # ---- what is needed ----------------------------------------------------------------------------------------

    def needs(self, tensor: str) -> Iterable[str]:
        """The tensors that a value (no alias) is computed from, round loops and over all branches."""
        name, index = split_tensor(tensor)
        node = self.node(name)
        if node.op in WHILES:
            frame = self.frames[name]
            variable = frame.variables[tensor]
            return (variable.init, variable.result, frame.condition)
        if node.op in IFS:
            found = self.branches[name]
            return (found.predicate, found.then[index], found.otherwise[index])
        if node.op == "Merge":
            return (*node.inputs, *(p for t in node.inputs for p in self.pivots(t)))
        return (*node.inputs, *self.pivots(tensor)) if is_random(node) else node.inputs

    def pivots(self, tensor: str) -> list[str]:
        """The Switch outputs that the control inputs of a tensor's node stand for."""
        if self.terminal(tensor):
            return []
        found = []
        for control in self.node(split_tensor(tensor)[0]).controls:
            node = self.nodes.get(control)
            if node is not None and node.op in ("Identity", "RefIdentity") and node.inputs:
                switch = self.nodes.get(split_tensor(node.inputs[0])[0])
                if switch is not None and switch.op in ("Switch", "RefSwitch"):
                    found.append(node.inputs[0])
        return found

    def reach(self, outputs: Iterable[str]) -> dict[str, None]:
        """Every tensor that the outputs need, aliases included, in the order found.

        Raises:
            UsageError: a placeholder that is neither an input nor frozen is needed.
        """
        seen: dict[str, None] = {}
        missing: list[str] = []
        stack = list(outputs)
        while stack:
            tensor = stack.pop()
            if tensor in seen:
                continue
            seen[tensor] = None
            if self.terminal(tensor):
                continue
            target = self.step(tensor)
            node = self.node(split_tensor(tensor)[0])
            if target is None and node.op == "Placeholder":
                missing.append(tensor)
            # Aliases that say where a value lives keep their own inputs in sight.
            if node.op in ALIASES:
                stack.append(node.inputs[0] if tensor not in self.alias else self.alias[tensor])
                stack += node.inputs[:1]
            elif node.op == "Switch":
                stack += node.inputs
            else:
                stack += list(self.needs(tensor)) if target is None else [target]
        if missing:
            msg = (
                f"the outputs need the placeholders {', '.join(sorted(missing))}: name them in --inputs, "
                "or fix them with --freeze NAME=VALUE"
            )
            raise UsageError(msg)
        return seen


def is_random(node: Node) -> bool:
    """Whether it draws random numbers."""
    return "Random" in node.op or node.op in ("TruncatedNormal", "Multinomial")


def inside_a_loop(node: str) -> NotConvertibleError:
    """The refusal of a tensor that has one value per iteration."""
    text = "it lies inside a loop and has a value per iteration; ask for what leaves the loop"
    return NotConvertibleError(f"node {node!r}: {text}", (Reason(node, text),))
