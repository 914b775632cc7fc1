"""Which window of which array an expression is."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.lift.recognise.form.refs import Ref, anonymous
from reference.vocabulary.abstract.sizes import Size
from reference.vocabulary.origins import Origin
from reference.vocabulary.tracer import Expr


def last_width(expr: Expr) -> int | None:
    shape = expr.fact.shape
    if not shape or not isinstance(shape[-1], int):
        return None
    return int(shape[-1])


def constant_ref(expr: Expr) -> Ref:
    """A constant as a window of the named array it is a part of."""
    value, origin = expr.fact.value, expr.origin
    assert value is not None
    if isinstance(origin, Origin):
        name = origin.name if origin.perm == tuple(range(value.ndim)) else f"{origin.name}^T"
        return Ref(name, tuple(origin.box[k] for k in origin.perm), value)
    return anonymous(value)


def slice_window(expr: Expr) -> tuple[int, int, int] | None:
    """(axis, low, high) where the expression is one contiguous range of one axis of its argument."""
    shape = expr.args[0].fact.shape
    if shape is None:
        return None
    if expr.op == "split":
        axis = expr.params["axis"] % len(shape)
        sizes = expr.params["sizes"]
        low = sum(sizes[: expr.index])
        return axis, low, low + sizes[expr.index]
    return _strided_window(expr, shape)


def _strided_window(expr: Expr, shape: tuple[Any, ...]) -> tuple[int, int, int] | None:
    begins, ends = ints(expr.args[1]), _ends(expr.args[2])
    if begins is None or ends is None or any(s != 1 for s in expr.params["strides"]):
        return None
    found = None
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        size = shape[axis]
        if begin in (0, None) and (end is None or (isinstance(size, int) and end >= size)):
            continue
        if found is not None or not isinstance(size, int):
            return None
        low, high, _ = slice(begin, end).indices(size)
        found = (axis, low, high)
    if found is None and isinstance(shape[-1], int):
        return len(shape) - 1, 0, shape[-1]
    return found


def _ends(argument: Any) -> list[int | None] | None:
    """Where a slice ends; a number of rows that is not known is all of them: what a step joins has as many rows as its states."""
    found = ints(argument)
    if found is not None:
        return found
    value = argument.fact.value if isinstance(argument, Expr) else None
    items = (
        list(argument if value is None else value)
        if value is not None or (not isinstance(argument, Expr))
        else []
    )
    if len(items) < 2:
        return None
    first, *others = items
    rest = ints(tuple(others))
    known = first.fact.value if isinstance(first, Expr) else first
    if isinstance(known, np.ndarray):
        known = known.reshape(-1)[0] if known.size == 1 else None
    return [None, *rest] if isinstance(known, Size) and rest is not None else None


def slices_nothing(expr: Expr) -> bool:
    """Whether it is a slice that leaves everything, such as the one of ``mask[:, None]``."""
    if expr.op != "strided_slice" or any(s != 1 for s in expr.params["strides"]):
        return False
    shape = expr.args[0].fact.shape
    return shape is not None and expr.fact.shape == shape


def ints(argument: Any) -> list[int | None] | None:
    """A shape-like argument as Python ints, where all of them are known."""
    if isinstance(argument, Expr):
        value = argument.fact.value
        if value is None or value.dtype == object:
            return None
        return [int(v) for v in value.reshape(-1)]
    found: list[int | None] = []
    for item in argument:
        if isinstance(item, Expr):
            value = item.fact.value
            if value is None or value.dtype == object:
                return None
            found.append(int(value))
        elif item is None or isinstance(item, int | np.integer):
            found.append(None if item is None else int(item))
        else:
            return None
    return found
