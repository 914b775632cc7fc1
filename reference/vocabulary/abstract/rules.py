"""The registry of shape rules, and what they share.

A rule is ``rule(ops, *operands, **params) -> Fact | tuple[Fact, ...]`` over the canonical call
(:mod:`reference.vocabulary.signatures`), its arrays replaced by their Facts. It says dtype and shape; values are the
business of :mod:`.values`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size, as_dim, non_negative

Shape = tuple[Dim, ...]
Rule = Callable[..., Any]

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule for each of the operations."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def axis_of(axis: int, rank: int, op: str) -> int:
    """A non-negative axis.

    Raises:
        NotConvertibleError: it is outside the rank.
    """
    if not -rank <= axis < rank:
        msg = f"{op}: axis {axis} is outside an array of rank {rank}"
        raise NotConvertibleError(msg)
    return axis % rank


def broadcast_shapes(ops: Any, *shapes: Shape | None) -> Shape | None:
    """NumPy's rule; two different unknown sizes give the unknown ``broadcast(a,b)``."""
    if any(shape is None for shape in shapes):
        return None
    given = [shape for shape in shapes if shape is not None]
    rank = max(map(len, given))
    padded = [(1,) * (rank - len(shape)) + shape for shape in given]
    result = padded[0]
    for shape in padded[1:]:
        if shape != result:
            result = tuple(_broadcast(ops, a, b) for a, b in zip(result, shape, strict=True))
    return result


def _broadcast(ops: Any, a: Dim, b: Dim) -> Dim:
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, Size) and isinstance(b, Size):
        return ops.broadcast_of(a, b)  # type: ignore[no-any-return]
    if isinstance(a, Size):
        return b  # a is 1 or b
    if isinstance(b, Size):
        return a
    msg = f"sizes {a} and {b} do not broadcast"
    raise NotConvertibleError(msg)


def unify(a: Dim, b: Dim) -> Dim:
    """Two sizes that must be equal: the better known one."""
    if not isinstance(a, Size) and not isinstance(b, Size) and a != b:
        msg = f"sizes {a} and {b} should be equal"
        raise NotConvertibleError(msg)
    return b if isinstance(a, Size) and not isinstance(b, Size) else a


def unify_shapes(shapes: Sequence[Shape | None]) -> Shape | None:
    """Shapes that must be equal; None where none of them is known."""
    known = [shape for shape in shapes if shape is not None]
    if not known:
        return None
    result = known[0]
    for shape in known[1:]:
        if len(shape) != len(result):
            msg = f"ranks {len(result)} and {len(shape)} should be equal"
            raise NotConvertibleError(msg)
        result = tuple(unify(a, b) for a, b in zip(result, shape, strict=True))
    return result


def items(ints: Any) -> tuple[Dim | None, ...] | None:
    """A shape-like argument: one entry per item, None where its value is unknown; None where even their number is."""
    if isinstance(ints, Fact):
        if ints.value is not None:
            return tuple(as_dim(item) for item in ints.value.ravel())
        if ints.shape is None or not ints.shape or isinstance(ints.shape[0], Size):
            return None
        return (None,) * int(ints.shape[0])
    return tuple(_item(item) for item in ints)


def _item(item: Any) -> Dim | None:
    if not isinstance(item, Fact):
        return None if item is None else as_dim(item)
    return None if item.value is None else as_dim(item.value.ravel()[0])


def sizes(ops: Any, ints: Any) -> Shape | None:
    """A shape-like argument that holds sizes: unknown ones become fresh."""
    found = items(ints)
    if found is None:
        return None
    return tuple(ops.fresh() if dim is None else dim for dim in found)


def certain(dim: Dim | None) -> bool:
    """Whether it is a size for certain, never -1."""
    return dim is not None and non_negative(dim)
