"""Loops that run until every row is finished, where lengths tell when a row is: then the number of steps is known before the first.

``dynamic_decode`` and ``raw_rnn`` carry ``finished`` and run while not all of it is true (TF 1.15.5,
``contrib/seq2seq/python/ops/decoder.py:393``, ``python/ops/rnn.py:1184``). A TrainingHelper makes it ``finished or time + 1 >= lengths``
(``helper.py:305``, ``decoder.py:416``). By induction step t finds just the rows finished for which t >= ends::

    ends = where(finished at first, 0, maximum(1, lengths))

so that a negative length counts as 1 and only what is finished at first as 0. The loop runs max(ends) steps, none without rows. With
``finished`` a comparison of the time, the rest of the recognition sees the masks and the bound of a ``dynamic_rnn``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from converters.graph import DType, Node
from converters.lift.recognise.loops.ahead import read_ahead
from converters.lift.recognise.loops.bounds import counters_of, known_int, value_of
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.masks import made_of_zeros
from converters.lift.recognise.loops.model import Definitions
from converters.lift.recognise.loops.surgery import (
    hoisted,
    leaves,
    makers,
    op_of,
    placed,
    without,
)
from converters.program import Loop, OpNode, Program, Statement
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown

REACHED = {"GreaterEqual": 0, "Greater": 1}
"""By the comparison of the time with a limit: how much later than the limit it holds."""
MIRRORED = {"LessEqual": "GreaterEqual", "Less": "Greater"}
STEPS = "|finish|steps"
"""In the name of every number of steps that lengths tell."""


@dataclass(frozen=True)
class Limit:
    """A row is finished from step ``value + shift`` on."""

    value: str
    shift: int


@dataclass(frozen=True)
class Finish:
    """``finished`` of a loop: which carried value, the statement that tests it, and the time."""

    place: int
    test: OpNode
    clock: int
    clocks: frozenset[int]
    """All carried values that are the number of the step."""
    limits: tuple[Limit, ...]
    before: tuple[OpNode, ...]
    """What the limits are made of, out of the body."""

    def names(self, loop: Loop) -> tuple[str, ...]:
        """The clocks in the body of the loop that it was found in."""
        return tuple(loop.body.inputs[k] for k in sorted(self.clocks))


def count_finished(program: Program, loop: Loop, outer: Definitions) -> tuple[Program, Loop]:
    """The program with a loop that counts instead, and that loop; both as they are where the stop depends on more than lengths."""
    finish = next(_finishes(program, loop), None)
    if finish is None:
        return program, loop
    ops = ProgramOps(f"{loop.name}|finish", dict(program.facts))
    ends = _ends(program, ops, loop, finish)
    steps = _longest(ops, loop, ends)
    before: list[Statement] = [*finish.before, *ops.statements]
    ops.statements = []
    counting = _counting(ops, loop, finish, ends, steps)
    if counting is None:
        return program, loop
    # ``finished`` is no carried value any more: the places behind it moved up.
    now = ops.value(loop.outputs[finish.clock])
    ops.node("GreaterEqual", (now, ends), program.facts[loop.outputs[finish.place]])
    _named(ops, loop.outputs[finish.place])
    definitions = Definitions(program, outer)
    known = program.facts
    program = replace(program, facts={**known, **ops.facts})
    done = loop.body.inputs[finish.place]
    counting = _closed_lengths(
        program, ops, counting, definitions, (finish.names(loop), done), ends, now
    )
    counting = read_ahead(program, ops, loop, counting, finish, definitions.by_value)
    program = placed(program, loop, before, counting, ops.statements)
    return replace(
        program,
        constants={**program.constants, **ops.constants},
        facts={**known, **ops.facts},
    ), counting


def _named(ops: ProgramOps, name: str) -> None:
    """The last statement's result under the name that the loop gave it."""
    last = ops.statements[-1]
    ops.statements[-1] = replace(last, outputs=(name,))


# ---- reading -----------------------------------------------------------------------------------------------------


def _finishes(program: Program, loop: Loop) -> Iterator[Finish]:
    """The carried values that the condition wants not all true, and that lengths alone make true."""
    counters = counters_of(program, loop)
    rising = (k for k, c in counters.items() if c.step == 1 and known_int(program, c.start) == 0)
    clocks = frozenset(rising)
    if not clocks:
        return
    tested, made = makers(loop.condition.statements), makers(loop.body.statements)
    for name in leaves(tested, loop.condition.outputs[0], "LogicalAnd"):
        test = op_of(tested, name, "LogicalNot")
        whole = None if test is None else op_of(tested, test.inputs[0], "All")
        if test is None or whole is None or _rank(program, whole.outputs[0]) != 0:
            continue
        if whole.inputs[0] not in loop.condition.inputs:
            continue
        place = loop.condition.inputs.index(whole.inputs[0])
        done = loop.body.inputs[place]
        parts = leaves(made, loop.body.outputs[place], "LogicalOr")
        found = [_limit(program, loop, clocks, part) for part in parts if part != done]
        limits = [item for item in found if item is not None]
        if done in parts and limits and len(limits) == len(found) and _rank(program, done) == 1:
            before = dict.fromkeys(s for _, some in limits for s in some)
            each = tuple(limit for limit, _ in limits)
            yield Finish(place, test, min(clocks), clocks, each, tuple(before))


def _rank(program: Program, name: str) -> int | None:
    constant = program.constants.get(name)
    if constant is not None:
        return constant.ndim
    fact = program.facts.get(name)
    return None if fact is None else fact.rank


def _limit(
    program: Program, loop: Loop, clocks: frozenset[int], name: str
) -> tuple[Limit, tuple[OpNode, ...]] | None:
    """(from when on a test of the rows is true; what that is made of); None where it is not the time and lengths that tell."""
    made = makers(loop.body.statements)
    test = op_of(made, name, *REACHED, *MIRRORED)
    if test is None:
        return None
    (time, limit), op = test.inputs, test.node.op
    if op in MIRRORED:
        time, limit, op = limit, time, MIRRORED[op]
    shift = _behind(program, loop, clocks, time)
    kind = _dtype(program, limit)
    before = hoisted(loop.body.statements, loop.body.inputs, limit)
    if shift is None or before is None or not kind.startswith("int"):
        return None
    if _rank(program, limit) != 1:
        return None
    # What is computed behind step t holds from the step after it on.
    return Limit(limit, REACHED[op] - shift + 1), tuple(before)


def _dtype(program: Program, name: str) -> str:
    constant = program.constants.get(name)
    if constant is not None:
        return str(constant.dtype)
    return program.facts[name].dtype if name in program.facts else ""


def _behind(program: Program, loop: Loop, clocks: frozenset[int], name: str) -> int | None:
    """k where a value is the time + k."""
    made = makers(loop.body.statements)
    total = 0
    while True:
        if name in loop.body.inputs:
            return total if loop.body.inputs.index(name) in clocks else None
        cast = op_of(made, name, "Cast")
        if cast is not None:
            name = cast.inputs[0]
            continue
        added = op_of(made, name, "Add", "AddV2")
        if added is None:
            return None
        a, b = added.inputs
        name, more = (a, known_int(program, b)) if known_int(program, a) is None else (b, known_int(program, a))  # fmt: skip
        if more is None:
            return None
        total += more


# ---- counting ----------------------------------------------------------------------------------------------------


def _ends(program: Program, ops: ProgramOps, loop: Loop, finish: Finish) -> ProgramArray:
    """The step from which each row is finished, in the clock's dtype."""
    dtype = program.facts[loop.carried[finish.clock]].dtype
    for statement in finish.before:
        ops.facts.update((n, program.facts[n]) for n in statement.outputs if n in program.facts)
    each = [_shifted(program, ops, limit, dtype) for limit in finish.limits]
    soonest = reduce(ops.minimum, each)
    zero, one = (ops.constant(np.asarray(k, dtype)) for k in (0, 1))
    first = value_of(program, ops, loop.carried[finish.place])
    ends: ProgramArray = ops.where(first, zero, ops.maximum(soonest, one))
    return ends


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


def _counting(
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


def _closed_lengths(
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
    for name in loop.body.inputs:
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
        _named(ops, result)
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
    return right and _behind(program, loop, places, inside) == 1
