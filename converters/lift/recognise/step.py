"""One step of a loop, read: which carried value is the counter, a state, a written list; which list is read where.

The body is traced in the vocabulary, so what follows sees equations, not TF ops. Whatever does not fit raises :class:`NotAStepError` with the
reason; the loop then stays a loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from converters import tf_ops
from converters.lift.lists import ListFact
from converters.program import Conditional, Loop, OpNode, Program, Statement, defined, walk
from reference.errors import RnnportError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, Tracer


class NotAStepError(Exception):
    """The loop is not a recurrence over a counter; the message says why."""


@dataclass
class Write:
    """A list that each step writes one item of, at the counter's place."""

    carried: int
    item: Expr
    """Masks taken off."""
    masked: bool = False


@dataclass
class State:
    carried: int
    old: Expr
    new: Expr
    """Masks taken off."""
    masked: bool = False
    window: tuple[int, int] | None = None
    """The features of the carried value that this part is, where it is packed with others."""


@dataclass
class Step:
    """A traced step. ``reads`` maps the leaf of a sequence's item to the list's value name."""

    tracer: Tracer
    time: Expr
    steps: str
    """The value that bounds the counter."""
    states: list[State] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    reads: dict[Expr, str] = field(default_factory=dict)
    captures: dict[Expr, str] = field(default_factory=dict)
    """Leaves that are values from outside the loop, the same at every step."""
    counters: dict[int, int] = field(default_factory=dict)
    """Carried counters, and where they start."""
    constant_carried: dict[int, str] = field(default_factory=dict)
    """Carried values that no step changes."""
    lengths: Expr | None = None
    zeros: set[Expr] = field(default_factory=set)
    """Captured values that are known to be zeros."""


class Definitions:
    """Who defines a value: in a program, or in what stands around it."""

    def __init__(self, program: Program, outer: Definitions | None = None) -> None:
        known = {} if outer is None else outer.by_value
        self.by_value = {**known, **{name: s for s in program.statements for name in defined(s)}}

    def op(self, value: str) -> OpNode | None:
        found = self.by_value.get(value)
        return found if isinstance(found, OpNode) else None


def read_step(program: Program, loop: Loop, definitions: Definitions) -> Step:
    """Trace the body of ``loop``."""
    increments = _counters(program, loop)
    if not increments:
        msg = "no carried counter goes up by one from a known start"
        raise NotAStepError(msg)
    time_index, steps = _bound(program, loop, increments)
    tracer = Tracer()
    time = tracer.input("time", Fact("int32", ()))
    step = Step(tracer, time, steps, counters=increments)
    return _Body(program, loop, definitions, step, time_index).trace()


def _counters(program: Program, loop: Loop) -> dict[int, int]:
    """Carried values that start at a known integer and go up by one."""
    makers = {s.outputs[0]: s for s in loop.body.statements if isinstance(s, OpNode)}
    found = {}
    for k, (start, name, out) in enumerate(
        zip(loop.carried, loop.body.inputs, loop.body.outputs, strict=True)
    ):
        maker = makers.get(out)
        value = known_int(program, start)
        if maker is None or maker.node.op not in ("Add", "AddV2") or value is None:
            continue
        a, b = maker.inputs
        other = b if a == name else a if b == name else None
        if other is not None and known_int(program, other) == 1:
            found[k] = value
    return found


def known_int(program: Program, value: str) -> int | None:
    """The value of an integer constant."""
    array = program.constants.get(value)
    if array is None:
        fact = program.facts.get(value)
        array = None if fact is None else fact.value
    if array is None or array.dtype == object or array.size != 1 or array.dtype.kind not in "iu":
        return None
    return int(array.reshape(()))


def _bound(program: Program, loop: Loop, counters: Mapping[int, int]) -> tuple[int, str]:
    """(the carried counter, the value it stays below): the condition must be nothing but such comparisons."""
    condition = loop.condition
    makers = {s.outputs[0]: s for s in condition.statements if isinstance(s, OpNode)}
    todo, bounds = [condition.outputs[0]], []
    while todo:
        maker = makers.get(todo.pop())
        if maker is None:
            msg = "its condition is not a comparison of a counter"
            raise NotAStepError(msg)
        if maker.node.op == "LogicalAnd":
            todo.extend(maker.inputs)
            continue
        bound = _comparison(maker, condition.inputs, counters)
        if bound is None or bound[1] in makers:
            msg = f"its condition depends on {maker.node.name} ({maker.node.op}), not only on a counter"
            raise NotAStepError(msg)
        bounds.append(bound)
    starts = {counters[k] for k, _ in bounds}
    if starts != {0}:
        msg = "its counter does not start at 0"
        raise NotAStepError(msg)
    return _tightest(program, bounds)


def _comparison(
    maker: OpNode, inputs: tuple[str, ...], counters: Mapping[int, int]
) -> tuple[int, str] | None:
    sides = {"Less": maker.inputs, "Greater": maker.inputs[::-1]}.get(maker.node.op)
    if sides is None or sides[0] not in inputs or sides[1] in inputs:
        return None
    index = inputs.index(sides[0])
    return (index, sides[1]) if index in counters else None


def _tightest(program: Program, bounds: list[tuple[int, str]]) -> tuple[int, str]:
    """Of several bounds the one that decides: equal ones, or the one made by a minimum over the others."""
    names = {value for _, value in bounds}
    if len(names) == 1:
        return bounds[0]
    makers = {n: s for s in walk(program.statements) if isinstance(s, OpNode) for n in s.outputs}
    for counter, value in bounds:
        others = names - {value}
        maker = makers.get(value)
        if maker is not None and maker.node.op == "Minimum":
            if all(o in maker.inputs or _equal_facts(program, o, maker.inputs) for o in others):
                return counter, value
    if all(_equal_facts(program, value, (bounds[0][1],)) for value in names):
        return bounds[0]
    msg = "two different bounds end it"
    raise NotAStepError(msg)


def _equal_facts(program: Program, value: str, others: tuple[str, ...]) -> bool:
    """Whether a value's symbolic number equals that of one of the others."""
    numbers = [symbolic(program, name) for name in (value, *others)]
    return numbers[0] is not None and numbers[0] in numbers[1:]


def symbolic(program: Program, value: str) -> object | None:
    """The number or symbolic size an integer scalar is known to be."""
    array = program.constants.get(value)
    if array is None and value in program.facts:
        array = program.facts[value].value
    if array is None or array.size != 1:
        return None
    item = array.reshape(-1)[0]
    return int(item) if isinstance(item, int) or hasattr(item, "__index__") else item


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
            expr = self.step.tracer.constant(constant, name=self.program.variables.get(outer, outer))
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


def is_list(fact: Fact) -> bool:
    """Whether a value is a list of items (a TensorArray or a TensorList)."""
    return isinstance(fact, ListFact)


def peel_masks(step: Step) -> None:
    """Take off TF's ``where(time >= lengths, old or zero, new)``, if one vector of lengths masks every state and every output.

    Masks of any other kind stay in the equations.
    """
    found = [masked(s.new, step, s.old) for s in step.states]
    found += [masked(w.item, step, None) for w in step.writes]
    lengths = {f[0] for f in found if f is not None}
    if len(lengths) != 1 or any(f is None for f in found):
        return
    step.lengths = lengths.pop()
    insides = [f[1] for f in found if f is not None]
    for state, inside in zip(step.states, insides, strict=False):
        state.new, state.masked = inside, True
    for write, inside in zip(step.writes, insides[len(step.states) :], strict=True):
        write.item, write.masked = inside, True


def masked(expr: Expr, step: Step, old: Expr | None) -> tuple[Expr, Expr] | None:
    """(lengths, value inside) of ``where(time >= lengths, past, inside)``; past is ``old``, or zeros where there is none."""
    found = _mask(expr, step)
    if found is None:
        return None
    lengths, past, inside = found
    right = past is old if old is not None else is_zero(past, step)
    return (lengths, inside) if right else None


def _mask(expr: Expr, step: Step) -> tuple[Expr, Expr, Expr] | None:
    """(lengths, value past the length, value inside) of ``where(time >= lengths, past, inside)``."""
    if expr.op != "where":
        return None
    condition, a, b = expr.args
    while condition.op in ("reshape", "expand_dims", "broadcast_to", "squeeze", "logical_or", "tile"):
        condition = condition.args[0]
    while condition.op == "logical_not":
        condition, a, b = condition.args[0], b, a
    sides = {
        "greater_equal": (0, 1, a, b),
        "less_equal": (1, 0, a, b),
        "less": (0, 1, b, a),
        "greater": (1, 0, b, a),
    }.get(condition.op)
    if sides is None:
        return None
    time, lengths, past, inside = condition.args[sides[0]], condition.args[sides[1]], sides[2], sides[3]
    time, lengths = uncast(time), uncast(lengths)
    if time is not step.time or not is_lengths(lengths, step):
        return None
    return lengths, past, inside


def is_lengths(expr: Expr, step: Step) -> bool:
    return len(expr.shape) == 1 and (expr in step.captures or expr.op == "constant")


def uncast(expr: Expr) -> Expr:
    while expr.op in ("cast", "reshape", "expand_dims", "squeeze", "broadcast_to", "tile"):
        inner = expr.args[0]
        if expr.op != "cast" and len(inner.shape) < 1:
            return inner
        expr = inner
    return expr


def is_zero(expr: Expr, step: Step) -> bool:
    """Zeros of any shape."""
    while expr.op in ("fill", "broadcast_to", "reshape", "tile"):
        expr = expr.args[1] if expr.op == "fill" else expr.args[0]
    value = expr.fact.value
    known = value is not None and value.dtype != object and not value.any()
    return known or expr in step.zeros


def made_of_zeros(program: Program, definitions: Definitions, value: str) -> bool:
    """Whether a value outside is Fill(…, 0), ZerosLike, or a constant of zeros, through views."""
    for _ in range(8):
        constant = program.constants.get(value)
        if constant is not None:
            return constant.dtype.kind in "fiub" and not constant.any()
        maker = definitions.op(value)
        if maker is None:
            return False
        if maker.node.op == "ZerosLike":
            return True
        if maker.node.op not in ("Fill", "Identity", "Reshape", "Tile", "BroadcastTo", "ExpandDims"):
            return False
        value = maker.inputs[1] if maker.node.op == "Fill" else maker.inputs[0]
    return False


def depends(roots: list[Expr], on: set[Expr]) -> set[Expr]:
    """Which of ``on`` the expressions read."""
    seen: set[Expr] = set()
    todo = list(roots)
    while todo:
        expr = todo.pop()
        if expr in seen:
            continue
        seen.add(expr)
        todo.extend(expr.operands)
    return seen & on
