"""What a loop carries in and out: initial and final states, lists written, counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from converters.graph import Node
from converters.lift.recognise.form.values import last_slice
from converters.lift.recognise.loops.bounds import at_least_zero, symbolic
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.model import Built, Definitions, State, Step, Write
from converters.lift.recognise.loops.sequences import grown, reversed_time
from converters.program import Loop, OpNode, Program
from reference.vocabulary.abstract.fact import Fact
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
        self.packed: dict[int, list[tuple[int, str]]] = {}
        """By carried value: where its parts begin, and the names of their final values."""

    def _initial(self, state: State) -> str:
        """The initial value of a part."""
        value = self.loop.carried[state.carried]
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
        if state.window is None:
            return name
        part = f"{name}|{state.window[0]}"
        parts = self.packed.setdefault(state.carried, [])
        if (state.window[0], part) not in parts:
            parts.append((state.window[0], part))
        self.facts[part] = Fact(state.new.fact.dtype, state.new.fact.shape)
        return part

    def _join_packed(self) -> None:
        for carried, parts in self.packed.items():
            items = [self.ops.value(name) for _, name in sorted(parts)]
            axis = next(s.axis for s in self.step.states if s.carried == carried)
            joined = self.ops.concat(items, -1) if axis is None else self.ops.stack(items, axis)
            self._alias(joined.name, self.loop.outputs[carried])

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
