"""What a step of a loop is, once it has been read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from converters.program import OpNode, Program, Statement, defined
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, Tracer


class NotAStepError(Exception):
    """The loop is not a recurrence over a counter; the message says why."""


@dataclass
class Write:
    """A list that each step writes one item of, at the counter's place."""

    carried: int
    item: Expr
    """Masks taken off."""
    masked: bool = False


@dataclass
class State:
    carried: int
    old: Expr
    new: Expr
    """Masks taken off."""
    masked: bool = False
    window: tuple[int, int] | None = None
    """The features of the carried value that this part is, where it is packed with others."""


@dataclass
class Step:
    """A traced step. ``reads`` maps the leaf of a sequence's item to the list's value name."""

    tracer: Tracer
    time: Expr
    steps: str
    """The value that bounds the counter."""
    states: list[State] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    reads: dict[Expr, str] = field(default_factory=dict)
    captures: dict[Expr, str] = field(default_factory=dict)
    """Leaves that are values from outside the loop, the same at every step."""
    counters: dict[int, int] = field(default_factory=dict)
    """Carried counters, and where they start."""
    constant_carried: dict[int, str] = field(default_factory=dict)
    """Carried values that no step changes."""
    lengths: Expr | None = None
    zeros: set[Expr] = field(default_factory=set)
    """Captured values that are known to be zeros."""


class Definitions:
    """Who defines a value: in a program, or in what stands around it."""

    def __init__(self, program: Program, outer: Definitions | None = None) -> None:
        known: dict[str, Statement] = {} if outer is None else outer.by_value
        self.by_value: dict[str, Statement] = {
            **known,
            **{name: s for s in program.statements for name in defined(s)},
        }

    def op(self, value: str) -> OpNode | None:
        found = self.by_value.get(value)
        return found if isinstance(found, OpNode) else None


@dataclass
class Built:
    """What takes the place of a loop."""

    statements: list[Statement] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    """Values defined elsewhere that are these values."""


def root(definitions: Definitions, value: str) -> str:
    """The value behind casts and identities."""
    for _ in range(16):
        maker = definitions.op(value)
        if maker is None or maker.node.op not in (
            "Cast",
            "Identity",
            "StopGradient",
            "CheckNumerics",
        ):
            return value
        value = maker.inputs[0]
    return value
