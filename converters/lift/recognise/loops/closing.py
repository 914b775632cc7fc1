"""The steps of a loop that ends when every row is finished: their number, and the loop that counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce

import numpy as np

from converters.graph import DType, Node
from converters.lift.recognise.loops.bounds import at_least_zero, value_of
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.limits import Finish, Limit, behind
from converters.lift.recognise.loops.masking import count_of
from converters.lift.recognise.loops.masks import made_of_zeros
from converters.lift.recognise.loops.model import Definitions
from converters.lift.recognise.loops.surgery import leaves, makers, op_of, without
from converters.program import Loop, OpNode, Program, Statement
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown

STEPS = "|finish|steps"
"""In the name of every number of steps that lengths tell."""


def named(ops: ProgramOps, name: str) -> None:
    """The last statement's result under the name that the loop gave it."""
    last = ops.statements[-1]
    ops.statements[-1] = replace(last, outputs=(name,))


def ends_of(
    program: Program, ops: ProgramOps, loop: Loop, finish: Finish
) -> tuple[ProgramArray, ProgramArray]:
    """(the step from which each row is finished, the number of steps), in the clock's dtype."""
    dtype = program.facts[loop.carried[finish.clock]].dtype
    for statement in finish.before:
        ops.facts.update((n, program.facts[n]) for n in statement.outputs if n in program.facts)
    each = [_shifted(program, ops, limit, dtype) for limit in finish.limits]
    latest = ops.constant(np.asarray(np.iinfo(dtype).max, dtype))
    zero, one = (ops.constant(np.asarray(k, dtype)) for k in (0, 1))
    soonest = reduce(ops.minimum, each) if each else latest
    first = value_of(program, ops, loop.carried[finish.place])
    # What is at least 1 where it is not finished at first is its own answer there.
    if not finish.same:
        soonest = ops.maximum(soonest, one)
    else:
        soonest = ops.maximum(soonest, zero) if soonest.shape else at_least_zero(ops, soonest)
    ends: ProgramArray = soonest
    if not finish.same or first.shape != soonest.shape:
        ends = ops.where(first, zero, soonest)
    if not ends.shape:
        return ends, ends
    if not finish.alike:
        return ends, _longest(ops, loop, ends)
    # Without rows there is no step.
    steps: ProgramArray = ops.minimum(count_of(ops, first, dtype), one) * soonest
    return ends, steps


def _shifted(program: Program, ops: ProgramOps, limit: Limit, dtype: str) -> ProgramArray:
    """``limit + shift`` in the clock's dtype; at the ends of the numbers it stays there."""
    value = value_of(program, ops, limit.value)
    info = np.iinfo(value.dtype)
    if limit.shift > 0:
        value = ops.minimum(value, ops.constant(np.asarray(info.max - limit.shift, value.dtype)))
    elif limit.shift < 0:
        value = ops.maximum(value, ops.constant(np.asarray(info.min - limit.shift, value.dtype)))
    if limit.shift:
        value = value + ops.constant(np.asarray(limit.shift, value.dtype))
    if value.dtype == dtype:
        return value
    most = min(info.max, np.iinfo(dtype).max)
    zero, last = (ops.constant(np.asarray(k, value.dtype)) for k in (0, most))
    cast: ProgramArray = ops.cast(ops.minimum(ops.maximum(value, zero), last), dtype)
    return cast


def _longest(ops: ProgramOps, loop: Loop, ends: ProgramArray) -> ProgramArray:
    """The largest of them; 0 without rows."""
    known = ends.fact.value
    if known is not None and known.dtype != object:
        return ops.constant(np.asarray(known.max(initial=0), ends.dtype))
    number = Fact(ends.dtype, (), np.array(unknown(f"{loop.name}{STEPS}"), object))
    every = ops.concat([ops.constant(np.zeros(1, ends.dtype)), ends], 0)
    axis = ops.constant(np.asarray([0], np.int32))
    return ops.node("Max", (every, axis), number, {"keep_dims": False, "Tidx": DType("int32")})


def counting(
    ops: ProgramOps, loop: Loop, finish: Finish, ends: ProgramArray, steps: ProgramArray
) -> Loop | None:
    """The loop with ``finished`` compared in each step, and its steps counted."""
    clock, done = loop.body.inputs[finish.clock], loop.body.inputs[finish.place]
    now = loop.condition.inputs[finish.clock]
    attrs = {"T": DType(ends.dtype)}
    compared = Node(f"{ops.prefix}|finished", "GreaterEqual", (clock, ends.name), (), attrs)
    tested = Node(f"{ops.prefix}|more", "Less", (now, steps.name), (), attrs)
    others = (s for s in loop.condition.statements if s is not finish.test)
    condition = replace(loop.condition, statements=(OpNode(tested, finish.test.outputs), *others))
    inner = (OpNode(compared, (done,)), *loop.body.statements)
    # The name of ``finished`` is that of the comparison from here on: nothing but the test may have read it as carried.
    fresh = f"{done}|carried"
    inputs = tuple(fresh if name == done else name for name in loop.body.inputs)
    body = replace(loop.body, inputs=inputs, statements=inner)
    return without(replace(loop, body=body), finish.place, condition=condition)


def unmasked(loop: Loop, done: str, facts: Mapping[str, Fact]) -> Loop:
    """The loop without the choices by ``finished``, where no row is finished before another: while it runs none is."""
    kept: list[Statement] = []
    made = makers(loop.body.statements)
    for statement in loop.body.statements:
        if isinstance(statement, OpNode) and statement.node.op in ("Select", "SelectV2"):
            condition, past, inside = statement.inputs
            negated = op_of(made, condition, "LogicalNot")
            if negated is not None:
                condition, inside = negated.inputs[0], past
            a, b = (
                facts[statement.outputs[0]].shape,
                facts[inside].shape if inside in facts else None,
            )
            if condition == done and (statement.node.op == "Select" or (a is not None and a == b)):
                alias = Node(statement.outputs[0], "Identity", (inside,), (), {})
                statement = OpNode(alias, statement.outputs)
        kept.append(statement)
    return replace(loop, body=replace(loop.body, statements=tuple(kept)))


def closed_lengths(
    program: Program,
    ops: ProgramOps,
    loop: Loop,
    definitions: Definitions,
    names: tuple[tuple[str, ...], str],
    ends: ProgramArray,
    steps: ProgramArray,
) -> Loop:
    """``where(finished, lengths, time + 1)`` (``decoder.py:417``) is min(ends, steps) in the end."""
    tested = makers(loop.condition.statements)
    bounds = leaves(tested, loop.condition.outputs[0], "LogicalAnd")
    for name in loop.body.inputs if ends.shape else ():
        place = loop.body.inputs.index(name)
        if not _tells_length(program, loop, place, names):
            continue
        smaller = without(loop, place)
        if smaller is None:
            continue
        start, result = loop.carried[place], loop.outputs[place]
        # Without another bound the steps are the largest of the ends.
        last = ends if len(bounds) == 1 else ops.minimum(ends, steps)
        zero = ops.constant(np.asarray(0, ends.dtype))
        dtype = program.facts[start].dtype
        if dtype != last.dtype:
            last, zero = ops.cast(last, dtype), ops.constant(np.asarray(0, dtype))
        if not made_of_zeros(program, definitions, start):
            last = ops.where(ops.greater(last, zero), last, value_of(program, ops, start))
        ops.node("Identity", (last,), last.fact)
        named(ops, result)
        loop = smaller
    return loop


def _tells_length(
    program: Program, loop: Loop, place: int, names: tuple[tuple[str, ...], str]
) -> bool:
    clocks, done = names
    made = makers(loop.body.statements)
    chosen = op_of(made, loop.body.outputs[place], "Select", "SelectV2")
    if chosen is None:
        return False
    condition, past, inside = chosen.inputs
    negated = op_of(made, condition, "LogicalNot")
    if negated is not None:
        condition, past, inside = negated.inputs[0], inside, past
    fill = op_of(made, inside, "Fill")
    inside = inside if fill is None else fill.inputs[1]
    places = frozenset(map(loop.body.inputs.index, clocks))
    right = condition == done and past == loop.body.inputs[place]
    return right and behind(program, loop, places, inside) == 1
