"""Sizes that must be equal: a recurrence has one batch and one number of steps.

Each input of a graph names its own sizes; that ``lengths`` and ``x`` have the same rows is known only where one recurrence reads
both. With one name for both, rows flattened by one size and unflattened by the other are seen to be the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from converters.program import Program, Recurrence, walk
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import Size, add, multiply, unknown


def equal_sizes(program: Program, /) -> dict[str, Dim]:
    """By size name: what stands for it: an input's size where there is one, or a product of such (rows ``B * T``)."""
    order = {name: place for place, name in enumerate(_names(program))}
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while name in parent:
            name = parent[name]
        return name

    products: dict[str, Dim] = {}
    for statement in walk(program.statements):
        if isinstance(statement, Recurrence):
            for dims in _groups(statement, {**program.facts, **program.inputs}):
                group = {root(name) for dim in dims if (name := _single(dim))}
                names = sorted(group, key=lambda n: (order.get(n, len(order)), n))
                parent.update((name, names[0]) for name in names[1:])
                whole = [dim for dim in dims if not _single(dim)]
                if names and whole and names[0] not in order:
                    first = min(whole, key=lambda dim: (_rank(dim, order), str(dim)))
                    products.setdefault(names[0], first)
    found: dict[str, Dim] = {name: unknown(root(name)) for name in parent}
    for name in (*products, *parent):
        if root(name) in products:
            found[name] = products[root(name)]
    return found


def substitute(dim: Dim, names: Mapping[str, Dim], /) -> Dim:
    """The dim with each size under its common name."""
    if not isinstance(dim, Size):
        return dim
    total: Dim = 0
    for monomial, factor in dim.terms:
        product: Dim = factor
        for name in monomial:
            product = multiply(product, _common(name, names))
        total = add(total, product)
    return total


def _common(name: str, names: Mapping[str, Dim]) -> Dim:
    """``broadcast(a,b)`` of one size under two names is that size."""
    if name.startswith("broadcast(") and name.count("(") == 1:
        parts = name[len("broadcast(") : -1].split(",")
        found = [names.get(part, unknown(part)) for part in parts]
        if all(one == found[0] for one in found):
            return found[0]
    return names.get(name, unknown(name))


def _names(program: Program) -> Iterable[str]:
    """The sizes of the inputs, longest shapes first: x before lengths."""
    facts = sorted(program.inputs.values(), key=lambda fact: -len(fact.shape or ()))
    return [str(dim) for fact in facts for dim in fact.shape or () if isinstance(dim, Size)]


def _groups(r: Recurrence, facts: Mapping[str, Fact]) -> tuple[list[Size], list[Size]]:
    """The open sizes of its batch, and of its number of steps."""
    sequences = (*r.sequences, *r.outputs)
    flat = (*r.initial_state, *r.final_state, *([r.lengths] if r.lengths else []))
    rows = [(name, 1) for name in sequences] + [(name, 0) for name in flat]
    places = rows, [(name, 0) for name in sequences]
    first, second = (
        [size for name, axis in one if (size := _size(facts, name, axis)) is not None]
        for one in places
    )
    return first, second


def _size(facts: Mapping[str, Fact], value: str, axis: int) -> Size | None:
    fact = facts.get(value)
    shape = fact.shape if fact is not None else None
    dim = shape[axis] if shape is not None and len(shape) > axis else None
    return dim if isinstance(dim, Size) else None


def _rank(dim: Size, order: Mapping[str, int]) -> int:
    """How late its latest name comes."""
    return max(order.get(name, len(order)) for name in dim.names)


def _single(dim: Size) -> str:
    """The name of a size that is one unknown, else nothing."""
    terms = dim.terms
    alone = len(terms) == 1 and len(terms[0][0]) == 1 and terms[0][1] == 1
    return terms[0][0][0] if alone else ""
