"""Loops become recurrences: the body's normal form is unified with the equation of each reference cell."""

from __future__ import annotations

from dataclasses import replace

from converters.lift.recognise.directions import absorb_reversals, cancel_reversals
from converters.lift.recognise.fused.cudnn import lift_fused
from converters.lift.recognise.loops.build import Builder
from converters.lift.recognise.loops.model import Built, Definitions, NotAStepError
from converters.lift.recognise.loops.step import read_step
from converters.lift.recognise.tidy import tidy
from converters.lift.recognise.unrolled.masked_steps import merge_masked_steps
from converters.lift.recognise.unrolled.repack import repack
from converters.lift.recognise.unrolled.rolling import roll
from converters.program import Conditional, Loop, Program, Statement, SubProgram

__all__ = ["recognise"]


def recognise(program: Program) -> Program:
    """The same model with a :class:`Recurrence` in place of every loop that is one.

    A loop that is none keeps its place, with the reason in ``Loop.reason``.
    """
    program = lift_fused(tidy(program))
    program = tidy(repack(roll(merge_masked_steps(tidy(program)))))
    program = _nested(_loops(program, Definitions(program)))
    program = tidy(absorb_reversals(tidy(program)))
    return tidy(cancel_reversals(program))


def _loops(program: Program, outer: Definitions) -> Program:
    for loop in [s for s in program.statements if isinstance(s, Loop)]:
        program = _replace(program, loop, outer)
    return program


def _replace(program: Program, loop: Loop, outer: Definitions) -> Program:
    definitions = Definitions(program, outer)
    try:
        step = read_step(program, loop, definitions)
        built = Builder(program, loop, step, definitions).build()
    except NotAStepError as error:
        built = Built(statements=[replace(loop, reason=str(error))])
    statements: list[Statement] = []
    for statement in program.statements:
        statements.extend(built.statements if statement is loop else [statement])
    return replace(
        program,
        statements=tuple(statements),
        constants={**program.constants, **built.constants},
        variables={**program.variables, **built.variables},
        facts={**program.facts, **built.facts},
    )


def _nested(program: Program) -> Program:
    """The loops inside branches and inside loops that stay."""
    definitions = Definitions(program)
    for statement in program.statements:
        if not isinstance(statement, Loop | Conditional):
            continue
        changed: Statement
        if isinstance(statement, Loop):
            program, body = _sub(program, statement.body, definitions)
            changed = replace(statement, body=body)
        else:
            program, then = _sub(program, statement.then, definitions)
            program, otherwise = _sub(program, statement.otherwise, definitions)
            changed = replace(statement, then=then, otherwise=otherwise)
        statements = tuple(changed if s is statement else s for s in program.statements)
        program = replace(program, statements=statements)
    return program


def _sub(program: Program, sub: SubProgram, outer: Definitions) -> tuple[Program, SubProgram]:
    """A subprogram treated as a program of its own; what it adds belongs to the whole."""
    if not any(isinstance(s, Loop | Conditional) for s in sub.statements):
        return program, sub
    own = replace(program, statements=sub.statements, outputs=sub.outputs, names={})
    own = _nested(_loops(own, outer))
    program = replace(
        program,
        constants={**program.constants, **own.constants},
        variables={**program.variables, **own.variables},
        facts={**program.facts, **own.facts},
    )
    small = tidy(own)
    outputs = tuple(small.names.get(name, name) for name in sub.outputs)
    return program, SubProgram(sub.inputs, small.statements, outputs)
