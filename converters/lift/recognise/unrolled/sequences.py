"""T values that were one array: found again, or packed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from converters.graph import DType
from converters.lift.recognise.form.slices import slice_window
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.sequences import reversed_time, time_first
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr

Row = tuple[Expr | None, ...]
"""One expression per step; the last may be unknown (None) until it has been worked out."""


def sequence_of(
    ops: ProgramOps, row: Row, names: Mapping[Expr, str], value: Callable[[Expr | None], str]
) -> ProgramArray:
    """The items of ``row`` as one time-major array: the array they were cut from, or a Pack of them."""
    found = _common([_item(e) for e in row])
    if found is not None:
        source, axis, backward = found
        if source in names and source.shape[axis] == len(row):
            array = time_first(ops, ops.value(names[source], source.fact), axis)
            return reversed_time(ops, array) if backward else array
    first = row[0]
    assert first is not None
    items = tuple(ops.value(value(e), e.fact) for e in row if e is not None)
    fact = Fact(first.dtype, (len(row), *first.shape))
    attrs = {"N": len(row), "axis": 0, "T": DType(first.dtype)}
    return ops.node("Pack", items, fact, attrs)


def is_whole(row: Row) -> bool:
    """Whether the items are all those of one array, in order or in reverse."""
    found = _common([_item(e) for e in row])
    return found is not None and found[0].shape[found[1]] == len(row)


def _item(expr: Expr | None) -> tuple[Expr, int, int] | None:
    """(source, axis, place) where the expression is one item of an array."""
    if expr is None:
        return None
    if expr.op == "unstack":
        source = expr.args[0]
        return source, expr.params["axis"] % len(source.shape), expr.index
    if expr.op == "gather":
        source, index = expr.args
        place = index.fact.value
        if place is None or place.shape != () or place.dtype == object:
            return None
        return source, expr.params["axis"] % len(source.shape), int(place)
    if expr.op in ("squeeze", "reshape"):
        inner = expr.args[0]
        if inner.op not in ("strided_slice", "split"):
            return None
        window = slice_window(inner)
        if window is None or window[2] - window[1] != 1:
            return None
        axis = window[0]
        rest = (*inner.shape[:axis], *inner.shape[axis + 1 :])
        return (inner.args[0], axis, window[1]) if tuple(expr.shape) == tuple(rest) else None
    return None


def _common(items: list[Any]) -> tuple[Expr, int, bool] | None:
    """(source, axis, whether backward) of items that are all of an array, first to last or last to first."""
    if any(i is None for i in items):
        return None
    source, axis, _ = items[0]
    places = [place for s, a, place in items if s is source and a == axis]
    forward = list(range(len(items)))
    if places not in (forward, forward[::-1]):
        return None
    return source, axis, places != forward
