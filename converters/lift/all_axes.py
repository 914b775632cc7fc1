"""``tf.reduce_mean(x)`` of an x whose rank TensorFlow did not know: the axes are ``range(0, rank(x))``, all of them whatever the rank.

The elements in one row, summed along it, are the same; and a row has a rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from converters.graph import Node
from converters.lift.work import Work
from converters.program import OpNode, Statement
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.arrays import concrete

_REDUCTIONS = frozenset(("Sum", "Mean", "Max", "Min", "Prod", "All", "Any"))


class Values(Protocol):
    """What the pass over the statements knows by now."""

    work: Work
    facts: dict[str, Fact]

    def name(self, value: str) -> str:
        """The value behind aliases."""


def over_all(known: Values, node: Node, kept: list[Statement]) -> tuple[Node, ...]:
    """The nodes that do what ``node`` does: itself, or a Reshape and a reduction along one axis."""
    if node.op not in _REDUCTIONS or bool(node.attr("keep_dims", False)):
        return (node,)
    fact = known.facts.get(node.inputs[0])
    if fact is None or fact.shape is not None:
        return (node,)
    makers = {f"{s.node.name}:0": s.node for s in kept if isinstance(s, OpNode)}
    ranged = makers.get(node.inputs[1])
    if ranged is None or ranged.op != "Range" or not _counts(known, ranged, makers, node.inputs[0]):
        return (node,)
    row, along = f"{node.name}/row", f"{node.name}/along"
    known.work.frozen[f"{row}/shape:0"] = np.array([-1], np.int32)
    flat = Node(row, "Reshape", (node.inputs[0], f"{row}/shape:0"), (), {"T": node.attr("T", None)})
    return flat, replace(node, inputs=(f"{row}:0", known.work.literal(along, 0)))


def _counts(known: Values, ranged: Node, makers: Mapping[str, Node], value: str) -> bool:
    """Whether a Range is ``range(0, rank(value), 1)``."""
    start, limit, step = ranged.inputs
    ends = [concrete(known.facts.get(name) or Fact("int32")) for name in (start, step)]
    plain = all(
        end is not None and end.size == 1 and int(end.reshape(-1)[0]) == wanted
        for end, wanted in zip(ends, (0, 1), strict=True)
    )
    maker = makers.get(limit)
    return plain and maker is not None and maker.op == "Rank" and maker.inputs[0] == value
