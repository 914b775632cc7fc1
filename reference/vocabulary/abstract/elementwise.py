"""Shape rules: elementwise operations and casts."""

from __future__ import annotations

from typing import Any

from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.rules import broadcast_shapes, rule
from reference.vocabulary.protocol import BINARY, UNARY

PREDICATES = frozenset(("is_nan", "is_inf", "is_finite", "logical_not"))
COMPARISONS = frozenset(("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"))


@rule(*(name for name in UNARY if name not in PREDICATES), "leaky_relu")
def same(ops: Any, x: Fact, **_: Any) -> Fact:
    return Fact(x.dtype, x.shape)


@rule(*PREDICATES)
def predicate(ops: Any, x: Fact) -> Fact:
    return Fact("bool", x.shape)


@rule(*(name for name in BINARY if name not in COMPARISONS))
def binary(ops: Any, a: Fact, b: Fact) -> Fact:
    return Fact(_same_dtype(a, b), broadcast_shapes(ops, a.shape, b.shape))


@rule(*COMPARISONS)
def comparison(ops: Any, a: Fact, b: Fact) -> Fact:
    _same_dtype(a, b)
    return Fact("bool", broadcast_shapes(ops, a.shape, b.shape))


@rule("where")
def where(ops: Any, condition: Fact, a: Fact, b: Fact) -> Fact:
    return Fact(_same_dtype(a, b), broadcast_shapes(ops, condition.shape, a.shape, b.shape))


@rule("clip")
def clip(ops: Any, x: Fact, low: Fact, high: Fact) -> Fact:
    return Fact(_same_dtype(x, low, high), broadcast_shapes(ops, x.shape, low.shape, high.shape))


@rule("cast")
def cast(ops: Any, x: Fact, dtype: str) -> Fact:
    return Fact(str(dtype), x.shape)


def _same_dtype(*facts: Fact) -> str:
    dtypes = {fact.dtype for fact in facts}
    if len(dtypes) > 1:
        msg = f"operands of {' and '.join(sorted(dtypes))}: the vocabulary never promotes dtypes"
        raise NotConvertibleError(msg)
    return facts[0].dtype
