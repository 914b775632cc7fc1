"""Lists that a loop lengthens by one item a round: rows made long enough at first, and cut in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from converters.to_keras.ops import NeedsRunTimeError, Value, raw
from converters.to_source.blocks.controls import TracedLoop
from converters.to_source.blocks.rules import thin
from reference.vocabulary.tracer import CONSTANT, INPUT, Expr

if TYPE_CHECKING:
    from converters.to_source.blocks.symbols import Symbols


@dataclass(frozen=True, eq=False)
class Grown:
    """One such list.

    Args:
        counter: the place of the carried number of items.
        most: how many rounds there can be; None where nothing tells.
        exact: whether there are just so many rounds.
    """

    loop: TracedLoop
    place: int
    counter: int
    item: Expr
    most: Expr | None
    exact: bool

    def start(self, symbols: Symbols, /) -> Value:
        """No items yet."""
        rows = self.loop.inputs[self.place]
        items = [symbols.size(dim) for dim in rows.shape[1:]]
        if any(n is None for n in items):
            items = [symbols.size(dim) for dim in self.item.shape]
        if any(n is None for n in items):
            msg = "the size of a list's items is not known before the loop"
            raise NeedsRunTimeError(msg)
        # A size of 0 that is computed: TensorFlow takes one that is written for fixed.
        open_sizes = [n for n in items if not isinstance(n, int)]
        first = open_sizes[0] * 0 if open_sizes else 0
        if self.most is not None:
            first = raw(symbols.of(self.most))
            first = int(first) if isinstance(first, np.ndarray | np.generic) else first
        return symbols.ops.fill([first, *items], Value(np.zeros((), rows.fact.dtype)))

    def new(self, symbols: Symbols, /) -> Value:
        """With this round's item."""
        rows, item = symbols.of(self.loop.inputs[self.place]), symbols.of(self.item)
        if self.most is None:
            return symbols.ops.concat([rows, symbols.ops.expand_dims(item, 0)], 0)
        return symbols.ops.put(rows, symbols.of(self.loop.inputs[self.counter]), item)

    def cut(self, symbols: Symbols, count: Value, rows: Value, /) -> Value:
        """The items there are."""
        return rows if self.exact or self.most is None else symbols.ops.cut(rows, count)


def grown(symbols: Symbols, loop: TracedLoop, place: int, /) -> Grown | None:
    """The list at a place, where it is one that grows.

    Raises:
        NeedsRunTimeError: it grows in another way.
    """
    new = loop.new[place]
    if (
        new.op not in ("ListSet", "ListPush")
        or not _grows(new)
        or new.args[0] is not loop.inputs[place]
    ):
        return None
    begun = loop.start[place]
    if begun.op != "ListNew" or _number(begun.args[0]) != 0:
        msg = "a list is lengthened that is not empty at first"
        raise NeedsRunTimeError(msg)
    index, item = (None, new.args[1]) if new.op == "ListPush" else new.args[1:]
    counters = [
        k
        for k, e in enumerate(loop.inputs)
        if (e is index or index is None) and is_counter(loop, k)
    ]
    if not counters:
        msg = "a list is written at places of its own"
        raise NeedsRunTimeError(msg)
    most, exact = _most(symbols, loop, counters[0])
    return Grown(loop, place, counters[0], item, most, exact)


def is_counter(loop: TracedLoop, place: int, /) -> bool:
    """Whether it counts the rounds from 0."""
    new = loop.new[place]
    if _number(loop.start[place]) != 0 or new.op != "add":
        return False
    pair = list(new.args)
    return any(a is loop.inputs[place] and _number(b) == 1 for a, b in (pair, pair[::-1]))


def _grows(new: Expr) -> bool:
    return new.op == "ListPush" or bool(new.params.get("dynamic"))


def _number(expr: Expr) -> int | None:
    value = expr.fact.value if expr.op == CONSTANT else None
    return (
        int(value.reshape(-1)[0])
        if value is not None and value.size == 1 and value.dtype.kind in "iu"
        else None
    )


def _most(symbols: Symbols, loop: TracedLoop, counter: int) -> tuple[Expr | None, bool]:
    """From ``counter < limit`` in the condition."""
    tests, found = [loop.go_on], []
    while tests:
        one = tests.pop()
        if one.op == "logical_and":
            tests += one.args
        else:
            found.append(one)
    for one in found:
        told = _told_off(symbols, loop, one, counter)
        if told is not None:
            return told, False
        if one.op == "less" and _counts(one.args[0], loop, counter) and _outside(one.args[1], loop):
            return one.args[1], len(found) == 1
    return None, False


def _told_off(symbols: Symbols, loop: TracedLoop, test: Expr, counter: int) -> Expr | None:
    """The limit of ``not all(finished)``, where a round finishes all rows once the next counter has reached a number."""
    if test.op != "logical_not" or test.args[0].op != "all":
        return None
    place = next((k for k, e in enumerate(loop.inputs) if e is test.args[0].args[0]), None)
    if place is None or loop.new[place].op != "logical_or":
        return None
    for part in loop.new[place].args:
        part = thin(symbols.trace.tracer, part)
        if part.op == "greater_equal" and part.args[0] is loop.new[counter] and not part.shape:
            most = _number(part.args[1])
            if most is not None:
                return symbols.trace.tracer.constant(np.asarray(max(most, 1), np.int32))
    return None


def _counts(expr: Expr, loop: TracedLoop, counter: int) -> bool:
    place = next((k for k, e in enumerate(loop.inputs) if e is expr), None)
    return place is not None and (place == counter or is_counter(loop, place))


def _outside(expr: Expr, loop: TracedLoop) -> bool:
    """Whether no round changes it."""
    stack = [expr]
    while stack:
        one = stack.pop()
        if one in loop.inputs or (one.op == INPUT and one in loop.outputs):
            return False
        stack += one.operands
    return True
