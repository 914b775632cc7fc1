"""One chain of equal steps becomes a :class:`Recurrence`.

The engine is :mod:`converters.lift.recognise.unrolled.lockstep`; what the steps gave to the rest of the graph is given by the recurrence instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from converters.graph import Node
from converters.lift.recognise.loops.build import Builder
from converters.lift.recognise.loops.emit import ProgramOps
from converters.lift.recognise.loops.masks import peel_masks
from converters.lift.recognise.loops.model import (
    Definitions,
    NotAStepError,
    Read,
    State,
    Step,
    Write,
)
from converters.lift.recognise.unrolled.families import Family, downstream
from converters.lift.recognise.unrolled.lockstep import Lockstep, NotRepeatedError
from converters.lift.recognise.unrolled.rejoin import joined, taken_apart
from converters.lift.recognise.unrolled.sequences import Row, is_whole, sequence_of
from converters.lift.recognise.unrolled.views import read_views, views_of
from converters.lift.recognise.unrolled.whole import TracedProgram
from converters.program import Loop, OpNode, Program, Recurrence, Statement, SubProgram, defined
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import CONSTANT, Expr, needed

KEEP_UNROLLED = 8
"""Fewer steps than these that match no cell stay unrolled."""

_EMPTY = SubProgram((), (), ())


@dataclass
class Roller:
    """One chain on its way to a recurrence."""

    traced: TracedProgram
    family: Family
    core_only: bool = False
    """Give the rest of the graph the states and masked outputs only, and leave what it makes of them unrolled."""
    elements: dict[Expr, tuple[Row, Expr, int]] = field(default_factory=dict)
    """By expression inside the loop: its row, its expression in the step, its place in the row."""
    core: set[Expr] = field(default_factory=set)
    """What the new states are made of."""

    def roll(self) -> Program:
        """Raises NotRepeatedError or NotAStepError where it is no loop."""
        program = self.traced.program
        self.name = self._scope()
        levels, names = self.family.levels, self.traced.names
        lock = Lockstep(self.traced.tracer, levels, self.name, self.family.steps, names)
        for row in downstream(self.family):
            lock.lift(row)
        self.lock = lock
        self.nexts = self._close()
        self._index()
        self._keep_views_outside()
        needs = self._needs()
        step = self._step(needs)
        return self._rebuilt(program, step, needs)

    def _scope(self) -> str:
        """The TF scope of the first product; numbered where an earlier roll has taken it."""
        first = self.family.chains[0][0]
        value = self.traced.names.get(first, f"unrolled{first.serial}/MatMul:0")
        scope = value.rpartition("/")[0] or value.rpartition(":")[0]
        name, count = scope, 0
        while f"{name}|unrolled" in self.traced.program.facts:
            count += 1
            name = f"{scope}_{count}"
        return name

    def _close(self) -> list[tuple[Row, Expr]]:
        """The new value of every state; new slots appear while we look."""
        found: list[tuple[Row, Expr]] = []
        while len(found) < len(self.lock.states):
            slot = self.lock.states[len(found)]
            found.append(self.lock.lift((*slot.row[1:], None)))
            if len(found) > 64:
                msg = "the state grows without end"
                raise NotRepeatedError(msg)
        return found

    def _index(self) -> None:
        core = self.core = set(needed([new for _, new in self.nexts]))
        scattered = {
            slot.leaf
            for slot in self.lock.sequences
            if slot.leaf not in core and not is_whole(slot.row)
        }
        for row, expr in self.lock.lifted.values():
            first = row[0]
            if first is None or not self.family.levels.get(first):
                continue
            extra = expr not in core and not _masks(expr, core)
            if extra and (self.core_only or scattered.intersection(needed([expr]))):
                continue
            for t, element in enumerate(row):
                if element is not None:
                    self.elements.setdefault(element, (row, expr, t))

    def _keep_views_outside(self) -> None:
        """What the world reads of a part of a packed state, it cuts out of the whole itself."""
        self.views = views_of(self.lock)
        for slot, (row, _) in zip(self.lock.states, self.nexts, strict=True):
            if slot.leaf in self.views:
                for element in (*slot.row, *row):
                    if element is not None:
                        self.elements.pop(element, None)

    def _needs(self) -> dict[str, Expr]:
        """Values inside the loop that the rest of the program reads.

        What is made of the states after the last step only (a packed final state) stays outside.
        """
        while True:
            found = self._read()
            rows: dict[Expr, set[Expr]] = {}
            for expr in found.values():
                rows.setdefault(self.elements[expr][1], set()).add(expr)
            late = {e for item, read in rows.items() if self._is_late(item, read) for e in read}
            if not late:
                return found
            for expr in late:
                del self.elements[expr]

    def _is_late(self, item: Expr, read: set[Expr]) -> bool:
        last = {self.elements[e][2] for e in read} == {self.family.steps - 1}
        return last and item not in self.core and not _masks(item, self.core)

    def _read(self) -> dict[str, Expr]:
        program, values = self.traced.program, self.traced.values
        makers = {n: s for s in program.statements for n in defined(s)}
        todo = [program.names.get(n, n) for n in program.outputs]
        seen: set[str] = set()
        found: dict[str, Expr] = {}
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            expr = values.get(name)
            if expr is not None and expr in self.elements:
                found[name] = expr
            elif name in makers:
                todo.extend(makers[name].inputs)
        # What feeds the loop is read from outside too.
        return found

    def _step(self, needs: dict[str, Expr]) -> Step:
        lock, tracer = self.lock, self.traced.tracer
        time = (
            lock.time
            if lock.time is not None
            else tracer.input(f"{self.name}|time", Fact("int32", ()))
        )
        step = Step(tracer, time, f"{self.name}|steps")
        for k, (slot, (_, new)) in enumerate(zip(lock.states, self.nexts, strict=True)):
            step.states.append(State(k, slot.leaf, new))
        self.write_of: dict[Expr, int] = {}
        finals = self._finals()
        for expr in needs.values():
            _, item, _ = self.elements[expr]
            if expr not in finals and item not in self.write_of:
                self.write_of[item] = len(step.states) + len(step.writes)
                step.writes.append(Write(self.write_of[item], item))
        for slot in lock.sequences:
            step.reads[slot.leaf] = Read(f"{slot.leaf.name}|list")
        read_views(step, self.views)
        self._captures(step)
        peel_masks(step)
        return step

    def _finals(self) -> dict[Expr, int]:
        """The last value of each state."""
        return {row[-1]: k for k, (row, _) in enumerate(self.nexts) if row[-1] is not None}

    def _captures(self, step: Step) -> None:
        leaves = {s.leaf for s in (*self.lock.states, *self.lock.sequences)} | {step.time}
        todo = [s.new for s in step.states] + [w.item for w in step.writes]
        seen: set[Expr] = set()
        while todo:
            expr = todo.pop()
            if expr in seen or expr in leaves or expr.op == CONSTANT:
                continue
            seen.add(expr)
            named = self.traced.names.get(expr)
            if named is not None and not self.family.levels.get(expr):
                step.captures[expr] = named
            elif expr.op == "input":
                msg = f"the step reads {expr.name}, which stands for nothing outside"
                raise NotRepeatedError(msg)
            else:
                todo.extend(expr.operands)

    def _value(self, expr: Expr | None) -> str:
        if expr is not None and expr.op == CONSTANT:
            value = expr.fact.value
            assert value is not None
            return self.ops.constant(value).name
        if expr is None or expr not in self.traced.names:
            msg = "a value of a step has no name of its own"
            raise NotRepeatedError(msg)
        return self.traced.names[expr]

    def _rebuilt(self, program: Program, step: Step, needs: dict[str, Expr]) -> Program:
        facts = dict(program.facts)
        facts[f"{self.name}|unrolled"] = Fact("int32", ())  # takes the name
        self.ops = ProgramOps(f"{self.name}|in", facts)
        count = self.family.steps
        for slot in self.lock.sequences:
            array = sequence_of(self.ops, slot.row, self.traced.names, self._value)
            label = step.reads[slot.leaf].source
            self.ops.statements.append(OpNode(Node(label, "ListUnstack", (array.name,)), (label,)))
        steps_value = self.ops.constant(np.asarray(count, np.int32)).name
        step.steps = steps_value
        carried = tuple(self._value(slot.row[0]) for slot in self.lock.states)
        writes = tuple("" for _ in step.writes)
        outputs = tuple(f"{self.name}|final{k}" for k in range(len(carried) + len(writes)))
        for k, (_, new) in enumerate(self.nexts):
            facts[outputs[k]] = new.fact
        loop = Loop(self.name, carried + writes, _EMPTY, _EMPTY, outputs)
        before = replace(
            program,
            statements=(*program.statements, *self.ops.statements),
            constants={**program.constants, **self.ops.constants},
            facts=facts,
        )
        self.ops.statements.clear()
        built = Builder(before, loop, step, Definitions(before)).build()
        recurrences = [s for s in built.statements if isinstance(s, Recurrence)]
        if count < KEEP_UNROLLED and any(r.reason for r in recurrences):
            raise NotAStepError(next(r.reason for r in recurrences if r.reason))
        facts.update(built.facts)
        given = self._given(needs, outputs, facts)
        return joined(before, built, given, facts, set(needs))

    def _given(
        self, needs: dict[str, Expr], outputs: tuple[str, ...], facts: dict[str, Fact]
    ) -> list[Statement]:
        """Statements that give the values the rest of the program reads their old names."""
        finals, statements = self._finals(), []
        unpacked = {
            carried: taken_apart(
                f"{self.name}|steps{carried}", outputs[carried], item.fact, self.family.steps, facts
            )
            for item, carried in self.write_of.items()
        }
        for made, _ in unpacked.values():
            statements.extend(made)
        for name, expr in needs.items():
            _, item, t = self.elements[expr]
            written = self.write_of.get(item)
            source = outputs[finals[expr]] if written is None else unpacked[written][1][t]
            statements.append(OpNode(Node(f"{name}|given", "Identity", (source,)), (name,)))
        return statements


def _masks(expr: Expr, core: set[Expr]) -> bool:
    """A ``where`` over something of the core: a masked output."""
    return expr.op == "where" and any(e in core for e in expr.operands)
