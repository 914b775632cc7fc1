"""The rules by op type: ``@rule("BiasAdd") def bias_add(s, node)`` tells ``s`` what the op says of the tensors around it."""

from __future__ import annotations

from collections.abc import Callable

from converters.graph import Node
from converters.lift.ranks.shapes import Shapes

Rule = Callable[[Shapes, Node], None]
RULES: dict[str, Rule] = {}


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Register a rule for these op types."""

    def register(function: Rule) -> Rule:
        for op in ops:
            RULES[op] = function
        return function

    return register


def out(node: Node, index: int = 0) -> str:
    """The name of an output."""
    return f"{node.name}:{index}"
