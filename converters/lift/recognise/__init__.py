"""Loops become recurrences: the body's normal form is unified with the equation of each reference cell."""

from __future__ import annotations

from dataclasses import replace

from converters.lift.recognise.build import Builder, Built
from converters.lift.recognise.directions import absorb_reversals, cancel_reversals
from converters.lift.recognise.masked_steps import merge_masked_steps
from converters.lift.recognise.repack import repack
from converters.lift.recognise.step import Definitions, NotAStepError, read_step
from converters.lift.recognise.tidy import tidy
from converters.lift.recognise.unrolled import roll
from converters.program import Loop, Program, Statement

__all__ = ["recognise"]


def recognise(program: Program) -> Program:
    """The same model with a :class:`Recurrence` in place of every loop that is one.

    A loop that is none keeps its place, with the reason in ``Loop.reason``.
    """
    program = tidy(repack(roll(merge_masked_steps(tidy(program)))))
    for loop in [s for s in program.statements if isinstance(s, Loop)]:
        program = _replace(program, loop)
    program = tidy(absorb_reversals(tidy(program)))
    return tidy(cancel_reversals(program))


def _replace(program: Program, loop: Loop) -> Program:
    definitions = Definitions(program)
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
