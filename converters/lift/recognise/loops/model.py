"""What a step of a loop is, once it has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from converters.program import OpNode, Program, Statement, defined
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.tracer import CONSTANT, Expr, Tracer, needed, replay


class NotAStepError(Exception):
    """The loop is not a recurrence over a counter; the message says why."""


@dataclass(frozen=True)
class Counter:
    """A carried integer: it starts at the value ``start`` and goes by ``step``, which is 1 or -1."""

    start: str
    step: int


@dataclass(frozen=True)
class Read:
    """The item of a sequence that a step reads, at ``offset + sign * step number``.

    ``source`` is a list, or where ``axis`` is given a tensor that has its items along this axis.
    """

    source: str
    axis: int | None = None
    offset: Dim = 0
    sign: int = 1


@dataclass
class Write:
    """What each step gives one item of: a list, at the counter's place, or an array that every step makes longer."""

    carried: int
    item: Expr
    """Masks taken off."""
    masked: bool = False
    backward: bool = False
    """Whether the first step's item is the last."""
    axis: int | None = None
    """Of an array that grows: the axis along which it does; the item has it, of one."""
    holds: bool = False
    """Whether past the lengths each item is the state as it was, not zeros: the item is the new state."""
    repeats: int | None = None
    """Where the mask has holes: the carried value that a masked step gives again; None where it gives zeros."""


@dataclass
class State:
    carried: int
    old: Expr
    new: Expr
    """Masks taken off."""
    masked: bool = False
    window: tuple[int, int] | None = None
    """The features of the carried value that this part is, where it is packed with others."""
    axis: int | None = None
    """Where the parts are stacked, not side by side: along which axis; the window is then one item of it."""
    upright: str = ""
    """Whether the carried value stands upright, and the state is a row of it: see :mod:`converters.lift.recognise.loops.columns`."""


@dataclass
class Step:
    """A traced step. ``reads`` says for the leaf of a sequence's item where it comes from."""

    tracer: Tracer
    time: Expr
    steps: str
    """The value that says how many there are."""
    states: list[State] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    reads: dict[Expr, Read] = field(default_factory=dict)
    delays: dict[Expr, State] = field(default_factory=dict)
    """States that only hand on what is known before the loop: by the leaf of what a step reads of them."""
    guarded: set[Expr] = field(default_factory=set)
    """Leaves of items that only a branch reads: there may be no such item where the other branch is taken."""
    captures: dict[Expr, str] = field(default_factory=dict)
    """Leaves that are values from outside the loop, the same at every step."""
    counters: dict[int, Counter] = field(default_factory=dict)
    constant_carried: dict[int, str] = field(default_factory=dict)
    """Carried values that no step changes."""
    lengths: Expr | None = None
    holes: Expr | None = None
    """The item of a mask of data that was taken off the states and the writes: see :mod:`converters.lift.recognise.loops.holes`."""
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


def rebind(step: Step, bindings: Mapping[Expr, Expr]) -> None:
    """Every expression of the step with some of them replaced."""
    old_roots = [s.new for s in step.states] + [w.item for w in step.writes]
    # Constants are kept as they are: a copy would not know which variable it is.
    kept = ("input", CONSTANT)
    leaves = {e: e for e in needed(old_roots) if e.op in kept or e in step.captures}
    new_roots = replay(old_roots, step.tracer, {**leaves, **bindings})
    count = len(step.states)
    step.states[:] = [
        replace(s, new=e) for s, e in zip(step.states, new_roots[:count], strict=True)
    ]
    step.writes[:] = [
        replace(w, item=e) for w, e in zip(step.writes, new_roots[count:], strict=True)
    ]


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
