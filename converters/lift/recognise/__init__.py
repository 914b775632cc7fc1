"""Loops become recurrences: the body's normal form is unified with the equation of each reference cell."""

from __future__ import annotations

from dataclasses import replace

from converters.lift.recognise.directions import absorb_reversals, cancel_reversals
from converters.lift.recognise.fused.cudnn import lift_fused
from converters.lift.recognise.loops.bounds import Count, counted
from converters.lift.recognise.loops.build import Builder
from converters.lift.recognise.loops.finishing import count_finished
from converters.lift.recognise.loops.holes import peel_holes
from converters.lift.recognise.loops.model import Built, Definitions, NotAStepError
from converters.lift.recognise.loops.step import read_step
from converters.lift.recognise.loops.traced_runs import EACH
from converters.lift.recognise.pieces import holds_items, resolve_pieces
from converters.lift.recognise.tidy import tidy
from converters.lift.recognise.unrolled.chains import roll
from converters.lift.recognise.unrolled.masked_steps import merge_masked_steps
from converters.lift.recognise.unrolled.repack import repack
from converters.lift.specialise import DAMAGE
from converters.program import Conditional, Loop, OpNode, Program, Statement, SubProgram

__all__ = ["recognise"]


def recognise(program: Program, *, moving: bool = True) -> Program:
    """The same model with a :class:`Recurrence` in place of every loop that is one.

    A loop that is none keeps its place, with the reason in ``Loop.reason``. ``moving`` takes off masks with holes too, by moving steps.
    """
    program = lift_fused(tidy(program))
    program = tidy(repack(roll(merge_masked_steps(tidy(program)))))
    program = _nested(_loops(program, Definitions(program), moving), moving)
    program = tidy(absorb_reversals(tidy(program)))
    return tidy(cancel_reversals(program))


def _loops(program: Program, outer: Definitions, moving: bool) -> Program:
    for name in [s.name for s in program.statements if isinstance(s, Loop)]:
        # What one loop becomes may rename what the next one reads.
        loops = (s for s in program.statements if isinstance(s, Loop) and s.name == name)
        loop = next((s for s in loops if not s.reason), None)
        if loop is not None:
            program = _replace(program, loop, outer, moving)
    return program


def _replace(program: Program, loop: Loop, outer: Definitions, moving: bool) -> Program:
    try:
        told, stepped = count_finished(program, loop, outer)
        changed, count = counted(told, stepped)
        definitions = Definitions(changed, outer)
        try:
            return _recurrent(changed, stepped, definitions, count, delays=True, moving=moving)
        except NotAStepError:
            return _recurrent(changed, stepped, definitions, count, delays=False, moving=moving)
    except NotAStepError as error:
        reason = str(error)
    except (*DAMAGE, AssertionError, RecursionError) as error:
        # A mistake of the recognition costs this loop its speed, never the model.
        reason = f"the recognition of recurrences failed ({type(error).__name__}: {error})"
    return _joined(program, loop, Built(statements=[replace(loop, reason=reason)]))


def _recurrent(
    program: Program,
    loop: Loop,
    definitions: Definitions,
    count: Count,
    *,
    delays: bool,
    moving: bool,
) -> Program:
    """The program with recurrences in place of the loop.

    Raises:
        NotAStepError: it is none; or a state that only hands on, with ``delays`` no state, is one after all.
    """
    step = read_step(program, loop, definitions, count, delays=delays)
    if moving and peel_holes(step, loop):
        try:
            return _finished(program, loop, Builder(program, loop, step, definitions).build())
        except NotAStepError:
            step = read_step(program, loop, definitions, count, delays=delays)
    built = Builder(program, loop, step, definitions, lenient=True).build()
    try:
        return _finished(program, loop, built)
    except NotAStepError:
        step = read_step(program, loop, definitions, count, delays=delays)
        built = Builder(program, loop, step, definitions, lenient=False).build()
    return _joined(program, loop, built)


def _finished(program: Program, loop: Loop, built: Built) -> Program:
    """The program with what was built.

    Raises:
        NotAStepError: more is wanted of a state than its last item.
    """
    joined = _joined(program, loop, built)
    if not any(isinstance(s, OpNode) and s.node.op == EACH for s in built.statements):
        return joined
    found = resolve_pieces(joined)
    if holds_items(found):
        msg = "more is wanted of a state than its last item"
        raise NotAStepError(msg)
    return found


def _joined(program: Program, loop: Loop, built: Built) -> Program:
    """The program with what was built in the place of the loop."""
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


def _nested(program: Program, moving: bool) -> Program:
    """The loops inside branches and inside loops that stay."""
    definitions = Definitions(program)
    for statement in program.statements:
        if not isinstance(statement, Loop | Conditional):
            continue
        changed: Statement
        if isinstance(statement, Loop):
            program, body = _sub(program, statement.body, definitions, moving)
            changed = replace(statement, body=body)
        else:
            program, then = _sub(program, statement.then, definitions, moving)
            program, otherwise = _sub(program, statement.otherwise, definitions, moving)
            changed = replace(statement, then=then, otherwise=otherwise)
        statements = tuple(changed if s is statement else s for s in program.statements)
        program = replace(program, statements=statements)
    return program


def _sub(
    program: Program, sub: SubProgram, outer: Definitions, moving: bool
) -> tuple[Program, SubProgram]:
    """A subprogram treated as a program of its own; what it adds belongs to the whole."""
    if not any(isinstance(s, Loop | Conditional) for s in sub.statements):
        return program, sub
    own = replace(program, statements=sub.statements, outputs=sub.outputs, names={})
    own = _nested(_loops(own, outer, moving), moving)
    program = replace(
        program,
        constants={**program.constants, **own.constants},
        variables={**program.variables, **own.variables},
        facts={**program.facts, **own.facts},
    )
    small = tidy(own)
    outputs = tuple(small.names.get(name, name) for name in sub.outputs)
    return program, SubProgram(sub.inputs, small.statements, outputs)
