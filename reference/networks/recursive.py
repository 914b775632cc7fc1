"""The recursive network: one layer applied bottom-up over a tree.

Source: Socher, Lin, Ng and Manning, "Parsing natural scenes and natural language with recursive
neural networks", 2011. A chain whose left child is always the state is a recurrent network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.drivers.stepping import default_ops
from reference.errors import SemanticsError
from reference.networks.dense import Dense

Tree = Any
"""A leaf vector ``[B, units]``, or a pair (left, right) of trees."""


@dataclass(frozen=True)
class RecursiveNetwork:
    """parent = act([left, right] W + b)."""

    compose: Dense
    """kernel [2 units, units]."""

    def __call__(self, tree: Tree, /, *, ops: Any = None) -> Any:
        """The root's vector ``[B, units]``.

        Raises:
            SemanticsError: a node that has not two children.
        """
        ops = ops or default_ops()
        if not isinstance(tree, tuple | list):
            return tree
        if len(tree) != 2:
            msg = f"tree: every inner node has two children, got {len(tree)}"
            raise SemanticsError(msg)
        children = [self(child, ops=ops) for child in tree]
        return self.compose(ops, ops.concat(children, 1))
