"""Which item of which array a step reads: lists at the counter, and ``x[:, t]`` in its many spellings."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from converters.lift.recognise.loops.model import Read, Step, rebind
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import Size, as_dim, subtract
from reference.vocabulary.tracer import CONSTANT, Expr, needed


def place_of(step: Step, index: Expr) -> tuple[Dim, int] | None:
    """(offset, sign) where the index is ``offset + sign * step number``."""
    place = _dim(index)
    time = _dim(step.time)
    if place is None or not isinstance(time, Size):
        return None
    for sign in (1, -1):
        offset = subtract(place, time * sign)
        if not isinstance(offset, Size) or not offset.names & time.names:
            return offset, sign
    return None


def _dim(item: Any) -> Dim | None:
    """A rank-0 integer as a number or symbolic size, where it is known."""
    if isinstance(item, Expr):
        value = item.fact.value
        return None if value is None or value.size != 1 else as_dim(value.reshape(-1)[0])
    return item if isinstance(item, int) else None


def leaf_of(step: Step, read: Read, item: Fact) -> Expr:
    """The leaf that stands for an item; the same one for the same item."""
    known = next((leaf for leaf, other in step.reads.items() if other == read), None)
    if known is not None:
        return known
    count = sum(other.source == read.source for other in step.reads.values())
    name = f"{read.source}[t]" if not count else f"{read.source}[t]{count}"
    leaf = step.tracer.input(name, Fact(item.dtype, item.shape))
    step.reads[leaf] = read
    return leaf


def find_reads(step: Step, choices: Collection[Expr] = ()) -> None:
    """Slices and lookups, at the counter, of arrays from outside become items of sequences.

    ``choices`` are the selections that stand for branches, of which TF runs one.
    """
    roots = [s.new for s in step.states] + [w.item for w in step.writes]
    bindings: dict[Expr, Expr] = {}
    certain = _always_run(roots, choices)
    guarded = {leaf for leaf in step.reads if leaf not in certain}
    safe = {leaf for leaf in step.reads if leaf in certain}
    for expr in needed(roots):
        found = _item(step, expr)
        if found is None:
            continue
        source, axis, (offset, sign) = found
        shape = (*source.shape[:axis], *source.shape[axis + 1 :])
        read = Read(step.captures[source], axis, offset, sign)
        leaf = leaf_of(step, read, Fact(source.dtype, shape))
        (safe if expr in certain else guarded).add(leaf)
        whole = len(expr.shape) == len(source.shape)
        bindings[expr] = step.tracer.expand_dims(leaf, axis) if whole else leaf
    step.guarded = guarded - safe
    if bindings:
        rebind(step, bindings)


def _always_run(roots: list[Expr], choices: Collection[Expr]) -> set[Expr]:
    """What is computed whatever branches are taken."""
    seen: set[Expr] = set()
    todo = list(roots)
    while todo:
        expr = todo.pop()
        if expr not in seen:
            seen.add(expr)
            todo.extend(expr.operands[:1] if expr in choices else expr.operands)
    return seen


def _item(step: Step, expr: Expr) -> tuple[Expr, int, tuple[Dim, int]] | None:
    """(array, axis, place) where the expression is one item of an array from outside, with or without its axis."""
    if expr.op == "gather":
        source, index = expr.args
        if expr.params["batch_dims"] or index.shape != () or source not in step.captures:
            return None
        place = place_of(step, index)
        axis = expr.params["axis"] % len(source.shape)
        return None if place is None else (source, axis, place)
    if expr.op == "strided_slice":
        return _slice(step, expr)
    if expr.op in ("squeeze", "reshape") and expr.args[0].op == "strided_slice":
        found = _slice(step, expr.args[0])
        if found is None:
            return None
        source, axis, _ = found
        if expr.op == "squeeze":
            return (
                found
                if tuple(expr.params["axes"]) in ((axis,), (axis - len(source.shape),))
                else None
            )
        rest = (*source.shape[:axis], *source.shape[axis + 1 :])
        return found if len(expr.shape) == len(rest) and _fits(expr.shape, rest) else None
    return None


def _fits(shape: Any, rest: Any) -> bool:
    """Whether a view has the item's sizes: equal, or all but one unknown size, which the others then decide."""
    other = [a for a, b in zip(shape, rest, strict=True) if a != b]
    return not other or (len(other) == 1 and isinstance(other[0], Size))


def _slice(step: Step, expr: Expr) -> tuple[Expr, int, tuple[Dim, int]] | None:
    """The same for ``x[:, t : t + 1]``."""
    source = expr.args[0]
    if source not in step.captures or source.op == CONSTANT or source.fact.shape is None:
        return None
    if any(s != 1 for s in expr.params["strides"]):
        return None
    if isinstance(expr.args[1], Expr) or isinstance(expr.args[2], Expr):
        return None
    found: tuple[int, Expr] | None = None
    for axis, (begin, end) in enumerate(zip(expr.args[1], expr.args[2], strict=True)):
        size = source.shape[axis]
        high = size if end is None else _dim(end)
        if (begin is None or _dim(begin) == 0) and high == size:
            continue
        if found is not None or not isinstance(begin, Expr) or not _next(begin, end):
            return None
        found = axis, begin
    place = None if found is None else place_of(step, _unwrapped(found[1]))
    return None if place is None or found is None else (source, found[0], place)


def _next(begin: Expr, end: Any) -> bool:
    """Whether ``end`` is ``begin + 1``."""
    low, high = _dim(begin), _dim(end)
    if low is not None and high is not None:
        return bool(subtract(high, low) == 1)
    if not isinstance(end, Expr) or end.op != "add":
        return False
    return any(a is begin and _dim(b) == 1 for a, b in (end.args, end.args[::-1]))


def _unwrapped(index: Expr) -> Expr:
    """``where(i < 0, i + size, i)`` as i: what is accepted never counts from the end."""
    if index.op == "where" and index.args[0].op == "less":
        condition, _, plain = index.args
        if condition.args[0] is plain and _dim(condition.args[1]) == 0:
            found: Expr = plain
            return found
    return index
