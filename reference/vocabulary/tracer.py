"""``Tracer``: an interpreter whose arrays are expressions.

>>> t = Tracer()
>>> x = t.input("x", Fact("float32", (2,)))
>>> y = t.tanh(x + 1.0)
>>> y.op, y.args[0].op, y is t.tanh(x + 1.0)
('tanh', 'add', True)

Equal expressions are one object (``is``). Results that are known become constants; constants keep where they come from:
``name`` where they are a named one, ``origin`` where they are a part of named ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.arrays import Operators
from reference.vocabulary.origins import Joined, Origin, derive, whole
from reference.vocabulary.recording import RecordingOps
from reference.vocabulary.signatures import MULTIPLE, call

INPUT, CONSTANT = "input", "constant"

_BYTES_COMPARED = 1 << 12
"""Unnamed constants up to this size are one expression when equal; larger ones when they are the same array."""


class Expr(Operators):
    """One node. Do not change it; make it through its Tracer (``ops``)."""

    __slots__ = (
        "__weakref__",
        "args",
        "fact",
        "group",
        "index",
        "name",
        "op",
        "ops",
        "origin",
        "params",
        "serial",
    )

    ops: Tracer
    op: str
    """The vocabulary's operation, ``"input"`` or ``"constant"``."""
    args: tuple[Any, ...]
    """Operands of the canonical call (:mod:`reference.vocabulary.signatures`): Exprs, and tuples of Exprs, ints and None."""
    params: Mapping[str, Any]
    index: int
    """Which result, of an operation that has several."""
    group: int
    """Equal for the results of one operation."""
    serial: int
    """Operands have smaller ones: a topological order."""
    name: str | None
    """Of an input or a named constant."""
    origin: Origin | Joined | None
    """Of a constant that is a named one, a slice or transpose of it, or a concat of such."""

    @property
    def value(self) -> np.ndarray | None:
        """A constant's value."""
        return self.fact.value if self.op == CONSTANT else None

    @property
    def operands(self) -> list[Expr]:
        """Every Expr among ``args``, in order."""
        return list(_exprs(self.args))

    def __repr__(self) -> str:
        return f"Expr({self.op}#{self.serial}, {self.fact.dtype}, {self.fact.shape})"


class Tracer(RecordingOps):
    """Makes expressions; all expressions that meet must come from one Tracer."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes: dict[Any, tuple[Expr, ...]] = {}
        self._serial = 0
        self._kept: list[np.ndarray] = []

    def input(self, name: str, fact: Fact, /) -> Expr:
        """The input called ``name``; the same Expr for the same name, dtype and shape."""
        return self._intern((INPUT, name, fact.dtype, fact.shape), INPUT, (), {}, (fact,), name)[0]

    def constant(self, value: np.ndarray, /, name: str | None = None) -> Expr:
        """A literal; ``name`` says which variable or Const it is."""
        array = np.asarray(value)
        key = (CONSTANT, name, *self._identity(array))
        found = self._nodes.get(key)
        if found is not None:
            return found[0]
        origin = None if name is None else whole(name, array.shape)
        fact = self.abstract.constant(array).fact
        return self._intern(key, CONSTANT, (), {}, (fact,), name, (origin,))[0]

    def emit(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], facts: tuple[Fact, ...]
    ) -> tuple[Expr, ...]:
        key = (op, _key(args), tuple(sorted(params.items())))
        return self._nodes.get(key) or self._intern(key, op, args, params, facts)

    def fold(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], facts: tuple[Fact, ...]
    ) -> tuple[Expr, ...]:
        origins = derive(op, args, params, len(facts))
        results: list[Expr] = []
        for fact, origin in zip(facts, origins, strict=True):
            assert fact.value is not None
            key = (CONSTANT, origin, *self._identity(fact.value))
            results += self._nodes.get(key) or self._intern(
                key, CONSTANT, (), {}, (fact,), None, (origin,)
            )
        return tuple(results)

    def _identity(self, array: np.ndarray) -> tuple[Any, ...]:
        if array.dtype != object and array.nbytes <= _BYTES_COMPARED:
            return str(array.dtype), array.shape, array.tobytes()
        self._kept.append(array)  # an id is only good while the array lives
        return ("id", id(array))

    def _intern(
        self,
        key: Any,
        op: str,
        args: tuple[Any, ...],
        params: Mapping[str, Any],
        facts: Sequence[Fact],
        name: str | None = None,
        origins: Sequence[Origin | Joined | None] = (),
    ) -> tuple[Expr, ...]:
        found = self._nodes.get(key)
        if found is not None:
            return found
        group = self._serial
        made = []
        for index, fact in enumerate(facts):
            expr = Expr()
            expr.ops, expr.op, expr.args, expr.params, expr.fact = self, op, args, params, fact
            expr.index, expr.group, expr.serial = index, group, self._serial
            expr.name, expr.origin = name, origins[index] if origins else None
            self._serial += 1
            made.append(expr)
        self._nodes[key] = tuple(made)
        return self._nodes[key]


def needed(exprs: Sequence[Expr], stop: Mapping[Expr, Any] | None = None) -> list[Expr]:
    """Everything ``exprs`` depend on, themselves included, operands first; nothing below the keys of ``stop``."""
    seen: set[Expr] = set()
    stack = list(exprs)
    while stack:
        expr = stack.pop()
        if expr in seen:
            continue
        seen.add(expr)
        if stop is None or expr not in stop:
            stack.extend(_exprs(expr.args))
    return sorted(seen, key=lambda expr: expr.serial)


def replay(exprs: Sequence[Expr], ops: Any, bindings: Mapping[Expr, Any]) -> list[Any]:
    """The expressions' values under another interpreter.

    Args:
        bindings: arrays of ``ops`` for the inputs, or for any other expressions (what lies below is not evaluated).

    Raises:
        KeyError: an input is not bound; the message is its name.
    """
    values: dict[Expr, Any] = {}
    groups: dict[int, Sequence[Any]] = {}

    def plain(item: Any) -> Any:
        if isinstance(item, Expr):
            return values[item]
        return tuple(plain(part) for part in item) if isinstance(item, tuple) else item

    for expr in needed(exprs, bindings):
        if expr in bindings:
            values[expr] = bindings[expr]
        elif expr.op == CONSTANT:
            # Within one tracer a constant stays itself: a copy would forget which variable it is.
            values[expr] = expr if expr.ops is ops else ops.constant(expr.fact.value)
        elif expr.op == INPUT:
            raise KeyError(expr.name)
        else:
            if expr.group not in groups:
                result = call(ops, expr.op, [plain(arg) for arg in expr.args], expr.params)
                groups[expr.group] = result if expr.op in MULTIPLE else (result,)
            values[expr] = groups[expr.group][expr.index]
    return [values[expr] for expr in exprs]


def _exprs(items: Any) -> list[Expr]:
    found: list[Expr] = []
    for item in items:
        if isinstance(item, Expr):
            found.append(item)
        elif isinstance(item, tuple):
            found += _exprs(item)
    return found


def _key(items: Any) -> Any:
    return tuple(_key(item) if isinstance(item, tuple) else item for item in items)


def called_again(tracer: Tracer, expr: Expr, args: Sequence[Any], /) -> Expr:
    """The same operation of other operands."""
    result = call(tracer, expr.op, list(args), expr.params)
    found: Expr = result[expr.index] if expr.op in MULTIPLE else result
    return found


def rebuilt(tracer: Tracer, expr: Expr, of: Callable[[Expr], Expr], /) -> Expr:
    """The operation on what ``of`` makes of its operands, those in nests too."""

    def made(item: Any) -> Any:
        if isinstance(item, Expr):
            return of(item)
        return tuple(made(part) for part in item) if isinstance(item, tuple) else item

    return called_again(tracer, expr, [made(arg) for arg in expr.args])
