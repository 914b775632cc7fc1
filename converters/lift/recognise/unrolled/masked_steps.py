"""``static_rnn``'s branches taken back: each step is computed under conditions that save work and change nothing.

With ``sequence_length`` TF 1.15.5 (``python/ops/rnn.py``, ``_rnn_step``) writes every unrolled step as::

    cond(max(lengths) <= t, lambda: (zeros, state),                      # nobody is left
         lambda: cond(t < min(lengths), lambda: new,                     # everybody is there
                      lambda: where(t >= lengths, (zeros, state), new)))

All three say the same as the innermost ``where``. Where that can be read off the graph, the ``where`` takes the place of the conditions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from converters.graph import Node
from converters.lift.recognise.loops.bounds import known_int
from converters.lift.recognise.tidy import tidy
from converters.program import (
    Conditional,
    Loop,
    OpNode,
    Program,
    Statement,
    SubProgram,
    defined,
    walk,
)

SELECTS = frozenset(("Select", "SelectV2"))
FLIPPED = {
    "Less": "Greater",
    "LessEqual": "GreaterEqual",
    "Greater": "Less",
    "GreaterEqual": "LessEqual",
}


def merge_masked_steps(program: Program) -> Program:
    """The program without the conditions that only save work."""
    if not any(isinstance(s, Conditional) for s in walk(program.statements)):
        return program
    merged = _Merger(program).all(program.statements)
    return tidy(replace(program, statements=tuple(merged)))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """``vector op time``, both sides as the program has them."""

    op: str
    vector: str
    time: int


class _Merger:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.makers = {name: s for s in walk(program.statements) for name in defined(s)}

    def all(self, statements: Iterable[Statement]) -> list[Statement]:
        found: list[Statement] = []
        for statement in statements:
            found.extend(self.one(statement))
        return found

    def one(self, statement: Statement) -> list[Statement]:
        if isinstance(statement, Loop):
            return [replace(statement, body=self.sub(statement.body))]
        if not isinstance(statement, Conditional):
            return [statement]
        inner = replace(
            statement, then=self.sub(statement.then), otherwise=self.sub(statement.otherwise)
        )
        for s in walk((*inner.then.statements, *inner.otherwise.statements)):
            self.makers.update(dict.fromkeys(defined(s), s))
        if self.saves_work(inner):
            return self.inlined(inner)
        return [inner]

    def sub(self, sub: SubProgram) -> SubProgram:
        return SubProgram(sub.inputs, tuple(self.all(sub.statements)), sub.outputs)

    def saves_work(self, c: Conditional) -> bool:
        """Whether ``otherwise`` is right on both sides of the condition."""
        found = self.extreme(c.predicate)
        if found is None:
            return False
        which, comparison = found
        for a, b in zip(c.then.outputs, c.otherwise.outputs, strict=True):
            masked = self.masked(b)
            if masked is None or masked[0] != (comparison.vector, comparison.time):
                return False
            _, past, inside = masked
            if self.source(a) != self.source(past if which == "all past" else inside):
                return False
        return True

    def extreme(self, predicate: str) -> tuple[str, _Comparison] | None:
        """("all past", max(L) <= t) or ("all inside", min(L) > t)."""
        found = self.comparison(predicate)
        if found is None:
            return None
        maker = self.maker(found.vector)
        if maker is None:
            return None
        kind = {("Max", "LessEqual"): "all past", ("Min", "Greater"): "all inside"}.get(
            (maker.node.op, found.op)
        )
        if kind is None:
            return None
        return kind, replace(found, vector=self.source(maker.inputs[0]))

    def masked(self, value: str) -> tuple[tuple[str, int], str, str] | None:
        """((lengths, time), past, inside) of ``where(lengths <= time, past, inside)``."""
        maker = self.maker(value)
        if maker is None or maker.node.op not in SELECTS:
            return None
        condition = self.comparison(maker.inputs[0])
        if condition is None or condition.op != "LessEqual":
            return None
        return (self.source(condition.vector), condition.time), maker.inputs[1], maker.inputs[2]

    def comparison(self, value: str) -> _Comparison | None:
        maker = self.maker(value)
        if maker is None or maker.node.op not in FLIPPED:
            return None
        a, b = maker.inputs
        op, time = maker.node.op, known_int(self.program, b)
        if time is None:
            a, b, op = b, a, FLIPPED[op]
            time = known_int(self.program, b)
        return None if time is None else _Comparison(op, a, time)

    def maker(self, value: str) -> OpNode | None:
        found = self.makers.get(self.source(value))
        return found if isinstance(found, OpNode) else None

    def source(self, value: str) -> str:
        """The value behind identities."""
        for _ in range(32):
            maker = self.makers.get(value)
            if not isinstance(maker, OpNode) or maker.node.op != "Identity":
                return value
            value = maker.inputs[0]
        return value

    def inlined(self, c: Conditional) -> list[Statement]:
        """The branch's statements, and its results under the condition's names."""
        aliases = [
            OpNode(Node(f"{name}|step", "Identity", (value,)), (name,))
            for name, value in zip(c.outputs, c.otherwise.outputs, strict=True)
        ]
        self.makers.update({a.outputs[0]: a for a in aliases})
        return [*c.otherwise.statements, *aliases]
