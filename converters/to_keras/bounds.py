"""How often a loop can run at most, where a backend fixes all sizes before it runs: the lists it fills are made that long.

A decoder stops when all rows are finished, and its TensorArrays grow until then. Where the graph tells a maximum, the list has that many
items from the start, those never written are zeros, and whatever follows works on all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from converters.graph import Node
from converters.lift.lists import ListFact
from converters.program import Conditional, Loop, OpNode, Statement, SubProgram, defined, walk
from converters.to_keras.context import IDENTITIES, Context
from converters.to_keras.longest import most_of
from reference.errors import NotConvertibleError, Reason


def with_bounds(context: Context, statements: Sequence[Statement], /) -> tuple[Statement, ...]:
    """The statements, the lists that grow in the last one (a loop) made as long as they can get.

    Raises:
        NotConvertibleError: a list grows, and nothing tells how far.
    """
    *before, loop = statements
    if not isinstance(loop, Loop):
        _refuse_growth(context, statements)
        return tuple(statements)
    _refuse_growth(context, (*loop.condition.statements, *loop.body.statements), loop)
    growing = {name for name in loop.carried if _grows(context, name)}
    if not growing:
        return tuple(statements)
    bound = _Search(context, loop).bound()
    if bound is None:
        text = "the number of its steps depends on values, and nothing in the graph tells a maximum"
        msg = f"node {loop.name!r}: {text}: port it on TensorFlow"
        raise NotConvertibleError(msg, (Reason(loop.name, text),))
    size = f"{loop.name}/longest:0"
    extra: tuple[OpNode, ...] = (
        OpNode(Node(f"{loop.name}/longest", bound.op, (bound.value,)), (size,)),
    )
    if bound.op == "Identity" and not _is_fixed(context, bound.value, before):
        extra = most_of(context, bound.value, size, loop.outputs[0])
        if not extra:
            text = f"its largest number of steps, {bound.value}, depends on values"
            msg = f"node {loop.name!r}: {text}: port it on TensorFlow"
            raise NotConvertibleError(msg, (Reason(loop.name, text),))
    made = [_sized(s, size) if growing & set(defined(s)) else s for s in before]
    lists = [s for s in made if growing & set(defined(s))]
    if growing - {name for s in lists for name in defined(s)}:
        text = "it lengthens a list that was begun elsewhere"
        msg = f"node {loop.name!r}: {text}: port it on TensorFlow"
        raise NotConvertibleError(msg, (Reason(loop.name, text),))
    context.to_maximum.update(defined(loop))
    return (*(s for s in made if s not in lists), *extra, *lists, loop)


def _refuse_growth(
    context: Context, statements: Sequence[Statement], around: Loop | None = None
) -> None:
    """Nothing, where no list grows by values, but those that ``around`` carries itself."""
    own = set() if around is None else {*around.body.inputs}
    for one in walk(tuple(statements)):
        text = ""
        if isinstance(one, Loop) and any(_grows(context, name) for name in one.carried):
            name, text = one.name, "a loop inside another lengthens a list"
        elif isinstance(one, OpNode) and one.node.op in ("ListPush", "ListResize") and around:
            name, text = one.node.name, "a list is lengthened in every round"
        elif isinstance(one, OpNode) and one.node.op in ("ListSet", "ListScatter"):
            items, index = one.inputs[:2]
            if _grows(context, items) and items not in own and context.known(index) is None:
                name, text = one.node.name, "a list is lengthened by values"
        if text:
            msg = f"node {name!r}: {text}, and sizes are fixed on JAX: port it on TensorFlow"
            raise NotConvertibleError(msg, (Reason(name, text),))


def _grows(context: Context, name: str) -> bool:
    fact = context.fact(name)
    return isinstance(fact, ListFact) and fact.dynamic


def _is_fixed(context: Context, value: str, before: Sequence[Statement]) -> bool:
    """Whether it is known, or computed from shapes by the statements before the loop."""
    return context.known(value) is not None or any(value in defined(one) for one in before)


def _sized(statement: Statement, size: str) -> Statement:
    assert isinstance(statement, OpNode)
    return replace(statement, node=replace(statement.node, inputs=(size,)))


@dataclass(frozen=True)
class Bound:
    """A number of steps."""

    value: str
    op: str = "Identity"
    """``Identity``: the value itself; ``ListSize``: the number of its items."""


class _Search:
    """For one loop."""

    def __init__(self, context: Context, loop: Loop) -> None:
        self.context, self.loop = context, loop
        self.made = {n: s for s in walk((loop,)) if s is not loop for n in defined(s)}
        self.counters = set(self._counters())

    def bound(self) -> Bound | None:
        """From the condition, else from what every round reads."""
        for name in self._operands(self.loop.condition.outputs[0], "LogicalAnd"):
            test = self._op(name, "Less")
            if test is not None and self._is_counter(test.inputs[0]):
                limit = self._outside(test.inputs[1])
                if limit is not None:
                    return Bound(limit)
        limit = self._told_off()
        if limit is not None:
            return Bound(limit)
        for reader in self._reads(self.loop.body.statements):
            items, index = reader.inputs
            if self._is_counter(index) or self._is_next(index):
                found = self._outside(items)
                if found is not None and not _grows(self.context, found):
                    return Bound(found, "ListSize")
        return None

    def _counters(self) -> Iterator[str]:
        """The names, in body and condition, of what starts at 0 and goes up by 1."""
        parts = (
            self.loop.carried,
            self.loop.body.inputs,
            self.loop.body.outputs,
            self.loop.condition.inputs,
        )
        for start, before, after, tested in zip(*parts, strict=True):
            first = self.context.known(start)
            if first is None or first.size != 1 or int(first.reshape(-1)[0]) != 0:
                continue
            if self._plus_one(after) == before:
                yield from (before, tested)

    def _plus_one(self, name: str) -> str:
        """What ``name`` is one more than, "" where it is not."""
        node = self._op(name, "AddV2", "Add")
        if node is None:
            return ""
        for value, more in (node.inputs, node.inputs[::-1]):
            step = self.context.known(more) if more not in self.made else None
            if step is not None and step.size == 1 and step.reshape(-1)[0] == 1:
                return self._plain(value)
        return ""

    def _is_counter(self, name: str) -> bool:
        return self._plain(name) in self.counters

    def _is_next(self, name: str) -> bool:
        return self._plus_one(name) in self.counters

    def _plain(self, name: str) -> str:
        while isinstance(s := self.made.get(name), OpNode) and s.node.op in IDENTITIES:
            name = s.inputs[0]
        return name

    def _op(self, name: str, *ops: str) -> OpNode | None:
        statement = self.made.get(self._plain(name))
        return statement if isinstance(statement, OpNode) and statement.node.op in ops else None

    def _operands(self, name: str, op: str) -> Iterator[str]:
        """What a nest of one logical op joins."""
        node = self._op(name, op)
        if node is None:
            yield name
            return
        for operand in node.inputs:
            yield from self._operands(operand, op)

    def _outside(self, name: str) -> str | None:
        """The value around the loop: captured, or carried and never changed."""
        name = self._plain(name)
        for sub in (self.loop.condition, self.loop.body):
            if name in sub.inputs:
                place = sub.inputs.index(name)
                same = self._plain(self.loop.body.outputs[place]) == self.loop.body.inputs[place]
                return self.loop.carried[place] if same else None
        return None if name in self.made else name

    def _reads(self, statements: Sequence[Statement]) -> Iterator[OpNode]:
        """Reads of lists in every round that is not the last."""
        for statement in statements:
            if isinstance(statement, OpNode) and statement.node.op == "ListGet":
                yield statement
            elif isinstance(statement, Conditional):
                side = self._goes_on(statement)
                if side is not None:
                    yield from self._reads(side.statements)

    def _told_off(self) -> str | None:
        """n, where every row is finished once the counter's next value is n or more."""
        tested, stops = self._all(self.loop.condition.outputs[0])
        if not stops or tested not in self.loop.condition.inputs:
            return None
        place = self.loop.condition.inputs.index(tested)
        for name in self._operands(self.loop.body.outputs[place], "LogicalOr"):
            fill = self._op(name, "Fill")
            test = self._op(fill.inputs[1] if fill else name, "GreaterEqual")
            if test is None or not self._is_next(test.inputs[0]):
                continue
            limit = self._outside(test.inputs[1])
            fact = None if limit is None else self.context.fact(limit)
            known = None if limit is None else self.context.known(limit)
            # The first round is run before that test: a limit of 0 is not kept.
            if fact is not None and fact.shape == () and (known is None or int(known) > 0):
                return limit
        return None

    def _goes_on(self, one: Conditional) -> SubProgram | None:
        """The branch that is taken whenever the loop goes on: the other one is for rows that are all finished."""
        every, negated = self._all(one.predicate)
        tested, stops = self._all(self.loop.condition.outputs[0])
        if not every or not tested or not stops or tested not in self.loop.condition.inputs:
            return None
        place = self.loop.condition.inputs.index(tested)
        if every not in map(
            self._plain, self._operands(self.loop.body.outputs[place], "LogicalOr")
        ):
            return None
        return one.then if negated else one.otherwise

    def _all(self, name: str) -> tuple[str, bool]:
        """(x, negated) where ``name`` is ``all(x)`` or its negation."""
        negation = self._op(name, "LogicalNot")
        node = self._op(negation.inputs[0] if negation else name, "All")
        return (self._plain(node.inputs[0]) if node else "", negation is not None)
