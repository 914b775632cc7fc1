"""``tf.sequence_mask(lengths)``, read an item a step: it is ``time < lengths``."""

from __future__ import annotations

from converters.lift.recognise.loops.bounds import known_int
from converters.lift.recognise.loops.model import Definitions, Read, Step, rebind, root
from converters.program import OpNode, Program
from reference.vocabulary.tracer import Expr

CHAIN = 8
"""So many views may stand between a mask and its items."""


def read_masks(step: Step, program: Program, definitions: Definitions) -> None:
    """Items of masks become comparisons of the time with lengths, which stand outside."""
    for leaf, read in list(step.reads.items()):
        if leaf.dtype != "bool" or (read.offset, read.sign) != (0, 1):
            continue
        lengths = _lengths(read, program, definitions)
        if lengths is None or lengths not in program.facts:
            continue
        inside = _below(step, program, lengths)
        if len(leaf.shape) == 2 and leaf.shape[1] == 1:
            inside = step.tracer.expand_dims(inside, 1)
        elif len(leaf.shape) != 1:
            continue
        rebind(step, {leaf: inside})
        del step.reads[leaf]


def _below(step: Step, program: Program, lengths: str) -> Expr:
    fact = program.facts[lengths]
    expr = step.tracer.input(lengths, fact)
    step.captures[expr] = lengths
    time = step.time if step.time.dtype == fact.dtype else step.tracer.cast(step.time, fact.dtype)
    below: Expr = step.tracer.less(time, expr)
    return below


def _lengths(read: Read, program: Program, definitions: Definitions) -> str | None:
    """The vector of lengths behind a mask whose items are read along its time axis."""
    value, axis = read.source, read.axis
    if axis is None:
        maker = definitions.op(value)
        if maker is None or maker.node.op != "ListUnstack":
            return None
        value, axis = maker.inputs[0], 0
    for _ in range(CHAIN):
        maker = definitions.op(value)
        if maker is None:
            return None
        if maker.node.op == "Less":
            return _of_less(maker, axis, program, definitions)
        moved = _moved(maker, axis, program)
        if moved is None:
            return None
        value, axis = maker.inputs[0], moved
    return None


def _moved(maker: OpNode, axis: int, program: Program) -> int | None:
    """Which axis of a view's operand the axis is."""
    op = maker.node.op
    if op == "Identity":
        return axis
    if op == "Transpose":
        perm = program.constants.get(maker.inputs[1])
        return None if perm is None else int(perm[axis])
    if op == "ExpandDims":
        fact = program.facts.get(maker.outputs[0])
        place = known_int(program, maker.inputs[1])
        if fact is None or fact.shape is None or place is None:
            return None
        place %= len(fact.shape)
        return None if place == axis else axis - (place < axis)
    return None


def _of_less(maker: OpNode, axis: int, program: Program, definitions: Definitions) -> str | None:
    """``range(T) < lengths[:, None]`` with the time on its second axis."""
    fact = program.facts.get(maker.outputs[0])
    if axis != 1 or fact is None or fact.shape is None or len(fact.shape) != 2:
        return None
    times, column = (definitions.op(root(definitions, v)) for v in maker.inputs)
    while times is not None and times.node.op in ("ExpandDims", "Reshape"):
        times = definitions.op(root(definitions, times.inputs[0]))
    if times is None or times.node.op != "Range" or column is None:
        return None
    if known_int(program, times.inputs[0]) != 0 or known_int(program, times.inputs[2]) != 1:
        return None
    if column.node.op != "ExpandDims" or known_int(program, column.inputs[1]) not in (1, -1):
        return None
    lengths = root(definitions, column.inputs[0])
    known = program.facts.get(lengths)
    return (
        lengths if known is not None and known.shape is not None and len(known.shape) == 1 else None
    )
