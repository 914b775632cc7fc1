"""The ranges of a Program's integers: one pass over the statements, loops until their hypothesis holds.

A carried value is taken for ``start + rounds * step``; where a round does not keep to that, the start is widened or the step lengthened,
and after a few attempts given up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from converters.program import Conditional, Loop, OpNode, Recurrence, Statement, SubProgram
from converters.to_keras.context import Context
from converters.to_keras.dtypes import WIDE
from converters.to_keras.ranges.domain import ROUNDS, Range, all_of, at_most, larger, of_array
from converters.to_keras.ranges.ops import Operand, result
from reference.vocabulary.abstract.fact import Dim
from reference.vocabulary.abstract.sizes import Size, add, multiply, subtract, unknown

ATTEMPTS = 5
INTEGERS = ("int", "uint", "bool")


@dataclass(frozen=True, slots=True)
class Course:
    """What a carried value is taken to be before each round."""

    first: Range
    step: Range

    def before(self, rounds: Dim) -> Range:
        """The range after so many rounds."""
        return Range(
            add(self.first.low, multiply(self.step.low, rounds)),
            add(self.first.high, multiply(self.step.high, rounds)),
        )

    def corrected(self, rounds: Dim, after: Range) -> Course:
        """A course that holds ``after``, as far as one correction can do it."""
        first, step = -self.first, -self.step
        high, up = _corrected(self.first.high, self.step.high, rounds, after.high)
        low, down = _corrected(first.high, step.high, rounds, (-after).high)
        return Course(Range(multiply(low, -1), high), Range(multiply(down, -1), up))


def _corrected(first: Dim, step: Dim, rounds: Dim, after: Dim) -> tuple[Dim, Dim]:
    """(first, step), upwards."""
    if at_most(after, add(first, multiply(step, add(rounds, 1)))):
        return first, step
    excess = subtract(after, add(first, multiply(step, rounds)))
    if not isinstance(excess, Size) and excess > 0:
        return first, larger(step, excess)
    return larger(first, after), step


class Ranges:
    """Ranges by value name; those of values that are not looked at (floats, strings) are absent.

    Args:
        told: ranges known beside, of inputs and of anything else.
    """

    def __init__(self, context: Context, told: Mapping[str, Range]) -> None:
        self.context, self.told = context, told
        self.found: dict[str, Range | None] = {}
        self.run(context.program.statements)

    def of(self, name: str) -> Range | None:
        """What is known of a value; None where it may be anything, or is no integer."""
        if name not in self.found:
            self.found[name] = self._kept(name, None)
        return self.found[name]

    def run(self, statements: Sequence[Statement]) -> None:
        """Look at what the statements define."""
        for statement in statements:
            if isinstance(statement, OpNode):
                self._op(statement)
            elif isinstance(statement, Loop):
                self._loop(statement)
            elif isinstance(statement, Conditional):
                self._conditional(statement)
            elif isinstance(statement, Recurrence):
                for name in statement.defines:
                    self.found[name] = self._kept(name, None)

    def _dtype(self, name: str) -> str:
        fact = self.context.fact(name)
        return "" if fact is None else fact.dtype

    def _kept(self, name: str, found: Range | None) -> Range | None:
        """``found`` with what else is known; what a narrow dtype holds, where that is nothing."""
        dtype = self._dtype(name)
        if not dtype.startswith(INTEGERS):
            return None
        value = self._value(name)
        if value is not None:
            return of_array(value)
        told = self.told.get(name)
        if told is not None and (found is None or not found.within(told)):
            found = told
        if found is not None and found.fits("int8" if dtype == "bool" else dtype):
            return found
        return None if dtype in WIDE else all_of(dtype)

    def _value(self, name: str) -> np.ndarray | None:
        fact = self.context.fact(name)
        value = self.context.known(name)
        if value is None and fact is not None:
            value = fact.value
        if value is None or value.dtype.kind not in "iubO":
            return None
        signed = [
            d for d in value.reshape(-1) if isinstance(d, Size) and any("~" in n for n in d.names)
        ]
        return None if signed else value

    def _op(self, statement: OpNode) -> None:
        if not any(self._dtype(name).startswith(INTEGERS) for name in statement.outputs):
            return
        operands = [
            Operand(self.of(name), self.context.fact(name), self.context.known(name))
            for name in statement.inputs
        ]
        for index, name in enumerate(statement.outputs):
            self.found[name] = self._kept(name, result(statement.node, operands, index))

    def _conditional(self, one: Conditional) -> None:
        for side in (one.then, one.otherwise):
            self.run(side.statements)
        sides = (one.then.outputs, one.otherwise.outputs)
        for name, a, b in zip(one.outputs, *sides, strict=True):
            self.found[name] = self._kept(name, _joined(self.of(a), self.of(b)))

    def _loop(self, loop: Loop) -> None:
        rounds = unknown(f"{ROUNDS}{loop.name}")
        courses: dict[int, Course] = {}
        for place, name in enumerate(loop.carried):
            start = self.of(name)
            if start is not None:
                courses[place] = Course(start, Range(0, 0))
        for attempt in range(ATTEMPTS + len(courses)):
            afters = self._round(loop.body, courses, rounds)
            broken = [k for k, c in courses.items() if not _keeps(c, rounds, afters[k])]
            if not broken:
                break
            for place in broken:
                after = afters[place]
                if after is None or attempt >= ATTEMPTS:
                    del courses[place]
                else:
                    courses[place] = courses[place].corrected(rounds, after)
        else:
            courses = {}
            self._round(loop.body, courses, rounds)
        self._round(loop.condition, courses, rounds)
        for place, name in enumerate(loop.outputs):
            course = courses.get(place)
            self.found[name] = self._kept(name, None if course is None else course.before(rounds))

    def _round(
        self, sub: SubProgram, courses: Mapping[int, Course], rounds: Size
    ) -> list[Range | None]:
        for place, name in enumerate(sub.inputs):
            course = courses.get(place)
            self.found[name] = self._kept(name, None if course is None else course.before(rounds))
        self.run(sub.statements)
        return [self.of(name) for name in sub.outputs]


def _keeps(course: Course, rounds: Dim, after: Range | None) -> bool:
    return after is not None and after.within(course.before(add(rounds, 1)))


def _joined(a: Range | None, b: Range | None) -> Range | None:
    return None if a is None or b is None else a.joined(b)
