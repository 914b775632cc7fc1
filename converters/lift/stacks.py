"""Items of an Unpack packed again: ``tf.stack(outputs, 1)`` or ``tf.concat(outputs, 1)`` of all steps is a transposed view of their sequence.

A recurrence that was unrolled leaves two nodes a step behind without this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from converters.graph import DType, Node
from converters.program import OpNode, Program, Statement
from reference.vocabulary.abstract.fact import Fact


def whole_stacks(program: Program) -> Program:
    """The Program with every Pack and Concat of all the items of one Unpack replaced; dead Unpacks stay for others to drop."""
    unpacked = {
        name: (statement, place)
        for statement in program.statements
        if isinstance(statement, OpNode) and statement.node.op == "Unpack"
        for place, name in enumerate(statement.outputs)
    }
    if not unpacked:
        return program
    kept: list[Statement] = []
    constants, facts = dict(program.constants), dict(program.facts)
    changed = False
    for statement in program.statements:
        maker = _maker(statement, unpacked)
        found = None if maker is None else _view(statement, maker, constants, facts)
        changed |= found is not None
        kept.extend([statement] if found is None else found)
    if not changed:
        return program
    return _without_dead_unpacks(
        replace(program, statements=tuple(kept), constants=constants, facts=facts)
    )


def _maker(statement: Statement, unpacked: Mapping[str, tuple[OpNode, int]]) -> OpNode | None:
    """The Unpack of which the statement reads all the items in order."""
    if not isinstance(statement, OpNode) or statement.node.op not in ("Pack", "ConcatV2"):
        return None
    items = statement.inputs[:-1] if statement.node.op == "ConcatV2" else statement.inputs
    first = unpacked.get(items[0]) if items else None
    if first is None or first[0].outputs != items:
        return None
    return first[0]


def _view(
    statement: Statement, maker: OpNode, constants: dict[str, np.ndarray], facts: dict[str, Fact]
) -> list[Statement] | None:
    """The statements that give the same value from the Unpack's own input."""
    assert isinstance(statement, OpNode)
    source = maker.inputs[0]
    fact = facts.get(source)
    if fact is None or fact.shape is None:
        return None
    rank, node, result = len(fact.shape), statement.node, statement.outputs[0]
    start = int(maker.node.attr("axis", 0)) % rank
    merged = node.op == "ConcatV2"
    place = constants.get(node.inputs[-1]) if merged else np.asarray(node.attr("axis", 0))
    if place is None:
        return None
    end = int(place.reshape(())) % (rank - 1 if merged else rank)
    order = [axis for axis in range(rank) if axis != start]
    order.insert(end, start)
    moved = Fact(fact.dtype, tuple(fact.shape[axis] for axis in order))
    if not merged:
        return [_moved(node.name, source, result, order, moved, constants)]
    sizes = _reshape_sizes(moved, end)
    if sizes is None:
        return None
    between, shape = f"{node.name}|moved:0", f"{node.name}|sizes:0"
    constants[shape], facts[between] = np.array(sizes, np.int32), moved
    facts[shape] = Fact("int32", (len(sizes),))
    attrs = {"T": DType(fact.dtype), "Tshape": DType("int32")}
    return [
        _moved(f"{node.name}|moved", source, between, order, moved, constants),
        OpNode(Node(node.name, "Reshape", (between, shape), (), attrs), (result,)),
    ]


def _reshape_sizes(moved: Fact, end: int) -> list[int] | None:
    """The sizes with axes ``end`` and ``end + 1`` merged, one of them -1 at most; None where that does not tell them."""
    assert moved.shape is not None
    a, b = moved.shape[end], moved.shape[end + 1]
    both = a * b if isinstance(a, int) and isinstance(b, int) else -1
    dims = [*moved.shape[:end], both, *moved.shape[end + 2 :]]
    sizes = [d if isinstance(d, int) else -1 for d in dims]
    # With a size of 0 the one that is left out could not be worked out.
    if sizes.count(-1) > 1 or (-1 in sizes and 0 in sizes):
        return None
    return sizes


def _moved(
    name: str,
    source: str,
    result: str,
    order: list[int],
    fact: Fact,
    constants: dict[str, np.ndarray],
) -> OpNode:
    if order == sorted(order):
        return OpNode(Node(name, "Identity", (source,), (), {"T": DType(fact.dtype)}), (result,))
    perm = f"{name}|perm:0"
    constants[perm] = np.array(order, np.int32)
    attrs = {"T": DType(fact.dtype), "Tperm": DType("int32")}
    return OpNode(Node(name, "Transpose", (source, perm), (), attrs), (result,))


def _without_dead_unpacks(program: Program) -> Program:
    read = {name for s in program.statements for name in s.inputs}
    read |= {program.names.get(name, name) for name in program.outputs} | set(program.outputs)
    statements = tuple(
        s
        for s in program.statements
        if not (isinstance(s, OpNode) and s.node.op == "Unpack" and read.isdisjoint(s.outputs))
    )
    return replace(program, statements=statements)
