"""The Program as the rules look at it: who makes a value, who reads it, what is known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.program import OpNode, Program, Statement, defined
from converters.to_keras.unify import equal_sizes, substitute
from reference.vocabulary.abstract.fact import Dim, Fact

IDENTITIES = ("Identity", "StopGradient", "Snapshot", "PreventGradient", "CheckNumerics")
"""Ops that hand their first input on."""


class Context:
    """A Program with its index."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.same = equal_sizes(program)
        self.masks: dict[Any, Any] = {}
        """Masks made so far, by lengths and number of steps: layers of one stack share theirs."""
        self.to_maximum: set[str] = set()
        """What a loop gives that was bounded (see :mod:`converters.to_keras.bounds`): as long as it can get."""
        self.producers: dict[str, tuple[Statement, int]] = {}
        for statement in program.statements:
            for index, name in enumerate(defined(statement)):
                self.producers[name] = (statement, index)
        self.outputs = {
            name: self.resolve(program.names.get(name, name)) for name in program.outputs
        }
        self.live = self._live()
        self.uses = self._uses()

    def resolve(self, name: str, /) -> str:
        """The value behind identities."""
        while (node := self.node(name, *IDENTITIES)) is not None:
            name = node.inputs[0]
        return name

    def node(self, name: str, /, *ops: str) -> OpNode | None:
        """The op that makes ``name`` as its first output, if it is one of ``ops``."""
        statement, index = self.producers.get(name, (None, 0))
        if isinstance(statement, OpNode) and index == 0 and (not ops or statement.node.op in ops):
            return statement
        return None

    def fact(self, name: str, /) -> Fact | None:
        """What is known of a value."""
        if name in self.program.facts:
            return self.program.facts[name]
        if name in self.program.inputs:
            return self.program.inputs[name]
        if name in self.program.constants:
            value = self.program.constants[name]
            return Fact(str(value.dtype), tuple(value.shape), value)
        return None

    def shape(self, name: str, /) -> tuple[Dim, ...] | None:
        """The symbolic shape, where the rank is known."""
        fact = self.fact(name)
        if fact is None or fact.shape is None:
            return None
        return tuple(substitute(dim, self.same) for dim in fact.shape)

    def known(self, name: str, /) -> np.ndarray | None:
        """The value, where it is a constant or folds to one; never one with symbolic sizes."""
        name = self.resolve(name)
        if name in self.program.constants:
            return self.program.constants[name]
        fact = self.fact(name)
        if fact is None or fact.value is None:
            return None
        if fact.dtype not in ("string", "object") and fact.value.dtype == object:
            if not all(isinstance(item, int | np.integer) for item in fact.value.reshape(-1)):
                return None
            return fact.value.astype(fact.dtype)
        return fact.value

    def sizes(self, name: str, /) -> tuple[Dim, ...] | None:
        """The items of a shape vector, numbers or symbolic sizes, where they are known."""
        known = self.known(name)
        if known is not None:
            return tuple(int(v) for v in known.reshape(-1))
        fact = self.fact(self.resolve(name))
        if fact is None or fact.value is None:
            return None
        return tuple(substitute(dim, self.same) for dim in fact.value.reshape(-1))

    def variable(self, name: str, /) -> str:
        """The TF variable (or Const) a constant came from, "" where none is recorded."""
        name = self.resolve(name)
        return self.program.variables.get(name, "") if name in self.program.constants else ""

    def is_zero(self, name: str, /) -> bool:
        """Whether a value is zeros whatever the sizes are (``zero_state``)."""
        name = self.resolve(name)
        known = self.known(name)
        if known is not None:
            return known.dtype.kind in "fiub" and not known.any()
        node = self.node(name, "ZerosLike")
        if node is not None:
            return True
        node = self.node(name, "Fill")
        if node is not None:
            return self.is_zero(node.inputs[1])
        node = self.node(
            name, "Reshape", "Tile", "BroadcastTo", "Cast", "ExpandDims", "Squeeze", "StridedSlice"
        )
        return node is not None and self.is_zero(node.inputs[0])

    def sole_reader(self, name: str, /) -> bool:
        """Whether a value is read once, so that what makes it may be folded into its reader."""
        return self.uses[name] == 1 and name not in self.outputs.values()

    def longest(self) -> tuple[str, ...]:
        """The outputs of the model that something bounded leads to."""
        reached = set(self.to_maximum)
        for statement in self.live:
            if reached.intersection(statement.inputs):
                reached.update(defined(statement))
        return tuple(name for name, value in self.outputs.items() if value in reached)

    def _live(self) -> tuple[Statement, ...]:
        wanted = set(self.outputs.values())
        live = []
        for statement in reversed(self.program.statements):
            if wanted.intersection(defined(statement)):
                wanted.update(self.resolve(name) for name in statement.inputs)
                wanted.update(statement.inputs)
                live.append(statement)
        return tuple(reversed(live))

    def _uses(self) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for statement in self.live:
            is_identity = isinstance(statement, OpNode) and statement.node.op in IDENTITIES
            if not is_identity:
                counts.update(self.resolve(name) for name in statement.inputs)
        return counts
