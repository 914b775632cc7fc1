"""Dead code: what no output needs, inside loops and branches too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from converters.program import Conditional, Loop, OpNode, Recurrence, Statement, SubProgram


def defined(statement: Statement) -> tuple[str, ...]:
    """The values a statement defines."""
    return statement.defines if isinstance(statement, Recurrence) else statement.outputs


def keep_live(
    statements: Sequence[Statement], roots: Iterable[str]
) -> tuple[tuple[Statement, ...], set[str]]:
    """The statements that the roots need, and every name that is read (roots included)."""
    needed = set(roots)
    kept: list[Statement] = []
    for statement in reversed(statements):
        if not any(name in needed for name in defined(statement)):
            continue
        if isinstance(statement, Loop):
            statement, reads = _loop(statement, needed)
        elif isinstance(statement, Conditional):
            statement, reads = _conditional(statement, needed)
        else:
            reads = set(statement.inputs)
        kept.append(statement)
        needed |= reads
    return tuple(reversed(kept)), needed


def _loop(loop: Loop, needed: set[str]) -> tuple[Loop, set[str]]:
    condition, condition_reads = keep_live(loop.condition.statements, loop.condition.outputs)
    places = range(len(loop.carried))
    alive = {
        i
        for i in places
        if loop.outputs[i] in needed or loop.condition.inputs[i] in condition_reads
    }
    while True:
        body, body_reads = keep_live(
            loop.body.statements, [loop.body.outputs[i] for i in sorted(alive)]
        )
        more = {i for i in places if loop.body.inputs[i] in body_reads} - alive
        if not more:
            break
        alive |= more
    order = sorted(alive)

    def pick(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(names[i] for i in order)

    smaller = replace(
        loop,
        carried=pick(loop.carried),
        condition=SubProgram(pick(loop.condition.inputs), condition, loop.condition.outputs),
        body=SubProgram(pick(loop.body.inputs), body, pick(loop.body.outputs)),
        outputs=pick(loop.outputs),
    )
    reads = (condition_reads - set(loop.condition.inputs)) | (body_reads - set(loop.body.inputs))
    return smaller, reads | set(smaller.carried)


def _conditional(statement: Conditional, needed: set[str]) -> tuple[Conditional, set[str]]:
    order = [i for i, name in enumerate(statement.outputs) if name in needed]
    sides = []
    reads = {statement.predicate}
    for side in (statement.then, statement.otherwise):
        outputs = tuple(side.outputs[i] for i in order)
        statements, side_reads = keep_live(side.statements, outputs)
        sides.append(SubProgram((), statements, outputs))
        reads |= side_reads
    smaller = replace(
        statement,
        then=sides[0],
        otherwise=sides[1],
        outputs=tuple(statement.outputs[i] for i in order),
    )
    return smaller, reads


def walk(statements: Iterable[Statement]) -> Iterable[OpNode]:
    """Every OpNode, those inside subprograms too."""
    stack = list(statements)
    while stack:
        statement = stack.pop()
        if isinstance(statement, OpNode):
            yield statement
        elif isinstance(statement, Loop):
            stack += [*statement.condition.statements, *statement.body.statements]
        elif isinstance(statement, Conditional):
            stack += [*statement.then.statements, *statement.otherwise.statements]
