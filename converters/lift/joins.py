"""What is known of a value that comes from two places: round a loop, or out of two branches."""

from __future__ import annotations

from collections.abc import Callable

from converters.lift.lists import ListFact
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import Size, unknown

Inside = Callable[[Size], bool]


def without_value(fact: Fact) -> Fact:
    """The same Fact, its value forgotten."""
    return fact if fact.value is None else Fact(fact.dtype, fact.shape)


def joined(a: Fact, b: Fact, name: str, inside: Inside) -> Fact:
    """A Fact that holds for both. Sizes that differ, or are ``inside`` (known within one iteration only), become unknowns
    named after ``name`` and their axis."""
    if isinstance(a, ListFact) or isinstance(b, ListFact):
        return _joined_lists(a, b, name, inside)
    if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
        return Fact(a.dtype)
    dims = [
        _dim(x, y, f"{name}.{i}", inside)
        for i, (x, y) in enumerate(zip(a.shape, b.shape, strict=True))
    ]
    return Fact(a.dtype, tuple(dims))


def _joined_lists(a: Fact, b: Fact, name: str, inside: Inside) -> Fact:
    sizes = [getattr(f, "size", None) for f in (a, b)]
    size = _dim(sizes[0], sizes[1], f"{name}.0", inside)
    dynamic = any(getattr(f, "dynamic", False) for f in (a, b))
    shapes = [f.shape for f in (a, b) if f.shape is not None]
    if not shapes or len({len(s) for s in shapes}) > 1:
        return ListFact(a.dtype, None, None, size, dynamic)
    first, last = shapes[0][1:], shapes[-1][1:]
    element = [
        _dim(x, y, f"{name}.{i + 1}", inside)
        for i, (x, y) in enumerate(zip(first, last, strict=True))
    ]
    return ListFact(a.dtype, (size, *element), None, size, dynamic)


def _dim(a: Dim | None, b: Dim | None, name: str, inside: Inside) -> Dim:
    if a is not None and a == b and not (isinstance(a, Size) and inside(a)):
        return a
    return unknown(name)


def same(a: Fact, b: Fact) -> bool:
    """Whether two Facts say the same, values aside."""
    lists = [f for f in (a, b) if isinstance(f, ListFact)]
    if len(lists) == 1:
        return False
    if lists and (lists[0].size != lists[1].size or lists[0].dynamic != lists[1].dynamic):
        return False
    return a.dtype == b.dtype and a.shape == b.shape
