"""Where a node of a raw TF1 graph runs: its frame (while loops), and its guards (cond branches).

A *frame* is the path of frame names from the root, ``()`` outside all loops. A *guard* ``(pred, branch)`` says that the node
is alive only where the tensor ``pred`` equals ``branch``; core/common_runtime/executor.cc, v1.15.5, makes a node dead when any of
its inputs, control inputs included, is dead, and a Merge dead when all of them are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from converters.graph import Node, split_tensor
from reference.errors import ArtefactError

Path = tuple[str, ...]
Guard = tuple[str, int]
Value = TypeVar("Value")

ENTER, EXIT = ("Enter", "RefEnter"), ("Exit", "RefExit")
MERGE, SWITCH = ("Merge", "RefMerge"), ("Switch", "RefSwitch")
NEXT = ("NextIteration", "RefNextIteration")


def producer(tensor: str) -> str:
    """The node a tensor comes from."""
    return split_tensor(tensor)[0]


def forward_inputs(nodes: Mapping[str, Node], node: Node) -> tuple[str, ...]:
    """Its inputs, without those that come from the iteration before."""
    if node.op not in MERGE:
        return node.inputs
    return tuple(t for t in node.inputs if not comes_back(nodes, t))


def comes_back(nodes: Mapping[str, Node], tensor: str) -> bool:
    """Whether a tensor is a NextIteration's."""
    node = nodes.get(producer(tensor))
    return node is not None and node.op in NEXT


def bottom_up(
    start: str, before: Callable[[str], Iterator[str]], done: Mapping[str, Any]
) -> Iterator[str]:
    """Names in an order in which each follows those ``before`` it; without recursion.

    Raises:
        ArtefactError: there is a cycle that no NextIteration closes.
    """
    if start in done:
        return
    stack, open_names = [(start, before(start))], {start}
    while stack:
        name, rest = stack[-1]
        for other in rest:
            if other in open_names:
                msg = f"node {other!r} depends on itself outside any while loop"
                raise ArtefactError(msg)
            if other not in done:
                stack.append((other, before(other)))
                open_names.add(other)
                break
        else:
            stack.pop()
            open_names.discard(name)
            if name not in done:
                yield name


class Contexts:
    """Frames and guards of the nodes of one graph or function, worked out when asked for."""

    def __init__(self, nodes: Mapping[str, Node], fed: Collection[str] = ()) -> None:
        self.nodes, self.fed = nodes, frozenset(fed)
        self._frames: dict[str, Path] = {}
        self._guards: dict[str, frozenset[Guard]] = {}
        self._loops = any(node.op in ENTER for node in nodes.values())
        self._branches = any(
            node.op in SWITCH and self.condition(node) is not None for node in nodes.values()
        )

    def _before(self, name: str) -> Iterator[str]:
        node = self.nodes[name]
        if node.op in NEXT:
            controls: tuple[str, ...] = ()
        else:
            controls = node.controls
        names = [producer(t) for t in forward_inputs(self.nodes, node)]
        return iter([n for n in (*names, *controls) if n in self.nodes])

    # -- frames -------------------------------------------------------------------------------
    def frame(self, name: str) -> Path:
        """The frame a node runs in."""
        if not self._loops or name not in self.nodes:
            return ()
        for each in bottom_up(name, self._before, self._frames):
            self._frames[each] = self._frame(self.nodes[each])
        return self._frames[name]

    def _frame(self, node: Node) -> Path:
        inputs = [self._frames.get(producer(t), ()) for t in forward_inputs(self.nodes, node)]
        if node.op in ENTER:
            return (*deepest(node, inputs), node.text("frame_name"))
        path = deepest(node, inputs)
        if node.op in EXIT:
            return path[:-1]
        for control in node.controls:
            other = self._frames.get(control, ())
            # A node without data from its frame is in it by a control edge from the loop's pivot.
            if other[: len(path)] == path:
                path = other
        return path

    # -- guards -------------------------------------------------------------------------------
    def condition(self, switch: Node) -> str | None:
        """The predicate of a cond's Switch, or None where it is a loop's own."""
        tensor = switch.inputs[1]
        node = self.nodes.get(producer(tensor))
        while node is not None and node.op == "Identity" and tensor not in self.fed:
            tensor = node.inputs[0]
            node = self.nodes.get(producer(tensor))
        return None if node is not None and node.op == "LoopCond" else tensor

    def control_guards(self, node: Node) -> frozenset[Guard]:
        """The guards a node has through its control inputs and not through its data."""
        if not self._branches or not node.controls:
            return frozenset()
        found: set[Guard] = set()
        for control in node.controls:
            if control in self.nodes:
                found |= self.guards(control)
        if not found:
            return frozenset()
        for tensor in node.inputs:
            found -= self.tensor_guards(tensor)
        return frozenset(found)

    def guards(self, name: str) -> frozenset[Guard]:
        """All guards of a node."""
        for each in bottom_up(name, self._before, self._guards):
            self._guards[each] = self._node_guards(self.nodes[each])
        return self._guards[name]

    def tensor_guards(self, tensor: str) -> frozenset[Guard]:
        """All guards of a tensor: a Switch's outputs differ in one."""
        name, index = split_tensor(tensor)
        node = self.nodes.get(name)
        if node is None:
            return frozenset()
        own = self._guards[name] if name in self._guards else self.guards(name)
        if node.op not in SWITCH:
            return own
        predicate = self.condition(node)
        return own if predicate is None else own | {(predicate, index)}

    def _node_guards(self, node: Node) -> frozenset[Guard]:
        parts = [self.tensor_guards(t) for t in forward_inputs(self.nodes, node)]
        controls = [self._guards[c] for c in node.controls if c in self._guards]
        if node.op in NEXT:
            return frozenset()
        if node.op in MERGE and parts:
            return frozenset.intersection(*parts).union(*controls)
        return frozenset().union(*parts, *controls)


def deepest(node: Node, paths: list[Path]) -> Path:
    """The longest path, of which all others are prefixes.

    Raises:
        ArtefactError: they are not.
    """
    longest = max(paths, key=len, default=())
    for path in paths:
        if longest[: len(path)] != path:
            msg = f"node {node.name!r} reads from two loops, {path[-1]!r} and {longest[-1]!r}"
            raise ArtefactError(msg)
    return longest
