"""The rules of :mod:`converters.to_source.blocks.simplify`; each keeps every number, but for the order of a sum in a product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.to_source.blocks.simplify import Rule, again, both, number
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.protocol import BINARY, UNARY
from reference.vocabulary.tracer import CONSTANT, INPUT, Expr, Tracer

BROADCASTS = (*BINARY, "where")


def _reshapes(tracer: Tracer, expr: Any) -> Any:
    """A reshape of a reshape, or to the shape there is."""
    if expr.op != "reshape":
        return None
    x = expr.args[0]
    if x.shape == expr.shape:
        return x
    if x.op == "reshape":
        return again(tracer, expr, (x.args[0], expr.args[1]))
    return None


def _beams(tracer: Tracer, expr: Expr) -> Expr | None:
    """``reshape(take(rows, reshape(places + range(n) * width)))`` takes places in each of the n rows' beams."""
    if expr.op != "reshape" or expr.args[0].op != "gather":
        return None
    taken = expr.args[0]
    rows, index = taken.args
    if taken.params["axis"] or taken.params["batch_dims"] or index.op != "reshape":
        return None
    flat = index.args[0]
    for places, offset in both(flat, "add"):
        found = _offset(offset)
        if found is None or len(places.shape) != 2 or not rows.shape:
            continue
        count, width = found
        if places.shape[0] != count or rows.shape[0] != count * width:
            continue
        beams = places.shape[1]
        if tuple(expr.shape) != (count, beams, *rows.shape[1:]):
            continue
        whole = tracer.reshape(rows, _shape(tracer, (count, width, *rows.shape[1:])))
        return tracer.emit("take_beams", (whole, places), {}, (expr.fact,))[0]
    return None


def _shape(tracer: Tracer, dims: Sequence[Any]) -> Any:
    """A shape argument whose value is known but for the names of its sizes."""
    fact = tracer.abstract.symbolic(tuple(dims)).fact
    if fact.value is not None and fact.value.dtype != object:
        return tracer.constant(fact.value)
    return tracer._intern((INPUT, "sizes", tuple(dims)), INPUT, (), {}, (fact,), f"sizes {dims}")[0]


def _offset(expr: Expr) -> tuple[Any, int] | None:
    """(n, width) of ``expand_dims(range(n) * width, 1)``."""
    if expr.op != "expand_dims" or expr.params["axis"] not in (1, -1):
        return None
    for places, width in both(expr.args[0], "multiply"):
        if (
            places.op == "range"
            and number(places.args[0]) == 0
            and number(places.args[2]) == 1
            and number(width) is not None
        ):
            return places.shape[0], int(number(width))
    return None


def thin(tracer: Tracer, expr: Any, /) -> Any:
    """Something smaller that NumPy broadcasts to the same; the expression itself where there is none."""
    if expr.op == "fill":
        return expr.args[1]
    if expr.op == CONSTANT and expr.shape[:1] == (1,):
        return tracer.constant(expr.value.reshape(_without_ones(expr.value.shape)))
    if expr.op == "broadcast_to":
        return expr.args[0]
    if expr.op == "tile" and _repeats_ones(expr):
        return expr.args[0]
    if expr.op == "one_hot" and expr.params["axis"] == -1:
        index = thin(tracer, expr.args[0])
        if index.op == CONSTANT and not index.shape and index is not expr.args[0]:
            # Not folded: a row as long as the vocabulary is better told than written down.
            fact = Fact(expr.fact.dtype, expr.shape[-1:])
            return tracer.emit("one_hot", (index, *expr.args[1:]), expr.params, (fact,))[0]
    if expr.op in BROADCASTS or expr.op in UNARY or expr.op == "cast":
        parts = tuple(thin(tracer, arg) for arg in expr.args)
        if parts != expr.args and all(p.op == CONSTANT for p in parts):
            return again(tracer, expr, parts)
    return expr


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the ones in front, which broadcasting adds."""
    while shape[:1] == (1,):
        shape = shape[1:]
    return shape


def _repeats_ones(expr: Expr) -> bool:
    """Whether a tile only repeats axes of one item."""
    x, multiples = expr.args
    counts = list(multiples) if isinstance(multiples, tuple) else None
    if counts is None:
        value = multiples.fact.value
        if value is None:
            return False
        counts = list(value.reshape(-1))
    ones = [n if isinstance(n, int | np.integer) else None for n in counts]
    return len(ones) == len(x.shape) and all(
        m == 1 or d == 1 for m, d in zip(ones, x.shape, strict=True)
    )


def _broadcasts(tracer: Tracer, expr: Expr) -> Expr | None:
    """An operand filled up to a shape that the others have anyway."""
    if expr.op not in BROADCASTS:
        return None
    for place, arg in enumerate(expr.args):
        small = thin(tracer, arg)
        if small is arg:
            continue
        made = again(tracer, expr, (*expr.args[:place], small, *expr.args[place + 1 :]))
        if made.shape == expr.shape:
            return made
    return None


def _first_power(_tracer: Tracer, expr: Expr) -> Expr | None:
    """``x ** 1``."""
    if expr.op == "power" and number(expr.args[1]) == 1 and expr.args[0].shape == expr.shape:
        found: Expr = expr.args[0]
        return found
    return None


def _whole_quotient(tracer: Tracer, expr: Expr) -> Expr | None:
    """``int(place / n)`` by way of float64, of a place that cannot be negative."""
    if expr.op != "cast" or expr.params["dtype"] != "int32" or expr.args[0].op != "divide":
        return None
    top, below = expr.args[0].args
    if top.op != "cast" or top.fact.dtype != "float64" or number(below) is None:
        return None
    place, count = top.args[0], number(below)
    if place.op != "top_k" or place.index != 1 or count < 1 or count != int(count):
        return None
    found: Expr = tracer.floor_divide(
        place, tracer.constant(np.asarray(int(count), place.fact.dtype))
    )
    return found


def _transposes(tracer: Tracer, expr: Expr) -> Expr | None:
    """A transpose of a transpose."""
    if expr.op != "transpose" or expr.args[0].op != "transpose":
        return None
    inner = expr.args[0]
    perm = tuple(inner.params["perm"][a] for a in expr.params["perm"])
    if perm == tuple(range(len(perm))):
        found: Expr = inner.args[0]
        return found
    made: Expr = tracer.transpose(inner.args[0], perm)
    return made


def _units(tracer: Tracer, expr: Expr) -> Expr | None:
    """A reshape that adds one axis of one item, and one of an array that is filled."""
    if expr.op != "reshape":
        return None
    x, target = expr.args[0], tuple(expr.shape)
    if x.op == "fill" and x.args[1].op == CONSTANT:
        filled: Expr = tracer.fill(_shape(tracer, target), x.args[1])
        return filled if filled.shape == target else None
    source = tuple(x.shape)
    for axis in range(len(target)):
        if target[axis] == 1 and (*target[:axis], *target[axis + 1 :]) == source:
            made: Expr = tracer.expand_dims(x, axis)
            return made
    return None


def _repeats(tracer: Tracer, expr: Expr) -> Expr | None:
    """``reshape(tile(expand_dims(x, 1), (1, n, 1)))`` has each row n times."""
    if (
        expr.op != "reshape"
        or expr.args[0].op != "tile"
        or expr.args[0].args[0].op != "expand_dims"
    ):
        return None
    tiled = expr.args[0]
    x, shape = tiled.args[0].args[0], tuple(tiled.shape)
    if tiled.args[0].params["axis"] != 1 or not isinstance(shape[1], int):
        return None
    if shape != (x.shape[0], shape[1], *x.shape[1:]) or tuple(expr.shape) != (
        shape[0] * shape[1],
        *shape[2:],
    ):
        return None
    return tracer.emit("repeat", (x,), {"count": shape[1]}, (expr.fact,))[0]


def _same_dtype(_tracer: Tracer, expr: Expr) -> Expr | None:
    """A cast to the dtype there is."""
    same = expr.op == "cast" and expr.args[0].fact.dtype == expr.params["dtype"]
    return expr.args[0] if same else None


def _filled(tracer: Tracer, expr: Expr) -> Expr | None:
    """What lays out or repeats an array of one number."""
    if expr.op not in ("expand_dims", "tile", "transpose", "broadcast_to", "squeeze"):
        return None
    x, target = expr.args[0], tuple(expr.shape)
    if x.op != "fill" and (number(x) is None or expr.op != "tile"):
        return None
    value = x.args[1] if x.op == "fill" else tracer.constant(x.value.reshape(()))
    if value.op != CONSTANT:
        return None
    made: Expr = tracer.fill(_shape(tracer, target), value)
    return made if made.shape == target else None


def _flat_product(tracer: Tracer, expr: Expr) -> Expr | None:
    """Rows flattened around a product."""
    if expr.op != "reshape" or expr.args[0].op != "matmul":
        return None
    product = expr.args[0]
    rows, matrix = product.args
    if (
        rows.op != "reshape"
        or len(matrix.shape) != 2
        or len(rows.shape) != 2
        or any(product.params.values())
    ):
        return None
    x = rows.args[0]
    if (
        len(x.shape) < 3
        or x.shape[-1] != rows.shape[-1]
        or tuple(expr.shape[:-1]) != tuple(x.shape[:-1])
    ):
        return None
    made: Expr = tracer.matmul(x, matrix)
    return made if made.shape == expr.shape else None


def _or_never(_tracer: Tracer, expr: Expr) -> Expr | None:
    """``x or False``."""
    if expr.op != "logical_or":
        return None
    for x, other in both(expr, "logical_or"):
        value = other.value
        if value is not None and not value.any() and x.shape == expr.shape:
            return x
    return None


RULES: tuple[Rule, ...] = (
    _or_never,
    _same_dtype,
    _filled,
    _flat_product,
    _reshapes,
    _units,
    _repeats,
    _transposes,
    _beams,
    _broadcasts,
    _first_power,
    _whole_quotient,
)
