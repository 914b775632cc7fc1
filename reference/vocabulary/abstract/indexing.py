"""Shape rules: gathers, scatters, searches."""

from __future__ import annotations

from typing import Any

from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.rules import axis_of, rule, sizes
from reference.vocabulary.abstract.sizes import Size, as_dim


@rule("gather")
def gather(ops: Any, x: Fact, indices: Fact, axis: int, batch_dims: int) -> Fact:
    if x.shape is None or indices.shape is None:
        return Fact(x.dtype)
    place = axis_of(axis, len(x.shape), "gather")
    return Fact(x.dtype, x.shape[:place] + indices.shape[batch_dims:] + x.shape[place + 1 :])


@rule("gather_nd")
def gather_nd(ops: Any, x: Fact, indices: Fact, batch_dims: int) -> Fact:
    if x.shape is None or indices.shape is None or isinstance(indices.shape[-1], Size):
        return Fact(x.dtype)
    return Fact(x.dtype, indices.shape[:-1] + x.shape[batch_dims + int(indices.shape[-1]) :])


@rule("scatter_nd")
def scatter_nd(ops: Any, indices: Fact, updates: Fact, shape: Any) -> Fact:
    return Fact(updates.dtype, sizes(ops, shape))


@rule("one_hot")
def one_hot(ops: Any, indices: Fact, on: Fact, off: Fact, depth: int, axis: int) -> Fact:
    if indices.shape is None:
        return Fact(on.dtype)
    place = axis_of(axis, len(indices.shape) + 1, "one_hot")
    return Fact(on.dtype, (*indices.shape[:place], as_dim(depth), *indices.shape[place:]))


@rule("argmax", "argmin")
def argmax(ops: Any, x: Fact, axis: int, dtype: str) -> Fact:
    if x.shape is None:
        return Fact(dtype)
    place = axis_of(axis, len(x.shape), "argmax")
    return Fact(dtype, x.shape[:place] + x.shape[place + 1 :])


@rule("top_k")
def top_k(ops: Any, x: Fact, k: Fact) -> tuple[Fact, Fact]:
    if x.shape is None:
        return Fact(x.dtype), Fact("int32")
    count = ops.fresh() if k.value is None else as_dim(k.value.ravel()[0])
    shape = (*x.shape[:-1], count)
    return Fact(x.dtype, shape), Fact("int32", shape)


@rule("nonzero")
def nonzero(ops: Any, x: Fact) -> Fact:
    rank = ops.fresh() if x.shape is None else len(x.shape)
    return Fact("int64", (ops.fresh(), rank))


@rule("unique")
def unique(ops: Any, x: Fact, dtype: str) -> tuple[Fact, Fact]:
    return Fact(x.dtype, (ops.fresh(),)), Fact(dtype, x.shape)
