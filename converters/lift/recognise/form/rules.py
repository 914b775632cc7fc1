"""One rule per vocabulary operation: its normal form from those of its operands, or None where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from converters.lift.recognise.form.functions import ACTIVATION, BINARY, PASSIVE
from converters.lift.recognise.form.norms import norm_product, norm_sum
from converters.lift.recognise.form.poly import (
    Cat,
    Form,
    Poly,
    add,
    atom_poly,
    cat,
    cut,
    matmul,
    scale,
)
from converters.lift.recognise.form.products import multiply
from converters.lift.recognise.form.refs import Ref, whole
from converters.lift.recognise.form.slices import ints, last_width, slice_window, slices_nothing
from reference.vocabulary.tracer import Expr

if TYPE_CHECKING:
    from converters.lift.recognise.form.normal import Normaliser

Rule = Callable[["Normaliser", Expr], Form | None]


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


def _first(special: Rule, usual: Rule) -> Rule:
    """What the special rule gives, else the usual one."""

    def rule(n: Normaliser, expr: Expr) -> Form | None:
        found = special(n, expr)
        return usual(n, expr) if found is None else found

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


def unary(n: Normaliser, form: Form, op: str, params: tuple[Any, ...]) -> Form:
    """An elementwise function of every piece."""
    return each(form, lambda p: atom_poly(n.atoms.make(op, (p,), params, p.width)))


def function(n: Normaliser, expr: Expr) -> Form | None:
    params = tuple(v for k, v in sorted(expr.params.items()))
    return unary(n, n.arg(expr, 0), expr.op, params)


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


def _conv(n: Normaliser, expr: Expr) -> Form | None:
    """A convolution that keeps the places: linear in the channels, as a product is."""
    ones = all(k == 1 for key in ("strides", "dilations") for k in expr.params[key])
    kernel = n.ref(expr.args[1])
    if kernel is None or not ones or expr.params["padding"] != "SAME" or expr.params["groups"] != 1:
        return None
    return _convolved(n, n.arg(expr, 0), kernel)


def _convolved(n: Normaliser, form: Form, kernel: Ref) -> Form | None:
    return matmul(n.atoms, form, kernel) if form.width == kernel.shape[-2] else None


def _squeeze(n: Normaliser, expr: Expr) -> Form | None:
    """Nothing, or ``tf.nn.conv1d``: a convolution in two axes of which the first was put there for it."""
    inner = expr.args[0]
    if inner.op != "conv" or list(expr.params["axes"] or ()) != [1]:
        return _passive(n, expr)
    x, kernel = inner.args[0], n.ref(inner.args[1])
    widened = x.op == "expand_dims" and x.params["axis"] == 1
    if not widened or kernel is None or kernel.rank != 4 or kernel.shape[0] != 1:
        return None
    if _conv(n, inner) is None or x.args[0] not in n.memo:
        return None
    array = None if kernel.array is None else kernel.array[0]
    return _convolved(n, n.memo[x.args[0]], Ref(kernel.source, kernel.window[1:], array))


def _concat(n: Normaliser, expr: Expr) -> Form | None:
    shape = expr.fact.shape
    if shape is None or expr.params["axis"] % len(shape) != len(shape) - 1:
        return None
    forms = [n.memo[a] for a in expr.operands]
    return None if any(f.width is None for f in forms) else cat(forms)


def _slice(n: Normaliser, expr: Expr) -> Form | None:
    if slices_nothing(expr):
        return n.arg(expr, 0)
    shape = expr.args[0].fact.shape
    window = slice_window(expr)
    form = n.memo.get(expr.args[0])
    if window is None or form is None or shape is None or window[0] != len(shape) - 1:
        return None
    if form.width != shape[-1]:
        return None
    return cut(n.atoms, form, window[1], window[2])


def _tile(n: Normaliser, expr: Expr) -> Form | None:
    """The features side by side, several times."""
    multiples = ints(expr.args[1])
    form = n.arg(expr, 0)
    if multiples is None or any(k != 1 for k in multiples[:-1]) or form.width is None:
        return None
    return cat([form] * (multiples[-1] or 0))


def _passive(n: Normaliser, expr: Expr) -> Form | None:
    a, b = expr.args[0].fact.shape, expr.fact.shape
    return n.arg(expr, 0) if a is not None and b is not None and tuple(a) == tuple(b) else None


def _still(n: Normaliser, expr: Expr) -> Form | None:
    """A transpose that moves nothing."""
    return n.arg(expr, 0) if list(expr.params["perm"]) == sorted(expr.params["perm"]) else None


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
                return unary(n, n.memo[x], "hard_sigmoid", (alpha, beta))
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
                    return unary(n, n.memo[x], "clip", (low, high))
    return _nary(n, expr, commutes=True)


def _nary(n: Normaliser, expr: Expr, *, commutes: bool = False) -> Form | None:
    polys = _polys(n, expr)
    if polys is None:
        return None
    if commutes:
        polys.sort(key=lambda p: sorted(a.ident for a in p.atoms()))
    params = tuple(v for _, v in sorted(expr.params.items()))
    return atom_poly(n.atoms.make(expr.op, polys, params, last_width(expr)))


def _binary(n: Normaliser, expr: Expr) -> Form | None:
    floats = all(operand.dtype.startswith("float") for operand in expr.operands)
    return _nary(n, expr) if floats else None


def bulk(names: Iterable[str], rule: Rule) -> Mapping[str, Rule]:
    return dict.fromkeys(names, rule)


RULES: dict[str, Rule] = {
    "add": _first(norm_sum, _pairwise(lambda n, a, b: add(a, b))),
    "subtract": _first(norm_sum, _pairwise(lambda n, a, b: add(a, scale(b, -1.0)))),
    "multiply": _first(norm_product, _pairwise(lambda n, a, b: multiply(n.atoms, a, b))),
    "divide": _first(norm_product, _pairwise(_divide)),
    "negative": lambda n, e: each(n.arg(e, 0), lambda p: scale(p, -1.0)),
    "square": _square,
    "matmul": _matmul,
    "conv": _conv,
    "concat": _concat,
    "split": _slice,
    "strided_slice": _slice,
    "tile": lambda n, e: _tile(n, e),
    "clip": _clip,
    "maximum": _extreme,
    "minimum": _extreme,
    "where": lambda n, e: _nary(n, e),
    ACTIVATION: function,
    "cast": lambda n, e: n.arg(e, 0) if e.dtype == e.args[0].dtype else None,
    "transpose": lambda n, e: _still(n, e),
    **bulk(BINARY, lambda n, e: _binary(n, e)),
    **bulk(PASSIVE, _passive),
    "squeeze": _squeeze,
}
