"""What a loop carries in and out: initial and final states, lists written, counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.lift.recognise.form.values import last_slice
from converters.lift.recognise.loops.bounds import at_least_zero, symbolic
from converters.lift.recognise.loops.delays import (
    but_last,
    final_is_read,
    handed_on,
    last_of,
    used_by,
)
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.holes import Moved
from converters.lift.recognise.loops.masking import count_of
from converters.lift.recognise.loops.model import (
    Built,
    Definitions,
    NotAStepError,
    State,
    Step,
    Write,
)
from converters.lift.recognise.loops.sequences import Sequences, grown, part_of, reversed_time
from converters.program import Loop, OpNode, Program
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.tracer import Expr


@dataclass
class Ends:
    """One loop on its way to recurrences."""

    program: Program
    loop: Loop
    step: Step
    definitions: Definitions

    def __post_init__(self) -> None:
        self.built = Built()
        self.facts = {**self.program.facts}
        self.ops = ProgramOps(self.loop.name, self.facts)
        self.sequences: dict[Expr, ProgramArray] = {}
        self.length: Any = None
        """Symbolic number of steps."""
        self.early: ProgramArray | None = None
        """A sequence that the loop may not see all of, where what is left out changes nothing: all sequences have as many items."""
        self.mask: ProgramArray | None = None
        """A mask with holes, of every step."""
        self.moved: Moved | None = None
        """How its steps are moved."""
        self.packed: dict[int, list[tuple[int, str]]] = {}
        """By carried value: where its parts begin, and the names of their final values."""
        self.upright: dict[int, str] = {}
        """By carried value that stands upright: the name of its final row."""

    def _initial(self, state: State) -> str:
        """The initial value of a part."""
        value = self.loop.carried[state.carried]
        if state.upright:
            value = as_row(self.ops, self._value(value)).name
        if state.window is None:
            return value
        array = self._value(value)
        if state.axis is None:
            return str(last_slice(self.ops, array, *state.window).name)
        ranks = range(len(array.shape))
        begin, end = ([w if k == state.axis else None for k in ranks] for w in state.window)
        cut = self.ops.strided_slice(array, begin, end, [1] * len(array.shape))
        return str(self.ops.squeeze(cut, [state.axis]).name)

    def _final(self, state: State) -> str:
        """The name of the final value of a part; packed parts are joined at the end."""
        name = self.loop.outputs[state.carried]
        if state.window is None and not state.upright:
            return name
        if state.window is None:
            self.upright[state.carried] = f"{name}|row"
            self.facts[f"{name}|row"] = Fact(state.new.fact.dtype, state.new.fact.shape)
            return f"{name}|row"
        part = f"{name}|{state.window[0]}"
        parts = self.packed.setdefault(state.carried, [])
        if (state.window[0], part) not in parts:
            parts.append((state.window[0], part))
        self.facts[part] = Fact(state.new.fact.dtype, state.new.fact.shape)
        return part

    def _join_packed(self) -> None:
        for carried, row in self.upright.items():
            self._stand_up(self.ops.value(row), carried)
        for carried, parts in self.packed.items():
            items = [self.ops.value(name) for _, name in sorted(parts)]
            axis = next(s.axis for s in self.step.states if s.carried == carried)
            joined = self.ops.concat(items, -1) if axis is None else self.ops.stack(items, axis)
            if any(s.carried == carried and s.upright for s in self.step.states):
                self._stand_up(joined, carried)
            else:
                self._alias(joined.name, self.loop.outputs[carried])

    def _stand_up(self, row: ProgramArray, carried: int) -> None:
        """A row as the loop gave it."""
        name = self.loop.outputs[carried]
        rank = len(self.program.facts[self.loop.body.inputs[carried]].shape or ())
        made = self.ops.transpose(row, [1, 0]) if rank == 2 else self.ops.squeeze(row, [0])
        self._alias(made.name, name)

    def _value(self, name: str) -> ProgramArray:
        constant = self.program.constants.get(name)
        return self.ops.value(name) if constant is None else self.ops.constant(constant)

    def _list_output(self, write: Write, sequence: ProgramArray) -> None:
        name = self.loop.outputs[write.carried]
        if write.backward:
            sequence = reversed_time(self.ops, sequence)
        if write.axis is not None:
            start = self._value(self.loop.carried[write.carried])
            self._alias(grown(self.ops, start, sequence, write.axis).name, name)
            return
        node = Node(f"{name}|unstack", "ListUnstack", (sequence.name,), (), {})
        self.ops.statements.append(OpNode(node, (name,)))

    def _carried_outputs(self) -> None:
        for k, counter in self.step.counters.items():
            steps = at_least_zero(self.ops, self._value(self.step.steps))
            if counter.step > 0 and symbolic(self.program, counter.start) == 0:
                self._alias(steps.name, self.loop.outputs[k])
                continue
            start = self._value(counter.start)
            steps = steps if steps.dtype == start.dtype else self.ops.cast(steps, start.dtype)
            end = start + steps if counter.step > 0 else start - steps
            self._alias(end.name, self.loop.outputs[k])
        for k, source in self.step.constant_carried.items():
            self._alias(source, self.loop.outputs[k])

    def _alias(self, source: str, name: str) -> None:
        self.ops.statements.append(
            OpNode(Node(f"{name}|alias", "Identity", (source,), (), {}), (name,))
        )

    def _flush(self) -> None:
        self.built.statements.extend(self.ops.statements)
        self.ops.statements.clear()

    def _steps(self) -> ProgramArray:
        """How many items the sequences have."""
        steps = at_least_zero(self.ops, self._value(self.step.steps))
        if self.early is None:
            return steps
        return count_of(self.ops, self.early, steps.dtype)

    def _time_sequence(self) -> str:
        ops, steps = self.ops, self._steps()
        zero, one = (ops.constant(np.asarray(k, steps.dtype)) for k in (0, 1))
        fact = Fact(steps.dtype, (self.length,))
        return ops.node("Range", (zero, steps, one), fact, {"Tidx": DType(steps.dtype)}).name

    def _delays(self, source: Sequences) -> None:
        """The sequences of what the steps hand on, and the last of it.

        Raises:
            NotAStepError: it is not known for all steps at once.
        """
        for leaf, state in self.step.delays.items():
            start, steps = self._value(self.loop.carried[state.carried]), self._steps()
            last = final_is_read(self.program, self.loop, state)
            if last and self.early is not None:
                msg = "the last of what it hands on is wanted, and it may stop early"
                raise NotAStepError(msg)
            used = used_by(state, [*self.step.reads, *self.step.delays, self.step.time])
            whole = last or all(map(source.is_whole, used))
            given = self._handed(source, used, steps, whole=whole)
            every = handed_on(self.ops, self.step, state, start, given)
            if whole:
                self.sequences[leaf] = but_last(self.ops, every, self.length)
            else:
                self.sequences[leaf] = part_of(self.ops, every, 0, steps, self.length)
            if last:
                self._alias(last_of(self.ops, every).name, self.loop.outputs[state.carried])

    def _handed(
        self, source: Sequences, used: set[Expr], steps: ProgramArray, *, whole: bool
    ) -> dict[Expr, ProgramArray]:
        """What a state is made of, by leaf: of every step, or without the last one's, which then nobody reads and may not be there."""
        given = {e: self.ops.value(name) for e, name in self.step.captures.items()}
        one, zero = (self.ops.constant(np.asarray(k, steps.dtype)) for k in (1, 0))
        fewer = steps if whole else self.ops.maximum(steps - one, zero)
        size = unknown(f"{fewer.name}|fewer")
        for leaf in used:
            if leaf in self.step.reads and leaf not in self.sequences:
                read = self.step.reads[leaf]
                got = source.of(leaf, read) if whole else source.begun(leaf, read, fewer, size)
                given[leaf] = got
                continue
            if leaf is self.step.time:
                got = self.ops.value(self._time_sequence())
            else:
                got = self.sequences[leaf]
            given[leaf] = got if whole else part_of(self.ops, got, 0, fewer, size)
        return given


def as_row(ops: ProgramOps, array: ProgramArray) -> ProgramArray:
    """[n, b] as [b, n], and [n] as [1, n]."""
    row = ops.transpose(array, [1, 0]) if len(array.shape) == 2 else ops.expand_dims(array, 0)
    found: ProgramArray = row
    return found
