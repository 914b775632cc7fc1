"""The normal form: polynomials in atoms, with linear maps as coefficients.

A :class:`Poly` of ``width`` features is a sum of terms. A term is a *monomial* (an elementwise product of atoms; the empty one
is the bias) times a coefficient, which is either *diagonal* (a number or a vector along the features) or *dense* (a matrix from the
monomial's features). An :class:`Atom` is whatever is not a polynomial of other things: a leaf of the body, or a non-linear function of polys.

So ``split(matmul(concat([x, h], 1), kernel) + bias, 4)`` is four polys of two dense terms and a bias, whichever way it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from converters.lift.recognise.form.functions import NORMALISED
from converters.lift.recognise.form.refs import (
    Part,
    Parts,
    Ref,
    add_parts,
    cut_parts,
    number,
    scale_parts,
)

WHOLE = frozenset(("leaf", "opaque", NORMALISED))
"""Atoms whose features depend on one another, or are not known one by one: a slice of them goes no deeper."""

DEGREE = 3
"""Products are distributed up to this many atoms."""


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """Interned by :class:`Atoms`: equal atoms are the same object."""

    ident: int
    op: str
    """A vocabulary operation; ``leaf``, ``slice`` (of an atom), ``sum`` (a poly that must not be distributed), ``opaque``."""
    args: tuple[Poly, ...]
    params: tuple[Any, ...]
    """Numbers and names that belong to the op; for a leaf, the leaf itself."""
    width: int | None

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, (*self.args, *self.params)))
        return f"{self.op}({inner})"


Monomial = tuple[Atom, ...]
Key = tuple[Monomial, bool]
"""The monomial, and whether the coefficient is dense."""


@dataclass(frozen=True, slots=True, eq=False)
class Poly:
    """``width`` is None where every term is a scalar that broadcasts."""

    terms: Mapping[Key, Parts]
    width: int | None

    def key(self) -> tuple[Any, ...]:
        """Equal for equal polys of the same :class:`Atoms`."""
        items = [
            (tuple(a.ident for a in mono), dense, frozenset(parts))
            for (mono, dense), parts in self.terms.items()
        ]
        return (self.width, frozenset(items))

    def atoms(self) -> set[Atom]:
        return {atom for mono, _ in self.terms for atom in mono}

    def lone_atom(self) -> Atom | None:
        """The atom this poly is, where it is one atom with coefficient 1 and nothing else."""
        if len(self.terms) != 1:
            return None
        ((mono, dense), parts) = next(iter(self.terms.items()))
        return mono[0] if len(mono) == 1 and not dense and number(parts) == 1.0 else None

    def literal(self) -> float | None:
        """The number this poly is, where it is one."""
        if not self.terms:
            return 0.0
        if set(self.terms) == {((), False)}:
            return number(self.terms[((), False)])
        return None

    def __repr__(self) -> str:
        def show(part: Part) -> str:
            scale, ref = part
            name = "" if ref is None else f"{ref.source}{list(ref.shape)}"
            return f"{scale:g}{name}" if scale != 1.0 or ref is None else name

        words = [
            "·".join(
                [
                    *(map(repr, mono)),
                    ("@" if dense else "") + "(" + "+".join(map(show, parts)) + ")",
                ]
            )
            for (mono, dense), parts in self.terms.items()
        ]
        return " + ".join(words) or "0"


@dataclass(frozen=True, slots=True, eq=False)
class Cat:
    """Pieces side by side along the features."""

    pieces: tuple[Poly, ...]

    @property
    def width(self) -> int:
        return sum(p.width or 0 for p in self.pieces)


Form = Poly | Cat


@dataclass(slots=True)
class Atoms:
    """The table that makes equal atoms one object."""

    table: dict[Any, Atom] = field(default_factory=dict)

    def make(
        self,
        op: str,
        args: Iterable[Poly] = (),
        params: tuple[Any, ...] = (),
        width: int | None = None,
    ) -> Atom:
        arguments = tuple(args)
        key = (op, tuple(p.key() for p in arguments), params, width)
        atom = self.table.get(key)
        if atom is None:
            atom = self.table[key] = Atom(len(self.table), op, arguments, params, width)
        return atom


def atom_poly(atom: Atom) -> Poly:
    return Poly({((atom,), False): ((1.0, None),)}, atom.width)


def constant_poly(parts: Parts, width: int | None) -> Poly:
    kept = add_parts(parts, ())
    return Poly({((), False): kept} if kept else {}, width)


def add(a: Poly, b: Poly) -> Poly:
    terms = dict(a.terms)
    for key, parts in b.terms.items():
        total = add_parts(terms.get(key, ()), parts)
        if total:
            terms[key] = total
        else:
            terms.pop(key, None)
    return Poly(terms, wider(a, b))


def wider(a: Poly, b: Poly) -> int | None:
    """The features of a sum or a product: one feature broadcasts as a number does."""
    return b.width if a.width in (None, 1) and b.width is not None else a.width


def scale(a: Poly, factor: float) -> Poly:
    if factor == 0.0:
        return Poly({}, a.width)
    return Poly({key: scale_parts(parts, factor) for key, parts in a.terms.items()}, a.width)


def as_atom(atoms: Atoms, a: Poly) -> Poly:
    """The same thing as a single atom."""
    return a if a.lone_atom() else atom_poly(atoms.make("sum", (a,), (), a.width))


def matmul(atoms: Atoms, a: Form, matrix: Ref) -> Poly:
    """``a @ matrix``; dense and biased operands become one atom first, so a product of matrices is never formed.

    A matrix of more axes, ``[*window, rows, columns]``, is the kernel of a convolution: over the features it is as linear.
    """
    if isinstance(a, Cat):
        total, row = Poly({}, matrix.shape[-1]), 0
        for piece in a.pieces:
            width = piece.width or 0
            part = matrix.cut(matrix.rank - 2, row, row + width)
            total = add(total, matmul(atoms, piece, part))
            row += width
        return total
    plain = all(
        mono and not dense and number(parts) is not None for (mono, dense), parts in a.terms.items()
    )
    if not plain:
        a = as_atom(atoms, a)
    terms = {
        (mono, True): tuple((value, matrix) for value, _ in parts)
        for (mono, _), parts in a.terms.items()
    }
    return Poly(terms, matrix.shape[-1])


def cut(atoms: Atoms, a: Form, low: int, high: int) -> Form:
    """Features ``low:high``. Slices go down through elementwise functions to the leaves."""
    if low == 0 and high == a.width:
        return a
    if isinstance(a, Cat):
        return _cut_cat(atoms, a, low, high)
    if a.width is None or a.width == 1:
        return a
    terms: dict[Key, Parts] = {}
    for (mono, dense), parts in a.terms.items():
        inner = mono if dense else tuple(_cut_atom(atoms, atom, low, high) for atom in mono)
        inner = inner if dense else tuple(sorted(inner, key=lambda atom: atom.ident))
        terms[(inner, dense)] = add_parts(
            terms.get((inner, dense), ()), cut_parts(parts, low, high)
        )
    return Poly(terms, high - low)


def cat(pieces: Iterable[Form]) -> Form:
    flat: list[Poly] = []
    for piece in pieces:
        flat.extend(piece.pieces if isinstance(piece, Cat) else (piece,))
    return flat[0] if len(flat) == 1 else Cat(tuple(flat))


def _cut_cat(atoms: Atoms, a: Cat, low: int, high: int) -> Form:
    found: list[Form] = []
    start = 0
    for piece in a.pieces:
        stop = start + (piece.width or 0)
        if stop > low and start < high:
            found.append(cut(atoms, piece, max(low - start, 0), min(high, stop) - start))
        start = stop
    return cat(found)


def _cut_atom(atoms: Atoms, atom: Atom, low: int, high: int) -> Atom:
    if atom.width is None or atom.width == 1:
        return atom
    width = high - low
    if atom.op in WHOLE:
        return atoms.make("slice", (atom_poly(atom),), (low, high), width)
    if atom.op == "slice":
        start = atom.params[0]
        return atoms.make("slice", atom.args, (start + low, start + high), width)
    parts = [cut(atoms, arg, low, high) for arg in atom.args]
    return atoms.make(atom.op, [p for p in parts if isinstance(p, Poly)], atom.params, width)
