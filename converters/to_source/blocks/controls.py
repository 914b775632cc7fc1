"""Loops and branches in traced expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reference.vocabulary.tracer import Expr


@dataclass(eq=False)
class TracedLoop:
    """A loop: what it starts from, and one round."""

    name: str
    start: list[Expr]
    inputs: list[Expr]
    go_on: Expr
    new: list[Expr]
    outputs: list[Expr]

    def exprs(self) -> list[Expr]:
        """All that is computed."""
        return [*self.start, self.go_on, *self.new]

    def rewrite(self, function: Callable[[Expr], Expr]) -> None:
        """Put other expressions in their places."""
        self.start, self.new = list(map(function, self.start)), list(map(function, self.new))
        self.go_on = function(self.go_on)


@dataclass(eq=False)
class TracedBranch:
    """Both sides of a conditional."""

    name: str
    predicate: Expr
    sides: tuple[list[Expr], list[Expr]]
    outputs: list[Expr]
    inside: frozenset[Expr] = frozenset()
    """The results of the loops and branches in its sides."""

    def exprs(self) -> list[Expr]:
        """All that is computed."""
        return [self.predicate, *self.sides[0], *self.sides[1]]

    def rewrite(self, function: Callable[[Expr], Expr]) -> None:
        """Put other expressions in their places."""
        self.predicate = function(self.predicate)
        self.sides = list(map(function, self.sides[0])), list(map(function, self.sides[1]))
