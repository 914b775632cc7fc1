"""Whether a step computes each row from that row alone, so that rows may be reordered, left out, and run on past their ends.

Every recognised cell with states ``[B, n]`` does. A traced one is looked through: an operation is let pass only where it keeps the rows
on the first axis and mixes nothing along it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converters.program import Recurrence
from converters.to_onnx.values import Value
from reference.vocabulary.protocol import BINARY, REDUCTIONS, UNARY
from reference.vocabulary.tracer import CONSTANT, INPUT, Expr, needed


def rows_apart(recurrence: Recurrence, initial: list[Value], /) -> bool:
    """``initial``: the recurrence's initial states."""
    if recurrence.invariants or any(len(value.fact.shape or ()) != 2 for value in initial):
        return False
    return not recurrence.reason or _traced_apart(recurrence.cell)


def _traced_apart(cell: Any) -> bool:
    """Of a traced cell whose inputs and states are all ``[B, n]``."""
    given = [getattr(cell, name, ()) for name in ("inputs", "old", "new", "outputs")]
    inputs, old, new, outputs = given
    if not new or any(e.fact.shape is None or e.fact.rank != 2 for e in (*inputs, *old)):
        return False
    rows: set[Expr] = set()
    for expr in needed([*new, *outputs], dict.fromkeys((*inputs, *old))):
        if expr in inputs or expr in old:
            rows.add(expr)
            continue
        if expr.op in (CONSTANT, INPUT):
            value = expr.fact.value
            if expr.op == INPUT or value is None or value.dtype == object:  # a size of the batch
                return False
            continue
        mixed = [e for e in expr.operands if e in rows]
        rule = _RULES.get(expr.op)
        if not mixed and expr.op != "shape":
            continue
        if rule is None or not rule(expr, rows):
            return False
        rows.add(expr)
    return all(expr in rows and _plain(expr) for expr in (*new, *outputs))


def _plain(expr: Expr) -> bool:
    """Whether all sizes but that of the rows are numbers."""
    shape = expr.fact.shape
    return shape is not None and len(shape) > 1 and all(isinstance(d, int) for d in shape[1:])


def _rank(expr: Expr) -> int:
    return -1 if expr.fact.rank is None else expr.fact.rank


def _elementwise(expr: Expr, rows: set[Expr]) -> bool:
    """Operands with rows have them on the result's first axis; others do not vary along it."""
    rank = _rank(expr)
    for operand in expr.operands:
        shape = operand.fact.shape
        if shape is None or (operand in rows and len(shape) != rank):
            return False
        if operand not in rows and len(shape) == rank and shape[0] != 1:
            return False
    return rank > 0


def _product(expr: Expr, rows: set[Expr]) -> bool:
    a, b = expr.args
    plain = a in rows and b not in rows and not expr.params["transpose_a"]
    return bool(plain and _rank(a) == _rank(b) == 2)


def _along(key: str, more: int = 0) -> Callable[[Expr, set[Expr]], bool]:
    """Operations along an axis, or axes, that must not be the first."""

    def rule(expr: Expr, rows: set[Expr]) -> bool:
        operands, value = expr.operands, expr.params[key]
        if value is None or not all(e in rows for e in operands):
            return False
        axes = value if isinstance(value, tuple) else (value,)
        ranks = {_rank(e) + more for e in operands}
        return len(ranks) == 1 and -1 + more not in ranks and all(a % min(ranks) for a in axes)

    return rule


def _slice(expr: Expr, rows: set[Expr]) -> bool:
    x, begin, end = expr.args
    if x not in rows or any(e in rows for e in expr.operands[1:]):
        return False
    whole = isinstance(begin, tuple) and isinstance(end, tuple) and begin and end
    return bool(whole and begin[0] is None and end[0] is None and expr.params["strides"][0] == 1)


_RULES: dict[str, Callable[[Expr, set[Expr]], bool]] = {
    **dict.fromkeys((*UNARY, *BINARY, "where", "clip", "cast", "leaky_relu"), _elementwise),
    **dict.fromkeys(REDUCTIONS, _along("axes")),
    **dict.fromkeys(("softmax", "log_softmax", "split", "concat"), _along("axis")),
    "expand_dims": _along("axis", 1),
    "squeeze": _along("axes"),
    "matmul": _product,
    "strided_slice": _slice,
}
