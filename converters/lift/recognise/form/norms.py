"""Layer normalisation of a step, whichever way it was written, as one atom.

``x * s + (beta - mean * s)`` with ``s = rsqrt(variance + eps) * gamma`` (``tf.nn.batch_normalization``, ``nn_impl.py:1490-1499``, v1.15.5) and
``(x - mean) / sqrt(variance + eps) * gamma + beta``, its factors in any order, are ``gamma * normalised(x) + beta``, where the atom
``normalised`` holds x and the epsilon. Mean and variance are over the features; the variance is the mean of ``(x - mean)**2``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from converters.lift.recognise.form.functions import NORMALISED
from converters.lift.recognise.form.poly import Form, Poly, add, atom_poly
from converters.lift.recognise.form.products import multiply
from reference.vocabulary.tracer import Expr

if TYPE_CHECKING:
    from converters.lift.recognise.form.normal import Normaliser

Factor = tuple[Expr, bool]
"""A factor of a product, and whether it divides."""

_DEPTH = 5


def norm_product(n: Normaliser, expr: Expr) -> Form | None:
    """``(x - mean) * inverse * …``; None where the product is no normalisation."""
    factors = list(_factors(expr))
    for place, (value, divides) in enumerate(factors):
        x = None if divides else _centred(value)
        for other, (scale, under) in enumerate(factors) if x is not None else ():
            epsilon = _epsilon(n, scale, x, under)
            rest = [f for k, f in enumerate(factors) if k not in (place, other)]
            if epsilon is not None and x is not None and not any(d for _, d in rest):
                return _built(n, x, epsilon, [f for f, _ in rest], None)
    return None


def norm_sum(n: Normaliser, expr: Expr) -> Form | None:
    """``x * s + (beta - mean * s)``; without beta ``x * s - mean * s`` or ``x * s + -mean * s``."""
    if expr.op == "subtract":
        return _shifted(n, expr.args[0], _pairs(expr.args[1]), None)
    for first, second in (expr.args, expr.args[::-1]):
        beta = None
        if second.op == "subtract":
            beta, pairs = second.args[0], _pairs(second.args[1])
        elif second.op == "negative":
            pairs = _pairs(second.args[0])
        else:
            pairs = [(m.args[0], s) for m, s in _pairs(second) if m.op == "negative"]
        found = _shifted(n, first, pairs, beta)
        if found is not None:
            return found
    return None


def _pairs(expr: Expr) -> list[tuple[Expr, Expr]]:
    """The factors of a product of two, both ways round."""
    return [expr.args, expr.args[::-1]] if expr.op == "multiply" else []


def _shifted(
    n: Normaliser, first: Expr, means: list[tuple[Expr, Expr]], beta: Expr | None
) -> Form | None:
    """``x * s`` and ``mean * s``, with one s and the mean of that x."""
    for x, scale in _pairs(first):
        if any(scale is other and _mean_of(mean) is x for mean, other in means):
            return _scaled(n, x, scale, beta)
    return None


def _scaled(n: Normaliser, x: Expr, scale: Expr, beta: Expr | None) -> Form | None:
    epsilon = _epsilon(n, scale, x)
    if epsilon is not None:
        return _built(n, x, epsilon, [], beta)
    for inverse, gamma in (scale.args, scale.args[::-1]) if scale.op == "multiply" else ():
        epsilon = _epsilon(n, inverse, x)
        if epsilon is not None:
            return _built(n, x, epsilon, [gamma], beta)
    return None


def _built(
    n: Normaliser, x: Expr, epsilon: Any, gammas: list[Expr], beta: Expr | None
) -> Form | None:
    """``gammas * normalised(x) + beta``."""
    inner = n.form(x)
    parts = [n.form(e) for e in (*gammas, *([] if beta is None else [beta]))]
    if not isinstance(inner, Poly) or inner.width in (None, 1):
        return None
    total = atom_poly(n.atoms.make(NORMALISED, (inner,), (epsilon,), inner.width))
    for place, part in enumerate(parts):
        if not isinstance(part, Poly):
            return None
        is_beta = place == len(gammas)
        total = add(total, part) if is_beta else multiply(n.atoms, total, part)
    return total


def _factors(expr: Expr, depth: int = 0) -> Iterator[Factor]:
    for place, value in enumerate(expr.args):
        if expr.op == "divide" and place == 1:
            yield value, True
        elif value.op not in ("multiply", "divide") or depth == _DEPTH:
            yield value, False
        else:
            yield from _factors(value, depth + 1)


def _centred(expr: Expr) -> Expr | None:
    """x, where ``expr`` is ``x - mean(x)``."""
    if expr.op != "subtract":
        return None
    x = _mean_of(expr.args[1])
    return x if x is expr.args[0] else None


def _mean_of(expr: Expr) -> Expr | None:
    """What this is the mean of, over the last axis, which stays as 1."""
    kept = True
    x: Expr
    if expr.op == "expand_dims" and expr.params["axis"] in (-1, len(expr.shape) - 1):
        expr, kept = expr.args[0], False
    if expr.op != "mean" or bool(expr.params["keepdims"]) != kept:
        return None
    x = expr.args[0]
    return x if expr.params["axes"] in ((-1,), (len(x.shape) - 1,)) else None


def _epsilon(n: Normaliser, expr: Expr, x: Expr | None, divides: bool = False) -> Any:
    """Epsilon, where ``expr`` is ``1 / sqrt(variance(x) + epsilon)``; or that root, where it ``divides``."""
    from converters.lift.recognise.form.rules import limit

    under = _rooted(n, expr) if divides else _inverse_rooted(n, expr)
    if under is None or under.op != "add":
        return None
    for variance, added in (under.args, under.args[::-1]):
        squared = _mean_of(variance)
        if squared is not None and _is_square(n, squared, x):
            return limit(n, added)
    return None


def _is_square(n: Normaliser, expr: Expr, x: Expr | None) -> bool:
    """Whether it is ``(x - mean(x))**2``."""
    inner: Expr | None = _powered(n, expr, 2.0)
    if expr.op == "square" or (expr.op == "multiply" and expr.args[0] is expr.args[1]):
        inner = expr.args[0]
    return inner is not None and x is not None and _centred(inner) is x


def _rooted(n: Normaliser, expr: Expr) -> Expr | None:
    return expr.args[0] if expr.op == "sqrt" else _powered(n, expr, 0.5)


def _inverse_rooted(n: Normaliser, expr: Expr) -> Expr | None:
    if expr.op == "rsqrt":
        inner: Expr = expr.args[0]
        return inner
    if expr.op == "reciprocal":
        return _rooted(n, expr.args[0])
    if expr.op == "divide" and _literal(n, expr.args[0]) == 1.0:
        return _rooted(n, expr.args[1])
    return _powered(n, expr, -0.5)


def _powered(n: Normaliser, expr: Expr, power: float) -> Expr | None:
    """What this is that power of."""
    if expr.op != "power" or _literal(n, expr.args[1]) != power:
        return None
    inner: Expr = expr.args[0]
    return inner


def _literal(n: Normaliser, expr: Expr) -> float | None:
    form = n.form(expr)
    return form.literal() if isinstance(form, Poly) else None
