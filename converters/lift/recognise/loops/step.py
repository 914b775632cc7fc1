"""One step of a loop, read: which carried value is the counter, a state, a written list; which list is read where.

The body is traced in the vocabulary, so what follows sees equations, not TF ops. Whatever does not fit raises :class:`NotAStepError` with the
reason; the loop then stays a loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from converters import tf_ops
from converters.lift.recognise.loops.bounds import bound_of, counters_of
from converters.lift.recognise.loops.masks import is_list, made_of_zeros, peel_masks
from converters.lift.recognise.loops.model import Definitions, NotAStepError, State, Step, Write
from converters.program import Conditional, Loop, OpNode, Program, Statement
from reference.errors import RnnportError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, Tracer


def read_step(program: Program, loop: Loop, definitions: Definitions) -> Step:
    """Trace the body of ``loop``."""
    increments = counters_of(program, loop)
    if not increments:
        msg = "no carried counter goes up by one from a known start"
        raise NotAStepError(msg)
    time_index, steps = bound_of(program, loop, increments)
    tracer = Tracer()
    time = tracer.input("time", Fact("int32", ()))
    step = Step(tracer, time, steps, counters=increments)
    return _Body(program, loop, definitions, step, time_index).trace()


@dataclass
class _Body:
    program: Program
    loop: Loop
    definitions: Definitions
    step: Step
    time_index: int
    values: dict[str, Expr] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    """List values inside the body: the name of the list they are (a carried input or a captured list)."""
    written: dict[str, tuple[str, Expr]] = field(default_factory=dict)
    """A ListSet's result: the list it was made from, and the item."""

    def trace(self) -> Step:
        loop, step = self.loop, self.step
        for k, (name, start) in enumerate(zip(loop.body.inputs, loop.carried, strict=True)):
            self._carried(k, name, start)
        for statement in loop.body.statements:
            self._any(statement)
        for k, (name, out) in enumerate(zip(loop.body.inputs, loop.body.outputs, strict=True)):
            if k not in step.counters and k not in step.constant_carried:
                self._result(k, name, out)
        peel_masks(step)
        return step

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
            self.values[name] = self.step.tracer.where(predicate, x, y)

    def _carried(self, k: int, name: str, start: str) -> None:
        step = self.step
        fact = self.program.facts[name]
        if k in step.counters:
            self.values[name] = step.time if step.counters[k] == 0 else step.time + step.counters[k]
        elif self.loop.body.outputs[k] == name:
            step.constant_carried[k] = start
            self.lists[name] = start
        elif is_list(fact):
            self.lists[name] = name
        else:
            old = step.tracer.input(f"state{k}", fact)
            self.values[name] = old
            step.states.append(State(k, old, old))

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
            self._at_time(statement, index)
            self.written[statement.outputs[0]] = (self.lists.get(source, source), self.value(item))
        elif op.startswith("List"):
            msg = f"{statement.node.name} ({op}) uses a list as a whole"
            raise NotAStepError(msg)
        elif set(statement.outputs) & self._counter_outputs():
            return
        else:
            self._apply(statement)

    def _apply(self, statement: OpNode) -> None:
        try:
            inputs = [self.value(name) for name in statement.inputs]
            results = tf_ops.apply(self.step.tracer, statement.node, inputs)
        except RnnportError as error:
            raise NotAStepError(str(error)) from error
        self.values.update(zip(statement.outputs, results, strict=False))

    def _counter_outputs(self) -> set[str]:
        return {self.loop.body.outputs[k] for k in self.step.counters}

    def _read(self, statement: OpNode) -> None:
        source, index = statement.inputs[:2]
        self._at_time(statement, index)
        name = self.lists.get(source, source)
        if name in self.loop.body.inputs:
            msg = f"{statement.node.name} reads a list that the loop itself writes"
            raise NotAStepError(msg)
        leaf = self.step.tracer.input(f"{name}[t]", self.program.facts[statement.outputs[0]])
        self.step.reads.setdefault(leaf, name)
        self.values[statement.outputs[0]] = leaf

    def _at_time(self, statement: OpNode, index: str) -> None:
        if self.value(index) is not self.step.time:
            msg = f"{statement.node.name} is not at the loop's own counter"
            raise NotAStepError(msg)

    def _result(self, k: int, name: str, out: str) -> None:
        if name in self.lists:
            if out not in self.written or self.written[out][0] != name:
                msg = f"the list {name} is not written once a step"
                raise NotAStepError(msg)
            self.step.writes.append(Write(k, self.written[out][1]))
            return
        state = next(s for s in self.step.states if s.carried == k)
        state.new = self.value(out)
