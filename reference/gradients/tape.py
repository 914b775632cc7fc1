"""Reverse-mode differentiation as one more interpreter: the same equations, remembered and run backwards.

No cell has a backward pass of its own. ``Tape`` computes with NumPy and writes down, for every
operation on something that is watched, how a cotangent of its result becomes cotangents of its
operands (:mod:`reference.gradients.rules`). Operations without a rule are refused by name, unless
nothing watched goes into them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.errors import SemanticsError
from reference.gradients import shape_rules
from reference.gradients.rules import RULES, Pull
from reference.vocabulary.numpy_ops import NumpyOps

Array = np.ndarray[Any, Any]

assert shape_rules.conv is RULES["conv"], "importing shape_rules registers its rules"


class Var:
    """An array that is watched; behaves like one in the equations."""

    __slots__ = ("number", "parents", "pull", "tape", "value")
    __array_ufunc__ = None  # NumPy's operators leave an array on the left to the methods below.

    def __init__(
        self, tape: Tape, value: Array, parents: tuple[Var, ...] = (), pull: Pull | None = None
    ) -> None:
        self.tape, self.value, self.parents, self.pull = tape, value, parents, pull
        self.number = tape.count
        tape.count += 1

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def __add__(self, other: Any) -> Any:
        return self.tape.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return self.tape.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return self.tape.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.tape.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return self.tape.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.tape.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.tape.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.tape.divide(other, self)

    def __neg__(self) -> Any:
        return self.tape.negative(self)


class Tape:
    """The interpreter. Watch arrays, run an equation, then ask for gradients."""

    def __init__(self) -> None:
        self.numpy = NumpyOps()
        self.count = 0

    def watch(self, value: Any, /) -> Var:
        """A leaf."""
        return Var(self, np.asarray(value))

    def stop_gradient(self, x: Any, /) -> Any:
        """The value, forgotten where it came from."""
        return value_of(x)

    def straight_through(self, value: Any, x: Any, /) -> Any:
        """The value, with the derivative of ``x``."""
        if not isinstance(x, Var):
            return value_of(value)
        return Var(self, value_of(value), (x,), lambda g, parents, add: add(parents[0], g))

    def dtype_of(self, x: Any, /) -> str:
        return self.numpy.dtype_of(value_of(x))

    def dims_of(self, x: Any, /) -> tuple[int | None, ...]:
        return self.numpy.dims_of(value_of(x))

    def rank_of(self, x: Any, /) -> int:
        return self.numpy.rank_of(value_of(x))

    def static(self, x: Any, /) -> Any:
        return value_of(x)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        compute = getattr(self.numpy, name)

        def operation(*args: Any, **kwargs: Any) -> Any:
            watched = _vars(args)
            plain = [_unwrap(a) for a in args]
            result = compute(*plain, **kwargs)
            if not watched:
                return result
            rule = RULES.get(name)
            if rule is None:
                msg = f"the operation {name!r} has no gradient rule"
                raise SemanticsError(msg)
            if isinstance(result, tuple):
                return tuple(
                    self._node(rule, r, args, plain, kwargs, (k,)) for k, r in enumerate(result)
                )
            return self._node(rule, result, args, plain, kwargs, ())

        return operation

    def _node(self, rule: Any, result: Any, args: Any, plain: Any, kwargs: Any, k: Any) -> Any:
        pull = rule(result, plain, kwargs, *k)
        if pull is None:
            return result
        return Var(self, np.asarray(result), tuple(_flat(args)), pull)

    def gradient(
        self, results: Sequence[Any], cotangents: Sequence[Any], sources: Sequence[Var], /
    ) -> list[Array]:
        """d(sum of results * cotangents) / d(each source); zeros where nothing leads there.

        Results that were never watched contribute nothing.
        """
        pending: dict[int, Var] = {}
        grads: dict[int, Array] = {}

        def add(parent: Any, value: Any, where: Any = None) -> None:
            if not isinstance(parent, Var):
                return
            if parent.number not in grads:
                grads[parent.number] = np.zeros_like(parent.value)
                pending[parent.number] = parent
            if where is None:
                grads[parent.number] += value
            else:
                grads[parent.number][where] += value

        for result, cotangent in zip(results, cotangents, strict=True):
            add(result, cotangent)
        keep = {s.number for s in sources}
        while pending:
            node = pending.pop(max(pending))
            if node.pull is None:
                continue
            held = grads[node.number] if node.number in keep else grads.pop(node.number)
            with np.errstate(all="ignore"):
                node.pull(held, node.parents, add)
        return [grads.get(s.number, np.zeros_like(s.value)) for s in sources]


def value_of(x: Any, /) -> Any:
    """The NumPy array of a Var; anything else as it is."""
    return x.value if isinstance(x, Var) else x


def _unwrap(argument: Any) -> Any:
    if isinstance(argument, list | tuple):
        return type(argument)(value_of(a) for a in argument)
    return value_of(argument)


def _flat(args: Any) -> list[Any]:
    """The operands in order; a list of operands stands for its items."""
    found: list[Any] = []
    for a in args:
        found += list(a) if isinstance(a, list | tuple) else [a]
    return found


def _vars(args: Any) -> list[Var]:
    return [a for a in _flat(args) if isinstance(a, Var)]
