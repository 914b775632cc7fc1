"""``stack(unstack(x))``: the items of one array put together again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converters.graph import DType, Node
from converters.program import OpNode, Program, Statement, defined
from reference.vocabulary.abstract.fact import Fact


def repack(program: Program) -> Program:
    """Every Pack of all items of one Unpack, in order or in reverse, as a Transpose and a ReverseV2."""
    unpacked = {
        name: (s, place)
        for s in program.statements
        if isinstance(s, OpNode) and s.node.op == "Unpack"
        for place, name in enumerate(defined(s))
    }
    constants, facts = dict(program.constants), dict(program.facts)
    statements: list[Statement] = []
    for statement in program.statements:
        found = _whole(statement, unpacked) if isinstance(statement, OpNode) else None
        if found is None or not isinstance(statement, OpNode):
            statements.append(statement)
            continue
        source, backward = found
        statements.extend(_moved(statement, source, backward, constants, facts))
    return replace(program, statements=tuple(statements), constants=constants, facts=facts)


def _whole(
    statement: OpNode, unpacked: dict[str, tuple[OpNode, int]]
) -> tuple[OpNode, bool] | None:
    if statement.node.op != "Pack":
        return None
    items = [unpacked.get(v) for v in statement.inputs]
    if not items or items[0] is None or any(i is None or i[0] is not items[0][0] for i in items):
        return None
    source = items[0][0]
    places = [i[1] for i in items if i is not None]
    forward = list(range(len(source.outputs)))
    if places not in (forward, forward[::-1]):
        return None
    return source, places != forward


def _moved(
    statement: OpNode,
    source: OpNode,
    backward: bool,
    constants: dict[str, np.ndarray],
    facts: dict[str, Fact],
) -> list[Statement]:
    value = source.inputs[0]
    fact = facts[value]
    if fact.shape is None:
        return [statement]
    rank = len(fact.shape)
    old, new = (int(n.node.attr("axis", 0)) % rank for n in (source, statement))
    made: list[Statement] = []
    name = statement.node.name
    dtype = DType(fact.dtype)
    if backward:
        axis, flipped = f"{name}|axis", f"{name}|reversed"
        constants[axis] = np.asarray([old], np.int32)
        facts[axis] = Fact("int32", (1,), constants[axis])
        facts[flipped] = fact
        attrs = {"T": dtype, "Tidx": DType("int32")}
        made.append(OpNode(Node(flipped, "ReverseV2", (value, axis), (), attrs), (flipped,)))
        value = flipped
    perm = [k for k in range(rank) if k != old]
    perm.insert(new, old)
    if perm == list(range(rank)):
        made.append(OpNode(Node(name, "Identity", (value,), (), {"T": dtype}), statement.outputs))
        return made
    label = f"{name}|perm"
    constants[label] = np.asarray(perm, np.int32)
    facts[label] = Fact("int32", (rank,), constants[label])
    attrs = {"T": dtype, "Tperm": DType("int32")}
    made.append(OpNode(Node(name, "Transpose", (value, label), (), attrs), statement.outputs))
    return made
