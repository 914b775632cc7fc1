"""A loop's facts: what holds in every iteration, found by running the body until nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from converters.lift.joins import joined, same, without_value
from converters.lift.lists import ListFact
from converters.program import Loop, SubProgram
from reference.vocabulary.abstract import Fact
from reference.vocabulary.abstract.sizes import Size

if TYPE_CHECKING:
    from converters.lift.specialise import Specialiser

ROUNDS = 8
"""A loop's facts settle in three: each size becomes unknown at most once."""


def specialise_loop(special: Specialiser, loop: Loop) -> Loop:
    """The loop with both subprograms specialised; what it carries round unchanged is captured instead."""
    loop = replace(loop, carried=tuple(map(special.name, loop.carried)))
    while True:
        carried, unchanged = _settled(special, loop)
        if not unchanged:
            break
        loop = _captured(special, loop, unchanged)
    for names in (loop.condition.inputs, loop.body.inputs):
        for name, fact in zip(names, carried, strict=True):
            special.define(name, fact)
    condition = _sub(special, loop.condition)
    body = _sub(special, loop.body)
    for name, fact in zip(loop.outputs, carried, strict=True):
        special.define(name, fact)
    for name, fact in zip(loop.carried, carried, strict=True):
        special.learn_elements(name, fact)
    return replace(loop, condition=condition, body=body)


def _sub(special: Specialiser, sub: SubProgram) -> SubProgram:
    statements = special.run(sub.statements)
    return SubProgram(sub.inputs, tuple(statements), tuple(map(special.name, sub.outputs)))


def _settled(special: Specialiser, loop: Loop) -> tuple[list[Fact], list[int]]:
    """Facts of the carried values that hold in every iteration, and the places carried round unchanged."""
    carried = [without_value(special.facts[name]) for name in loop.carried]
    start = len(special.ops.born)
    for _ in range(ROUNDS):
        with special.trial():
            for name, fact in zip(loop.body.inputs, carried, strict=True):
                special.define(name, fact)
            special.run(loop.body.statements)
            results = [special.name(name) for name in loop.body.outputs]
            unchanged = [i for i, r in enumerate(results) if r == loop.body.inputs[i]]
            facts = [special.facts[name] for name in results]
        if unchanged:
            return carried, unchanged
        inside = _made_of(special.ops.born[start:], loop.outputs)
        after = [
            joined(a, b, output.rpartition(":")[0], inside)
            for a, b, output in zip(carried, facts, loop.outputs, strict=True)
        ]
        if all(same(a, b) for a, b in zip(carried, after, strict=True)):
            break
        carried = after
    else:
        carried = [Fact(fact.dtype) if not isinstance(fact, ListFact) else fact for fact in carried]
    return carried, []


def _captured(special: Specialiser, loop: Loop, unchanged: Sequence[int]) -> Loop:
    for i in unchanged:
        for name in (loop.condition.inputs[i], loop.body.inputs[i], loop.outputs[i]):
            special.define_alias(name, loop.carried[i])
    rest = [i for i in range(len(loop.carried)) if i not in set(unchanged)]

    def pick(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(names[i] for i in rest)

    condition, body = loop.condition, loop.body
    return replace(
        loop,
        carried=pick(loop.carried),
        condition=SubProgram(pick(condition.inputs), condition.statements, condition.outputs),
        body=SubProgram(pick(body.inputs), body.statements, pick(body.outputs)),
        outputs=pick(loop.outputs),
    )


def _made_of(names: Sequence[str], outputs: Sequence[str]) -> Callable[[Size], bool]:
    """Whether a size may differ from iteration to iteration: it is made of these unknowns (also inside opaque ones), or of a
    carried value's own."""
    found = frozenset(names)
    heads = frozenset(output.rpartition(":")[0] for output in outputs)

    def varies(name: str) -> bool:
        if name in found or name.rpartition(".")[0] in heads:
            return True
        return "(" in name and any(inner in name for inner in (*found, *heads))

    def inside(size: Size) -> bool:
        return any(varies(name) for name in size.names)

    return inside
