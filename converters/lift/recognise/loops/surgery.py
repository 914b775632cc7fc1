"""Carried values taken off a loop, and what nobody reads then."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from converters.program import Loop, OpNode, Program, Statement, SubProgram, captured, defined


def without(loop: Loop, place: int, *, condition: SubProgram | None = None) -> Loop | None:
    """The loop without a carried value; None where something still reads it."""
    old = loop.condition if condition is None else condition
    gone = {loop.body.inputs[place], old.inputs[place]}
    body = live(SubProgram(_cut(loop.body.inputs, place), loop.body.statements, _cut(loop.body.outputs, place)))  # fmt: skip
    tested = live(SubProgram(_cut(old.inputs, place), old.statements, old.outputs))
    if gone & {*captured(body), *captured(tested)}:
        return None
    return replace(
        loop,
        carried=_cut(loop.carried, place),
        condition=tested,
        body=body,
        outputs=_cut(loop.outputs, place),
    )


def _cut(items: tuple[str, ...], place: int) -> tuple[str, ...]:
    return items[:place] + items[place + 1 :]


def live(sub: SubProgram) -> SubProgram:
    """The subprogram without the statements that its outputs do not need."""
    read = set(sub.outputs)
    kept: list[Statement] = []
    for statement in reversed(sub.statements):
        if read.intersection(defined(statement)):
            kept.append(statement)
            read.update(statement.inputs)
    return replace(sub, statements=tuple(reversed(kept)))


def makers(statements: Sequence[Statement]) -> dict[str, Statement]:
    """By value: the statement that defines it."""
    return {name: s for s in statements for name in defined(s)}


def op_of(made: Mapping[str, Any], name: str, *ops: str) -> OpNode | None:
    """The op of one of these kinds that a value comes from."""
    found = made.get(name)
    return found if isinstance(found, OpNode) and found.node.op in ops else None


def terms(made: Mapping[str, Any], name: str, op: str) -> Iterator[str]:
    """The values that a chain of one op joins, and the results between."""
    yield name
    found = op_of(made, name, op)
    for operand in () if found is None else found.inputs:
        yield from terms(made, operand, op)


def leaves(made: Mapping[str, Any], name: str, op: str) -> list[str]:
    """The values that a chain of one op joins."""
    return [term for term in terms(made, name, op) if op_of(made, term, op) is None]


def hoisted(
    statements: Sequence[Statement], inside: Collection[str], name: str
) -> list[OpNode] | None:
    """The ops that a value of a body is made of, where none reads what is carried; [] for a value from outside."""
    made = makers(statements)
    needed: dict[str, None] = {}
    stack = [name]
    while stack:
        value = stack.pop()
        maker = made.get(value)
        if value in inside or (maker is not None and not isinstance(maker, OpNode)):
            return None
        if maker is not None and value not in needed:
            needed[value] = None
            stack.extend(maker.inputs)
    return [s for s in statements if isinstance(s, OpNode) and needed.keys() & set(s.outputs)]


def placed(
    program: Program,
    old: Loop,
    before: Sequence[Statement],
    loop: Loop,
    after: Sequence[Statement],
) -> Program:
    """The program with a loop changed, and statements around it."""
    at = next(k for k, s in enumerate(program.statements) if s is old)
    middle = (*before, loop, *after)
    return replace(
        program, statements=(*program.statements[:at], *middle, *program.statements[at + 1 :])
    )
