"""Arithmetic, comparisons, selection."""

from __future__ import annotations

from typing import Any

from converters.to_onnx.emit import emits
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.arrays import concrete

_ARITHMETIC = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
}
_COMPARISONS = {
    "equal": "Equal",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
}
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def is_integer(dtype: str) -> bool:
    """Whether the dtype counts whole numbers (bool does not)."""
    return dtype in _INTEGERS


def _arithmetic(op: str) -> Any:
    def emit(e: Any, out: Fact, a: Any, b: Any) -> Any:
        same = _unchanged(out, a, b, op)
        return same if same is not None else e.compute(_ARITHMETIC[op], out.dtype, a, b)

    return emit


def _unchanged(out: Fact, a: Any, b: Any, op: str) -> Any:
    """The operand that passes unchanged: + 0, - 0, * 1, / 1 (x + 0 turns -0 into 0, which compares equal)."""
    neutral = 0 if op in ("add", "subtract") else 1
    pairs = ((a, b),) if op in ("subtract", "divide") else ((a, b), (b, a))
    for kept, other in pairs:
        known = concrete(other.fact)
        if known is not None and kept.fact.shape == out.shape and bool((known == neutral).all()):
            return kept
    return None


for _op in _ARITHMETIC:
    emits(_op)(_arithmetic(_op))


def _comparison(op: str) -> Any:
    def emit(e: Any, _: Fact, a: Any, b: Any) -> str:
        return str(e.compute(op, a.fact.dtype, a, b, result="bool"))

    return emit


for _op, _name in _COMPARISONS.items():
    emits(_op)(_comparison(_name))


@emits("not_equal")
def not_equal(e: Any, _: Fact, a: Any, b: Any) -> str:
    return str(e.node("Not", e.compute("Equal", a.fact.dtype, a, b, result="bool")))


@emits("logical_and")
def logical_and(e: Any, _: Fact, a: Any, b: Any) -> str:
    return str(e.node("And", a, b))


@emits("logical_or")
def logical_or(e: Any, _: Fact, a: Any, b: Any) -> str:
    return str(e.node("Or", a, b))


@emits("logical_not")
def logical_not(e: Any, _: Fact, x: Any) -> str:
    return str(e.node("Not", x))


@emits("truncate_divide")
def truncate_divide(e: Any, out: Fact, a: Any, b: Any) -> Any:
    """ONNX's Div of integers rounds to zero."""
    quotient = e.compute("Div", out.dtype, a, b)
    if is_integer(out.dtype):
        return quotient
    down = e.compute("Floor", out.dtype, quotient)
    up = e.compute("Ceil", out.dtype, quotient)
    below = e.compute("Less", out.dtype, quotient, e.scalar(0, out.dtype), result="bool")
    return e.node("Where", below, up, down)


@emits("floor_divide")
def floor_divide(e: Any, out: Fact, a: Any, b: Any) -> str:
    """Floats: the floor of the quotient. Integers: one less than Div's where the signs differ and something remains."""
    quotient = e.compute("Div", out.dtype, a, b)
    if not is_integer(out.dtype):
        return str(e.compute("Floor", out.dtype, quotient))
    if out.dtype.startswith("u"):
        return str(quotient)
    # Mod takes the divisor's sign: a - Mod(a, b) is an exact multiple of b, and rounds down.
    rest = e.compute("Mod", out.dtype, a, b)
    whole = e.compute("Sub", out.dtype, a, rest)
    return str(e.compute("Div", out.dtype, whole, b))


@emits("floor_mod")
def floor_mod(e: Any, out: Fact, a: Any, b: Any) -> str:
    """ONNX's Mod of integers has the divisor's sign; for floats TF's rule (core/kernels/cwise_ops.h, google_floor_fmod)."""
    if is_integer(out.dtype):
        return str(e.compute("Mod", out.dtype, a, b))
    zero = e.scalar(0, out.dtype)
    rest = e.node("Mod", a, b, fmod=1)
    same = e.node("Equal", e.node("Less", a, zero), e.node("Less", b, zero))
    lifted = e.node("Mod", e.node("Add", rest, b), b, fmod=1)
    return str(e.node("Where", same, rest, lifted))


@emits("truncate_mod")
def truncate_mod(e: Any, out: Fact, a: Any, b: Any) -> str:
    return str(e.compute("Mod", out.dtype, a, b, fmod=1))


@emits("power")
def power(e: Any, out: Fact, a: Any, b: Any) -> Any:
    known = concrete(b.fact)
    if known is not None and known.ndim == 0 and known == 2:
        return e.compute("Mul", out.dtype, a, a)
    return e.compute("Pow", out.dtype, a, b)


def _extremum(op: str) -> Any:
    def emit(e: Any, out: Fact, a: Any, b: Any) -> str:
        return str(e.compute(op, out.dtype, a, b))

    return emit


emits("maximum")(_extremum("Max"))
emits("minimum")(_extremum("Min"))


@emits("where")
def where(e: Any, out: Fact, condition: Any, a: Any, b: Any) -> Any:
    known = concrete(condition.fact)
    if known is not None and known.ndim == 0:
        chosen = a if known else b
        if chosen.fact.shape == out.shape:
            return chosen
    return select(e, out.dtype, condition, a, b)


def select(e: Any, dtype: str, condition: Any, a: Any, b: Any) -> str:
    """Where, with the branches in a dtype that has a kernel; int32 is one."""
    wide = dtype if dtype in ("float32", "float64", "float16", "int32", "int64", "string") else None
    if wide is not None:
        return str(e.node("Where", condition, a, b))
    carried = (
        "uint8" if dtype == "bool" else "int32" if dtype in ("int8", "int16", "uint16") else ""
    )
    carried = carried or ("uint8" if dtype == "uint8" else "int64")
    return str(e.to(e.node("Where", condition, e.to(a, carried), e.to(b, carried)), dtype))


@emits("clip")
def clip(e: Any, out: Fact, x: Any, low: Any, high: Any) -> str:
    """Max and Min carry NaN through; rank-0 bounds make one Clip."""
    if low.fact.shape == () and high.fact.shape == ():
        return str(e.compute("Clip", out.dtype, x, low, high))
    return str(e.compute("Min", out.dtype, e.compute("Max", out.dtype, x, low), high))


@emits("cast")
def cast(e: Any, out: Fact, x: Any, *, dtype: str) -> Any:
    """A fraction is cut, as in C; a bool is 0 or 1."""
    if x.fact.dtype == dtype:
        return x
    return e.cast_node(x, dtype)
