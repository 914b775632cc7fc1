"""A recurrence inside a loop or a branch: its cell's step as one round of a loop, with TF1's rules of lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.program import Recurrence
from converters.to_source.blocks.controls import TracedLoop
from reference import states
from reference.cells.base import map_sizes
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr

if TYPE_CHECKING:
    from converters.to_source.blocks.trace import Trace


def drive(trace: Trace, one: Recurrence, /) -> None:
    """Trace it as a loop over the steps, and define what it gives.

    Raises:
        NotConvertibleError: a state's sizes change from step to step.
    """
    _Driven(trace, one).define()


class _Driven:
    """The work of :func:`drive`.

    The loop carries the step, the state's parts ``[B, …]`` and, as rows of a known number, the outputs ``[T, B, …]``. It runs all
    steps: past a row's length its state stays and its outputs are 0, so that only a part without rows (a counter of the
    steps) asks where TF1 stops, at the longest row.
    """

    def __init__(self, trace: Trace, one: Recurrence) -> None:
        self.trace, self.one, self.ops = trace, one, trace.tracer
        self.lengths = None if one.lengths is None else trace.values[one.lengths]
        self.time = self.ops.input(f"{one.name}|step", Fact("int32", ()))
        self.sequences = [self._turned(trace.values[name]) for name in one.sequences]
        self.total = self._total()

    def define(self) -> None:
        """Give the outputs and the final state their expressions."""
        begun = [self.trace.values[name] for name in self.one.initial_state]
        old = [self._carried(f"state {k}", e) for k, e in enumerate(begun)]
        outputs, new = self._step(old)
        self._agree(begun, new)
        empty = [self._rows(y) for y in outputs]
        rows = [self._carried(f"output {k}", e) for k, e in enumerate(empty)]
        filled = [self._put(row, y) for row, y in zip(rows, outputs, strict=True)]
        carried = [self.time, *old, *rows]
        ends = [self._carried(f"end {k}", e) for k, e in enumerate(carried)]
        zero, next_time = self._number(0), self.ops.add(self.time, self._number(1))
        of = self.trace.cleaner.of
        loop = TracedLoop(
            self.one.name,
            list(map(of, (zero, *begun, *empty))),
            carried,
            of(self.ops.less(self.time, self._bound(begun))),
            list(map(of, (next_time, *new, *filled))),
            ends,
        )
        self.trace.close(loop, ("", *self.one.final_state, *self.one.outputs))
        for name in self.one.outputs:
            self.trace.define(name, of(self._turned(self.trace.values[name])))

    def _step(self, old: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
        """The outputs and the new state of one step, held back past the lengths."""
        cell = self.trace.cells[self.one.name]
        items = [self.ops.gather(x, self.time, axis=0) for x in self.sequences]
        items += [self.trace.values[name] for name in self.one.invariants]
        nest = states.unflatten_like(map_sizes(lambda _: 0, cell.state_size), list(old))
        y, state = cell.step(self.ops, items[0] if len(items) == 1 else tuple(items), nest)
        outputs, new = states.flatten(y), states.flatten(state)
        for name, expr in zip(self.one.defines, (*outputs, *new), strict=True):
            self.trace.names.setdefault(self.trace.cleaner.of(expr), name)
        if self.lengths is None:
            return outputs, new
        valid = self.ops.less(self.ops.cast(self.time, self.lengths.fact.dtype), self.lengths)
        held = [self._kept(valid, e, before) for e, before in zip(new, old, strict=True)]
        return [self._kept(valid, e, None) for e in outputs], held

    def _kept(self, valid: Expr, new: Expr, old: Expr | None) -> Expr:
        """``new`` in the rows that go on, else ``old`` or 0; what has no rows is new."""
        if old is not None and not old.shape:
            return new
        old = self.ops.constant(np.zeros((), new.fact.dtype)) if old is None else old
        for axis in range(1, len(new.shape)):
            valid = self.ops.expand_dims(valid, axis)
        made: Expr = self.ops.where(valid, new, old)
        return made

    def _agree(self, begun: Sequence[Expr], new: Sequence[Expr]) -> None:
        for a, b in zip(begun, new, strict=True):
            fixed = zip(a.shape, b.shape, strict=False)
            changed = any(isinstance(m, int) and isinstance(n, int) and m != n for m, n in fixed)
            if len(a.shape) != len(b.shape) or changed:
                text = "a recurrence inside a loop or a branch changes the sizes of its state"
                raise NotConvertibleError(text, (Reason(self.one.name, text),))

    def _bound(self, begun: Sequence[Expr]) -> Expr:
        """How many steps are run."""
        if self.lengths is None or all(e.shape for e in begun):
            return self.total
        longest = self.ops.cast(self.ops.max(self.lengths, (0,)), "int32")
        made: Expr = self.ops.minimum(self.total, self.ops.maximum(longest, self._number(1)))
        return made

    def _total(self) -> Expr:
        """The number of steps."""
        if not self.sequences:
            assert self.one.steps is not None
            steps: Expr = self.ops.cast(self.trace.values[self.one.steps], "int32")
            return steps
        shape = self.ops.shape(self.sequences[0])
        first: Expr = self.ops.squeeze(self.ops.strided_slice(shape, [0], [1], [1]), [0])
        return first

    def _rows(self, y: Expr) -> Expr:
        """Zeros for the outputs of all steps."""
        fact = self.trace.facts.get(self.one.outputs[0])
        steps: Any = None if fact is None or fact.shape is None else fact.shape[0]
        if self.sequences:
            steps = self.sequences[0].shape[0]
        if steps is None:
            text = "the number of its steps has no name"
            raise NotConvertibleError(text, (Reason(self.one.name, text),))
        made = Fact(y.fact.dtype, (steps, *y.shape))
        total = self.trace.cleaner.of(self.total)
        params = {"dynamic": False, "item": (made.dtype, tuple(map(str, y.shape)))}
        return self.ops.emit("ListNew", (total,), params, (made,))[0]

    def _put(self, rows: Expr, y: Expr) -> Expr:
        return self.ops.emit("ListSet", (rows, self.time, y), {"dynamic": False}, (rows.fact,))[0]

    def _turned(self, x: Expr) -> Expr:
        """A sequence in the order of the steps, and back."""
        if self.one.direction != "backward":
            return x
        if self.lengths is None:
            made: Expr = self.ops.reverse(x, [0])
            return made
        turned: Expr = self.ops.reverse_sequence(x, self.lengths, seq_axis=0, batch_axis=1)
        return turned

    def _carried(self, what: str, like: Expr) -> Expr:
        return self.ops.input(f"{self.one.name}|{what}", Fact(like.fact.dtype, like.shape))

    def _number(self, value: int) -> Expr:
        return self.ops.constant(np.asarray(value, np.int32))
