"""Which reference cell is this strongly connected component of a step?

The candidate patterns are traced at the component's sizes and unified with its next-state expressions; a candidate counts only when the
bound cell and the expressions agree in float64 (:mod:`converters.lift.recognise.cells.check`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

import numpy as np

from converters.lift.recognise.cells.assemble import assemble, operand_width
from converters.lift.recognise.cells.check import agrees
from converters.lift.recognise.cells.model import Component, Identified
from converters.lift.recognise.cells.patterns import Pattern, Variant, trace, variants
from converters.lift.recognise.cells.unify import Bindings, Problem
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.form.poly import Atom, Monomial, Poly
from converters.lift.recognise.form.slices import last_width
from reference.vocabulary.tracer import Expr, needed

MAX_STATE_PARTS = 4
GIVEN = frozenset(("leaf", "slice", "opaque"))
"""Atoms that are no function of others: without states in them they come from outside."""


def identify(component: Component, norm: Normaliser) -> Identified | str:
    """The first variant that matches and whose numbers agree; else a sentence that says why none does."""
    count = len(component.states)
    if count > MAX_STATE_PARTS:
        return f"{count} state parts depend on one another"
    if not all(s.fact.dtype.startswith("float") for s in component.states):
        return "a state part is not of floats"
    widths = [last_width(s) for s in component.states]
    if any(w is None for w in widths) or any(len(s.shape) != 2 for s in component.states):
        return "a state part is not [batch, features] with a known number of features"
    polys = [norm.poly(e) for e in component.new]
    leaves = [norm.cuts[s] for s in component.states]
    inner = _readers(norm, component)
    operands = tuple(find_operands(polys, set(leaves), inner))
    if any(operand_width(o) is None for o in operands):
        return "the width of an input is not known"
    reason = "no reference cell has this equation"
    for variant in _candidates(count, component.names):
        for order in permutations(range(count)):
            found = _try(variant, order, component, norm, polys, leaves, operands)
            if isinstance(found, Identified):
                return found
            reason = found or reason
    return reason


def _candidates(count: int, names: str) -> list[Variant]:
    """Of equal equations the one whose TF name occurs in the graph comes first."""
    fitting = [v for v in variants() if v.size_count == count]
    flat = names.lower().replace("_", "")

    def hinted(variant: Variant) -> int:
        return 0 if variant.spec.cell.__name__.lower() in flat else 1

    return sorted(fitting, key=lambda v: (v.cost, hinted(v)))


def _try(
    variant: Variant,
    order: Sequence[int],
    component: Component,
    norm: Normaliser,
    polys: Sequence[Poly],
    leaves: Sequence[Atom],
    operands: tuple[Monomial, ...],
) -> Identified | str | None:
    widths = [last_width(component.states[k]) or 0 for k in order]
    features = sum(operand_width(o) for o in operands)
    dtype = component.states[0].fact.dtype
    pattern = trace(variant, features, widths, dtype)
    if pattern is None:
        return None
    mapping = dict(zip(pattern.state_leaves, (leaves[k] for k in order), strict=True))
    for env in _unify(pattern, mapping, operands, [polys[k] for k in order]):
        exact = assemble(pattern, env, operands, np.dtype("float64"))
        if exact is None or pattern.output_is is None:
            continue
        output = order[pattern.output_is]
        found = Identified(exact, tuple(order), operands, output)
        difference = agrees(found, component, norm)
        if difference is None:
            assembled = assemble(pattern, env, operands, np.dtype(dtype))
            assert assembled is not None
            return Identified(assembled, tuple(order), operands, output)
        return f"it has the shape of {variant.spec.cell.__name__}, but {difference}"
    return None


def _unify(
    pattern: Pattern,
    mapping: Mapping[Atom, Atom],
    operands: tuple[Monomial, ...],
    targets: Sequence[Poly],
) -> Iterator[Bindings]:
    problem = Problem(mapping, operands)
    forms = [f for f in pattern.next_forms if isinstance(f, Poly)]
    if len(forms) != len(targets):
        return
    pairs = sorted(zip(forms, targets, strict=True), key=lambda pair: len(pair[0].terms))
    yield from _all(problem, pairs, Bindings())


def _all(problem: Problem, pairs: Sequence[tuple[Poly, Poly]], env: Bindings) -> Iterator[Bindings]:
    if not pairs:
        yield env
        return
    for after in problem.match(pairs[0][0], pairs[0][1], env):
        yield from _all(problem, pairs[1:], after)


def _readers(norm: Normaliser, component: Component) -> set[Expr]:
    """Every expression that reads one of the component's states."""
    found = set(component.states)
    for expr in needed(list(component.new), norm.cuts):
        if found.intersection(expr.operands) and expr not in norm.cuts:
            found.add(expr)
    return found


def find_operands(
    polys: Sequence[Poly], states: set[Atom], readers: set[Expr] | None = None
) -> list[Monomial]:
    """What enters the component from outside, in order of first use: state-free monomials of linear sums."""
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
            if free and (dense or linear or all(a.op in GIVEN for a in mono)):
                found[mono] = None
            else:
                todo.extend(arg for atom in mono for arg in atom.args if atom.op != "slice")
    return list(found)


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
