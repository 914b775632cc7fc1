"""Inputs that a step reads for the next one, as helpers of ``contrib.seq2seq`` do: read by the step that uses them instead.

``next_inputs`` is an item at ``time + 1``, or zeros once all rows are finished (TF 1.15.5, ``contrib/seq2seq/python/ops/helper.py:308``);
the first one is item 0. Where the loop goes on, not all rows are finished, so what step t gets is item t.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from converters.graph import DType, Node
from converters.lift.recognise.loops.bounds import known_int
from converters.lift.recognise.loops.limits import VIEWS
from converters.lift.recognise.loops.surgery import live, makers, op_of, terms, without
from converters.program import Conditional, Loop, OpNode, Program, Recurrence, Statement, read_names
from reference.vocabulary.abstract.fact import Fact

if TYPE_CHECKING:
    from converters.lift.recognise.loops.emit import ProgramOps
    from converters.lift.recognise.loops.limits import Finish

Made = Mapping[str, Statement]


def read_ahead(
    program: Program, ops: ProgramOps, old: Loop, loop: Loop, finish: Finish, around: Made
) -> Loop:
    """``loop`` with every input that was read ahead taken off what it carries, and read when it is wanted.

    Args:
        old: the loop as it was, with ``finished`` among what it carries.
        around: by value, what stands outside defines it.
    """
    made = makers(old.body.statements)
    wanted = read_names(program)
    done = _done(made, old.body.outputs[finish.place])
    first_done = _done(around, old.carried[finish.place])
    before = {clock: _minus_one(program, ops, clock) for clock in finish.names(old)}
    for name in loop.body.inputs:
        place = loop.body.inputs.index(name)
        later = _going_on(program, makers(loop.body.statements), loop.body.outputs[place], done)
        if later is not None and later[1] and loop.outputs[place] not in wanted:
            # What the last step hands on nobody reads.
            loop = _chosen(loop, place, later)
        first = _going_on(program, around, loop.carried[place], first_done)
        if later is None or first is None or name in before:
            continue
        earlier = {clock: s.outputs[0] for clock, s in before.items()}
        copy = _Copy(program, loop, earlier, later[1], ops.facts)
        value = copy.of(later[0])
        if value is None or not copy.statements:
            continue
        same = _Same(program, copy, {**around, **first[1]})
        if same.values(first[0], value):
            loop = _without(loop, place, name, (*before.values(), *copy.statements), value) or loop
    return loop


def _done(made: Made, name: str) -> frozenset[str]:
    """What ``finished`` joins, and the one truth value that such a term has in all its rows."""
    found: set[str] = set()
    for term in terms(made, name, "LogicalOr"):
        found.add(term)
        while (view := op_of(made, term, *VIEWS)) is not None:
            term = view.inputs[1 if view.node.op == "Fill" else 0]
            found.add(term)
    return frozenset(found)


def _minus_one(program: Program, ops: ProgramOps, clock: str) -> OpNode:
    """The statement of the time before."""
    dtype = program.facts[clock].dtype
    one = ops.constant(np.asarray(1, dtype))
    name = f"{clock}|before"
    ops.facts[name] = Fact(dtype, ())
    return OpNode(Node(name, "Sub", (clock, one.name), (), {"T": DType(dtype)}), (name,))


def _going_on(
    program: Program, made: Made, name: str, done: Collection[str]
) -> tuple[str, Made] | None:
    """What a value is while not all rows are finished, and the statements of the branch that it comes from."""
    chosen = made.get(name)
    if not isinstance(chosen, Conditional):
        return name, {}
    negated = op_of(made, chosen.predicate, "LogicalNot")
    told = chosen.predicate if negated is None else negated.inputs[0]
    every = op_of(made, told, "All")
    if (told if every is None else every.inputs[0]) not in done:
        return None
    if program.facts[told].shape != ():
        return None
    branch = chosen.otherwise if negated is None else chosen.then
    return branch.outputs[chosen.outputs.index(name)], makers(branch.statements)


def _chosen(loop: Loop, place: int, branch: tuple[str, Made]) -> Loop:
    """The loop that hands on what a branch gives, whatever the choice."""
    name, made = branch
    inner = {s.outputs: s for s in made.values() if not isinstance(s, Recurrence)}
    known = makers(loop.body.statements)
    fresh = tuple(s for outputs, s in inner.items() if not known.keys() & set(outputs))
    outputs = (*loop.body.outputs[:place], name, *loop.body.outputs[place + 1 :])
    body = replace(loop.body, statements=(*loop.body.statements, *fresh), outputs=outputs)
    return replace(loop, body=live(body))


def _without(
    loop: Loop, place: int, name: str, statements: tuple[Statement, ...], value: str
) -> Loop | None:
    alias = OpNode(Node(f"{name}|now", "Identity", (value,), (), {}), (name,))
    known = makers(loop.body.statements)
    fresh = tuple(s for s in statements if not set(_outputs(s)) & known.keys())
    inputs = tuple(f"{name}|carried" if n == name else n for n in loop.body.inputs)
    body = replace(loop.body, inputs=inputs, statements=(*fresh, alias, *loop.body.statements))
    return without(replace(loop, body=body), place)


def _outputs(statement: Statement) -> tuple[str, ...]:
    return statement.outputs if isinstance(statement, OpNode) else ()


@dataclass
class _Copy:
    """What a body computes of the time and of values from outside alone, computed again of the time before."""

    program: Program
    loop: Loop
    before: Mapping[str, str]
    """By clock: the time before."""
    branch: Made
    facts: dict[str, Fact]
    statements: list[OpNode] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.made = {**makers(self.loop.body.statements), **self.branch}
        self.memo: dict[str, str] = dict(self.before)

    def of(self, name: str) -> str | None:
        """The copy's name; None where it reads what the loop carries."""
        if name in self.memo:
            return self.memo[name]
        if name in self.loop.body.inputs:
            return None
        maker = self.made.get(name)
        if maker is None:
            return name
        if not isinstance(maker, OpNode) or maker.node.op == "ListSet":
            return None
        inputs = [self.of(value) for value in maker.inputs]
        if any(value is None for value in inputs):
            return None
        given = tuple(value for value in inputs if value is not None)
        outputs = tuple(f"{value}|ahead" for value in maker.outputs)
        for value, copied in zip(maker.outputs, outputs, strict=True):
            fact = self.facts[value]
            self.facts[copied] = Fact(fact.dtype, fact.shape)
            self.memo[value] = copied
        node = replace(maker.node, name=f"{maker.node.name}|ahead", inputs=given)
        self.statements.append(OpNode(node, outputs))
        return self.memo[name]


@dataclass
class _Same:
    """Is a value outside what a copy computes where the time before is -1?"""

    program: Program
    copy: _Copy
    around: Made

    def __post_init__(self) -> None:
        self.inside = makers(self.copy.statements)

    def values(self, outer: str, inner: str) -> bool:
        number = self._number(inner)
        if number is not None:
            return known_int(self.program, outer) == number
        maker, other = self.inside.get(inner), self.around.get(outer)
        if maker is None:
            return outer == inner or self._equal(outer, inner)
        if not isinstance(maker, OpNode) or not isinstance(other, OpNode):
            return False
        a, b = other.node, maker.node
        if a.op != b.op or len(a.inputs) != len(b.inputs) or not _alike(a, b):
            return False
        place = maker.outputs.index(inner)
        if other.outputs.index(outer) != place:
            return False
        return all(map(self.values, other.inputs, maker.inputs))

    def _equal(self, a: str, b: str) -> bool:
        x, y = self.program.constants.get(a), self.program.constants.get(b)
        return x is not None and y is not None and x.dtype == y.dtype and np.array_equal(x, y)

    def _number(self, name: str) -> int | None:
        """The integer that a value is where the time before is -1."""
        if name in self.copy.before.values():
            return -1
        maker = op_of(self.inside, name, "Add", "AddV2", "Sub")
        if maker is None:
            return known_int(self.program, name) if name not in self.inside else None
        a, b = (self._number(value) for value in maker.inputs)
        if a is None or b is None:
            return None
        return a - b if maker.node.op == "Sub" else a + b


def _alike(a: Node, b: Node) -> bool:
    """Whether two nodes of one op have equal attributes, those apart that only say where they stand."""
    plain = [{k: str(v) for k, v in node.attrs.items() if not k.startswith("_")} for node in (a, b)]
    return plain[0] == plain[1]
