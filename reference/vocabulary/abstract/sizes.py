"""Symbolic sizes: integer polynomials in named unknowns.

A :data:`Dim` is an ``int`` or a :class:`Size`; results that turn out constant are plain ints again, so equality of two
dims is ``==``. Equal names stand for equal numbers; two different names may still be equal at run time.

>>> B, T = unknown("B"), unknown("T")
>>> B * T * 128 // 128 == B * T
True
>>> str(floor_divide(T, 2)), str(floor_divide(2 * T + 3, 2))
('floordiv(T,2)', 'T + 1')
>>> minimum(T, T + 1) == T
True

An unknown counts as non-negative, unless its name begins with ``~`` (:func:`signed`): the value of an integer scalar, not
a size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

Monomial = tuple[str, ...]
Terms = tuple[tuple[Monomial, int], ...]

MAX_TERMS = 24
"""A polynomial longer than this becomes one opaque unknown."""


class Size:
    """A polynomial that is not a constant. Immutable and hashable; make one with :func:`unknown`."""

    __slots__ = ("_hash", "terms")
    __array_ufunc__ = None  # NumPy integers on the left leave the arithmetic to us

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.terms == other.terms

    def __str__(self) -> str:
        text = ""
        for monomial, factor in sorted(self.terms, key=lambda item: (-len(item[0]), item[0])):
            body = "*".join(monomial)
            if not body:
                body = str(abs(factor))
            elif abs(factor) != 1:
                body = f"{abs(factor)}*{body}"
            sign = "-" if factor < 0 else "+"
            text = f"{text} {sign} {body}" if text else f"-{body}" if factor < 0 else body
        return text

    def __repr__(self) -> str:
        return f"Size({self})"

    def __add__(self, other: Dim) -> Dim:
        return add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        return subtract(self, other)

    def __rsub__(self, other: Dim) -> Dim:
        return subtract(other, self)

    def __mul__(self, other: Dim) -> Dim:
        return multiply(self, other)

    __rmul__ = __mul__

    def __neg__(self) -> Dim:
        return multiply(self, -1)

    def __floordiv__(self, other: Dim) -> Dim:
        return floor_divide(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floor_divide(other, self)

    def __mod__(self, other: Dim) -> Dim:
        return floor_mod(self, other)

    def __rmod__(self, other: Dim) -> Dim:
        return floor_mod(other, self)

    @property
    def names(self) -> frozenset[str]:
        """The unknowns it is made of."""
        return frozenset(name for monomial, _ in self.terms for name in monomial)


Dim = int | Size


def unknown(name: str) -> Size:
    """The size called ``name``."""
    return Size((((name,), 1),))


def signed(name: str) -> Size:
    """An integer called ``~name`` that may be negative."""
    return unknown(f"~{name}")


def known(dim: Dim) -> bool:
    """Whether ``dim`` is a plain number."""
    return not isinstance(dim, Size)


def as_static(shape: Iterable[Dim]) -> tuple[int | None, ...]:
    """Symbolic sizes become None."""
    return tuple(None if isinstance(dim, Size) else int(dim) for dim in shape)


def add(a: Dim, b: Dim) -> Dim:
    """a + b."""
    if not isinstance(a, Size) and not isinstance(b, Size):
        return int(a) + int(b)
    terms = dict(_terms(a))
    for monomial, factor in _terms(b):
        terms[monomial] = terms.get(monomial, 0) + factor
    return _normal(terms, lambda: f"add({_key(a)},{_key(b)})")


def subtract(a: Dim, b: Dim) -> Dim:
    """a - b."""
    return add(a, multiply(b, -1))


def multiply(a: Dim, b: Dim) -> Dim:
    """a * b."""
    if not isinstance(a, Size) and not isinstance(b, Size):
        return int(a) * int(b)
    terms: dict[Monomial, int] = {}
    for left, p in _terms(a):
        for right, q in _terms(b):
            monomial = tuple(sorted(left + right))
            terms[monomial] = terms.get(monomial, 0) + p * q
    return _normal(terms, lambda: f"mul({_key(a)},{_key(b)})")


def product(dims: Iterable[Dim]) -> Dim:
    """The product; 1 for none."""
    result: Dim = 1
    for dim in dims:
        result = multiply(result, dim)
    return result


def floor_divide(a: Dim, b: Dim) -> Dim:
    """a // b; the part that ``b`` divides term by term comes out, the rest stays an opaque unknown."""
    if not isinstance(a, Size) and not isinstance(b, Size):
        return int(a) // int(b) if b else _opaque("floordiv", a, b)
    if a == b:
        return 1
    if isinstance(b, Size):
        return _divide_by_size(a, b)
    if not b:
        return _opaque("floordiv", a, b)
    whole = {m: f // b for m, f in _terms(a) if f % b == 0 and m}
    rest = {m: f for m, f in _terms(a) if f % b != 0 and m}
    constant = dict(_terms(a)).get((), 0)
    if not rest:
        return _normal({**whole, (): constant // b})
    left = _normal({**rest, (): constant % b})
    return add(_normal({**whole, (): constant // b}), _opaque("floordiv", left, b))


def floor_mod(a: Dim, b: Dim) -> Dim:
    """a % b with the sign of b."""
    if not isinstance(a, Size) and not isinstance(b, Size):
        return int(a) % int(b) if b else _opaque("mod", a, b)
    if not isinstance(b, Size) and b:
        rest = {m: f % b for m, f in _terms(a) if f % b != 0}
        return _opaque("mod", _normal(rest), b) if any(rest) else _normal(rest)
    return 0 if divides(b, a) else _opaque("mod", a, b)


def divides(b: Dim, a: Dim) -> bool:
    """Whether a is b times a polynomial, as far as can be told."""
    if not isinstance(b, Size):
        return bool(b) and all(factor % b == 0 for _, factor in _terms(a))
    if a == b or a == 0:
        return True
    return len(b.terms) == 1 and _divide_by_monomial(a, b) is not None


def minimum(a: Dim, b: Dim) -> Dim:
    """The smaller, where the sign of the difference is known."""
    if non_negative(subtract(b, a)):
        return a
    if non_negative(subtract(a, b)):
        return b
    return _opaque("min", *sorted((a, b), key=str))


def maximum(a: Dim, b: Dim) -> Dim:
    """The larger, where the sign of the difference is known."""
    if non_negative(subtract(a, b)):
        return a
    if non_negative(subtract(b, a)):
        return b
    return _opaque("max", *sorted((a, b), key=str))


def non_negative(dim: Dim) -> bool:
    """Whether it is certainly at least 0: every factor is, and every unknown is a size."""
    return all(f >= 0 and not any(_is_signed(name) for name in m) for m, f in _terms(dim))


def as_dim(value: object) -> Dim:
    """A NumPy or Python integer, or a Size, as a Dim."""
    if isinstance(value, Size):
        return value
    number: int = int(value)  # type: ignore[call-overload]
    return number


def _is_signed(name: str) -> bool:
    return "~" in name and not name.startswith("max(0,")


def _terms(dim: Dim) -> Iterable[tuple[Monomial, int]]:
    if isinstance(dim, Size):
        return dim.terms
    return (((), int(dim)),) if dim else ()


def _key(dim: Dim) -> str:
    return str(dim).replace(" ", "")


def _normal(terms: Mapping[Monomial, int], name: object = None) -> Dim:
    kept = {monomial: factor for monomial, factor in terms.items() if factor}
    if not kept:
        return 0
    if len(kept) == 1 and () in kept:
        return kept[()]
    if len(kept) > MAX_TERMS and callable(name):
        return unknown(f"~{name()}")
    return Size(tuple(sorted(kept.items())))


def _opaque(name: str, a: Dim, b: Dim) -> Size:
    body = f"{name}({_key(a)},{_key(b)})"
    safe = non_negative(a) and non_negative(b)
    if name == "max":
        safe = non_negative(a) or non_negative(b)
    return unknown(body if safe else f"~{body}" if "~" not in body else body)


def _divide_by_size(a: Dim, b: Size) -> Dim:
    if len(b.terms) == 1:
        whole = _divide_by_monomial(a, b)
        if whole is not None:
            return whole
    return _opaque("floordiv", a, b)


def _divide_by_monomial(a: Dim, b: Size) -> Dim | None:
    monomial, factor = b.terms[0]
    result: dict[Monomial, int] = {}
    for names, f in _terms(a):
        rest = list(names)
        for name in monomial:
            if name not in rest:
                return None
            rest.remove(name)
        if f % factor:
            return None
        result[tuple(rest)] = result.get(tuple(rest), 0) + f // factor
    return _normal(result)


def evaluate(dim: Dim, bindings: Mapping[str, int]) -> int:
    """The number, with every unknown's value given.

    Raises:
        KeyError: an unknown (also an opaque one such as ``floordiv(T,2)``) has no value.
    """
    return int(
        sum(f * int(np.prod([bindings[name] for name in m], dtype=object)) for m, f in _terms(dim))
    )
