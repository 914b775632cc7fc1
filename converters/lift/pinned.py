"""A branch taken where a size is 1 knows that it is: ``tf.cond(tf.equal(tf.shape(x)[1], 1), …)``, as ``tf.contrib.crf`` has it.

What the branch reads of outside is squeezed and expanded along that axis. This changes nothing, and says the size to everything behind it, whose rank
may depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

from converters.graph import Node, split_tensor
from converters.lift.work import Work
from converters.program import Conditional, OpNode, Statement, defined
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Size, as_dim


class Values(Protocol):
    """What the pass over the statements knows by now."""

    work: Work
    facts: dict[str, Fact]

    def name(self, value: str) -> str:
        """The value behind aliases."""


def pinned(
    known: Values, statement: Conditional, predicate: str, made: Sequence[Statement]
) -> Conditional:
    """The conditional with such a size written into its first branch; ``made`` holds the predicate's maker."""

    def fact_of(value: str) -> Fact | None:
        return known.facts.get(known.name(value))

    size = _compared(predicate, fact_of, made)
    if size is None:
        return statement
    inside = {s.node.name for s in statement.then.statements if isinstance(s, OpNode)}
    inside |= {name for s in statement.then.statements for name in defined(s)}
    ops = [s.node for s in statement.then.statements if isinstance(s, OpNode)]
    deep = {node.inputs[1] for node in ops if node.op == "GatherNd"}
    fixed: dict[str, str] = {}
    statements: list[Statement] = []
    for s in statement.then.statements:
        if not isinstance(s, OpNode):
            statements.append(s)
            continue
        for value in s.node.inputs:
            own = value in inside or split_tensor(value)[0] in inside or value in fixed
            fact = None if own else fact_of(value)
            axis = None if fact is None else _axis(fact, size, s.node, deep, fact_of)
            if axis is not None:
                label = f"{statement.name}|pin{len(fixed)}"
                statements += _one(label, value, axis, known.work)
                fixed[value] = f"{label}:0"
        inputs = tuple(fixed.get(value, value) for value in s.node.inputs)
        statements.append(OpNode(replace(s.node, inputs=inputs), s.outputs))
    return replace(statement, then=replace(statement.then, statements=tuple(statements)))


def _axis(
    fact: Fact,
    size: Size,
    node: Node,
    deep: Collection[str],
    fact_of: Callable[[str], Fact | None],
) -> int | None:
    """The axis of a value that must be 1 in the branch: the one compared, or one whose size says how deep a gather_nd reaches.

    The latter has another name only because two placeholders are fed alike; were it not 1, the squeeze would fail as TF's gather does.
    """
    if not fact.shape:
        return None
    if size in fact.shape:
        return fact.shape.index(size)
    if node.op != "ConcatV2" or f"{node.name}:0" not in deep:
        return None
    place = fact_of(node.inputs[-1])
    if place is None or place.value is None:
        return None
    axis = int(place.value) % len(fact.shape)
    return axis if isinstance(fact.shape[axis], Size) else None


def _one(label: str, value: str, axis: int, work: Work) -> list[Statement]:
    place = work.literal(f"{label}/axis", axis)
    flat, back = f"{label}/flat:0", f"{label}:0"
    return [
        OpNode(Node(f"{label}/flat", "Squeeze", (value,), (), {"squeeze_dims": (axis,)}), (flat,)),
        OpNode(Node(label, "ExpandDims", (flat, place)), (back,)),
    ]


def _compared(
    predicate: str, fact_of: Callable[[str], Fact | None], made: Sequence[Statement]
) -> Size | None:
    """The open size that the predicate compares with 1."""
    maker = next((s for s in reversed(made) if predicate in defined(s)), None)
    if not isinstance(maker, OpNode) or maker.node.op != "Equal":
        return None
    facts = [fact_of(name) for name in maker.inputs]
    values = [None if fact is None else fact.value for fact in facts]
    if any(value is None or value.size != 1 for value in values):
        return None
    sizes = [as_dim(value.reshape(-1)[0]) for value in values if value is not None]
    found = [s for s in sizes if isinstance(s, Size) and len(s.terms) == 1]
    return found[0] if len(found) == 1 and 1 in sizes else None
