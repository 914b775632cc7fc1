"""Counters and bounds: how often a loop runs, and what its counters are at each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.model import Counter, NotAStepError
from converters.program import Loop, OpNode, Program, Statement, walk
from reference.vocabulary.abstract.sizes import Dim, as_dim, minimum, non_negative

MIRRORED = {
    "Less": "Greater",
    "Greater": "Less",
    "LessEqual": "GreaterEqual",
    "GreaterEqual": "LessEqual",
}
RISING = {"Less": 0, "LessEqual": 1}
"""By the comparison that a rising counter passes: how many steps more than bound - start."""


@dataclass(frozen=True)
class Count:
    """How a loop counts. ``steps`` is the value that says how often it runs."""

    counters: Mapping[int, Counter]
    dtype: str
    steps: str


@dataclass(frozen=True)
class Bound:
    """A comparison that ends the loop: ``extra`` is added to the distance between ``start`` and ``limit``."""

    counter: Counter
    limit: str
    extra: int


def counted(program: Program, loop: Loop) -> tuple[Program, Count]:
    """The program with the number of steps computed before the loop, and how it counts.

    Raises:
        NotAStepError: no counter goes by one, or the condition is not nothing but comparisons of counters.
    """
    counters = counters_of(program, loop)
    if not counters:
        msg = "no carried counter goes up or down by one"
        raise NotAStepError(msg)
    before = _constant_part(loop)
    bounds = _bounds(loop, counters, {name for s in before for name in s.outputs})
    ops = ProgramOps(f"{loop.name}|count", dict(program.facts))
    dtype = ops.facts[bounds[0].counter.start].dtype
    if before:
        program = _inserted(program, loop, before)
    decisive = _tightest(program, bounds)
    if decisive is not None:
        return program, Count(counters, dtype, decisive)
    steps = _distances(program, ops, bounds, dtype)
    program = replace(
        _inserted(program, loop, ops.statements),
        constants={**program.constants, **ops.constants},
        facts={**program.facts, **ops.facts},
    )
    return program, Count(counters, dtype, steps)


def _inserted(program: Program, loop: Loop, before: Sequence[Statement]) -> Program:
    at = next(k for k, s in enumerate(program.statements) if s is loop)
    statements = (*program.statements[:at], *before, *program.statements[at:])
    return replace(program, statements=statements)


def counters_of(program: Program, loop: Loop) -> dict[int, Counter]:
    """Carried integers that go up or down by one."""
    makers = {s.outputs[0]: s for s in loop.body.statements if isinstance(s, OpNode)}
    found = {}
    for k, (start, name, out) in enumerate(
        zip(loop.carried, loop.body.inputs, loop.body.outputs, strict=True)
    ):
        maker, fact = makers.get(out), program.facts.get(start)
        if maker is None or fact is None or fact.shape != () or not fact.dtype.startswith("int"):
            continue
        step = _increment(program, maker, name)
        if step in (1, -1):
            found[k] = Counter(start, step)
    return found


def _increment(program: Program, maker: OpNode, name: str) -> int | None:
    op = maker.node.op
    if op not in ("Add", "AddV2", "Sub") or name not in maker.inputs:
        return None
    a, b = maker.inputs
    if op == "Sub":
        value = known_int(program, b) if a == name else None
        return None if value is None else -value
    return known_int(program, b if a == name else a)


def known_int(program: Program, value: str) -> int | None:
    """The value of an integer constant."""
    array = program.constants.get(value)
    if array is None:
        fact = program.facts.get(value)
        array = None if fact is None else fact.value
    if array is None or array.dtype == object or array.size != 1 or array.dtype.kind not in "iu":
        return None
    return int(array.reshape(()))


def _constant_part(loop: Loop) -> list[OpNode]:
    """What the condition computes of values from outside alone: it can be done once, before the loop."""
    varying = set(loop.condition.inputs)
    found = []
    for statement in loop.condition.statements:
        if isinstance(statement, OpNode) and not varying.intersection(statement.inputs):
            found.append(statement)
        else:
            varying.update(statement.outputs if isinstance(statement, OpNode) else ())
    return found


def _bounds(loop: Loop, counters: Mapping[int, Counter], outside: set[str]) -> list[Bound]:
    """The comparisons that the condition is the conjunction of."""
    condition = loop.condition
    makers = {s.outputs[0]: s for s in condition.statements if isinstance(s, OpNode)}
    todo, bounds = [condition.outputs[0]], []
    while todo:
        maker = makers.get(todo.pop())
        if maker is None:
            msg = "its condition is not a comparison of a counter"
            raise NotAStepError(msg)
        if maker.node.op == "LogicalAnd":
            todo.extend(maker.inputs)
            continue
        bound = _comparison(maker, condition.inputs, counters)
        if bound is None or (bound.limit in makers and bound.limit not in outside):
            msg = f"its condition depends on {maker.node.name} ({maker.node.op}), not only on a counter"
            raise NotAStepError(msg)
        bounds.append(bound)
    return bounds


def _comparison(
    maker: OpNode, inputs: tuple[str, ...], counters: Mapping[int, Counter]
) -> Bound | None:
    op = maker.node.op
    if op not in MIRRORED:
        return None
    value, limit = maker.inputs
    if value not in inputs:
        value, limit, op = limit, value, MIRRORED[op]
    counter = counters.get(inputs.index(value)) if value in inputs else None
    if counter is None or limit in inputs:
        return None
    extra = RISING.get(op if counter.step > 0 else MIRRORED[op])
    return None if extra is None else Bound(counter, limit, extra)


def _tightest(program: Program, bounds: Sequence[Bound]) -> str | None:
    """The value that is the number of steps already: of plain bounds the equal ones', or the one made by a minimum over the others."""
    if any(b.extra or b.counter.step < 0 or known_int(program, b.counter.start) for b in bounds):
        return None
    if any(known_int(program, b.counter.start) is None for b in bounds):
        return None
    names = {b.limit for b in bounds}
    if len(names) == 1:
        return bounds[0].limit
    makers = {n: s for s in walk(program.statements) if isinstance(s, OpNode) for n in s.outputs}
    for bound in bounds:
        others = names - {bound.limit}
        maker = makers.get(bound.limit)
        if maker is None or maker.node.op != "Minimum":
            continue
        if all(o in maker.inputs or _equal_facts(program, o, maker.inputs) for o in others):
            return bound.limit
    if all(_equal_facts(program, value, (bounds[0].limit,)) for value in names):
        return bounds[0].limit
    return None


def _equal_facts(program: Program, value: str, others: tuple[str, ...]) -> bool:
    """Whether a value's symbolic number equals that of one of the others."""
    numbers = [symbolic(program, name) for name in (value, *others)]
    return numbers[0] is not None and numbers[0] in numbers[1:]


def _distances(program: Program, ops: ProgramOps, bounds: Sequence[Bound], dtype: str) -> str:
    """The smallest distance from a start to its limit, at least 0, as a value of ``dtype``."""
    found: dict[Any, ProgramArray] = {}
    for bound in bounds:
        ends = [
            ops.cast(value_of(program, ops, n), dtype) for n in (bound.limit, bound.counter.start)
        ]
        high, low = ends if bound.counter.step > 0 else ends[::-1]
        steps = high - low
        if bound.extra:
            steps = steps + ops.constant(np.asarray(bound.extra, dtype))
        known = steps.fact.value
        found[steps.name if known is None else as_dim(known.reshape(-1)[0])] = steps
    least = _least(list(found))
    if least is not None:
        return at_least_zero(ops, found[least]).name
    total: Any = None
    for steps in found.values():
        total = steps if total is None else ops.minimum(total, steps)
    return at_least_zero(ops, total).name


def _least(sizes: list[Any]) -> Any:
    """The one that is certainly the smallest; None where it is not known."""
    if len(sizes) == 1:
        return sizes[0]
    if any(isinstance(s, str) for s in sizes):
        return None
    smallest: Dim = sizes[0]
    for size in sizes[1:]:
        smallest = minimum(smallest, size)
    return smallest if smallest in sizes else None


def at_least_zero(ops: ProgramOps, steps: ProgramArray) -> ProgramArray:
    """A number of steps, which a bound below the start does not make negative."""
    known = steps.fact.value
    if known is not None and non_negative(as_dim(known.reshape(-1)[0])):
        return steps
    least: ProgramArray = ops.maximum(steps, ops.constant(np.asarray(0, steps.dtype)))
    return least


def value_of(program: Program, ops: ProgramOps, name: str) -> ProgramArray:
    """A value or constant of the program, for statements moved out of a loop."""
    constant = program.constants.get(name)
    return ops.value(name) if constant is None else ops.constant(constant)


def symbolic(program: Program, value: str) -> object | None:
    """The number or symbolic size an integer scalar is known to be."""
    array = program.constants.get(value)
    if array is None and value in program.facts:
        array = program.facts[value].value
    if array is None or array.size != 1:
        return None
    item = array.reshape(-1)[0]
    return int(item) if isinstance(item, int) or hasattr(item, "__index__") else item
