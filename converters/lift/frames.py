"""Loops and branches as the structuring holds them, before they are statements."""

from __future__ import annotations

from dataclasses import dataclass, field

CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall", "SymbolicGradient"))
WHILES = frozenset(("While", "StatelessWhile"))
IFS = frozenset(("If", "StatelessIf"))
LOOP_ARGUMENT = "_LoopArgument"
MAX_DEPTH = 64
"""Of functions in functions."""

Guard = tuple[str, bool]
Context = tuple[str, frozenset[Guard]]
"""The frame and guards that a function's instantiation puts on its nodes."""
TOP: Context = ("", frozenset())


@dataclass(slots=True)
class LoopVariable:
    """One value carried round a loop. All are tensor names."""

    init: str
    condition_input: str
    body_input: str
    result: str
    """Computed by the body."""
    output: str
    """The final value."""


@dataclass(slots=True)
class Frame:
    """A loop: a v1 frame or a v2 While node."""

    key: str
    name: str
    variables: dict[str, LoopVariable] = field(default_factory=dict)
    """The ones that are needed, by the tensor the graph calls them: Merge:0, or While:index."""
    condition: str = ""
    parent: str = ""
    guards: frozenset[Guard] = frozenset()
    """Of the loop as a whole, in its parent."""


@dataclass(slots=True)
class Branches:
    """An If node put in place: results of both branches."""

    predicate: str
    guard: str
    then: tuple[str, ...]
    otherwise: tuple[str, ...]
