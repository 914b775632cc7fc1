"""What a step computes of things outside its recurrence, done for all steps at once: every operation with the steps as one more leading axis."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from converters.lift.recognise.form.slices import ints, slice_window
from converters.lift.recognise.form.values import NotRowWiseError
from converters.lift.recognise.loops.emit import DIRECT, ProgramOps
from reference.vocabulary.tracer import CONSTANT, Expr, needed

Given = Mapping[Expr, Any]


def over_steps(ops: ProgramOps, root: Expr, given: Given, same: Container[Expr]) -> Any:
    """The array [T, …] of an expression; ``given`` has those of its leaves, with the steps in front but where they are in ``same``.

    Raises:
        NotRowWiseError: an operation has no rule.
    """
    arrays: dict[Expr, Any] = {}
    mapped: dict[Expr, bool] = {}
    for expr in needed([root], dict.fromkeys(given)):
        if expr in given:
            arrays[expr], mapped[expr] = given[expr], expr not in same
        elif expr.op == CONSTANT:
            assert expr.fact.value is not None
            arrays[expr], mapped[expr] = ops.constant(expr.fact.value), False
        else:
            arrays[expr], mapped[expr] = _applied(ops, expr, arrays, mapped)
    if not mapped[root]:
        raise NotRowWiseError(root.op)
    return arrays[root]


def _applied(
    ops: ProgramOps, expr: Expr, arrays: Mapping[Expr, Any], mapped: Mapping[Expr, bool]
) -> tuple[Any, bool]:
    inside = [mapped[e] for e in expr.operands]
    if expr.op in DIRECT and expr.op != "matmul":
        rank = max(len(e.shape) for e in expr.operands)
        items = [_aligned(ops, arrays[e], mapped[e], len(e.shape), rank) for e in expr.operands]
        return getattr(ops, expr.op)(*items), any(inside)
    rule = RULES.get(expr.op)
    if rule is None or not any(inside):
        raise NotRowWiseError(expr.op)
    result = rule(ops, expr, arrays, mapped)
    if result is None:
        raise NotRowWiseError(expr.op)
    return result, True


def _aligned(ops: ProgramOps, array: Any, mapped: bool, rank: int, wanted: int) -> Any:
    """An operand of lower rank broadcasts from the right; the steps stay in front."""
    for _ in range(wanted - rank if mapped else 0):
        array = ops.expand_dims(array, 1)
    return array


def _axis(expr: Expr, axis: int, rank: int | None = None) -> int:
    return int(axis % (len(expr.args[0].shape) if rank is None else rank)) + 1


def _expand_dims(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    axis = _axis(expr, expr.params["axis"], len(expr.shape))
    return ops.expand_dims(arrays[expr.args[0]], axis)


def _squeeze(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    return ops.squeeze(arrays[expr.args[0]], [_axis(expr, a) for a in expr.params["axes"]])


def _cast(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    return ops.cast(arrays[expr.args[0]], expr.params["dtype"])


def _softmax(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    if _axis(expr, expr.params["axis"]) != len(expr.shape):
        return None
    return getattr(ops, expr.op)(arrays[expr.args[0]], len(expr.shape))


def _argmax(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    axis = _axis(expr, expr.params["axis"])
    return getattr(ops, expr.op)(arrays[expr.args[0]], axis, dtype=expr.params["dtype"])


def _one_hot(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    depth, on, off = expr.params["depth"], *(e.fact.value for e in expr.args[1:3])
    if expr.params["axis"] not in (-1, len(expr.shape) - 1) or on is None or off is None:
        return None
    return ops.one_hot(arrays[expr.args[0]], depth, ops.constant(on), ops.constant(off), axis=-1)


def _gather(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    table, ids = expr.args
    if expr.params["axis"] != 0 or expr.params["batch_dims"] or mapped[table] or not mapped[ids]:
        return None
    return ops.gather(arrays[table], arrays[ids], axis=0)


def _matmul(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    a, b = expr.args
    if mapped[b] or not mapped[a] or expr.params["transpose_a"] or expr.params["transpose_b"]:
        return None
    return ops.matmul(arrays[a], arrays[b])


def _concat(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    items = expr.args[0]
    if not all(mapped[e] for e in items):
        return None
    return ops.concat(
        [arrays[e] for e in items], _axis(items[0], expr.params["axis"], len(expr.shape))
    )


def _stack(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    items = expr.args[0]
    if not all(mapped[e] for e in items):
        return None
    axis = _axis(expr, expr.params["axis"], len(expr.shape))
    return ops.stack([arrays[e] for e in items], axis)


def _slice(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    begin, end = ints(expr.args[1]), ints(expr.args[2])
    if begin is None or end is None:
        return None
    strides = (1, *expr.params["strides"])
    return ops.strided_slice(arrays[expr.args[0]], [None, *begin], [None, *end], strides)


def _split(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    window = slice_window(expr)
    if window is None:
        return None
    rank = len(expr.shape) + 1
    begin, end = ([w if k == window[0] + 1 else None for k in range(rank)] for w in window[1:])
    return ops.strided_slice(arrays[expr.args[0]], begin, end, [1] * rank)


def _transpose(ops: ProgramOps, expr: Expr, arrays: Any, mapped: Any) -> Any:
    return ops.transpose(arrays[expr.args[0]], [0, *(p + 1 for p in expr.params["perm"])])


RULES: Mapping[str, Callable[[ProgramOps, Expr, Any, Any], Any]] = {
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "cast": _cast,
    "softmax": _softmax,
    "log_softmax": _softmax,
    "argmax": _argmax,
    "argmin": _argmax,
    "one_hot": _one_hot,
    "gather": _gather,
    "matmul": _matmul,
    "concat": _concat,
    "stack": _stack,
    "transpose": _transpose,
    "strided_slice": _slice,
    "split": _split,
}
"""By operation; what works element by element needs none."""
