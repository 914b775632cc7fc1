"""Numbers of steps that a backend must know before it runs: where no row means no step, the number that it is with rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from converters.program import OpNode, Program, Recurrence


def with_most_steps(program: Program, /) -> tuple[Program, tuple[str, ...]]:
    """The program with constant numbers of steps in place of those that the graph bounds, for recurrences without a sequence.

    Gives their outputs too: without rows these have steps, of no items.
    """
    makers = {n: s for s in program.statements if isinstance(s, OpNode) for n in s.outputs}
    constants = dict(program.constants)
    statements = list(program.statements)
    longer: list[str] = []
    for place, statement in enumerate(statements):
        if not isinstance(statement, Recurrence) or statement.sequences or not statement.steps:
            continue
        if statement.steps in constants:
            continue
        most = _most(program, makers, statement.steps)
        if most is not None and statement.lengths is None:
            name = f"{statement.name}|most"
            constants[name] = np.asarray(most, program.facts[statement.steps].dtype)
            statements[place] = replace(statement, steps=name)
            longer += statement.outputs
    if not longer:
        return program, ()
    return replace(program, statements=tuple(statements), constants=constants), tuple(longer)


def _most(program: Program, makers: Mapping[str, OpNode], name: str) -> int | None:
    """The value of a number that is smaller only without rows: made of constants and ``minimum(rows, 1)``; else None."""
    constant = program.constants.get(name)
    if constant is not None:
        return int(constant) if constant.shape == () and constant.dtype.kind in "iu" else None
    maker = makers.get(name)
    if maker is None:
        return None
    op = maker.node.op
    if op == "Minimum" and (one := _rows(program, makers, maker)) is not None:
        return one
    found = [_most(program, makers, value) for value in maker.inputs]
    if None in found:
        return None
    values = [value for value in found if value is not None]
    if op in ("Cast", "Identity"):
        return values[0]
    if op == "Minimum":
        return min(values)
    if op == "Maximum":
        return max(values)
    if op == "Mul":
        return values[0] * values[1]
    if op == "Sub":
        return values[0] - values[1]
    return None


def _rows(program: Program, makers: Mapping[str, OpNode], maker: OpNode) -> int | None:
    """1 for ``minimum(size of an axis, 1)``."""
    for value, other in (maker.inputs, maker.inputs[::-1]):
        one, size = program.constants.get(other), makers.get(value)
        if one is None or one.shape != () or int(one) != 1 or size is None:
            continue
        source = makers.get(size.inputs[0]) if size.node.op == "StridedSlice" else None
        if source is not None and source.node.op == "Shape":
            return 1
    return None
