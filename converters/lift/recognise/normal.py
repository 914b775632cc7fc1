"""From a traced step to its normal form.

Every expression of rank 2 (rows by features) becomes a :class:`Poly` or a :class:`Cat`; constants of rank 0 and 1 (or with one row) become
coefficients. What has no rule becomes an *opaque* atom and is compared only by identity of the expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.lift.recognise.poly import (
    Atom,
    Atoms,
    Cat,
    Form,
    Poly,
    add,
    atom_poly,
    cat,
    constant_poly,
    cut,
    matmul,
    multiply,
    scale,
)
from converters.lift.recognise.refs import Ref, anonymous, whole
from converters.lift.recognise.unify import ACTIVATION, ELEMENTWISE
from reference.vocabulary.origins import Origin
from reference.vocabulary.tracer import Expr

FUNCTIONS = ELEMENTWISE | frozenset(
    "exp expm1 log log1p sqrt rsqrt reciprocal floor ceil round tan asin acos atan sinh cosh asinh acosh atanh logical_not".split()
)
PASSIVE = {"reshape", "squeeze", "expand_dims", "broadcast_to"}


@dataclass
class Normaliser:
    """``cuts`` maps expressions to the atoms that stand for them: the leaves of the step and the outputs of other layers.

    ``weights`` maps the pattern's weight leaves to their Refs (empty on the graph's side, where weights are constants).
    """

    atoms: Atoms = field(default_factory=Atoms)
    cuts: dict[Expr, Atom] = field(default_factory=dict)
    weights: dict[Expr, Ref] = field(default_factory=dict)
    memo: dict[Expr, Form] = field(default_factory=dict)

    def leaf(self, expr: Expr, name: str) -> Atom:
        """A new leaf atom for ``expr``."""
        atom = self.atoms.make("leaf", (), (name,), last_width(expr))
        self.cuts[expr] = atom
        return atom

    def form(self, root: Expr) -> Form:
        """The normal form; iterative, so that a deep step does no harm."""
        stack = [root]
        while stack:
            expr = stack[-1]
            if expr in self.memo:
                stack.pop()
                continue
            waiting = [] if self._is_leaf(expr) else [a for a in expr.operands if a not in self.memo]
            if waiting:
                stack.extend(waiting)
                continue
            self.memo[expr] = self._rule(expr)
            stack.pop()
        return self.memo[root]

    def poly(self, root: Expr) -> Poly:
        """The form as one poly; side-by-side pieces become one opaque atom."""
        form = self.form(root)
        return form if isinstance(form, Poly) else self._opaque(root)

    def ref(self, expr: Expr) -> Ref | None:
        """The coefficient this expression is, where it is one: a weight of the pattern, or a constant."""
        if expr in self.weights:
            return self.weights[expr]
        if expr.op == "constant":
            return constant_ref(expr)
        if self.weights and expr.op in ("strided_slice", "split"):
            inner = self.ref(expr.args[0])
            window = slice_window(expr)
            if inner is not None and window is not None:
                return inner.cut(window[0], window[1], window[2])
        return None

    def _is_leaf(self, expr: Expr) -> bool:
        return expr in self.cuts or expr in self.weights or expr.op == "constant"

    def _rule(self, expr: Expr) -> Form:
        if expr in self.cuts:
            return atom_poly(self.cuts[expr])
        coefficient = self._coefficient(expr)
        if coefficient is not None:
            return coefficient
        rule = RULES.get(expr.op)
        if rule is None and expr.op in FUNCTIONS:
            rule = _function
        result = rule(self, expr) if rule is not None else None
        return result if result is not None else self._opaque(expr)

    def _coefficient(self, expr: Expr) -> Poly | None:
        ref = self.ref(expr)
        if ref is None:
            return None
        if ref.array is not None and ref.array.dtype.kind not in "fiu":
            return None
        if ref.rank == 2 and ref.shape[0] == 1:
            array = None if ref.array is None else ref.array[0]
            ref = Ref(ref.source, ref.window[1:], array)
        if ref.rank == 0 or ref.shape == (1,):
            value = None if ref.array is None else float(ref.array.reshape(()))
            parts = ((1.0, Ref(ref.source, ())),) if value is None else ((value, None),)
            return constant_poly(parts, None)
        if ref.rank == 1:
            return constant_poly(((1.0, ref),), ref.shape[0])
        return None

    def _opaque(self, expr: Expr) -> Poly:
        return atom_poly(self.atoms.make("opaque", (), (expr,), last_width(expr)))

    def arg(self, expr: Expr, index: int) -> Form:
        return self.memo[expr.args[index]]


Rule = Callable[[Normaliser, Expr], Form | None]


def last_width(expr: Expr) -> int | None:
    shape = expr.fact.shape
    if not shape or not isinstance(shape[-1], int):
        return None
    return int(shape[-1])


def constant_ref(expr: Expr) -> Ref:
    """A constant as a window of the named array it is a part of."""
    value, origin = expr.fact.value, expr.origin
    assert value is not None
    if isinstance(origin, Origin):
        name = origin.name if origin.perm == tuple(range(value.ndim)) else f"{origin.name}^T"
        return Ref(name, tuple(origin.box[k] for k in origin.perm), value)
    return anonymous(value)


def slice_window(expr: Expr) -> tuple[int, int, int] | None:
    """(axis, low, high) where the expression is one contiguous range of one axis of its argument."""
    shape = expr.args[0].fact.shape
    if shape is None:
        return None
    if expr.op == "split":
        axis = expr.params["axis"] % len(shape)
        sizes = expr.params["sizes"]
        low = sum(sizes[: expr.index])
        return axis, low, low + sizes[expr.index]
    return _strided_window(expr, shape)


def _strided_window(expr: Expr, shape: tuple[Any, ...]) -> tuple[int, int, int] | None:
    begins, ends = ints(expr.args[1]), ints(expr.args[2])
    if begins is None or ends is None or any(s != 1 for s in expr.params["strides"]):
        return None
    found = None
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        size = shape[axis]
        if begin in (0, None) and (end is None or (isinstance(size, int) and end >= size)):
            continue
        if found is not None or not isinstance(size, int):
            return None
        low, high, _ = slice(begin, end).indices(size)
        found = (axis, low, high)
    if found is None and isinstance(shape[-1], int):
        return len(shape) - 1, 0, shape[-1]
    return found


def ints(argument: Any) -> list[int | None] | None:
    """A shape-like argument as Python ints, where all of them are known."""
    if isinstance(argument, Expr):
        value = argument.fact.value
        if value is None or value.dtype == object:
            return None
        return [int(v) for v in value.reshape(-1)]
    found: list[int | None] = []
    for item in argument:
        if isinstance(item, Expr):
            value = item.fact.value
            if value is None or value.dtype == object:
                return None
            found.append(int(value))
        elif item is None or isinstance(item, int | np.integer):
            found.append(None if item is None else int(item))
        else:
            return None
    return found


def _polys(n: Normaliser, expr: Expr) -> list[Poly] | None:
    forms = [n.memo[a] for a in expr.operands]
    polys = [f for f in forms if isinstance(f, Poly)]
    return polys if len(polys) == len(forms) else None


def _pairwise(combine: Callable[[Normaliser, Poly, Poly], Poly]) -> Rule:
    """Lift a rule for two polys to forms whose pieces line up."""

    def rule(n: Normaliser, expr: Expr) -> Form | None:
        a, b = n.arg(expr, 0), n.arg(expr, 1)
        if isinstance(a, Poly) and isinstance(b, Poly):
            return combine(n, a, b)
        cuts = sorted(_edges(a) | _edges(b))
        total = max(a.width or 0, b.width or 0)
        if any(f.width not in (None, 1, total) for f in (a, b)):
            return None
        pieces: list[Form] = []
        for low, high in zip([0, *cuts], [*cuts, total], strict=True):
            x, y = (cut(n.atoms, f, low, high) for f in (a, b))
            if not isinstance(x, Poly) or not isinstance(y, Poly):
                return None
            pieces.append(combine(n, x, y))
        return cat(pieces)

    return rule


def _edges(form: Form) -> set[int]:
    if isinstance(form, Poly):
        return set()
    edges, at = set(), 0
    for piece in form.pieces[:-1]:
        at += piece.width or 0
        edges.add(at)
    return edges


def each(form: Form, function: Callable[[Poly], Poly]) -> Form:
    """``function`` on every piece."""
    return function(form) if isinstance(form, Poly) else Cat(tuple(map(function, form.pieces)))


def _function(n: Normaliser, expr: Expr) -> Form | None:
    params = tuple(v for k, v in sorted(expr.params.items()))
    op = expr.op
    return each(n.arg(expr, 0), lambda p: atom_poly(n.atoms.make(op, (p,), params, p.width)))


def _matmul(n: Normaliser, expr: Expr) -> Form | None:
    if expr.params.get("transpose_a"):
        return None
    matrix = n.ref(expr.args[1])
    if matrix is None or matrix.rank != 2:
        return None
    if expr.params.get("transpose_b"):
        if matrix.array is None:
            return None
        matrix = whole(f"{matrix.source}^T{matrix.window}", matrix.shape[::-1], matrix.array.T)
    form = n.arg(expr, 0)
    if form.width is None or form.width != matrix.shape[0]:
        return None
    return matmul(n.atoms, form, matrix)


def _concat(n: Normaliser, expr: Expr) -> Form | None:
    shape = expr.fact.shape
    if shape is None or expr.params["axis"] % len(shape) != len(shape) - 1:
        return None
    forms = [n.memo[a] for a in expr.operands]
    return None if any(f.width is None for f in forms) else cat(forms)


def _slice(n: Normaliser, expr: Expr) -> Form | None:
    shape = expr.args[0].fact.shape
    window = slice_window(expr)
    form = n.memo.get(expr.args[0])
    if window is None or form is None or shape is None or window[0] != len(shape) - 1:
        return None
    if form.width != shape[-1]:
        return None
    return cut(n.atoms, form, window[1], window[2])


def _passive(n: Normaliser, expr: Expr) -> Form | None:
    a, b = expr.args[0].fact.shape, expr.fact.shape
    return n.arg(expr, 0) if a is not None and b is not None and tuple(a) == tuple(b) else None


def _divide(n: Normaliser, a: Poly, b: Poly) -> Poly:
    value = b.literal()
    if value:
        return scale(a, 1.0 / value)
    inverse = atom_poly(n.atoms.make("reciprocal", (b,), (), b.width))
    return multiply(n.atoms, a, inverse)


def _square(n: Normaliser, expr: Expr) -> Form | None:
    return each(n.arg(expr, 0), lambda p: multiply(n.atoms, p, p))


def _clip(n: Normaliser, expr: Expr) -> Form | None:
    bounds = [limit(n, a) for a in expr.args[1:3]]
    if None in bounds:
        return None
    hard = hard_sigmoid(n, expr.args[0], bounds)
    if hard is not None:
        return hard
    return each(
        n.arg(expr, 0), lambda p: atom_poly(n.atoms.make("clip", (p,), tuple(bounds), p.width))
    )


def hard_sigmoid(n: Normaliser, inner: Expr, bounds: list[Any]) -> Form | None:
    """clip(alpha x + beta, 0, 1) written so, with two numbers: an activation."""
    if bounds != [0.0, 1.0] or inner.op != "add":
        return None
    for product, offset in (inner.args, inner.args[::-1]):
        beta = limit(n, offset)
        if beta is None or product.op != "multiply":
            continue
        for x, factor in (product.args, product.args[::-1]):
            alpha = limit(n, factor)
            if isinstance(alpha, float) and isinstance(beta, float) and x in n.memo:
                params = (alpha, beta)
                return each(
                    n.memo[x],
                    lambda p: atom_poly(n.atoms.make("hard_sigmoid", (p,), params, p.width)),
                )
    return None


def limit(n: Normaliser, expr: Any) -> Any:
    """A number, or the pattern's unknown ``("unknown", (sign, name))``; None for anything else."""
    if not isinstance(expr, Expr):
        return float(expr) if isinstance(expr, int | float) else None
    form = n.form(expr)
    if not isinstance(form, Poly) or set(form.terms) - {((), False)}:
        return None
    value = form.literal()
    if value is not None:
        return value
    parts = form.terms[((), False)]
    if len(parts) == 1 and parts[0][1] is not None and parts[0][1].rank == 0:
        return ("unknown", (parts[0][0], parts[0][1].source))
    return None


def _extreme(n: Normaliser, expr: Expr) -> Form | None:
    """maximum(minimum(x, high), low) is clip; so is minimum(maximum(x, low), high)."""
    other = "minimum" if expr.op == "maximum" else "maximum"
    for outer, inner in (expr.args, expr.args[::-1]):
        bound = limit(n, outer)
        if not isinstance(bound, float):
            continue
        if inner.op == other:
            for second, x in (inner.args, inner.args[::-1]):
                far = limit(n, second)
                if isinstance(far, float):
                    low, high = (bound, far) if expr.op == "maximum" else (far, bound)
                    hard = hard_sigmoid(n, x, [low, high])
                    if hard is not None:
                        return hard
                    params = (low, high)
                    return each(
                        n.memo[x], lambda p: atom_poly(n.atoms.make("clip", (p,), params, p.width))
                    )
    return _nary(n, expr, commutes=True)


def _nary(n: Normaliser, expr: Expr, *, commutes: bool = False) -> Form | None:
    polys = _polys(n, expr)
    if polys is None:
        return None
    if commutes:
        polys.sort(key=lambda p: sorted(a.ident for a in p.atoms()))
    params = tuple(v for _, v in sorted(expr.params.items()))
    return atom_poly(n.atoms.make(expr.op, polys, params, last_width(expr)))


def bulk(names: Iterable[str], rule: Rule) -> Mapping[str, Rule]:
    return dict.fromkeys(names, rule)


RULES: dict[str, Rule] = {
    "add": _pairwise(lambda n, a, b: add(a, b)),
    "subtract": _pairwise(lambda n, a, b: add(a, scale(b, -1.0))),
    "multiply": _pairwise(lambda n, a, b: multiply(n.atoms, a, b)),
    "divide": _pairwise(_divide),
    "negative": lambda n, e: each(n.arg(e, 0), lambda p: scale(p, -1.0)),
    "square": _square,
    "matmul": _matmul,
    "concat": _concat,
    "split": _slice,
    "strided_slice": _slice,
    "clip": _clip,
    "maximum": _extreme,
    "minimum": _extreme,
    "where": lambda n, e: _nary(n, e),
    ACTIVATION: _function,
    **bulk(PASSIVE, _passive),
}
