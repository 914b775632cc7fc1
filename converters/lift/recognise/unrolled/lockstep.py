"""Unrolled steps walked in lockstep: the same expression at every step becomes one expression of a step.

``static_rnn`` and hand-written loops repeat one step T times. The products with one weight matrix that depend on one another, the *anchors* a_1 … a_T,
mark the steps. The T operands at each place are compared:

* the same value at every step is a constant of the step (a weight, or a value from outside);
* values that depend on no anchor are the items of a sequence (numbers 0, 1, 2, … are the time);
* one that depends on none, followed by T - 1 that do, is a state: its initial value, and what the steps made of it;
* otherwise all come from the same operation, and its operands are compared in turn.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from converters.lift.recognise.unrolled.sequences import Row, is_whole
from reference.errors import RnnportError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import CONSTANT, INPUT, Expr, Tracer, called_again


class NotRepeatedError(Exception):
    """The steps are not copies of one another."""


@dataclass
class Slot:
    """A leaf of the step. ``row`` holds what it is at each step."""

    leaf: Expr
    row: Row


@dataclass
class Lockstep:
    """Walks rows down to slots; ``levels`` says on which anchor (1-based) an expression depends, 0 for none."""

    tracer: Tracer
    levels: Mapping[Expr, int]
    name: str
    steps: int
    named: Container[Expr] = ()
    """Expressions that are values of the program."""
    states: list[Slot] = field(default_factory=list)
    sequences: list[Slot] = field(default_factory=list)
    time: Expr | None = None
    lifted: dict[Row, tuple[Row, Expr]] = field(default_factory=dict)
    """By the expressions at the first two steps: the whole row and the expression of the step."""
    walked: list[Row] = field(default_factory=list)
    """The rows whose operands are being lifted."""

    def lift(self, row: Row) -> tuple[Row, Expr]:
        """(the completed row, the expression of the step).

        Raises:
            NotRepeatedError: the operations differ from step to step.
        """
        first = row[0]
        assert first is not None
        known = self.lifted.get(row[:2])
        if known is not None and _agree(known[0], row):
            return known
        result = self._lift(row, first)
        if known is None:
            self.lifted[row[:2]] = result
        return result

    def _lift(self, row: Row, first: Expr) -> tuple[Row, Expr]:
        present = [e for e in row if e is not None]
        levels = [self.levels.get(e, 0) for e in present]
        if levels[0] == 0 and all(e is first or _equal(e, first) for e in present):
            full: Row = (first,) * self.steps
            return full, first
        if not any(levels):
            if self._descends(present):
                return self._operation(row, present)
            return self._sequence(row)
        if levels[0] == 0:
            if not all(levels[1:]):
                msg = "a value enters the loop late"
                raise NotRepeatedError(msg)
            if not self._joins(present):
                return self._state(row)
        return self._operation(row, present)

    def _descends(self, present: Sequence[Expr]) -> bool:
        """Whether values from outside are better taken apart: made from the time alone or of items of sequences, or no values of the program."""
        first = present[0]
        if first.op in (INPUT, CONSTANT) or not all(same_call(e, first) for e in present):
            return False
        if self._from_time(present) or any(e not in self.named for e in present):
            return True
        return len(present) == self.steps and self._of_items(present)

    def _of_items(self, present: Sequence[Expr]) -> bool:
        """The same operation at every step on the items of whole sequences: a product of x that a cell keeps apart from its state's."""
        first = present[0]
        if first.op in (INPUT, CONSTANT) or not all(same_call(e, first) for e in present):
            return False
        if is_whole(tuple(present)):
            return False
        columns = list(zip(*(e.operands for e in present), strict=True))
        varying = [c for c in columns if not all(e is c[0] or _equal(e, c[0]) for e in c)]
        return bool(varying) and all(is_whole(c) or self._of_items(c) for c in varying)

    def _from_time(self, present: Sequence[Expr]) -> bool:
        """The same operations on the same values and on 0, 1, 2, …: ``t >= lengths`` at every step."""
        first = present[0]
        if all(e is first or _equal(e, first) for e in present) or self._counts(tuple(present)):
            return True
        if first.op in (INPUT, CONSTANT) or not all(same_call(e, first) for e in present):
            return False
        columns = zip(*(e.operands for e in present), strict=True)
        return all(self._from_time(column) for column in columns)

    def _joins(self, present: Sequence[Expr]) -> bool:
        """Whether the same operation brings an item of a sequence and the state together: ``concat([x, h], 1)``."""
        first = present[0]
        if not all(same_call(e, first) for e in present):
            return False
        columns = zip(*(e.operands for e in present), strict=False)
        free = [not any(self.levels.get(e, 0) for e in column) for column in columns]
        return any(free) and not all(free)

    def _sequence(self, row: Row) -> tuple[Row, Expr]:
        if self._counts(row):
            if self.time is None:
                first = row[0]
                assert first is not None
                self.time = self.tracer.input(f"{self.name}|time", Fact(first.dtype, ()))
            return row, self.time
        for slot in self.sequences:
            if _agree(slot.row, row):
                return slot.row, slot.leaf
        if row[-1] is None:
            msg = "the last item of a sequence is not known"
            raise NotRepeatedError(msg)
        first = row[0]
        assert first is not None
        leaf = self.tracer.input(f"{self.name}|x{len(self.sequences)}", _plain(first))
        self.sequences.append(Slot(leaf, row))
        return row, leaf

    def _counts(self, row: Row) -> bool:
        """0, 1, 2, … as constants."""
        numbers = []
        for expr in row:
            if (
                expr is None
                or expr.op != CONSTANT
                or expr.shape != ()
                or expr.dtype not in ("int32", "int64")
            ):
                return False
            numbers.append(int(expr.fact.value))  # type: ignore[arg-type]
        return numbers == list(range(len(row)))

    def _state(self, row: Row) -> tuple[Row, Expr]:
        row = self._told(row)
        for slot in self.states:
            if _agree(slot.row, row):
                slot.row = _merge(slot.row, row)
                return slot.row, slot.leaf
        first = row[0]
        assert first is not None
        leaf = self.tracer.input(f"{self.name}|state{len(self.states)}", _plain(first))
        self.states.append(Slot(leaf, row))
        return row, leaf

    def _told(self, row: Row) -> Row:
        """The row of an old state with its last item, where its new state is what is being walked: ``where(past, old, new)``."""
        if row[-1] is not None or len(row) < 3:
            return row
        for new in self.walked:
            if new[-2] is not None and all(a is b for a, b in shifted(row, new)):
                return (*row[:-1], new[-2])
        return row

    def _operation(self, row: Row, present: Sequence[Expr]) -> tuple[Row, Expr]:
        first = present[0]
        if first.op in (INPUT, CONSTANT):
            msg = "a step reads something that is no operation"
            raise NotRepeatedError(msg)
        if any(
            e.op != first.op or e.index != first.index or e.params != first.params for e in present
        ):
            msg = f"the steps differ in a {first.op}"
            raise NotRepeatedError(msg)
        if len({len(e.args) for e in present}) > 1:
            msg = "the steps differ in their number of operands"
            raise NotRepeatedError(msg)
        self.walked.append(row)
        args = [self._argument([e.args[k] for e in present]) for k in range(len(first.args))]
        self.walked.pop()
        full = tuple(
            expr if expr is not None else self._completed(first, [a[0][t] for a in args])
            for t, expr in enumerate(row)
        )
        return full, self.apply(first, [a[1] for a in args])

    def _argument(self, items: list[object]) -> tuple[Sequence[object], object]:
        """The values of one operand at every step, and its value in the step."""
        first = items[0]
        if isinstance(first, Expr):
            row: Row = tuple(e if isinstance(e, Expr) else None for e in items)
            return self.lift(self._padded(row))
        if isinstance(first, tuple):
            if any(not isinstance(i, tuple) or len(i) != len(first) for i in items):
                msg = "the steps differ in their number of operands"
                raise NotRepeatedError(msg)
            parts = [self._argument([i[k] for i in items]) for k in range(len(first))]  # type: ignore[index]
            columns = [tuple(p[0][t] for p in parts) for t in range(self.steps)]
            return columns, tuple(p[1] for p in parts)
        if any(i != first for i in items):
            msg = "the steps differ in a constant argument"
            raise NotRepeatedError(msg)
        return [first] * self.steps, first

    def _padded(self, row: Row) -> Row:
        return (*row, *(None,) * (self.steps - len(row)))

    def _completed(self, like: Expr, args: Sequence[object]) -> Expr:
        """What a step whose result is not known in advance makes of operands that are."""
        if any(_lacks(a, b) for a, b in zip(args, like.args, strict=True)):
            msg = "the last step cannot be completed"
            raise NotRepeatedError(msg)
        return self.apply(like, args)

    def apply(self, like: Expr, args: Sequence[object]) -> Expr:
        """The same call with other operands."""
        try:
            return called_again(self.tracer, like, args)
        except RnnportError as error:
            raise NotRepeatedError(str(error)) from error


def _lacks(arg: object, like: object) -> bool:
    """Whether an array is not known where the other steps have one; a plain None is an argument like any other."""
    if isinstance(arg, tuple) and isinstance(like, tuple):
        return any(map(_lacks, arg, like))
    return arg is None and isinstance(like, Expr)


def shifted(old: Row, new: Row) -> Iterator[tuple[Expr | None, Expr | None]]:
    """What an old state is at each step but the first and the last, and what its new state was one step before."""
    return zip(old[1:-1], new[:-2], strict=True)


def _plain(expr: Expr) -> Fact:
    return Fact(expr.dtype, expr.fact.shape)


def same_call(a: Expr, b: Expr) -> bool:
    """The same operation with the same plain arguments, whatever the arrays."""
    return (a.op, a.index, a.params, _plain_args(a.args)) == (
        b.op,
        b.index,
        b.params,
        _plain_args(b.args),
    )


def _plain_args(args: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(
        "array" if isinstance(a, Expr) else _plain_args(a) if isinstance(a, tuple) else a
        for a in args
    )


def _equal(a: Expr, b: Expr) -> bool:
    """The same constant under two names."""
    if a.op != CONSTANT or b.op != CONSTANT or a.dtype != b.dtype or a.shape != b.shape:
        return False
    return np.array_equal(a.fact.value, b.fact.value)  # type: ignore[arg-type]


def _agree(a: Row, b: Row) -> bool:
    return all(x is y or x is None or y is None for x, y in zip(a, b, strict=True))


def _merge(a: Row, b: Row) -> Row:
    return tuple(x if x is not None else y for x, y in zip(a, b, strict=True))
