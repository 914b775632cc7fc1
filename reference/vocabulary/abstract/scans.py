"""Shape rules: reductions and operations along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.rules import axis_of, rule
from reference.vocabulary.protocol import REDUCTIONS


@rule(*REDUCTIONS)
def reduce(ops: Any, x: Fact, axes: Sequence[int] | int | None, keepdims: bool) -> Fact:
    if x.shape is None:
        return Fact(x.dtype, () if axes is None and not keepdims else None)
    rank = len(x.shape)
    given = range(rank) if axes is None else (axes,) if isinstance(axes, int) else axes
    gone = {axis_of(axis, rank, "a reduction") for axis in given}
    if keepdims:
        return Fact(x.dtype, tuple(1 if i in gone else dim for i, dim in enumerate(x.shape)))
    return Fact(x.dtype, tuple(dim for i, dim in enumerate(x.shape) if i not in gone))


@rule("softmax", "log_softmax", "cumsum", "cumprod")
def along(ops: Any, x: Fact, axis: int, **_: Any) -> Fact:
    return Fact(x.dtype, x.shape)
