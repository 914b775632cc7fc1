"""Sizes that must be equal: a recurrence has one batch and one number of steps.

Each input of a graph names its own sizes; that ``lengths`` and ``x`` have the same rows is known only where one recurrence reads
both. With one name for both, rows flattened by one size and unflattened by the other are seen to be the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from converters.program import Program, Recurrence, walk
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import Size, add, multiply, unknown


def equal_sizes(program: Program, /) -> dict[str, str]:
    """By size name: the name that stands for it, an input's where there is one."""
    order = {name: place for place, name in enumerate(_names(program))}
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while name in parent:
            name = parent[name]
        return name

    for statement in walk(program.statements):
        if isinstance(statement, Recurrence):
            for group in _groups(statement, {**program.facts, **program.inputs}):
                names = sorted(
                    {root(n) for n in group}, key=lambda n: (order.get(n, len(order)), n)
                )
                parent.update((name, names[0]) for name in names[1:])
    return {name: root(name) for name in parent}


def substitute(dim: Dim, names: Mapping[str, str], /) -> Dim:
    """The dim with each size under its common name."""
    if not isinstance(dim, Size):
        return dim
    total: Dim = 0
    for monomial, factor in dim.terms:
        product: Dim = factor
        for name in monomial:
            product = multiply(product, unknown(_common(name, names)))
        total = add(total, product)
    return total


def _common(name: str, names: Mapping[str, str]) -> str:
    """``broadcast(a,b)`` of one size under two names is that size."""
    if name.startswith("broadcast(") and name.count("(") == 1:
        parts = {names.get(part, part) for part in name[len("broadcast(") : -1].split(",")}
        if len(parts) == 1:
            return parts.pop()
    return names.get(name, name)


def _names(program: Program) -> Iterable[str]:
    """The sizes of the inputs, longest shapes first: x before lengths."""
    facts = sorted(program.inputs.values(), key=lambda fact: -len(fact.shape or ()))
    return [str(dim) for fact in facts for dim in fact.shape or () if isinstance(dim, Size)]


def _groups(r: Recurrence, facts: Mapping[str, Fact]) -> tuple[set[str], set[str]]:
    """The names of its batch, and of its number of steps."""
    steps, rows = set(), set()
    for value in (*r.sequences, *r.outputs):
        steps |= _name(facts, value, 0)
        rows |= _name(facts, value, 1)
    for value in (*r.initial_state, *r.final_state, *([r.lengths] if r.lengths else [])):
        rows |= _name(facts, value, 0)
    return rows, steps


def _name(facts: Mapping[str, Fact], value: str, axis: int) -> set[str]:
    fact = facts.get(value)
    shape = fact.shape if fact is not None else None
    if shape is None or len(shape) <= axis or not isinstance(shape[axis], Size):
        return set()
    terms = shape[axis].terms
    return (
        {terms[0][0][0]}
        if len(terms) == 1 and len(terms[0][0]) == 1 and terms[0][1] == 1
        else set()
    )
