"""Small changes of a Program: one recurrence replaced by statements that define the same values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.program import (
    Conditional,
    Loop,
    OpNode,
    Program,
    Recurrence,
    Statement,
    SubProgram,
    walk,
)


@dataclass(frozen=True)
class Variant:
    """One recurrence with one mistake in it."""

    cause: str
    """The kind of mistake: a key of ``mistakes.CAUSES``."""
    text: str
    """What the port seems to do, to follow "seems to …"."""
    recurrence: str
    statements: tuple[Statement, ...]
    """What stands in the recurrence's place."""
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    part: str | None = None
    """The gate or state part that is touched."""
    region: str | None = None
    """``"padded"`` where only padded steps can show it."""


class Builder:
    """Collects TF ops around a recurrence; every new name begins with the recurrence's."""

    def __init__(self, name: str) -> None:
        self.name = f"{name}|planted"
        self.statements: list[Statement] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, value: Any, dtype: str = "int32") -> str:
        name = f"{self.name}/const{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype)
        return name

    def op(self, op: str, *inputs: str, to: str | None = None, **attrs: Any) -> str:
        """The value that an op gives, named ``to`` where that is asked for."""
        label = f"{self.name}/{op}{len(self.statements)}"
        value = to or label
        self.statements.append(OpNode(Node(label, op, inputs, (), attrs), (value,)))
        return value

    def as_int32(self, lengths: str) -> str:
        return self.op("Cast", lengths, DstT=DType("int32"))

    def reversed(self, x: str, lengths: str | None, to: str | None = None) -> str:
        """[T, B, …] in reverse order: whole, or by each row's length."""
        if lengths is None:
            return self.op("ReverseV2", x, self.constant([0]), to=to)
        return self.op("ReverseSequence", x, lengths, to=to, seq_dim=0, batch_dim=1)

    def steps(self, x: str) -> str:
        """[T]: 0, 1, ….  x: [T, …]."""
        count = self.op(
            "GatherV2",
            self.op("Shape", x, out_type=DType("int32")),
            self.constant(0),
            self.constant(0),
        )
        return self.op("Range", self.constant(0), count, self.constant(1))

    def valid(self, x: str, lengths: str, rank: int) -> str:
        """Bool [T, B, 1, …] of x's rank: whether the step lies within the row's length."""
        steps = self.op("ExpandDims", self.steps(x), self.constant(1))
        rows = self.op("ExpandDims", self.as_int32(lengths), self.constant(0))
        mask = self.op("Less", steps, rows)
        for axis in range(2, rank):
            mask = self.op("ExpandDims", mask, self.constant(axis))
        return mask


def recurrences(program: Program, /) -> list[Recurrence]:
    """All of them, in the order in which they run."""
    return [s for s in walk(program.statements) if isinstance(s, Recurrence)]


def applied(program: Program, variants: Iterable[Variant], /) -> Program:
    """The program with each variant in its recurrence's place."""
    chosen = {variant.recurrence: variant for variant in variants}
    constants = dict(program.constants)
    for variant in chosen.values():
        constants.update(variant.constants)

    def change(statement: Statement) -> Iterator[Statement]:
        if isinstance(statement, Recurrence) and statement.name in chosen:
            yield from chosen[statement.name].statements
        else:
            yield statement

    return replace(program, statements=_mapped(program.statements, change), constants=constants)


def _mapped(
    statements: tuple[Statement, ...], change: Callable[[Statement], Iterator[Statement]]
) -> tuple[Statement, ...]:
    found: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Loop):
            found.append(
                replace(
                    statement,
                    condition=_inside(statement.condition, change),
                    body=_inside(statement.body, change),
                )
            )
        elif isinstance(statement, Conditional):
            found.append(
                replace(
                    statement,
                    then=_inside(statement.then, change),
                    otherwise=_inside(statement.otherwise, change),
                )
            )
        else:
            found.extend(change(statement))
    return tuple(found)


def _inside(sub: SubProgram, change: Callable[[Statement], Iterator[Statement]]) -> SubProgram:
    return replace(sub, statements=_mapped(sub.statements, change))
