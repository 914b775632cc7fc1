"""Elementwise products of polys, distributed as far as that makes the form the same whichever way it was written."""

from __future__ import annotations

import numpy as np

from converters.lift.recognise.form.poly import DEGREE, Atoms, Key, Poly, add, as_atom, scale, wider
from converters.lift.recognise.form.refs import Parts, Ref, add_parts, anonymous, number

BIAS: Key = ((), False)


def multiply(atoms: Atoms, a: Poly, b: Poly) -> Poly:
    """Elementwise product; a factor that cannot be distributed becomes one atom, but for its product with a number."""
    for x, y in ((a, b), (b, a)):
        value = x.literal()
        if value is not None:
            return Poly(scale(y, value).terms, wider(a, b))
    for x, y in ((a, b), (b, a)):
        if _dense(x) and not _dense(y) and number(y.terms.get(BIAS, ())):
            rest = Poly({k: v for k, v in y.terms.items() if k != BIAS}, y.width)
            whole = scale(x, number(y.terms[BIAS]) or 0.0)
            return add(whole, multiply(atoms, as_atom(atoms, x), rest))
    a, b = (as_atom(atoms, x) if _dense(x) else x for x in (a, b))
    if not _distributes(a, b):
        if not _constant(a):
            a = as_atom(atoms, a)
        if not _constant(b):
            b = as_atom(atoms, b)
    width = wider(a, b)
    total = Poly({}, width)
    for (mono_a, _), parts_a in a.terms.items():
        for (mono_b, _), parts_b in b.terms.items():
            mono = tuple(sorted((*mono_a, *mono_b), key=lambda atom: atom.ident))
            parts = _product(parts_a, parts_b)
            total = add(total, Poly({(mono, False): parts}, width))
    return total


def _dense(a: Poly) -> bool:
    return any(dense for _, dense in a.terms)


def _constant(a: Poly) -> bool:
    return all(not mono for mono, _ in a.terms)


def _distributes(a: Poly, b: Poly) -> bool:
    if any(dense for _, dense in (*a.terms, *b.terms)):
        return False
    degree = max((len(m) for m, _ in a.terms), default=0) + max(
        (len(m) for m, _ in b.terms), default=0
    )
    if degree > DEGREE or len(a.terms) * len(b.terms) > 12:
        return False
    vectors = [_vectors(p) for p in (a, b)]
    return not (vectors[0] and vectors[1])


def _vectors(a: Poly) -> bool:
    return any(ref is not None for parts in a.terms.values() for _, ref in parts)


def _product(a: Parts, b: Parts) -> Parts:
    made: Parts = ()
    for scale_a, ref_a in a:
        for scale_b, ref_b in b:
            if ref_a is not None and ref_b is not None:
                made = add_parts(made, ((scale_a * scale_b, _times(ref_a, ref_b)),))
            else:
                made = add_parts(
                    made, ((scale_a * scale_b, ref_a if ref_a is not None else ref_b),)
                )
    return made


def _times(a: Ref, b: Ref) -> Ref:
    if a.array is not None and b.array is not None:
        return anonymous(np.multiply(a.array, b.array, dtype=np.float64))
    shape = max(a.shape, b.shape, key=len)
    names = sorted((f"{a.source}{a.window}", f"{b.source}{b.window}"))
    return Ref(f"({names[0]} * {names[1]})", tuple((0, n) for n in shape))
