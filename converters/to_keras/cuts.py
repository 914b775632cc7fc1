"""Loops that run as many steps as the longest row has, on backends that cannot cut their sequences so.

JAX fixes every size before it runs: there the recurrence runs over the whole sequence, and its lengths end it where the loop would have
stopped. What follows is followed along the axis of its steps (:mod:`converters.to_keras.stretched`), and zeros leave the model behind the
last one. PyTorch's own layers refuse a sequence of no step: there one step is kept, which the lengths make empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from converters.graph import DType
from converters.lift.recognise.loops.closing import STEPS
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.tidy import rename
from converters.program import OpNode, Program, Recurrence, Statement, defined
from converters.to_keras.along import Along
from converters.to_keras.backend import keras
from converters.to_keras.most_steps import with_most_steps
from converters.to_keras.stretched import Stretched
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Size


def without_cuts(program: Program, /) -> tuple[Program, tuple[str, ...]]:
    """The program as it is on TensorFlow, on the others with sequences that are never empty, or never cut; and the outputs that run on.

    Raises:
        NotConvertibleError: on JAX, something works across the steps of which there are too many.
    """
    backend = keras.backend.backend()
    program, bounded = with_most_steps(program) if backend == "jax" else (program, ())
    makers = {n: s for s in program.statements if isinstance(s, OpNode) for n in s.outputs}
    cuts = {
        name: steps
        for s in program.statements
        if isinstance(s, Recurrence)
        for name in s.sequences
        if (steps := _cut(program, makers, name)) is not None
    }
    if backend == "jax":
        cuts |= _inner(program, makers, cuts)
    if backend == "tensorflow" or not cuts:
        return program, bounded
    whole = backend == "jax"
    ops = ProgramOps("cuts", dict(program.facts))
    loops = _loops(program, cuts)
    names: dict[str, str] = {}
    longer = list(bounded)
    statements: list[Statement] = []
    for statement in program.statements:
        if isinstance(statement, OpNode) and statement.outputs[0] in cuts:
            if whole and not _first(program, statement):
                names[statement.outputs[0]] = statement.inputs[0]
                continue
            statement = _longer(ops, statement, cuts[statement.outputs[0]], whole=whole)
        elif isinstance(statement, Recurrence) and statement.loop in loops:
            longer += statement.outputs if whole else ()
            statement = _ended(program, ops, statement, loops[statement.loop])
        statements += [*ops.statements, rename(statement, names)]
        ops.statements.clear()
    if whole:
        begun = {name: Along(0, steps) for name, steps in cuts.items()}
        states = Stretched(program, begun, loops).states
        outputs = _zeros_behind(program, ops, states, loops)
        program = replace(program, names={**program.names, **outputs})
        statements += ops.statements
    changed = replace(
        program,
        statements=tuple(statements),
        constants={**program.constants, **ops.constants},
        facts={name: _no_size(fact) for name, fact in {**program.facts, **ops.facts}.items()},
    )
    return changed, tuple(longer)


def _zeros_behind(
    program: Program, ops: ProgramOps, states: Mapping[str, Along], loops: Mapping[str, str]
) -> dict[str, str]:
    """By output: the value that is zeros behind the last step, where what the program gives out need not be."""
    makers = {n: s for s in program.statements for n in defined(s)}
    found: dict[str, str] = {}
    for name in program.outputs:
        value = program.names.get(name, name)
        state, maker = states.get(value), makers.get(value)
        while isinstance(maker, OpNode) and maker.node.op in ("Transpose", "Identity"):
            maker = makers.get(maker.inputs[0])
        if state is None or (isinstance(maker, Recurrence) and maker.loop in loops):
            continue
        y = ops.value(value)
        shape, axis = y.fact.shape, ops.constant(np.asarray(state.axis, np.int32))
        ones = ops.node("OnesLike", (ops.cast(y, "int32"),), Fact("int32", shape))
        steps = ops.node("Cumsum", (ones, axis), Fact("int32", shape), _CUMSUM)
        last = ops.value(state.steps)
        inside = ops.less_equal(steps, last if last.dtype == "int32" else ops.cast(last, "int32"))
        zero = ops.constant(np.zeros((), y.dtype))
        found[name] = ops.where(inside, y, zero).name
    return found


_CUMSUM = {"exclusive": False, "reverse": False, "Tidx": DType("int32")}


def _no_size(fact: Fact) -> Fact:
    """The fact without a value that would be read off an axis: the axis is longer than the number of steps."""
    if fact.value is None or fact.value.dtype != object:
        return fact
    names = [n for item in fact.value.reshape(-1) if isinstance(item, Size) for n in item.names]
    return Fact(fact.dtype, fact.shape) if any(STEPS in n for n in names) else fact


def _loops(program: Program, cuts: Mapping[str, str]) -> dict[str, str]:
    """By loop: the value that is the number of its steps."""
    return {
        s.loop: cuts[name]
        for s in program.statements
        if isinstance(s, Recurrence)
        for name in s.sequences
        if name in cuts
    }


def _cut(program: Program, makers: Mapping[str, OpNode], name: str) -> str | None:
    """The number of steps that a sequence is cut at, where lengths tell it."""
    maker = makers.get(name)
    if maker is None or maker.node.op != "StridedSlice":
        return None
    end = makers.get(maker.inputs[2])
    if end is not None and end.node.op == "AddV2":
        end = makers.get(end.inputs[0])
    if end is None or end.node.op != "ExpandDims":
        return None
    return end.inputs[0] if _told(program, makers, end.inputs[0]) else None


def _inner(
    program: Program, makers: Mapping[str, OpNode], cuts: Mapping[str, str]
) -> dict[str, str]:
    """The cuts inside what is cut: of the inputs of a decoder that begin with a symbol of its own."""
    found: dict[str, str] = {}
    todo = [makers[name].inputs[0] for name in cuts]
    while todo:
        name = todo.pop()
        maker = makers.get(name)
        if maker is None or name in found:
            continue
        steps = _cut(program, makers, name)
        if steps is not None:
            found[name] = steps
        elif maker.node.op in ("ConcatV2", "GatherV2", "Identity"):
            todo += maker.inputs
    return found


def _told(program: Program, makers: Mapping[str, OpNode], name: str) -> bool:
    """Whether lengths tell a number, alone or with other bounds."""
    fact = program.facts.get(name)
    if fact is not None and fact.value is not None and fact.value.dtype == object:
        return any(
            STEPS in n for item in fact.value.reshape(-1) for n in getattr(item, "names", ())
        )
    maker = makers.get(name)
    if maker is None or maker.node.op not in ("Minimum", "Maximum", "Sub", "AddV2", "Cast"):
        return False
    return any(_told(program, makers, value) for value in maker.inputs)


def _first(program: Program, cut: OpNode) -> bool:
    """Whether it leaves out items at the beginning."""
    begin = program.constants.get(cut.inputs[1])
    return begin is None or bool(begin.any())


def _longer(ops: ProgramOps, cut: OpNode, steps: str, *, whole: bool) -> OpNode:
    """The cut to the end, or to one step at least."""
    if whole:
        attrs = {**cut.node.attrs, "end_mask": 1}
        return replace(cut, node=replace(cut.node, attrs=attrs))
    most = ops.value(cut.inputs[2])
    one = ops.constant(np.asarray(1, most.dtype))
    begin = ops.value(cut.inputs[1], Fact(most.dtype, (1,)))
    last = ops.maximum(most, begin + one)
    inputs = (*cut.inputs[:2], last.name, *cut.inputs[3:])
    return replace(cut, node=replace(cut.node, inputs=inputs))


def _ended(program: Program, ops: ProgramOps, found: Recurrence, steps: str) -> Recurrence:
    """The recurrence with no length beyond the loop's steps."""
    last = ops.value(steps)
    if found.lengths is not None:
        lengths = _value(program, ops, found.lengths)
        if lengths.dtype != last.dtype:
            last = ops.cast(last, lengths.dtype)
        return replace(found, lengths=ops.minimum(lengths, last).name)
    if not found.initial_state:
        return found
    state = _value(program, ops, found.initial_state[0])
    rows = ops.strided_slice(ops.shape(state, dtype="int32"), [0], [1], [1])
    fact = Fact(last.dtype, state.shape[:1])
    attrs = {"T": DType(last.dtype), "index_type": DType("int32")}
    return replace(found, lengths=ops.node("Fill", (rows, last), fact, attrs).name)


def _value(program: Program, ops: ProgramOps, name: str) -> ProgramArray:
    constant = program.constants.get(name)
    return ops.value(name) if constant is None else ops.constant(constant)
