"""A component to be identified, and what it was identified as."""

from __future__ import annotations

from dataclasses import dataclass

from converters.lift.recognise.cells.assemble import Assembled
from converters.lift.recognise.form.poly import Monomial
from reference.vocabulary.tracer import Expr


@dataclass(frozen=True, slots=True)
class Component:
    """One strongly connected component of a step's states, or an unrolled step."""

    states: tuple[Expr, ...]
    """The old state parts."""
    new: tuple[Expr, ...]
    """The new ones, masks taken off."""
    outputs: tuple[Expr, ...]
    """Expressions made of the component and of what is outside alone, which may be its output where no new state is; largest first."""
    roots: tuple[Expr, ...] = ()
    """What is computed beside its new states: all they may read of it are the new states and its output."""
    names: str = ""
    """The scope and variable names around it: a hint for messages only."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A component that is a known cell."""

    assembled: Assembled
    order: tuple[int, ...]
    """For each state part of the cell, which of the component's parts it is."""
    operands: tuple[Monomial, ...]
    """The inputs, to be concatenated along the features."""
    output: Expr
    """What of the step is the cell's output: a new state, or one of the component's outputs."""
    time: Monomial | None = None
    """The time, of a cell that takes it beside its input."""
