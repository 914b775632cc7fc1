"""Traced expressions rewritten, rule by rule, until graph noise is gone from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from reference.vocabulary.abstract.sizes import Size
from reference.vocabulary.signatures import SIGNATURES
from reference.vocabulary.tracer import CONSTANT, INPUT, Expr, Tracer, called_again, needed

Rule = Callable[[Tracer, Expr], Expr | None]


class Cleaner:
    """Rewrites expressions from their operands up; equal ones stay one.

    Args:
        rules: tried on every expression once its operands are rewritten.
        first: tried before, on the expression as it was.
    """

    def __init__(self, tracer: Tracer, rules: Sequence[Rule], first: Rule | None = None) -> None:
        self.tracer, self.rules, self.first = tracer, tuple(rules), first
        self.done: dict[Expr, Expr] = {}
        self.told: set[str] = set()
        """Names of sizes that what is given has."""

    def of(self, expr: Expr, /) -> Expr:
        """What is written for an expression."""
        for one in needed([expr], self.done):
            if one not in self.done:
                self.done[one] = self._clean(one)
        return self.done[expr]

    def _clean(self, expr: Expr) -> Expr:
        made = expr
        whole = self.first(self.tracer, expr) if self.first is not None else None
        if whole is not None:
            return self.of(whole)
        if expr.op not in (CONSTANT, INPUT):
            args = tuple(self._arg(arg) for arg in expr.args)
            if args != expr.args:
                made = again(self.tracer, expr, args)
        for rule in self.rules:
            found = rule(self.tracer, made)
            if found is not None and found is not made:
                made = self.of(found)
        made = self._size(made)
        self.done.setdefault(made, made)
        return made

    def _size(self, expr: Expr) -> Expr:
        """One expression for one size, however it was computed."""
        value = expr.fact.value
        if expr.op in (CONSTANT, INPUT) or value is None or value.dtype != object or value.ndim > 1:
            return expr
        names = {name for dim in value.reshape(-1) if isinstance(dim, Size) for name in dim.names}
        if not names <= self.told:
            return expr
        key = (INPUT, "sizes", expr.fact.dtype, value.ndim, tuple(value.reshape(-1)))
        return self.tracer._intern(key, INPUT, (), {}, (expr.fact,), "sizes")[0]

    def _arg(self, item: Any) -> Any:
        if isinstance(item, Expr):
            return self.done[item]
        return tuple(self._arg(part) for part in item) if isinstance(item, tuple) else item


def again(tracer: Tracer, expr: Expr, args: Sequence[Any], /) -> Expr:
    """The same operation of other operands."""
    if expr.op not in SIGNATURES:
        return tracer.emit(expr.op, tuple(args), expr.params, group_facts(tracer, expr))[expr.index]
    return called_again(tracer, expr, args)


def group_facts(tracer: Tracer, expr: Expr, /) -> tuple[Any, ...]:
    """The facts of all results of the operation that gave an expression."""
    key = (expr.op, _key(expr.args), tuple(sorted(expr.params.items())))
    return tuple(one.fact for one in tracer._nodes[key])


def _key(items: Any) -> Any:
    return tuple(_key(item) if isinstance(item, tuple) else item for item in items)


def number(expr: Any, /) -> Any:
    """The one number of a constant, else None."""
    value = expr.value if isinstance(expr, Expr) else None
    return (
        None if value is None or value.size != 1 or value.dtype == object else value.reshape(-1)[0]
    )


def both(expr: Expr, op: str) -> Iterator[tuple[Expr, Expr]]:
    """The two operands, both ways round."""
    if expr.op == op:
        a, b = expr.args
        yield a, b
        yield b, a
