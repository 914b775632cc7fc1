"""Statements of a program as expressions: shapes and known sizes fold away, equal values are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from converters import tf_ops
from converters.lift.lists import is_list_op
from converters.program import Conditional, Loop, OpNode, SubProgram
from converters.to_keras.encode_program import NewList, ShapedLoop
from converters.to_source.blocks.cells import lstm_rule
from converters.to_source.blocks.controls import TracedBranch, TracedLoop
from converters.to_source.blocks.driven import drive
from converters.to_source.blocks.live import Live
from converters.to_source.blocks.rules import RULES
from converters.to_source.blocks.simplify import Cleaner
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, Tracer, needed

WHOLE = {"GatherTree": "gather_tree"}
"""Ops that the source says in one word, and what it is; their equation is a helper's."""


@dataclass
class Trace:
    """What the statements compute.

    Args:
        facts: dtype, symbolic shape and known value by value name.
    """

    facts: Mapping[str, Fact]
    tracer: Tracer = field(default_factory=Tracer)
    values: dict[str, Expr] = field(default_factory=dict)
    made_by: dict[Expr, TracedLoop | TracedBranch] = field(default_factory=dict)
    """By an expression that stands for a result of a loop or a branch."""
    names: dict[Expr, str] = field(default_factory=dict)
    """The first value that was the expression."""
    cells: dict[str, Any] = field(default_factory=dict)
    """By a recurrence's name: its cell, expressions for its weights."""

    def __post_init__(self) -> None:
        self.cleaner = Cleaner(self.tracer, RULES)

    def given(self, name: str, /, alike: str = "") -> Expr:
        """An input of that name."""
        fact = self.facts.get(alike or name)
        if fact is None or fact.shape is None:
            text = f"the rank of {name!r} is not known"
            raise NotConvertibleError(text, (Reason(name, text),))
        value = fact.value if fact.value is not None and fact.value.dtype == object else None
        return self.tracer.input(name, Fact(fact.dtype, tuple(fact.shape), value))

    def define(self, name: str, value: Expr, /) -> None:
        """``name`` is that value."""
        self.values[name] = value
        self.names.setdefault(value, name)

    def run(self, statements: Sequence[Any], /) -> None:
        """Trace them in order."""
        for statement in statements:
            if isinstance(statement, OpNode):
                self._op(statement)
            elif isinstance(statement, NewList):
                self._op(statement.statement)
            elif isinstance(statement, ShapedLoop):
                self._loop(statement.statement)
            elif isinstance(statement, Loop):
                self._loop(statement)
            elif isinstance(statement, Conditional):
                self._branch(statement)
            else:
                drive(self, statement)

    def _op(self, statement: OpNode) -> None:
        node, given = statement.node, [self.values[name] for name in statement.inputs]
        if is_list_op(node.op):
            results = self._list(statement, given)
        elif node.op in WHOLE:
            facts = [self.facts[name] for name in statement.outputs]
            results = self.tracer.emit(WHOLE[node.op], tuple(given), {}, tuple(facts))
        else:
            results = tf_ops.apply(self.tracer, node, given)
        for name, result in zip(statement.outputs, results, strict=False):
            self.define(name, self.cleaner.of(result))

    def _list(self, statement: OpNode, given: list[Expr]) -> Sequence[Expr]:
        node = statement.node
        if node.op in ("ListStack", "ListUnstack"):
            return given[:1]
        found = [self.facts.get(name) for name in statement.outputs]
        if node.op == "ListSize":
            return [
                self.tracer.squeeze(
                    self.tracer.strided_slice(self.tracer.shape(given[0]), [0], [1], [1]), [0]
                )
            ]
        if node.op in ("ListGet", "ListGather"):
            return [self.tracer.gather(given[0], given[1], axis=0)]
        if any(f is None or f.shape is None for f in found):
            text = "the shape of a list's items is not known"
            raise NotConvertibleError(text, (Reason(node.name, text),))
        facts = tuple(
            Fact(f.dtype, tuple(f.shape)) for f in found if f is not None and f.shape is not None
        )
        params = {"dynamic": bool(getattr(found[0], "dynamic", False))}
        return self.tracer.emit(node.op, tuple(given), params, facts)

    def _sub(self, sub: SubProgram, given: Sequence[Expr]) -> list[Expr]:
        for name, value in zip(sub.inputs, given, strict=True):
            self.define(name, value)
        self.run(sub.statements)
        return [self.values[name] for name in sub.outputs]

    def _loop(self, loop: Loop) -> None:
        start = [self.values[name] for name in loop.carried]
        inputs = [self.given(name) for name in loop.body.inputs]
        (go_on,) = self._sub(loop.condition, inputs)
        new = self._sub(loop.body, inputs)
        outputs = [self.given(name) for name in loop.outputs]
        self.close(TracedLoop(loop.name, start, inputs, go_on, new, outputs), loop.outputs)

    def close(self, loop: TracedLoop, names: Sequence[str], /) -> None:
        """Its results are the values of these names, ``""`` for none."""
        same = self._merged(loop)
        for place, (name, value) in enumerate(zip(names, loop.outputs, strict=True)):
            if name:
                self.define(name, loop.outputs[same.get(place, place)])
            self.made_by[value] = loop

    def _merged(self, loop: TracedLoop) -> dict[int, int]:
        """The carried values that are always equal to an earlier one, by its place; the round no longer reads them."""
        first: dict[Expr, int] = {}
        same = {k: first[e] for k, e in enumerate(loop.start) if first.setdefault(e, k) != k}
        while same:
            bindings = {loop.inputs[k]: loop.inputs[j] for k, j in same.items()}
            cleaner = Cleaner(self.tracer, RULES)
            cleaner.done.update(bindings)
            new = [cleaner.of(e) for e in loop.new]
            wrong = [k for k, j in same.items() if new[k] is not new[j]]
            if not wrong:
                for one in (loop, *dict.fromkeys(self.made_by.values())):
                    one.rewrite(cleaner.of)
                self._rename(cleaner)
                return same
            for k in wrong:
                del same[k]
        return {}

    def _replayed(self, exprs: list[Expr], bindings: Mapping[Expr, Expr]) -> list[Expr]:
        cleaner = Cleaner(self.tracer, RULES)
        cleaner.done.update(bindings)
        made = [cleaner.of(e) for e in exprs]
        self._rename(cleaner)
        return made

    def _rename(self, cleaner: Cleaner) -> None:
        for old, new in cleaner.done.items():
            if old in self.names:
                self.names.setdefault(new, self.names[old])

    def _branch(self, one: Conditional) -> None:
        before = set(self.made_by)
        sides = (self._sub(one.then, ()), self._sub(one.otherwise, ()))
        inside = frozenset(set(self.made_by) - before)
        outputs = [self.given(name) for name in one.outputs]
        made = TracedBranch(one.name, self.values[one.predicate], sides, outputs, inside)
        for name, value in zip(one.outputs, outputs, strict=True):
            self.define(name, value)
            self.made_by[value] = made

    def finish(self, wanted: Sequence[Expr], /) -> list[Expr]:
        """``wanted`` in its last form: what a loop makes for a round that never comes is left out, cells are named."""
        controls = list(dict.fromkeys(self.made_by.values()))
        read = Live(self, wanted).read
        for one in controls:
            if isinstance(one, TracedLoop):
                one.new = [
                    e if one.outputs[k] in read else self._without_end(one, e)
                    for k, e in enumerate(one.new)
                ]
        roots = [*wanted, *(e for one in controls for e in one.exprs())]
        cleaner = Cleaner(self.tracer, RULES, lstm_rule(self.tracer, _below(roots)))
        for one in controls:
            one.rewrite(cleaner.of)
        found = [cleaner.of(e) for e in wanted]
        self._rename(cleaner)
        return found

    def _without_end(self, loop: TracedLoop, expr: Expr) -> Expr:
        """The other side of what is chosen only when there is no other round."""
        branch = self.made_by.get(expr)
        if isinstance(branch, TracedBranch):
            predicate = branch.predicate
            other = branch.sides[1][next(k for k, e in enumerate(branch.outputs) if e is expr)]
        elif expr.op == "where":
            predicate, _, other = expr.args
        else:
            return expr
        (again,) = self._replayed([loop.go_on], dict(zip(loop.inputs, loop.new, strict=True)))
        return other if _excludes(again, predicate) else expr


def _excludes(go_on: Expr, predicate: Expr) -> bool:
    """Whether there is no other round where the predicate is true."""
    if go_on.op == "logical_and":
        return any(_excludes(part, predicate) for part in go_on.args)
    if go_on.op != "logical_not":
        return False
    stop = go_on.args[0]
    if stop is predicate:
        return True
    if stop.op != "all" or predicate.op != "all" or stop.params != predicate.params:
        return False
    # Where all are finished now, all are that were finished before or are now.
    return stop.args[0].op == "logical_or" and predicate.args[0] in stop.args[0].args


def _below(exprs: Sequence[Expr]) -> list[Expr]:
    return needed(exprs)
