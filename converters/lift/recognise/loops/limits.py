"""When the rows of a loop that stops when all are finished are so: what the lengths, or a number, say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from converters.lift.recognise.loops.bounds import counters_of, known_int
from converters.lift.recognise.loops.surgery import hoisted, leaves, makers, op_of
from converters.program import Loop, OpNode, Program, Statement

REACHED = {"GreaterEqual": 0, "Greater": 1}
"""By the comparison of the time with a limit: how much later than the limit it holds."""
MIRRORED = {"LessEqual": "GreaterEqual", "Less": "Greater"}
OPPOSITE = {
    "Less": "GreaterEqual",
    "LessEqual": "Greater",
    "Greater": "LessEqual",
    "GreaterEqual": "Less",
}
VIEWS = ("Fill", "Tile", "BroadcastTo", "Reshape", "ExpandDims", "Identity")
"""Ops whose result has the values of one input, some of them more often."""


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
    alike: bool
    """Whether no row is finished before another: all by numbers, and at first none or by the same numbers."""
    same: bool
    """Whether the limits tell what is finished at first too."""

    def names(self, loop: Loop) -> tuple[str, ...]:
        """The clocks in the body of the loop that it was found in."""
        return tuple(loop.body.inputs[k] for k in sorted(self.clocks))


def finishes(program: Program, loop: Loop, around: Mapping[str, Statement]) -> Iterator[Finish]:
    """The carried values that the condition wants not all true, and that lengths or numbers alone make true.

    Args:
        around: by value, what stands outside the loop defines it.
    """
    counters = counters_of(program, loop)
    rising = (k for k, c in counters.items() if c.step == 1 and known_int(program, c.start) == 0)
    clocks = frozenset(rising)
    if not clocks:
        return
    tested, made = makers(loop.condition.statements), makers(loop.body.statements)
    bounds = leaves(tested, loop.condition.outputs[0], "LogicalAnd")
    for name in bounds:
        test = op_of(tested, name, "LogicalNot")
        place = None if test is None else _place(program, loop, test.inputs[0])
        if test is None or place is None:
            continue
        done = loop.body.inputs[place]
        parts = leaves(made, loop.body.outputs[place], "LogicalOr")
        told = [p for p in parts if p != done and not never(program, {**around, **made}, p)]
        found = [_limit(program, loop, clocks, part, _rank(program, done) or 0) for part in told]
        limits = [item for item in found if item is not None]
        # Where nothing ends the rows, something else must end the loop.
        if done in parts and len(limits) == len(found) and (limits or len(bounds) > 1):
            before = {s.outputs: s for _, some in limits for s in some}
            each = tuple(limit for limit, _ in limits)
            same = _at_first(program, around, loop.carried[place]) == {*each}
            numbers = not any(_rank(program, limit.value) for limit in each)
            begun = same or never(program, around, loop.carried[place])
            alike = _rank(program, done) == 0 or (numbers and begun)
            ends = each, tuple(before.values())
            yield Finish(place, test, min(clocks), clocks, *ends, alike, same)


def _at_first(program: Program, around: Mapping[str, Statement], name: str) -> set[Limit]:
    """The limits of which ``finished`` is the comparison at time 0; none where it is anything else."""
    found: set[Limit] = set()
    for term in leaves(around, name, "LogicalOr"):
        test, op = _comparison(program, around, term)
        if test is None:
            return set()
        time, limit = test.inputs
        if op in MIRRORED:
            time, limit, op = limit, time, MIRRORED[op]
        if op not in REACHED or known_int(program, time) != 0:
            return set()
        found.add(Limit(limit, REACHED[op]))
    return found


def _place(program: Program, loop: Loop, name: str) -> int | None:
    """Which carried value a test is of: all of its rows, or it alone."""
    whole = op_of(makers(loop.condition.statements), name, "All")
    if whole is not None:
        if _rank(program, name) != 0:
            return None
        name = whole.inputs[0]
    if name not in loop.condition.inputs:
        return None
    place = loop.condition.inputs.index(name)
    wanted = (0,) if whole is None else (0, 1)
    return place if _rank(program, loop.body.inputs[place]) in wanted else None


def never(program: Program, made: Mapping[str, Statement], name: str) -> bool:
    """Whether a truth value is False in all its rows, whatever is fed."""
    constant = program.constants.get(name)
    if constant is not None:
        return constant.dtype == bool and not constant.any()
    either = op_of(made, name, "LogicalOr")
    if either is not None:
        return all(never(program, made, side) for side in either.inputs)
    if op_of(made, name, "ZerosLike") is not None:
        return True
    view = op_of(made, name, *VIEWS)
    if view is None:
        return False
    return never(program, made, view.inputs[1 if view.node.op == "Fill" else 0])


def _rank(program: Program, name: str) -> int | None:
    constant = program.constants.get(name)
    if constant is not None:
        return constant.ndim
    fact = program.facts.get(name)
    return None if fact is None else fact.rank


def _limit(
    program: Program, loop: Loop, clocks: frozenset[int], name: str, rank: int
) -> tuple[Limit, tuple[OpNode, ...]] | None:
    """(from when on a test of the rows is true; what that is made of); None where it is not the time and lengths that tell."""
    made = makers(loop.body.statements)
    test, op = _comparison(program, made, name)
    if test is None or op not in REACHED | MIRRORED:
        return None
    time, limit = test.inputs
    if op in MIRRORED:
        time, limit, op = limit, time, MIRRORED[op]
    shift = behind(program, loop, clocks, time)
    kind = _dtype(program, limit)
    before = hoisted(loop.body.statements, loop.body.inputs, limit)
    if shift is None or before is None or not kind.startswith("int"):
        return None
    found = _rank(program, limit)
    if found is None or found > rank:
        return None
    # What is computed behind step t holds from the step after it on.
    return Limit(limit, REACHED[op] - shift + 1), tuple(before)


def _comparison(
    program: Program, made: Mapping[str, Statement], name: str
) -> tuple[OpNode | None, str]:
    """The comparison that a truth value is, and how it compares: behind negations, and views of one number."""
    turned = False
    while (view := op_of(made, name, "LogicalNot", *VIEWS)) is not None:
        name = view.inputs[1 if view.node.op == "Fill" else 0]
        turned ^= view.node.op == "LogicalNot"
        if view.node.op not in ("LogicalNot", "Identity", "Fill") and not _is_one(program, name):
            return None, ""
        packed = op_of(made, name, "Pack")
        name = packed.inputs[0] if packed is not None and len(packed.inputs) == 1 else name
    test = op_of(made, name, *OPPOSITE)
    if test is None:
        return None, ""
    return test, OPPOSITE[test.node.op] if turned else test.node.op


def _is_one(program: Program, name: str) -> bool:
    """Whether it is one number."""
    fact = program.facts.get(name)
    return fact is not None and fact.shape is not None and all(d == 1 for d in fact.shape)


def _dtype(program: Program, name: str) -> str:
    constant = program.constants.get(name)
    if constant is not None:
        return str(constant.dtype)
    return program.facts[name].dtype if name in program.facts else ""


def behind(program: Program, loop: Loop, clocks: frozenset[int], name: str) -> int | None:
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
