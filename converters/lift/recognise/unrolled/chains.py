"""Unrolled recurrences rolled up again: ``static_rnn`` and hand-written steps, every chain of them that can be."""

from __future__ import annotations

from collections import Counter
from itertools import product

from converters.lift.recognise.loops.model import NotAStepError
from converters.lift.recognise.unrolled.families import families, periods
from converters.lift.recognise.unrolled.lockstep import NotRepeatedError
from converters.lift.recognise.unrolled.rolling import Roller
from converters.lift.recognise.unrolled.whole import TracedProgram, constant_sources
from converters.program import OpNode, Program

MOST_TRIES = 3
"""A chain that does not roll may do so when another, which reads it step by step, has been rolled."""

PRODUCTS = frozenset(
    "MatMul BatchMatMul BatchMatMulV2 Conv2D Conv3D LSTMBlockCell GRUBlockCell".split()
)


def roll(program: Program) -> Program:
    """Every chain of equal steps rolled up, one after the other."""
    tried: Counter[str] = Counter()
    while True:
        rolled = _roll_one(program, tried)
        if rolled is None:
            return program
        program = rolled


def _roll_one(program: Program, tried: Counter[str]) -> Program | None:
    if not _repeats(program):
        return None
    now: set[str] = set()
    traced = TracedProgram(program)
    for family in families(traced):
        ends = (family.chains[0][0], family.chains[0][-1])
        key = "@".join([family.weight, *(str(traced.names.get(e, e.serial)) for e in ends)])
        if key in now or tried[key] >= MOST_TRIES:
            continue
        now.add(key)
        tried[key] += 1
        for each, core_only in product(periods(family), (False, True)):
            try:
                return Roller(traced, each, core_only).roll()
            except (NotRepeatedError, NotAStepError):
                continue
    return None


def _repeats(program: Program) -> bool:
    """Whether any weight is used by two products; a cheap look before everything is traced."""
    sources = constant_sources(program)
    uses = Counter(
        sources[v]
        for s in program.statements
        if isinstance(s, OpNode) and s.node.op in PRODUCTS
        for v in s.inputs
        if v in program.constants
    )
    return any(count > 1 for count in uses.values())
