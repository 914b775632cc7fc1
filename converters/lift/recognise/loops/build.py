"""From an identified step to statements: one Recurrence a layer, and what stood between them over all steps at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.lift.recognise.form.poly import Atom, Monomial
from converters.lift.recognise.form.values import NotRowWiseError, Values, last_slice
from converters.lift.recognise.loops.bounds import symbolic
from converters.lift.recognise.loops.components import Layers, TracedLayer, cut_free, split_layers
from converters.lift.recognise.loops.coverage import Coverage, time_major
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.masking import mask_past
from converters.lift.recognise.loops.model import Built, Definitions, NotAStepError, State, Step
from converters.lift.recognise.loops.packed import unpack_states
from converters.lift.recognise.loops.traced import traced_cell
from converters.program import Loop, OpNode, Program, Recurrence
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, needed


@dataclass
class Builder:
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

    def build(self) -> Built:
        """Raises NotAStepError where even a traced cell cannot say what the loop does."""
        unpack_states(self.step)
        self._sequences()
        layers = split_layers(self.step, self._names())
        if isinstance(layers, Layers):
            try:
                self._layers(layers)
            except NotRowWiseError as error:
                layers = f"a layer's input or output goes through {error}, which is not row by row"
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

    def _restart(self) -> None:
        self.built.statements.clear()
        self.ops.statements.clear()
        self.packed.clear()
        self._sequences()

    def _names(self) -> str:
        return " ".join([self.loop.name, *self.step_names()])

    def step_names(self) -> list[str]:
        """Names of the variables the body reads, for messages."""
        reads = self.loop.body.statements
        return [self.program.variables.get(v, "") for s in reads for v in s.inputs]

    # -- sequences in ---------------------------------------------------------------------------------------------

    def _sequences(self) -> None:
        for leaf, name in self.step.reads.items():
            maker = self.definitions.op(name)
            if maker is not None and maker.node.op == "ListUnstack":
                value = self.ops.value(maker.inputs[0])
            else:
                value = self._stacked(name, leaf)
            self.sequences[leaf] = value
            if self.length is None:
                self.length = value.fact.shape[0] if value.fact.shape else None
        bound = symbolic(self.program, self.step.steps)
        if self.length is None:
            self.length = bound
        covers = Coverage(self.program, self.definitions, self.step, self._lengths_value)
        if self.sequences and not covers.whole(bound, self.length):
            msg = "its bound is not the number of items in the sequence it reads"
            raise NotAStepError(msg)

    def _stacked(self, name: str, leaf: Expr) -> ProgramArray:
        item = leaf.fact
        steps = symbolic(self.program, self.step.steps)
        shape = None if item.shape is None else (steps, *item.shape)
        label = f"{name}|stacked"
        node = Node(label, "ListStack", (name,), (), {})
        self.ops.statements.append(OpNode(node, (label,)))
        self.facts[label] = Fact(item.dtype, shape)
        return self.ops.value(label)

    def _lengths_value(self) -> str | None:
        expr = self.step.lengths
        if expr is None:
            return None
        if expr in self.step.captures:
            return self.step.captures[expr]
        value = expr.fact.value
        assert value is not None
        return self.ops.constant(value).name

    # -- layers ---------------------------------------------------------------------------------------------------

    def _layers(self, found: Layers) -> None:
        arrays: dict[Atom, Any] = {}
        for atom, expr in found.outside.items():
            if expr in self.sequences:
                arrays[atom] = self.sequences[expr]
            elif expr in self.step.captures:
                arrays[atom] = self.ops.value(self.step.captures[expr])
        dtype = np.dtype(self.step.states[0].old.fact.dtype) if self.step.states else np.dtype("f4")
        lengths = self._lengths_value()
        exprs = {e: arrays[a] for a, e in found.outside.items() if a in arrays}
        atoms = {e: a for a, e in found.outside.items()}
        for index, layer in enumerate(found.layers):
            if isinstance(layer, TracedLayer):
                given = self._traced_layer(index, layer, exprs)
                exprs |= given
                arrays |= {atoms[e]: a for e, a in given.items()}
                continue
            values = Values(self.ops, arrays, dtype, exprs)
            inputs = tuple(self._operand(values, o) for o in layer.identified.operands)
            x = self.ops.concat(inputs, -1) if len(inputs) > 1 else inputs[0] if inputs else None
            self._flush()
            output = self._recurrence(index, layer, x, lengths)
            arrays[atoms[layer.output]] = exprs[layer.output] = output
        values = Values(self.ops, arrays, dtype, exprs)
        for write in self.step.writes:
            result = values.form(found.norm.form(write.item))
            direct = any(result is a for a in arrays.values())
            if write.masked and not direct:
                result = mask_past(self.ops, result, self._lengths_value() or "")
            self._list_output(write.carried, result)

    def _operand(self, values: Values, operand: Monomial) -> ProgramArray:
        array: ProgramArray = values.monomial(operand)
        if len(array.shape) != 3:
            msg = "a value that is the same at every step"
            raise NotRowWiseError(msg)
        return array

    def _recurrence(
        self, index: int, layer: Any, x: ProgramArray | None, lengths: str | None
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
                sequences=() if x is None else (x.name,),
                initial_state=initial,
                outputs=(output,),
                final_state=final,
                lengths=lengths,
                steps=self.step.steps if x is None else None,
                time_major=time_major(self.program, self.definitions, self.sequences.values()),
                parameters=layer.identified.assembled.parameters,
                loop=self.loop.name,
            )
        )
        return self.ops.value(output)

    def _initial(self, state: State) -> str:
        """The initial value of a part."""
        value = self.loop.carried[state.carried]
        if state.window is None:
            return value
        return str(last_slice(self.ops, self.ops.value(value), *state.window).name)

    def _final(self, state: State) -> str:
        """The name of the final value of a part; packed parts are joined at the end."""
        name = self.loop.outputs[state.carried]
        if state.window is None:
            return name
        part = f"{name}|{state.window[0]}"
        self.packed.setdefault(state.carried, []).append((state.window[0], part))
        self.facts[part] = Fact(state.new.fact.dtype, state.new.fact.shape)
        return part

    def _join_packed(self) -> None:
        for carried, parts in self.packed.items():
            items = [self.ops.value(name) for _, name in sorted(parts)]
            joined = self.ops.concat(items, -1)
            self._alias(joined.name, self.loop.outputs[carried])

    # -- the traced cell ------------------------------------------------------------------------------------------

    def _traced(self, reason: str) -> None:
        """The whole step as one cell."""
        step = self.step
        outputs = tuple(w.item for w in step.writes)
        used = set(needed((*outputs, *(s.new for s in step.states))))
        inputs = (*self.sequences, *([step.time] if step.time in used else ()))
        inputs += tuple(e for e in step.captures if e in used)
        layer = TracedLayer(step.states, outputs, inputs, reason)
        for write, array in zip(
            step.writes, self._traced_run(self.loop.name, layer, self.sequences), strict=True
        ):
            self._list_output(write.carried, array)

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
                reason=layer.reason,
            )
        )
        return [self.ops.value(label) for label in names]

    def _time_sequence(self) -> str:
        ops = self.ops
        zero, one = (ops.constant(np.asarray(k, np.int32)) for k in (0, 1))
        steps = ops.value(self.step.steps)
        fact = Fact("int32", (self.length,))
        return ops.node("Range", (zero, steps, one), fact, {"Tidx": DType("int32")}).name

    # -- what the loop gave ---------------------------------------------------------------------------------------

    def _list_output(self, carried: int, sequence: ProgramArray) -> None:
        name = self.loop.outputs[carried]
        node = Node(f"{name}|unstack", "ListUnstack", (sequence.name,), (), {})
        self.ops.statements.append(OpNode(node, (name,)))

    def _carried_outputs(self) -> None:
        for k, start in self.step.counters.items():
            source = self.step.steps if start == 0 else None
            if source is not None:
                self._alias(source, self.loop.outputs[k])
        for k, source in self.step.constant_carried.items():
            self._alias(source, self.loop.outputs[k])

    def _alias(self, source: str, name: str) -> None:
        self.ops.statements.append(
            OpNode(Node(f"{name}|alias", "Identity", (source,), (), {}), (name,))
        )

    def _flush(self) -> None:
        self.built.statements.extend(self.ops.statements)
        self.ops.statements.clear()
