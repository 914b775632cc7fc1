"""Known values: folding with NumPy, and arithmetic on symbolic sizes.

Elements only moved (concat, slice, gather, …) are moved by running the NumPy operation on their indices, so no rule is
written twice.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from reference.errors import RnnportError
from reference.vocabulary.abstract import sizes
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size, as_dim
from reference.vocabulary.arrays import concrete
from reference.vocabulary.signatures import call

FOLD_LIMIT = 4 << 20
"""Elements; a larger result is folded only where it is no larger than its operands together."""

SYMBOLIC_LIMIT = 4096
"""Elements of a shape-like value that is followed symbolically."""

MOVES = frozenset(
    [
        "reshape",
        "transpose",
        "expand_dims",
        "squeeze",
        "concat",
        "stack",
        "unstack",
        "split",
        "strided_slice",
        "broadcast_to",
        "tile",
        "reverse",
        "gather",
        "gather_nd",
        "fill",
        "where",
    ]
)
_LITERAL = {"gather": (1,), "gather_nd": (1,), "where": (0,)}
"""Operands whose numbers matter to a move, beside shapes: they must be known as plain numbers."""


@lru_cache(maxsize=1)
def numpy_ops() -> Any:
    """The interpreter that computes."""
    from reference.vocabulary.numpy_ops import NumpyOps

    return NumpyOps()


def integer(dtype: str) -> bool:
    """Whether sizes can be followed through it."""
    return dtype in ("int32", "int64", "int16", "int8", "uint8", "uint16", "uint32", "uint64")


def settle(value: np.ndarray, dtype: str) -> np.ndarray:
    """Plain numbers where no item is symbolic any more."""
    if dtype != "string" and not any(isinstance(item, Size) for item in value.flat):
        return value.astype(dtype)
    return value


def fold(
    op: str, operands: Sequence[Any], params: Mapping[str, Any], facts: tuple[Fact, ...]
) -> tuple[Fact, ...]:
    """``facts`` with the values that can be told."""
    state = _known(operands)
    if state == "concrete":
        return _compute(op, operands, params, facts)
    if state == "symbolic":
        rule = _RULES.get(op)
        if op in MOVES and integer(facts[0].dtype):
            return _move(op, operands, params, facts)
        if rule is not None and all(_small(fact) for fact in _facts(operands)):
            value = rule(*(fact.value for fact in _facts(operands)), **params)
            if value is not None:
                fact = facts[0]
                settled = settle(np.asarray(value, object), fact.dtype)
                return (Fact(fact.dtype, settled.shape, settled),)
    return facts


def _facts(operands: Any) -> list[Fact]:
    found: list[Fact] = []
    for item in operands:
        if isinstance(item, Fact):
            found.append(item)
        elif isinstance(item, tuple):
            found += _facts(item)
    return found


def _small(fact: Fact) -> bool:
    return integer(fact.dtype) and fact.value is not None and fact.value.size <= SYMBOLIC_LIMIT


def _known(operands: Sequence[Any]) -> str:
    """ "concrete": plain numbers throughout; "symbolic": some are sizes; "": something is unknown."""
    result = "concrete"
    for item in operands:
        if isinstance(item, Fact):
            if item.value is None or item.dtype == "string":
                return ""
            if item.value.dtype == object:
                result = "symbolic"
        elif isinstance(item, Size):
            result = "symbolic"
        elif isinstance(item, tuple):
            inner = _known(item)
            if not inner:
                return ""
            result = "symbolic" if "symbolic" in (inner, result) else "concrete"
    return result


def _compute(
    op: str, operands: Sequence[Any], params: Mapping[str, Any], facts: tuple[Fact, ...]
) -> tuple[Fact, ...]:
    room = max(FOLD_LIMIT, sum(f.value.size for f in _facts(operands) if f.value is not None))
    for fact in facts:
        size = None if fact.shape is None else sizes.product(fact.shape)
        if isinstance(size, int) and size > room:
            return facts
    try:
        with np.errstate(all="ignore"):
            result = call(numpy_ops(), op, [_plain(item) for item in operands], params)
    except (RnnportError, ArithmeticError, ValueError, IndexError, TypeError):
        # What NumPy refuses stays an operation: it fails, or not, where the model runs.
        return facts
    values = result if len(facts) > 1 or isinstance(result, tuple | list) else (result,)
    arrays = [np.asarray(value) for value in values]
    return tuple(Fact(str(a.dtype), a.shape, a) for a in arrays)


def _plain(item: Any) -> Any:
    if isinstance(item, Fact):
        return item.value
    if isinstance(item, tuple):
        return tuple(_plain(part) for part in item)
    return item


def _move(
    op: str, operands: Sequence[Any], params: Mapping[str, Any], facts: tuple[Fact, ...]
) -> tuple[Fact, ...]:
    """Run the move on places in a table of items, and look the items up afterwards."""
    table: list[Dim] = []
    literal = _LITERAL.get(op, ())
    placed: list[Any] = []
    for position, item in enumerate(operands):
        moved = not _is_shape(op, position) and position not in literal
        fact = _place(item, table) if moved else item
        if fact is None or (not moved and not _all_concrete(item)):
            return facts
        placed.append(fact)
    dummies = tuple(Fact("int64", fact.shape) for fact in facts)
    moved_facts = _compute(op, placed, params, dummies)
    items = np.empty(len(table), object)
    items[:] = table
    result = []
    for fact, places in zip(facts, moved_facts, strict=True):
        if places.value is None:
            return facts
        value = np.empty(places.value.shape, object)
        value[...] = items[places.value]
        value = settle(value, fact.dtype)
        result.append(Fact(fact.dtype, value.shape, value))
    return tuple(result)


_SHAPE_OPERANDS = {"reshape": 1, "strided_slice": 1, "broadcast_to": 1, "tile": 1, "fill": 0}


def _is_shape(op: str, position: int) -> bool:
    start = _SHAPE_OPERANDS.get(op)
    return position == 0 if op == "fill" else start is not None and position >= start


def _all_concrete(item: Any) -> bool:
    if isinstance(item, Fact):
        return concrete(item) is not None
    if isinstance(item, tuple):
        return all(_all_concrete(part) for part in item)
    return not isinstance(item, Size)


def _place(item: Any, table: list[Dim]) -> Any:
    if isinstance(item, tuple):
        parts = tuple(_place(part, table) for part in item)
        return None if any(part is None for part in parts) else parts
    if item.value is None or item.value.size > SYMBOLIC_LIMIT:
        return None
    start = len(table)
    table.extend(as_dim(value) for value in item.value.flat)
    places = np.arange(start, len(table), dtype=np.int64).reshape(item.value.shape)
    return Fact("int64", places.shape, places)


def _elementwise(function: Callable[..., Any], count: int = 2) -> Callable[..., Any]:
    # otypes object: an outcome None (undecided) must survive in the array.
    compiled = np.frompyfunc(function, count, 1)

    def apply(*values: np.ndarray) -> np.ndarray | None:
        lifted = [_objects(value) for value in values]
        result = np.empty(np.broadcast_shapes(*(value.shape for value in lifted)), object)
        result[...] = compiled(*lifted)
        return None if any(item is None for item in result.flat) else result

    return apply


def _objects(value: np.ndarray) -> np.ndarray:
    result = np.empty(value.shape, object)
    for place, item in np.ndenumerate(value):
        result[place] = as_dim(item)
    return result


def _less_equal(a: Dim, b: Dim) -> bool | None:
    if sizes.non_negative(sizes.subtract(b, a)):
        return True
    return False if sizes.non_negative(sizes.subtract(sizes.subtract(a, b), 1)) else None


def _equal(a: Dim, b: Dim) -> bool | None:
    gap = sizes.subtract(a, b)
    if gap == 0:
        return True
    apart = sizes.non_negative(sizes.subtract(gap, 1)) or sizes.non_negative(
        sizes.subtract(sizes.multiply(gap, -1), 1)
    )
    return False if apart else None


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _truncate_divide(a: Dim, b: Dim) -> Dim | None:
    plain = sizes.non_negative(a) and sizes.non_negative(b)
    return sizes.floor_divide(a, b) if plain else None


def _reduction(function: Callable[[Dim, Dim], Dim], start: Dim) -> Callable[..., Any]:
    def apply(x: np.ndarray, axes: Any, keepdims: bool) -> np.ndarray | None:
        if x.ndim != 1 or axes not in (None, 0, -1, (0,), (-1,)):
            return None
        total = start
        for item in x:
            total = function(total, as_dim(item))
        result = np.empty((1,) if keepdims else (), object)
        result[...] = total
        return result

    return apply


def _cast(x: np.ndarray, dtype: str) -> np.ndarray | None:
    # A size counts elements of a tensor in memory, so the narrower type holds it.
    return x if integer(dtype) else None


_RULES: dict[str, Callable[..., Any]] = {
    "add": _elementwise(sizes.add),
    "subtract": _elementwise(sizes.subtract),
    "multiply": _elementwise(sizes.multiply),
    "floor_divide": _elementwise(sizes.floor_divide),
    "floor_mod": _elementwise(sizes.floor_mod),
    "truncate_divide": _elementwise(_truncate_divide),
    "maximum": _elementwise(sizes.maximum),
    "minimum": _elementwise(sizes.minimum),
    "negative": _elementwise(operator.neg, 1),
    "equal": _elementwise(_equal),
    "not_equal": _elementwise(lambda a, b: _not(_equal(a, b))),
    "less_equal": _elementwise(_less_equal),
    "greater_equal": _elementwise(lambda a, b: _less_equal(b, a)),
    "less": _elementwise(lambda a, b: _not(_less_equal(b, a))),
    "greater": _elementwise(lambda a, b: _not(_less_equal(a, b))),
    "prod": _reduction(sizes.multiply, 1),
    "sum": _reduction(sizes.add, 0),
    "cast": _cast,
}
