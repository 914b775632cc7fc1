"""From an identified step to statements: one Recurrence a layer, and what stood between them over all steps at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.lift.lists import ListFact
from converters.lift.recognise.form.poly import Atom, Monomial
from converters.lift.recognise.form.values import NotRowWiseError, Values
from converters.lift.recognise.loops.columns import laid_down
from converters.lift.recognise.loops.components import (
    Layer,
    Layers,
    TracedLayer,
    split_layers,
)
from converters.lift.recognise.loops.coverage import Coverage, time_major
from converters.lift.recognise.loops.emit import ProgramArray
from converters.lift.recognise.loops.holes import moved_by
from converters.lift.recognise.loops.mapped import over_steps
from converters.lift.recognise.loops.masking import mask_past
from converters.lift.recognise.loops.masks import depends
from converters.lift.recognise.loops.model import Built, NotAStepError, State, Write
from converters.lift.recognise.loops.packed import unpack_states
from converters.lift.recognise.loops.sequences import Sequences, never_empty
from converters.lift.recognise.loops.spellings import plainly
from converters.lift.recognise.loops.stacked import unstack_states
from converters.lift.recognise.loops.traced_runs import EACH, TracedRuns
from converters.program import Recurrence
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr


@dataclass
class Builder(TracedRuns):
    """A step's layers, or its own equation, as statements."""

    lenient: bool = True
    """Go on where the last item of a state is known and all are wanted: the statement EACH stands for them."""

    def build(self) -> Built:
        """Raises NotAStepError where even a traced cell cannot say what the loop does."""
        layers = self._respelled() or self._split()
        if self.step.holes is not None:
            self._check_cells(layers)
        if isinstance(layers, Layers):
            try:
                self._layers(layers)
            except NotRowWiseError as error:
                self._check_cells(str(error))
                layers = f"a layer's input or output goes through {error}, which is not row by row"
                if not self.lenient:
                    layers = "a state that is not its output is wanted of every step"
                self._restart()
        if isinstance(layers, str):
            self._traced(layers)
        self._join_packed()
        self._carried_outputs()
        self._flush()
        self.built.constants = self.ops.constants
        self.built.variables = self.ops.variables
        known = self.program.facts
        self.built.facts = {k: v for k, v in self.facts.items() if k not in known}
        return self.built

    def _check_cells(self, layers: Layers | str) -> None:
        """Raises NotAStepError where the mask has holes and not every layer is a cell: then moving the steps gains nothing."""
        cells = isinstance(layers, Layers) and len(self.natives(layers)) == len(layers.layers)
        if self.step.holes is not None and (not cells or self.early is not None):
            msg = "its mask has holes, and a step is no cell without it"
            raise NotAStepError(msg)

    def _split(self) -> Layers | str:
        unstack_states(self.step)
        unpack_states(self.step)
        self._sequences()
        return split_layers(self.step, self._names())

    def _respelled(self) -> Layers | None:
        """The layers of a step in other spellings, where all of them are cells then: the step is that one from here on."""
        original = self.step
        try:
            plain = plainly(original)
            turned = laid_down(plain) or plain
        except RecursionError:
            return None
        if turned is original:
            return None
        self.step = turned
        unpack_states(turned)
        self._sequences()
        layers = split_layers(turned, self._names())
        if isinstance(layers, Layers) and len(self.natives(layers)) == len(layers.layers):
            return layers
        self.step = original
        self.ops.statements.clear()
        return None

    def _restart(self) -> None:
        self.built.statements.clear()
        self.ops.statements.clear()
        self.packed.clear()
        self.upright.clear()
        self._sequences()

    def _names(self) -> str:
        return " ".join([self.loop.name, *self.step_names()])

    def step_names(self) -> list[str]:
        """Names of the variables the body reads, for messages."""
        reads = self.loop.body.statements
        return [self.program.variables.get(v, "") for s in reads for v in s.inputs]

    # -- sequences in ---------------------------------------------------------------------------------------------

    def _sequences(self) -> None:
        fixed = not any(map(self._grows, self.step.writes))
        covers = Coverage(self.program, self.definitions, self.step, self._lengths_value, fixed)
        source = Sequences(self.program, self.definitions, self.step, self.ops, covers)
        roots = [s.new for s in self.step.states] + [w.item for w in self.step.writes]
        used = depends(roots, set(self.step.reads))
        reads = {leaf: read for leaf, read in self.step.reads.items() if leaf in used}
        self.sequences = {leaf: source.of(leaf, read) for leaf, read in reads.items()}
        self.length = source.length
        holes = self.step.holes
        self.mask = None if holes is None else source.of(holes, self.step.reads[holes])
        source.check_writes(self.loop)
        early = source.early
        self.early = None if early is None else source.of(early, self.step.reads[early])
        self._delays(source)

    def _grows(self, write: Write) -> bool:
        """Whether there are as many items in the end as there were steps."""
        fact = self.program.facts.get(self.loop.carried[write.carried])
        if write.axis is not None:
            return True
        return isinstance(fact, ListFact) and fact.dynamic and fact.size in (None, 0, 1)

    def _compressed(self) -> dict[Expr, ProgramArray]:
        """The sequences as the recurrences take them: where a mask has holes, the steps that count in front."""
        if self.mask is None:
            return self.sequences
        moved = self.moved = moved_by(self.ops, self.mask)
        return {e: moved.compressed(self.ops, x) for e, x in self.sequences.items()}

    # -- layers ---------------------------------------------------------------------------------------------------

    def _layers(self, found: Layers) -> None:
        arrays: dict[Atom, Any] = {}
        given = self._compressed()
        for atom, expr in found.outside.items():
            if expr in given:
                arrays[atom] = given[expr]
            elif expr in self.step.captures:
                arrays[atom] = self.ops.value(self.step.captures[expr])
        dtype = np.dtype(self.step.states[0].old.fact.dtype) if self.step.states else np.dtype("f4")
        lengths = self._lengths_value()
        exprs = {e: arrays[a] for a, e in found.outside.items() if a in arrays}
        atoms = {e: a for a, e in found.outside.items()}
        for index, layer in enumerate(found.layers):
            if isinstance(layer, TracedLayer):
                made = self._traced_layer(index, layer, exprs)
                exprs |= made
                arrays |= {atoms[e]: a for e, a in made.items()}
                continue
            values = self._values(arrays, dtype, exprs)
            rank = len(layer.output.shape) + 1
            inputs = tuple(self._operand(values, o, rank) for o in layer.identified.operands)
            items = [self.ops.concat(inputs, -1)] if len(inputs) > 1 else [*inputs]
            if layer.identified.time is not None:
                items.insert(0, self._operand(values, layer.identified.time, rank))
            self._flush()
            output = self._recurrence(index, layer, items, lengths)
            arrays[atoms[layer.output]] = exprs[layer.output] = output
            for state in layer.states:
                if self.lenient and state.new is not layer.output:
                    arrays[atoms[state.new]] = exprs[state.new] = self._each(state)
        values = self._values(arrays, dtype, exprs)
        for write in self.step.writes:
            result = values.form(found.norm.form(write.item))
            exprs.setdefault(write.item, result)  # what another item is made of: argmax of logits
            direct = any(result is exprs[layer.output] for layer in self.natives(found))
            self._list_output(write, self._masked(write, result, direct=direct))

    def _masked(self, write: Write, result: ProgramArray, *, direct: bool) -> ProgramArray:
        """What is written where the mask says that a step does not count; ``direct`` is a cell's output, 0 past the lengths."""
        if self.moved is not None:
            return self._expanded(write, result, self.moved)
        if write.holds:
            return self._held(write, result)
        if write.masked and not direct:
            return mask_past(self.ops, result, self._lengths_value() or "")
        return result

    @staticmethod
    def natives(found: Layers) -> list[Layer]:
        """The layers that are cells: their outputs are zeros past the lengths already."""
        return [layer for layer in found.layers if isinstance(layer, Layer)]

    def _values(self, arrays: Mapping[Atom, Any], dtype: Any, exprs: Mapping[Expr, Any]) -> Values:
        same = self.step.captures
        return Values(
            self.ops, arrays, dtype, exprs, mapped=lambda e: over_steps(self.ops, e, exprs, same)
        )

    def _each(self, state: State) -> ProgramArray:
        """A state that no operator gives of each step: what is read of it must turn out to be its last item."""
        last = self._final(state)
        fact = Fact(state.new.dtype, (self.length, *state.new.shape))
        return self.ops.node(EACH, (self.ops.value(last, state.new.fact),), fact)

    def _operand(self, values: Values, operand: Monomial, rank: int) -> ProgramArray:
        array: ProgramArray = values.monomial(operand)
        if len(array.shape) != rank:
            msg = "a value that is the same at every step"
            raise NotRowWiseError(msg)
        return array

    def _recurrence(
        self, index: int, layer: Any, inputs: list[ProgramArray], lengths: str | None
    ) -> ProgramArray:
        order = layer.identified.order
        parts = [layer.states[k] for k in order]
        alone = index == 0 and len(self.step.states) == len(parts)
        name = self.loop.name if alone else f"{self.loop.name}/{index}"
        output = f"{name}|outputs"
        final = tuple(self._final(s) for s in parts)
        initial = tuple(self._initial(s) for s in parts)
        self._flush()
        state = layer.output.fact
        shape = (self.length, *(state.shape or ()))
        self.facts[output] = Fact(state.dtype, shape)
        self.built.statements.append(
            Recurrence(
                name=name,
                cell=layer.identified.assembled.cell,
                sequences=tuple(x.name for x in inputs),
                initial_state=initial,
                outputs=(output,),
                final_state=final,
                lengths=lengths,
                steps=None if inputs else self.step.steps,
                time_major=time_major(self.program, self.definitions, self.sequences.values()),
                parameters=layer.identified.assembled.parameters,
                loop=self.loop.name,
                never_empty=never_empty(self.program, self.definitions, self.loop, self.step),
            )
        )
        return self.ops.value(output)
