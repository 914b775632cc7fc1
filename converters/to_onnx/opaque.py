"""Sizes that are no polynomials, such as ``floordiv(T,2)`` or ``broadcast(B,x.0)``: read back from the unknown's name.

:mod:`reference.vocabulary.abstract.sizes` names such an unknown after what it is made of. Its parts are looked up as they stand, so a
part that is no known name, number or function makes the whole unreadable, never wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps

Seen = Callable[[str], bool]


def parts(name: str, /) -> tuple[str, list[str]] | None:
    """The function and its arguments: ``("min", ["T", "2*B"])``."""
    name = name.removeprefix("~")
    head, bracket, rest = name.partition("(")
    if not bracket or not rest.endswith(")") or head not in FUNCTIONS:
        return None
    found, depth, start = [], 0, 0
    text = rest[:-1]
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return None
        if letter == "," and depth == 0:
            found.append(text[start:place])
            start = place + 1
    return head, [*found, text[start:]]


def readable(text: str, seen: Seen, /) -> bool:
    """Whether an expression can be computed from what is seen."""
    if seen(text) or text.isdigit():
        return True
    terms = _split(text)
    if len(terms) > 1:
        return all(readable(term, seen) for _, term in terms)
    factors = _top(text, "*")
    if len(factors) > 1:
        return all(readable(factor, seen) for factor in factors)
    call = parts(text)
    return call is not None and len(call[1]) >= 2 and all(readable(a, seen) for a in call[1])


def read(ops: OnnxOps, text: str, seen: Seen, lookup: Callable[[str], str], /) -> str:
    """An int64 vector of the one number ``text`` says; it must be :func:`readable`."""
    if seen(text):
        return lookup(text)
    if text.isdigit():
        return ops.axes([int(text)])
    terms = _split(text)
    if len(terms) > 1:
        total = None
        for sign, term in terms:
            value = read(ops, term, seen, lookup)
            if total is None:
                total = value if sign == "+" else ops.node("Neg", value)
            else:
                total = ops.node("Add" if sign == "+" else "Sub", total, value)
        assert total is not None
        return total
    factors = _top(text, "*")
    if len(factors) > 1:
        values = [read(ops, factor, seen, lookup) for factor in factors]
        product = values[0]
        for value in values[1:]:
            product = ops.node("Mul", product, value)
        return product
    call = parts(text)
    assert call is not None
    values = [read(ops, argument, seen, lookup) for argument in call[1]]
    result = values[0]
    for value in values[1:]:
        result = FUNCTIONS[call[0]](ops, result, value)
    return result


def _floor_divide(ops: OnnxOps, a: str, b: str) -> str:
    whole = ops.node("Sub", a, ops.node("Mod", a, b))
    return ops.node("Div", whole, b)


def _broadcast(ops: OnnxOps, a: str, b: str) -> str:
    return ops.node("Where", ops.node("Equal", a, ops.axes([1])), b, a)


FUNCTIONS: dict[str, Callable[[OnnxOps, str, str], str]] = {
    "floordiv": _floor_divide,
    "mod": lambda ops, a, b: ops.node("Mod", a, b),
    "min": lambda ops, a, b: ops.node("Min", a, b),
    "max": lambda ops, a, b: ops.node("Max", a, b),
    "broadcast": _broadcast,
}


def _top(text: str, letters: str) -> list[str]:
    """``text`` cut at letters outside brackets."""
    found, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter in letters:
            found.append(text[start:place])
            start = place + 1
    return [*found, text[start:]]


def _split(text: str) -> list[tuple[str, str]]:
    """The signed terms of a sum; a name that holds a minus is taken apart too, and then known by none of its pieces."""
    signs = ["+"]
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter in "+-":
            signs.append(letter)
    terms = _top(text, "+-")
    if terms and not terms[0] and len(terms) > 1:
        return list(zip(signs[1:], terms[1:], strict=True))
    return list(zip(signs, terms, strict=True))
