"""What unification has bound: windows of a cell's weights, numbers and activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from converters.lift.recognise.form.poly import Monomial
from converters.lift.recognise.form.refs import Parts, Ref, evaluate


@dataclass(frozen=True, slots=True)
class Block:
    """A window of a weight, and what of the target fills it. ``operand`` is the input operand a row block belongs to."""

    ref: Ref
    parts: Parts
    operand: int | None = None
    start: int = 0
    """Of a row block: the weight's row where it begins."""
    identity: bool = False
    """Whether the operand enters without a matrix."""

    @property
    def place(self) -> tuple[Ref, int | None, bool]:
        return self.ref, self.operand, self.identity


def operand_width(operand: Monomial) -> int:
    """The features of an input."""
    return max((atom.width or 1) for atom in operand)


@dataclass(frozen=True, slots=True)
class Bindings:
    """What has been bound so far."""

    blocks: tuple[Block, ...] = ()
    scalars: Mapping[str, float] = field(default_factory=dict)
    activations: Mapping[str, tuple[str, tuple[Any, ...]]] = field(default_factory=dict)
    steps: int = 0

    def scalar(self, name: str, value: float) -> Bindings | None:
        if name in self.scalars:
            return self if self.scalars[name] == value else None
        return replace(self, scalars={**self.scalars, name: value})

    def activation(self, name: str, op: str, params: tuple[Any, ...]) -> Bindings | None:
        if name in self.activations:
            return self if self.activations[name] == (op, params) else None
        return replace(self, activations={**self.activations, name: (op, params)})

    def reads_all(self, operands: int) -> bool:
        """Whether every one of several inputs got rows of a weight."""
        return operands < 2 or {b.operand for b in self.blocks} >= set(range(operands))

    def block(self, *blocks: Block) -> Bindings | None:
        known = {b.place: b for b in self.blocks}
        for block in blocks:
            old = known.setdefault(block.place, block)
            if old.parts == block.parts:
                continue
            if not _equal(old.parts, block.parts):
                return None
            if _is_whole(block.parts):  # a weight itself rather than what was folded from it
                known[block.place] = block
        return replace(self, blocks=tuple(known.values()))


def _is_whole(parts: Parts) -> bool:
    return len(parts) == 1 and parts[0][0] == 1.0


def _equal(a: Parts, b: Parts) -> bool:
    """Whether two coefficients hold the same numbers: one of them may be a constant that was folded from the other's."""
    if any(ref is not None and ref.array is None for _, ref in (*a, *b)):
        return False
    return np.array_equal(evaluate(a), evaluate(b))
