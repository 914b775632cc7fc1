"""The interpreter itself: binds a call, runs the shape rule, then whatever can be told of the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# Imported for the rules they register.
from reference.vocabulary.abstract import elementwise, indexing, linear, scans, shaping
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.rules import RULES
from reference.vocabulary.abstract.sizes import Dim, Size, as_static, unknown
from reference.vocabulary.abstract.values import fold, integer, settle
from reference.vocabulary.arrays import Operators, concrete
from reference.vocabulary.scalars import promote
from reference.vocabulary.signatures import MULTIPLE, SIGNATURES, bind

_FAMILIES = (elementwise, indexing, linear, scans, shaping)


class AbstractArray(Operators):
    """A Fact with operators."""

    __slots__ = ("fact", "ops")

    def __init__(self, ops: Any, fact: Fact) -> None:
        self.ops = ops
        self.fact = fact

    def __repr__(self) -> str:
        return f"AbstractArray({self.fact.dtype}, {self.fact.shape})"


class AbstractOps:
    """Operands may be any objects with a ``.fact``, so that other interpreters can hand in their own arrays.

    Unknown sizes that an operation brings about are named after ``hint`` (the caller sets it, for instance to a node's
    name) and a counter: ``"nonzero.0"``.
    """

    def __init__(self, hint: str = "") -> None:
        self.hint = hint
        self._used: dict[str, int] = {}
        self._parts: dict[Size, frozenset[Size]] = {}
        self.born: list[str] = []
        """The names of all unknowns made so far, in order."""

    def input(self, fact: Fact, /) -> AbstractArray:
        """An array of which ``fact`` is known."""
        return AbstractArray(self, fact)

    def fresh(self, hint: str | None = None) -> Size:
        """A new unknown size."""
        head = (self.hint if hint is None else hint) or "unknown"
        number = self._used.get(head, 0)
        self._used[head] = number + 1
        self.born.append(f"{head}.{number}")
        return unknown(f"{head}.{number}")

    def broadcast_of(self, a: Size, b: Size) -> Size:
        """The size two different unknown ones broadcast to; one name whatever the order and the repetition."""
        parts = self._parts.get(a, frozenset((a,))) | self._parts.get(b, frozenset((b,)))
        names = ",".join(sorted(str(part).replace(" ", "") for part in parts))
        result = unknown(f"broadcast({names})")
        self._parts[result] = parts
        return result

    def restart(self, hint: str) -> None:
        """Name unknowns after ``hint``, from 0 again: the same operation run again gives the same names."""
        self.hint = hint
        self._used.pop(hint, None)

    def constant(self, value: np.ndarray, /) -> AbstractArray:
        """A literal. An object array of Dims is a symbolic int64 value."""
        array = np.asarray(value)
        if array.dtype == object and any(isinstance(item, Size) for item in array.flat):
            return AbstractArray(self, Fact("int64", array.shape, array))
        dtype = "string" if array.dtype.kind in "OSU" else str(array.dtype)
        return AbstractArray(self, Fact(dtype, array.shape, array))

    def symbolic(self, dims: Sequence[Dim], dtype: str = "int32", /) -> AbstractArray:
        """A shape vector ``[len(dims)]`` with known items."""
        value = np.empty(len(dims), object)
        value[:] = list(dims)
        return AbstractArray(self, Fact(dtype, (len(dims),), settle(value, dtype)))

    def dtype_of(self, x: Any, /) -> str:
        return str(x.fact.dtype)

    def rank_of(self, x: Any, /) -> int:
        """NotConvertibleError where it is not known."""
        return len(Operators.shape.fget(x))  # type: ignore[attr-defined]

    def dims_of(self, x: Any, /) -> tuple[int | None, ...]:
        return as_static(Operators.shape.fget(x))  # type: ignore[attr-defined]

    def static(self, x: Any, /) -> np.ndarray | None:
        return concrete(x.fact)

    def apply(self, op: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run ``op`` on Facts."""
        operands, params = bind(op, args, kwargs)
        operands = [_facts(item) for item in promote(self, op, operands)]
        found = RULES[op](self, *operands, **params)
        facts = found if isinstance(found, tuple) else (found,)
        if op == "shape" and operands[0].shape is not None and integer(params["dtype"]):
            return self.symbolic(operands[0].shape, params["dtype"])
        arrays = tuple(AbstractArray(self, f) for f in fold(op, operands, params, facts))
        return arrays if op in MULTIPLE else arrays[0]


def _facts(item: Any) -> Any:
    if isinstance(item, tuple):
        return tuple(_facts(part) for part in item)
    return getattr(item, "fact", item)


def _operation(op: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.apply(op, args, kwargs)

    method.__name__ = op
    return method


for _op in SIGNATURES:
    setattr(AbstractOps, _op, _operation(_op))
