"""A component in its normal form, and what may be its input, its output and its sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from converters.lift.recognise.cells.model import Component
from converters.lift.recognise.cells.patterns import NOWHERE, Spatial
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.form.poly import Atom, Cat, Form, Monomial, Poly
from reference.vocabulary.tracer import Expr, needed

GIVEN = frozenset(("leaf", "slice", "opaque"))
"""Atoms that are no function of others: without states in them they come from outside."""


@dataclass
class Question:
    """A component in its normal form."""

    component: Component
    norm: Normaliser

    def __post_init__(self) -> None:
        self.forms = [self.norm.form(e) for e in self.component.new]
        self.leaves = [self.norm.cuts[s] for s in self.component.states]
        self.atoms = all_atoms(self.forms)
        inner, states = _readers(self.norm, self.component), set(self.leaves)
        memo: dict[Atom, bool] = {}
        self.dependent = {a for a in self.atoms if _depends(a, states, memo, inner)}
        self.kinds = {a.op for a in self.dependent}

    def inputs(self) -> list[tuple[Monomial, ...]]:
        """What may be the cell's input: the largest values from outside that enter its sums, or what those are made of."""
        pieces = [p for f in self.forms for p in (f.pieces if isinstance(f, Cat) else (f,))]
        inner = _readers(self.norm, self.component)
        large, small = (
            tuple(find_operands(pieces, set(self.leaves), inner, deep=deep))
            for deep in (False, True)
        )
        # A product is a projection that the cell itself may hold; a function of x is not often a part of a cell.
        projected = any(atom.op == "sum" for mono in large for atom in mono)
        return [large] if large == small else [small, large] if projected else [large, small]

    def times(self, operands: Sequence[Monomial]) -> list[Monomial]:
        """Which of the inputs may be the time: of one feature, beside others."""
        if len(operands) < 2:
            return []
        return [o for o in operands if len(o) == 1 and o[0].width == 1]

    @property
    def places(self) -> tuple[int, ...]:
        """The sizes of the states' axes between the rows and the features."""
        return tuple(n for n in self.component.states[0].shape[1:-1] if isinstance(n, int))

    def spatial(self) -> Spatial | None:
        """Those, and the one window that all convolutions have; None where it is not one."""
        if not self.places:
            return NOWHERE
        polys = [p for f in self.forms for p in (f.pieces if isinstance(f, Cat) else (f,))]
        polys += [arg for atom in self.atoms for arg in atom.args]
        refs = [
            r for p in polys for (_, dense), parts in p.terms.items() if dense for _, r in parts
        ]
        windows = {ref.shape[:-2] for ref in refs if ref is not None}
        if len(windows) != 1 or len(next(iter(windows))) != len(self.places):
            return None
        return Spatial(self.places, windows.pop())

    def groups(self) -> list[int]:
        """Into how many equal parts the states may be cut."""
        found = set()
        for atom in self.atoms:
            inner = atom.args[0].lone_atom() if atom.op == "slice" else None
            if inner in self.leaves and inner is not None and inner.width and atom.width:
                found.add(inner.width // atom.width)
        return sorted(found - {0, 1})

    def covers(self, output: Expr) -> bool:
        """Whether the rest of the step reads nothing of the component but its new states and this."""
        states = self.component.states
        known = [e for e in self.norm.cuts if e not in states]
        stop = dict.fromkeys((*known, *self.component.new, output))
        return not set(states).intersection(needed(self.component.roots, stop))


def all_atoms(forms: Sequence[Form]) -> set[Atom]:
    """Every atom in these, those inside others too."""
    seen: set[Atom] = set()
    todo = [p for f in forms for p in (f.pieces if isinstance(f, Cat) else (f,))]
    while todo:
        fresh = todo.pop().atoms() - seen
        seen |= fresh
        todo.extend(arg for atom in fresh for arg in atom.args)
    return seen


def _readers(norm: Normaliser, component: Component) -> set[Expr]:
    """Every expression that reads one of the component's states."""
    found = set(component.states)
    for expr in needed(list(component.new), norm.cuts):
        if found.intersection(expr.operands) and expr not in norm.cuts:
            found.add(expr)
    return found


def find_operands(
    polys: Sequence[Poly],
    states: set[Atom],
    readers: set[Expr] | None = None,
    *,
    deep: bool = False,
) -> list[Monomial]:
    """What enters the component from outside, in order of first use: state-free monomials of linear sums.

    With ``deep`` those only that are no function of others; what others are made of is looked for.
    """
    depends: dict[Atom, bool] = {}
    inside = readers or set()
    found: dict[Monomial, None] = {}
    seen: set[int] = set()
    todo = list(polys)
    while todo:
        poly = todo.pop(0)
        if id(poly) in seen:
            continue
        seen.add(id(poly))
        linear = any(dense for _, dense in poly.terms)
        for (mono, dense), _ in poly.terms.items():
            free = mono and not any(_depends(a, states, depends, inside) for a in mono)
            given = free and all(a.op in GIVEN for a in mono)
            if given or (free and not deep and (dense or linear)):
                found[mono] = None
            else:
                todo.extend(arg for atom in mono for arg in atom.args if not _cuts_a_leaf(atom))
    return _in_order(found)


def _cuts_a_leaf(atom: Atom) -> bool:
    inner = atom.args[0].lone_atom() if atom.op == "slice" else None
    return inner is not None and inner.op in ("leaf", "opaque")


def _in_order(found: Iterable[Monomial]) -> list[Monomial]:
    """The slices of one value together, from its first feature on."""
    places: dict[Atom, int] = {}
    keys: dict[Monomial, tuple[int, int]] = {}
    for place, mono in enumerate(found):
        inner = mono[0].args[0].lone_atom() if len(mono) == 1 and mono[0].op == "slice" else None
        first = place if inner is None else places.setdefault(inner, place)
        keys[mono] = (first, 0 if inner is None else int(mono[0].params[0]))
    return sorted(keys, key=lambda mono: keys[mono])


def _depends(atom: Atom, states: set[Atom], memo: dict[Atom, bool], inside: set[Expr]) -> bool:
    stack = [atom]
    while stack:
        top = stack[-1]
        if top in memo:
            stack.pop()
            continue
        inner = [a for arg in top.args for a in arg.atoms()]
        waiting = [a for a in inner if a not in memo and a not in states and top not in states]
        if waiting:
            stack.extend(waiting)
            continue
        opaque = top.op == "opaque" and top.params[0] in inside
        memo[top] = top in states or opaque or any(a in states or memo[a] for a in inner)
        stack.pop()
    return memo[atom]
