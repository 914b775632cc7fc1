"""The lifted model: what the exporters read. No TF control flow is left in it.

A *value* is named by the TF tensor that carried it (``"rnn/transpose:0"``); values that the lift adds get a name that
no TF tensor has (``"rnn/while/x|t"``). Every value is defined once: by an input, a constant, or a statement. Statements stand in
an order in which they can run. A :class:`SubProgram` may read the values of the programs around it by name.

Sequences of a :class:`Recurrence` are time-major ``[T, B, …]``, whatever the user's model did around the loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.graph import Node
from reference.vocabulary.abstract.fact import Fact


@dataclass(frozen=True, slots=True)
class OpNode:
    """One TF op, applied to values: ``converters.tf_ops`` says what it computes.

    ``node.inputs`` are value names. Beside TF's own ops the lift uses the list ops of :mod:`converters.lift.lists`
    (TensorArray and TensorList in one form): ListNew, ListSet, ListGet, ListStack, ListUnstack, ListSize, ….
    """

    node: Node
    outputs: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.node.inputs


@dataclass(frozen=True, slots=True)
class SubProgram:
    """A loop body, a loop condition or a branch. Free names are captured from around it."""

    inputs: tuple[str, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """``while condition(state): state = body(state)``; both subprograms take the carried values as inputs."""

    name: str
    carried: tuple[str, ...]
    """Initial values."""
    condition: SubProgram
    """One bool output."""
    body: SubProgram
    outputs: tuple[str, ...]
    """Final values, one per carried value."""
    reason: str = ""
    """Why it is not a recurrence, once the lift has looked at it."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.carried + captured(self.condition) + captured(self.body)


@dataclass(frozen=True, slots=True)
class Conditional:
    """``then()`` if predicate else ``otherwise()``; the subprograms take no inputs, only captures."""

    name: str
    predicate: str
    then: SubProgram
    otherwise: SubProgram
    outputs: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.predicate, *captured(self.then), *captured(self.otherwise))


@dataclass(frozen=True, slots=True)
class Recurrence:
    """One cell driven over time, with TF1's semantics of lengths: outputs 0 and states copied through past them.

    ``cell.step(ops, x, state)`` gets as x the one sequence's item, or, where there are several sequences or any
    invariants, the tuple ``(*items, *invariants)``. With direction ``"backward"`` each row is run over its valid steps in
    reverse (``reverse_sequence`` before and after), outputs in the order of the input.
    """

    name: str
    cell: Any
    """A :class:`reference.cells.base.Cell` with NumPy weights."""
    sequences: tuple[str, ...]
    """Values ``[T, B, …]``."""
    initial_state: tuple[str, ...]
    """Values ``[B, …]``, in the order of ``states.flatten(cell.state_size)``."""
    outputs: tuple[str, ...]
    """The names this statement gives to the sequences ``[T, B, …]`` of the flattened cell output."""
    final_state: tuple[str, ...]
    """The names it gives to the final state parts ``[B, …]``."""
    lengths: str | None = None
    """Value ``[B]``, int32 or int64, any values (clamped to 0..T)."""
    invariants: tuple[str, ...] = ()
    """Values the cell reads at every step."""
    steps: str | None = None
    """Rank-0 integer value: the number of steps, where there is no sequence to tell."""
    direction: str = "forward"
    time_major: bool = True
    """Whether the user's own tensors are time-major (no transposes around the loop)."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """By weight path (``reference.cells.base.weights``): the name of the TF variable or constant it came from."""
    loop: str = ""
    """The loop, layer or op in the TF graph it was found in."""
    never_empty: bool = False
    """Whether TF1 itself refuses 0 steps: it cannot stack no items of a shape that it does not know."""
    reason: str = ""
    """Why it is the generic traced cell, where it is; ``""`` where the cell was recognised."""

    @property
    def inputs(self) -> tuple[str, ...]:
        optional = tuple(v for v in (self.lengths, self.steps) if v is not None)
        return (*self.sequences, *self.initial_state, *self.invariants, *optional)

    @property
    def defines(self) -> tuple[str, ...]:
        return (*self.outputs, *self.final_state)


Statement = OpNode | Loop | Conditional | Recurrence


@dataclass(frozen=True, slots=True)
class Program:
    """A whole lifted model."""

    inputs: Mapping[str, Fact]
    """By tensor name: dtype and (symbolic) shape, in the order the port takes them."""
    outputs: tuple[str, ...]
    statements: tuple[Statement, ...]
    constants: Mapping[str, np.ndarray]
    """Weights and folded values, by value name."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """By constant's value name: the TF variable (or Const node) it is."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """dtype, symbolic shape and known value of every value, those inside subprograms too."""
    frozen: Mapping[str, Any] = field(default_factory=dict)
    """By tensor name: inputs that were fixed (dropout at inference, ``--freeze``), with their values."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Output tensors that were renamed or are aliases: requested name to value name."""


def defined(statement: Statement, /) -> tuple[str, ...]:
    """The value names a statement defines."""
    return statement.defines if isinstance(statement, Recurrence) else statement.outputs


def captured(sub: SubProgram, /) -> tuple[str, ...]:
    """The names a subprogram reads from around it, in order of first use."""
    known = set(sub.inputs)
    for statement in sub.statements:
        known.update(defined(statement))
    reads = [name for statement in sub.statements for name in statement.inputs] + list(sub.outputs)
    return tuple(dict.fromkeys(name for name in reads if name not in known))


def walk(statements: tuple[Statement, ...], /) -> Iterator[Statement]:
    """Every statement, those of subprograms after the one that holds them."""
    for statement in statements:
        yield statement
        if isinstance(statement, Loop):
            yield from walk(statement.condition.statements)
            yield from walk(statement.body.statements)
        elif isinstance(statement, Conditional):
            yield from walk(statement.then.statements)
            yield from walk(statement.otherwise.statements)


def read_names(program: Program, /) -> set[str]:
    """The value names that something reads: a statement, a subprogram's end, the model's outputs."""
    found = {program.names.get(name, name) for name in program.outputs}
    for statement in walk(program.statements):
        found.update(statement.inputs)
        if isinstance(statement, Loop):
            found.update(statement.condition.outputs, statement.body.outputs)
        elif isinstance(statement, Conditional):
            found.update(statement.then.outputs, statement.otherwise.outputs)
    return found
