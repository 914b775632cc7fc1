"""A normal form run again, under any interpreter: for the numeric check, and to rebuild outside the loop what was inside it.

Everything in a normal form works on the last axis, so leaves may carry any leading axes: a step ``[B, F]`` or all steps ``[T, B, F]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.lift.recognise.form.functions import BINARY, NORMALISED
from converters.lift.recognise.form.poly import Atom, Form, Monomial, Poly
from converters.lift.recognise.form.refs import Parts, Ref
from reference.activations import Activation
from reference.vocabulary.tracer import CONSTANT, Expr

NARY = frozenset(("where", "maximum", "minimum", *BINARY))


class NotRowWiseError(Exception):
    """An opaque atom: it cannot be computed for all steps at once. The message is the operation's name."""


@dataclass
class Values:
    """Evaluates polys and atoms under ``ops``; ``leaves`` gives the arrays of leaf and opaque atoms."""

    ops: Any
    leaves: Mapping[Atom, Any]
    dtype: np.dtype
    exprs: Mapping[Expr, Any] = field(default_factory=dict)
    """The arrays of leaf expressions, also of those that are no features (ids)."""
    opaque: Callable[[Expr], Any] | None = None
    """Computes the expression of an opaque atom; without it only lookups in constant tables are."""
    mapped: Callable[[Expr], Any] | None = None
    """Computes what is neither, or raises NotRowWiseError."""
    memo: dict[Atom, Any] = field(default_factory=dict)

    def poly(self, poly: Poly) -> Any:
        """The array of a poly."""
        total = None
        for (mono, dense), parts in poly.terms.items():
            value = self._term(mono, dense, parts)
            total = value if total is None else total + value
        return self._number(0.0) if total is None else total

    def form(self, form: Form) -> Any:
        """The array of a poly, or of pieces side by side."""
        if isinstance(form, Poly):
            return self.poly(form)
        return self.ops.concat([self.poly(piece) for piece in form.pieces], -1)

    def monomial(self, mono: Monomial) -> Any:
        """The elementwise product of the atoms."""
        product = self.atom(mono[0])
        for atom in mono[1:]:
            product = product * self.atom(atom)
        return product

    def atom(self, atom: Atom) -> Any:
        if atom not in self.memo:
            self.memo[atom] = self._atom(atom)
        return self.memo[atom]

    def _atom(self, atom: Atom) -> Any:
        if atom in self.leaves:
            return self.leaves[atom]
        if atom.op == "opaque":
            given = (
                self._looked_up(atom.params[0])
                if self.opaque is None
                else self.opaque(atom.params[0])
            )
            if given is not None:
                return given
            if self.mapped is not None:
                return self.mapped(atom.params[0])
        if atom.op in ("leaf", "opaque"):
            raise NotRowWiseError(atom.params[0] if atom.op == "leaf" else atom.params[0].op)
        args = [self.poly(arg) for arg in atom.args]
        if atom.op == "slice":
            return last_slice(self.ops, args[0], *atom.params)
        if atom.op == "sum":
            return args[0]
        if atom.op == NORMALISED:
            return _normalised(self.ops, args[0], self._number(atom.params[0]))
        if atom.op in NARY:
            return getattr(self.ops, atom.op)(*args)
        return Activation(atom.op, atom.params)(self.ops, args[0])

    def _looked_up(self, expr: Expr) -> Any:
        """``gather(table, ids)`` with a constant table: an embedding, whatever leading axes the ids have."""
        if expr.op != "gather" or expr.params["axis"] != 0 or expr.params["batch_dims"] != 0:
            return None
        table, ids = expr.args
        last = False
        while ids not in self.exprs and ids.op in ("cast", "reshape", "squeeze"):
            inner = ids.args[0]
            # ids [B, 1] flattened to [B]
            last = len(inner.shape) == len(ids.shape) + 1 and inner.shape[-1] == 1
            if not (last or len(inner.shape) == len(ids.shape)) or not inner.dtype.startswith(
                "int"
            ):
                return None
            ids = inner
        given = self.exprs.get(ids)
        if table.op != CONSTANT or given is None:
            return None
        if last:
            given = self.ops.squeeze(given, [self.ops.rank_of(given) - 1])
        return self.ops.gather(self.ops.constant(table.fact.value), given, axis=0)

    def _term(self, mono: Monomial, dense: bool, parts: Parts) -> Any:
        if not mono:
            return self._sum([self._scaled(s, r) for s, r in parts])
        value = self.monomial(mono)
        if dense:
            return self._sum([self._times(self._product(value, r), s) for s, r in parts if r])
        return self._sum(
            [self._times(value if r is None else value * self._ref(r), s) for s, r in parts]
        )

    def _product(self, value: Any, ref: Ref) -> Any:
        if ref.rank == 2:
            return self.ops.matmul(value, self._ref(ref))
        if self.ops.rank_of(value) != ref.rank:
            msg = "conv"
            raise NotRowWiseError(msg)
        ones = (1,) * (ref.rank - 2)
        kernel = self._ref(ref)
        return self.ops.conv(value, kernel, strides=ones, padding="SAME", dilations=ones)

    def _times(self, value: Any, scale: float) -> Any:
        return value if scale == 1.0 else -value if scale == -1.0 else value * self._number(scale)

    def _scaled(self, scale: float, ref: Ref | None) -> Any:
        return self._number(scale) if ref is None else self._times(self._ref(ref), scale)

    def _ref(self, ref: Ref) -> Any:
        assert ref.array is not None
        return self.ops.constant(ref.array.astype(self.dtype))

    def _number(self, value: float) -> Any:
        return self.ops.constant(np.asarray(value, self.dtype))

    def _sum(self, values: list[Any]) -> Any:
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total


def _normalised(ops: Any, x: Any, epsilon: Any) -> Any:
    axis = (ops.rank_of(x) - 1,)
    centred = x - ops.mean(x, axis, keepdims=True)
    variance = ops.mean(ops.square(centred), axis, keepdims=True)
    return centred * ops.rsqrt(variance + epsilon)


def last_slice(ops: Any, x: Any, low: int, high: int) -> Any:
    """``x[..., low:high]``."""
    rank = ops.rank_of(x)
    begin: list[int | None] = [None] * (rank - 1) + [low]
    end: list[int | None] = [None] * (rank - 1) + [high]
    return ops.strided_slice(x, begin, end, [1] * rank)
