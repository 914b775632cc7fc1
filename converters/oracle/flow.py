"""Control flow of both generations."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.oracle.handlers import handles
from converters.oracle.values import DEAD
from converters.tf_ops.table import refusal
from reference.errors import SemanticsError


@handles("Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration", "LoopCond")
def through(machine: Any, node: Node, value: Any) -> tuple[Any, ...]:
    """The planner has taken care of what these mean."""
    return (value,)


@handles("Switch", "RefSwitch")
def switch(machine: Any, node: Node, value: Any, predicate: Any) -> tuple[Any, ...]:
    """Output 0 where the predicate is false, 1 where it is true; the other is dead."""
    return (DEAD, value) if predicate else (value, DEAD)


@handles("Merge", "RefMerge")
def merge(machine: Any, node: Node, *values: Any) -> tuple[Any, ...]:
    """The one value that is alive, and its place."""
    for index, value in enumerate(values):
        if value is not DEAD:
            return value, np.array(index, np.int32)
    return DEAD, DEAD


@handles("RefSelect")
def ref_select(machine: Any, node: Node, index: Any, *values: Any) -> tuple[Any, ...]:
    """The value at an index."""
    return (values[int(index)],)


def truth(node: Node, value: Any) -> bool:
    """What If and While make of a predicate (core/kernels/functional_ops.cc, ToBool, v1.15.5)."""
    array = np.asarray(value)
    if array.ndim:
        return array.size > 0
    item = array.item()
    return len(item) > 0 if isinstance(item, bytes | str) else bool(item)


@handles("If", "StatelessIf")
def if_op(machine: Any, node: Node, predicate: Any, *args: Any) -> tuple[Any, ...]:
    """One of two functions."""
    branch = "then_branch" if truth(node, predicate) else "else_branch"
    return tuple(machine.call(node, node.attr(branch), args, f"/{branch}"))


@handles("Case", "StatelessCase")
def case(machine: Any, node: Node, index: Any, *args: Any) -> tuple[Any, ...]:
    """One of several functions; the last where the index is out of range."""
    branches, i = node.attr("branches"), int(index)
    place = i if 0 <= i < len(branches) else len(branches) - 1
    return tuple(machine.call(node, branches[place], args, f"/branch_{place}"))


@handles("While", "StatelessWhile", "_While")
def while_op(machine: Any, node: Node, *state: Any) -> tuple[Any, ...]:
    """A function for the condition, one for the body."""
    condition, body = node.attr("cond"), node.attr("body")
    for _ in machine.iterations(node.name):
        if not truth(node, machine.call(node, condition, state, "/cond")[0]):
            return tuple(state)
        state = machine.call(node, body, state, "/body")
    raise AssertionError


@handles("PartitionedCall", "StatefulPartitionedCall", "RemoteCall")
def call(machine: Any, node: Node, *args: Any) -> tuple[Any, ...]:
    """A function."""
    return tuple(machine.call(node, node.attr("f"), args[1:] if node.op == "RemoteCall" else args))


@handles("For")
def for_op(
    machine: Any, node: Node, start: Any, limit: Any, delta: Any, *state: Any
) -> tuple[Any, ...]:
    """The body gets the index before the state."""
    if not int(delta):
        msg = f"node {node.name!r}: a delta of 0"
        raise SemanticsError(msg)
    indices = range(int(start), int(limit), int(delta))
    for index, _ in zip(indices, machine.iterations(node.name), strict=False):
        state = machine.call(node, node.attr("body"), (np.array(index, np.int32), *state))
    return tuple(state)


@handles("SymbolicGradient")
def gradient(machine: Any, node: Node, *args: Any) -> tuple[Any, ...]:
    """Refused."""
    raise refusal(node, "gradients of functions are training, not inference")
