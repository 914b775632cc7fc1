"""One step of a loop, read: which carried value is the counter, a state, a written list; which list is read where.

The body is traced in the vocabulary, so what follows sees equations, not TF ops. Whatever does not fit raises :class:`NotAStepError` with the
reason; the loop then stays a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from converters import tf_ops
from converters.lift.recognise.loops.bounds import Count, known_int, symbolic
from converters.lift.recognise.loops.delays import find_delays
from converters.lift.recognise.loops.growing import grown_arrays
from converters.lift.recognise.loops.masks import is_list, made_of_zeros, peel_masks
from converters.lift.recognise.loops.model import (
    Counter,
    Definitions,
    NotAStepError,
    Read,
    State,
    Step,
    Write,
)
from converters.lift.recognise.loops.reads import find_reads, leaf_of, place_of
from converters.lift.recognise.loops.sequence_masks import read_masks
from converters.lift.recognise.loops.widths import told_widths
from converters.program import Conditional, Loop, OpNode, Program, Statement
from reference.errors import RnnportError
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.tracer import Expr, Tracer

ROUNDS = 3
"""What is told of one width may tell of another: a state's of the input's beside it."""


def read_step(
    program: Program, loop: Loop, definitions: Definitions, count: Count, *, delays: bool = True
) -> Step:
    """Trace the body of ``loop``; ``delays`` takes off the states that only hand on what is known before it."""
    for _ in range(ROUNDS):
        tracer = Tracer()
        # Its known value is a name: what is computed of it is known too, such as the place x[:, t - 1] reads.
        number = np.array(unknown(f"{loop.name}|t"), object)
        time = tracer.input("time", Fact(count.dtype, (), number))
        step = Step(tracer, time, count.steps, counters=dict(count.counters))
        body = _Body(program, loop, definitions, step, delays)
        body.trace()
        told = told_widths(step, loop, body.items())
        if not told:
            break
        program = replace(program, facts={**program.facts, **told})
    return step


@dataclass
class _Body:
    program: Program
    loop: Loop
    definitions: Definitions
    step: Step
    delays: bool
    values: dict[str, Expr] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    """List values inside the body: the name of the list they are (a carried input or a captured list)."""
    choices: set[Expr] = field(default_factory=set)
    """The selections that stand for branches."""
    written: dict[str, tuple[str, Expr, bool]] = field(default_factory=dict)
    """A ListSet's result: the list it was made from, the item, and whether the steps write from the last to the first."""

    def trace(self) -> Step:
        loop, step = self.loop, self.step
        for k, (name, start) in enumerate(zip(loop.body.inputs, loop.carried, strict=True)):
            self._carried(k, name, start)
        for statement in loop.body.statements:
            self._any(statement)
        for k, (name, out) in enumerate(zip(loop.body.inputs, loop.body.outputs, strict=True)):
            if k not in step.counters and k not in step.constant_carried:
                self._result(k, name, out)
        find_reads(step, self.choices)
        read_masks(step, self.program, self.definitions)
        grown_arrays(step, self.program, loop)
        if self.delays:
            find_delays(step)
        peel_masks(step)
        return step

    def items(self) -> dict[Expr, str]:
        """By leaf of an item: the value it is in the body."""
        names = (s.outputs[0] for s in self.loop.body.statements if isinstance(s, OpNode))
        return {self.values[n]: n for n in names if self.values.get(n) in self.step.reads}

    def _any(self, statement: Statement) -> None:
        if isinstance(statement, OpNode):
            self._statement(statement)
        elif isinstance(statement, Conditional):
            self._conditional(statement)
        else:
            msg = f"its body holds another loop, {statement.name}"
            raise NotAStepError(msg)

    def _conditional(self, statement: Conditional) -> None:
        """Both branches computed, one selected: what is pure may run for nothing."""
        for branch in (statement.then, statement.otherwise):
            for inner in branch.statements:
                self._any(inner)
        predicate = self.value(statement.predicate)
        pairs = zip(statement.then.outputs, statement.otherwise.outputs, strict=True)
        for name, (a, b) in zip(statement.outputs, pairs, strict=True):
            x, y = self.value(a), self.value(b)
            if len(x.shape) != len(y.shape):
                msg = f"the branches of {statement.name} differ in rank"
                raise NotAStepError(msg)
            chosen = self.values[name] = self.step.tracer.where(predicate, x, y)
            if chosen.op == "where" and chosen.args[0] is predicate:
                self.choices.add(chosen)

    def _carried(self, k: int, name: str, start: str) -> None:
        step = self.step
        fact = self.program.facts[name]
        if k in step.counters:
            self.values[name] = self._counter(step.counters[k], fact.dtype)
        elif self.loop.body.outputs[k] == name:
            step.constant_carried[k] = start
            self.lists[name] = start
        elif is_list(fact):
            self.lists[name] = name
        else:
            old = step.tracer.input(f"state{k}", fact)
            self.values[name] = old
            step.states.append(State(k, old, old))

    def _counter(self, counter: Counter, dtype: str) -> Expr:
        """Its start and the number of the step."""
        tracer = self.step.tracer
        time = self.step.time
        if dtype != time.dtype:
            time = tracer.cast(time, dtype)
        time = time if counter.step > 0 else -time
        if known_int(self.program, counter.start) == 0:
            return time
        found: Expr = self.value(counter.start) + time
        return found

    def value(self, name: str) -> Expr:
        """The expression of a value the body reads; values from outside become constants or captured leaves."""
        found = self.values.get(name)
        if found is not None:
            return found
        outer = self.lists.get(name, name)
        constant = self.program.constants.get(outer)
        if constant is not None:
            expr = self.step.tracer.constant(
                constant, name=self.program.variables.get(outer, outer)
            )
        else:
            expr = self.step.tracer.input(outer, self.program.facts[outer])
            self.step.captures[expr] = outer
            if made_of_zeros(self.program, self.definitions, outer):
                self.step.zeros.add(expr)
        self.values[name] = expr
        return expr

    def _statement(self, statement: OpNode) -> None:
        op = statement.node.op
        if op == "ListGet":
            self._read(statement)
        elif op == "ListSet":
            source, index, item = statement.inputs
            backward = self._backward(statement, index)
            name = self.lists.get(source, source)
            self.written[statement.outputs[0]] = (name, self.value(item), backward)
        elif op.startswith("List"):
            msg = f"{statement.node.name} ({op}) uses a list as a whole"
            raise NotAStepError(msg)
        else:
            self._apply(statement)

    def _apply(self, statement: OpNode) -> None:
        try:
            inputs = [self.value(name) for name in statement.inputs]
            results = tf_ops.apply(self.step.tracer, statement.node, inputs)
        except RnnportError as error:
            raise NotAStepError(str(error)) from error
        self.values.update(zip(statement.outputs, results, strict=False))

    def _read(self, statement: OpNode) -> None:
        source, index = statement.inputs[:2]
        offset, sign = self._place(statement, index)
        name = self.lists.get(source, source)
        if name in self.loop.body.inputs:
            msg = f"{statement.node.name} reads a list that the loop itself writes"
            raise NotAStepError(msg)
        read = Read(name, None, offset, sign)
        self.values[statement.outputs[0]] = leaf_of(
            self.step, read, self.program.facts[statement.outputs[0]]
        )

    def _place(self, statement: OpNode, index: str) -> tuple[Dim, int]:
        """(offset, sign) of the item that is read or written."""
        found = place_of(self.step, self.value(index))
        if found is None:
            msg = f"{statement.node.name} is not at the loop's own counter"
            raise NotAStepError(msg)
        return found

    def _backward(self, statement: OpNode, index: str) -> bool:
        """Whether the items are written from the last to the first; each step must write one, and nothing be left out."""
        place = self._place(statement, index)
        if place == (0, 1):
            return False
        steps = symbolic(self.program, self.step.steps)
        if steps is None or place[1] > 0 or place[0] + 1 != steps:
            msg = f"{statement.node.name} does not write the items in order"
            raise NotAStepError(msg)
        return True

    def _result(self, k: int, name: str, out: str) -> None:
        if name in self.lists:
            if out not in self.written or self.written[out][0] != name:
                msg = f"the list {name} is not written once a step"
                raise NotAStepError(msg)
            _, item, backward = self.written[out]
            self.step.writes.append(Write(k, item, backward=backward))
            return
        state = next(s for s in self.step.states if s.carried == k)
        state.new = self.value(out)
