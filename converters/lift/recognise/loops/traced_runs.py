"""Steps and layers that are no reference cell: recurrences of a cell made of their own equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converters.lift.recognise.loops.components import TracedLayer, cut_free
from converters.lift.recognise.loops.coverage import time_major
from converters.lift.recognise.loops.delays import last_of
from converters.lift.recognise.loops.emit import ProgramArray
from converters.lift.recognise.loops.ends import Ends
from converters.lift.recognise.loops.holes import Moved
from converters.lift.recognise.loops.masking import hold_past
from converters.lift.recognise.loops.model import Write
from converters.lift.recognise.loops.sequences import never_empty
from converters.lift.recognise.loops.traced import traced_cell
from converters.program import Recurrence, read_names
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, needed

EACH = "ItemsOfState"
"""An op of one input, the final state: that state after each step. None of them may be left in the end."""


@dataclass
class TracedRuns(Ends):
    """One loop, as far as cells of its own go."""

    def _lengths_value(self) -> str | None:
        if self.moved is not None:
            return self.moved.lengths.name
        expr = self.step.lengths
        if expr is None:
            return None
        if expr in self.step.captures:
            return self.step.captures[expr]
        value = expr.fact.value
        assert value is not None
        return self.ops.constant(value).name

    def _held(self, write: Write, result: ProgramArray) -> ProgramArray:
        """Past the lengths the final state; of a state's items the last is that already."""
        if any(s.node.op == EACH and result.name in s.outputs for s in self.ops.statements):
            return result
        state = next(s for s in self.step.states if s.new is write.item)
        final = self.ops.value(self._final(state), state.new.fact)
        return hold_past(self.ops, result, self._lengths_value() or "", final)

    def _expanded(self, write: Write, result: ProgramArray, moved: Moved) -> ProgramArray:
        """A write of steps moved together, back at its steps; what a masked one repeats is known in the end."""
        ops, place = self.ops, write.repeats
        first = None if place is None else self._value(self.loop.carried[place])
        found = moved.expanded(ops, result, first)
        mine = {s.carried for s in self.step.states}
        name = "" if place is None else self.loop.outputs[place]
        if first is not None and place not in mine and name in read_names(self.program):
            every = ops.concat([ops.expand_dims(first, 0), found], 0)
            self._alias(last_of(ops, every).name, name)
        return found

    # -- the traced cell ------------------------------------------------------------------------------------------

    def _traced(self, reason: str) -> None:
        """The whole step as one cell."""
        step = self.step
        outputs = tuple(w.item for w in step.writes)
        used = set(needed((*outputs, *(s.new for s in step.states))))
        inputs = tuple(e for e in self.sequences if e in used)
        inputs += (step.time,) if step.time in used else ()
        inputs += tuple(e for e in step.captures if e in used)
        layer = TracedLayer(step.states, outputs, inputs, reason)
        for write, array in zip(
            step.writes, self._traced_run(self.loop.name, layer, self.sequences), strict=True
        ):
            self._list_output(write, self._held(write, array) if write.holds else array)

    def _traced_layer(
        self, index: int, layer: TracedLayer, exprs: Mapping[Expr, ProgramArray]
    ) -> dict[Expr, ProgramArray]:
        """One layer of several as a traced cell; what it gives, by expression."""
        arrays = self._traced_run(
            f"{self.loop.name}/{index}",
            cut_free(layer, self.step.tracer, self.loop.name),
            exprs,
            layer,
        )
        return dict(zip(layer.outputs, arrays, strict=True))

    def _traced_run(
        self,
        name: str,
        layer: TracedLayer,
        given: Mapping[Expr, ProgramArray],
        original: TracedLayer | None = None,
    ) -> list[ProgramArray]:
        """The recurrence of a traced cell; ``given`` has the sequences of the inputs of ``original``."""
        step = self.step
        pairs = list(zip(layer.inputs, (original or layer).inputs, strict=True))
        items = [(mine, e) for mine, e in pairs if e not in step.captures]
        captures = [(mine, e) for mine, e in pairs if e in step.captures]
        sequences = [self._time_sequence() if e is step.time else given[e].name for _, e in items]
        names = [f"{name}|outputs{k}" for k in range(len(layer.outputs))]
        for label, expr in zip(names, layer.outputs, strict=True):
            self.facts[label] = Fact(expr.fact.dtype, (self.length, *expr.shape))
        lengths = self._lengths_value()
        initial = tuple(self._initial(s) for s in layer.states)
        final = tuple(self._final(s) for s in layer.states)
        self._flush()
        old, new = tuple(s.old for s in layer.states), tuple(s.new for s in layer.states)
        cell = traced_cell(tuple(m for m, _ in (*items, *captures)), old, new, layer.outputs)
        self.built.statements.append(
            Recurrence(
                name=name,
                cell=cell,
                sequences=tuple(sequences),
                initial_state=initial,
                outputs=tuple(names),
                final_state=final,
                lengths=lengths,
                invariants=tuple(step.captures[e] for _, e in captures),
                steps=None if sequences else step.steps,
                time_major=time_major(self.program, self.definitions, self.sequences.values()),
                parameters={f"constants/{k}": name for k, name in enumerate(cell.names)},
                loop=self.loop.name,
                never_empty=never_empty(self.program, self.definitions, self.loop, self.step),
                reason=layer.reason,
            )
        )
        return [self.ops.value(label) for label in names]
