"""Reversals around a recurrence become its direction.

TF1 runs the backward half of a bidirectional network forward over reversed input and reverses the output back. Here a recurrence
fed by ``reverse(x)`` is rewritten to run backward over x, with an explicit reversal of its output; reversals that meet cancel, through the
transposes between them. What the output's readers do not reverse back keeps its one explicit reversal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.lift.recognise.loops.model import Definitions, root
from converters.program import OpNode, Program, Recurrence, Statement
from reference.vocabulary.abstract.fact import Fact


@dataclass(frozen=True, slots=True)
class Reversal:
    """``value`` is ``source`` with axis ``axis`` reversed, by lengths or whole."""

    source: str
    axis: int
    lengths: str | None
    batch_axis: int = 0


def absorb_reversals(program: Program) -> Program:
    """Every recurrence over a reversed sequence becomes a backward one."""
    definitions = Definitions(program)
    facts = dict(program.facts)
    constants = dict(program.constants)
    statements: list[Statement] = []
    for statement in program.statements:
        if isinstance(statement, Recurrence) and statement.direction == "forward":
            changed = _backward(program, definitions, statement, facts, constants)
            statements.extend(changed if changed is not None else [statement])
        else:
            statements.append(statement)
    return replace(program, statements=tuple(statements), facts=facts, constants=constants)


def _backward(
    program: Program,
    definitions: Definitions,
    r: Recurrence,
    facts: dict[str, Fact],
    constants: dict[str, np.ndarray],
) -> list[Statement] | None:
    if len(r.sequences) != 1:
        return None
    found = _source(definitions, program.constants, r.sequences[0])
    if found is None:
        return None
    reversal, transposed = found
    if not _same(definitions, reversal.lengths, r.lengths):
        return None
    before: list[Statement] = []
    source = reversal.source
    if transposed is not None:
        source = f"{r.name}|unreversed"
        node = replace(transposed.node, name=source, inputs=(reversal.source, transposed.inputs[1]))
        before.append(OpNode(node, (source,)))
        facts[source] = facts[r.sequences[0]]
    raw = tuple(f"{name}|backward" for name in r.outputs)
    facts.update({new: facts[old] for new, old in zip(raw, r.outputs, strict=True)})
    after = [
        _reverse_node(old, new, r.lengths, facts, constants)
        for old, new in zip(r.outputs, raw, strict=True)
    ]
    run = replace(r, sequences=(source,), outputs=raw, direction="backward")
    return [*before, run, *after]


def _source(
    definitions: Definitions, constants: Mapping[str, np.ndarray], value: str
) -> tuple[Reversal, OpNode | None] | None:
    """The reversal of the time axis behind a time-major value, with the transpose between, if any."""
    direct = reversal_of(definitions, constants, value)
    if direct is not None and direct.axis == 0:
        return direct, None
    transpose = definitions.op(value)
    if transpose is None or transpose.node.op != "Transpose":
        return None
    perm = constants.get(transpose.inputs[1])
    inner = reversal_of(definitions, constants, transpose.inputs[0])
    if perm is None or inner is None or int(perm[0]) != inner.axis:
        return None
    return inner, transpose


def reversal_of(
    definitions: Definitions, constants: Mapping[str, np.ndarray], value: str
) -> Reversal | None:
    """The reversal that made a value, if one did."""
    maker = definitions.op(value)
    if maker is None:
        return None
    node = maker.node
    if node.op == "ReverseSequence":
        return Reversal(
            maker.inputs[0],
            int(node.attr("seq_dim")),
            maker.inputs[1],
            int(node.attr("batch_dim", 0)),
        )
    if node.op == "ReverseV2":
        axes = constants.get(maker.inputs[1])
        if axes is not None and axes.size == 1 and int(axes.reshape(())) >= 0:
            return Reversal(maker.inputs[0], int(axes.reshape(())), None)
    return None


def _same(definitions: Definitions, a: str | None, b: str | None) -> bool:
    if a is None or b is None:
        return a is b
    return root(definitions, a) == root(definitions, b)


def _reverse_node(
    name: str,
    source: str,
    lengths: str | None,
    facts: Mapping[str, Fact],
    constants: dict[str, np.ndarray],
) -> OpNode:
    dtype = DType(facts[source].dtype)
    if lengths is None:
        axis = f"{name}|axis"
        constants[axis] = np.asarray([0], np.int32)
        node = Node(
            f"{name}|reverse", "ReverseV2", (source, axis), (), {"T": dtype, "Tidx": DType("int32")}
        )
        return OpNode(node, (name,))
    attrs: dict[str, Any] = {
        "seq_dim": 0,
        "batch_dim": 1,
        "T": dtype,
        "Tlen": DType(facts[lengths].dtype if lengths in facts else "int32"),
    }
    return OpNode(Node(f"{name}|reverse", "ReverseSequence", (source, lengths), (), attrs), (name,))


def cancel_reversals(program: Program) -> Program:
    """``reverse(reverse(x))`` and ``reverse(transpose(reverse(x)))`` without the reversals."""
    definitions = Definitions(program)
    statements: list[Statement] = []
    for statement in program.statements:
        new: Statement = statement
        if isinstance(statement, OpNode) and statement.node.op in ("ReverseSequence", "ReverseV2"):
            new = _cancelled(definitions, program.constants, statement)
        statements.append(new)
    return replace(program, statements=tuple(statements))


def _cancelled(
    definitions: Definitions, constants: Mapping[str, np.ndarray], outer: OpNode
) -> OpNode:
    mine = reversal_of(definitions, constants, outer.outputs[0])
    if mine is None:
        return outer
    inner = reversal_of(definitions, constants, mine.source)
    if (
        inner is not None
        and inner.axis == mine.axis
        and _same(definitions, inner.lengths, mine.lengths)
    ):
        return _identity(outer, inner.source)
    transpose = definitions.op(mine.source)
    if transpose is None or transpose.node.op != "Transpose":
        return outer
    perm = constants.get(transpose.inputs[1])
    inner = reversal_of(definitions, constants, transpose.inputs[0])
    if perm is None or inner is None or int(perm[mine.axis]) != inner.axis:
        return outer
    if not _same(definitions, inner.lengths, mine.lengths):
        return outer
    node = replace(transpose.node, name=outer.node.name, inputs=(inner.source, transpose.inputs[1]))
    return OpNode(node, outer.outputs)


def _identity(outer: OpNode, source: str) -> OpNode:
    attrs = {"T": outer.node.attr("T", DType("float32"))}
    return OpNode(Node(outer.node.name, "Identity", (source,), (), attrs), outer.outputs)
