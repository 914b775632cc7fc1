"""The graph while it is being structured: aliases, constants, function bodies put in place, what the outputs need.

Everything here is iterative: the depth of a graph is not the depth of a Python stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converters.graph import Function, Graph, Node, split_tensor
from converters.lift import calls, lists
from converters.lift.frames import IFS, WHILES, Branches, Context, Frame
from converters.tf_ops.complex_numbers import as_parts
from reference.errors import ArtefactError, NotConvertibleError, Reason, UsageError

ALIASES = frozenset(
    [
        "Identity",
        "StopGradient",
        "PreventGradient",
        "CheckNumerics",
        "Snapshot",
        "RefIdentity",
        "GuaranteeConst",
        "DeepCopy",
        "ReadVariableOp",
        "Enter",
        "RefEnter",
        "NextIteration",
        "RefNextIteration",
        "LoopCond",
        "PlaceholderWithDefault",
        "PlaceholderWithDefaultV2",
        "Print",
        "EnsureShape",
    ]
)
"""Ops whose output is their first input."""
VARIABLES = frozenset(("VariableV2", "Variable", "VarHandleOp", "TemporaryVariable"))


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
        self.normal: set[str] = set()
        self.arrays: dict[str, tuple[str, str]] = {}
        """By TensorArray op: its handle and its flow, as the graph has them."""

    def node(self, name: str) -> Node:
        """The node in normal form: list ops, plain names for the Ref ops.

        Raises:
            ArtefactError: there is no such node.
        """
        node = self.nodes.get(name)
        if node is None:
            msg = f"the graph refers to a node {name!r} that it does not contain"
            raise ArtefactError(msg)
        if name not in self.normal:
            self.normal.add(name)
            node = self.nodes[name] = self._normal_form(node)
        return node

    def _normal_form(self, node: Node) -> Node:
        if node.op in ("RefSwitch", "RefMerge", "RefExit"):
            return replace(node, op=node.op[3:])
        if node.op == "ResourceGather":
            return replace(node, op="Gather")
        if node.op == "ResourceGatherNd":
            return replace(node, op="GatherNd")
        lowered = lists.lower(node)
        if lowered.op == "ListNew" and node.op.startswith("TensorArray"):
            self.alias[f"{node.name}:1"] = f"{node.name}:0"
        elif lowered is not node and node.op.startswith("TensorArray"):
            self.arrays[node.name] = (node.inputs[0], node.inputs[-1])
        if lowered.op in ("Case", "StatelessCase"):
            return calls.place_case(self, lowered)
        calls.instantiate(self, lowered)
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
            return np.asarray(as_parts(node.attr("value")))
        if node.name not in self.variables:
            msg = f"variable {node.name!r} has no value: give the checkpoint that holds it"
            raise ArtefactError(msg)
        return np.asarray(self.variables[node.name])

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
