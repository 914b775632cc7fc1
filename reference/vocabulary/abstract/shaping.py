"""Shape rules: operations that move elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.rules import axis_of, certain, items, rule, sizes, unify_shapes
from reference.vocabulary.abstract.sizes import (
    Dim,
    Size,
    floor_divide,
    non_negative,
    product,
    subtract,
)
from reference.vocabulary.abstract.slices import sliced


@rule("shape")
def shape(ops: Any, x: Fact, dtype: str) -> Fact:
    return Fact(dtype, (ops.fresh(),) if x.shape is None else (len(x.shape),))


@rule("reshape")
def reshape(ops: Any, x: Fact, shape: Any) -> Fact:
    wanted = items(shape)
    if wanted is None:
        return Fact(x.dtype)
    _check_sizes(x, wanted)
    open_items = [i for i, dim in enumerate(wanted) if dim == -1 or not certain(dim)]
    rest = product(dim for i, dim in enumerate(wanted) if i not in open_items and dim is not None)
    dims: list[Dim] = [-1 if i in open_items else dim for i, dim in enumerate(wanted)]  # type: ignore[misc]
    for i in open_items:
        alone = len(open_items) == 1 and x.shape is not None and rest != 0
        dims[i] = floor_divide(product(x.shape or ()), rest) if alone else ops.fresh()
    return Fact(x.dtype, tuple(dims))


def _check_sizes(x: Fact, wanted: Sequence[Dim | None]) -> None:
    """Raises NotConvertibleError for sizes that no reshape of ``x`` can have."""
    known = [dim for dim in wanted if isinstance(dim, int)]
    if min(known, default=0) < -1 or known.count(-1) > 1:
        msg = f"reshape to {list(wanted)}: one size may be -1, none less"
        raise NotConvertibleError(msg)
    sizes = [dim for dim in (*known, *(x.shape or ())) if isinstance(dim, int)]
    if x.shape is None or -1 in known or len(sizes) < len(wanted) + len(x.shape):
        return
    if product(known) != product(x.shape):
        msg = f"reshape of {list(x.shape)} to {known}: the numbers of items differ"
        raise NotConvertibleError(msg)


@rule("transpose")
def transpose(ops: Any, x: Fact, perm: Sequence[int]) -> Fact:
    axes = [axis_of(i, len(perm), "transpose") for i in perm]
    if len(set(axes)) < len(axes) or (x.shape is not None and len(axes) != len(x.shape)):
        rank = "" if x.shape is None else f" of {len(x.shape)} axes"
        msg = f"transpose{rank} by {list(perm)}, which is no permutation of them"
        raise NotConvertibleError(msg)
    if x.shape is None:
        return Fact(x.dtype, tuple(ops.fresh() for _ in perm))
    return Fact(x.dtype, tuple(x.shape[axis] for axis in axes))


@rule("expand_dims")
def expand_dims(ops: Any, x: Fact, axis: int) -> Fact:
    if x.shape is None:
        return Fact(x.dtype)
    place = axis_of(axis, len(x.shape) + 1, "expand_dims")
    return Fact(x.dtype, (*x.shape[:place], 1, *x.shape[place:]))


@rule("squeeze")
def squeeze(ops: Any, x: Fact, axes: Sequence[int] | None) -> Fact:
    if x.shape is None or axes is None:
        return Fact(x.dtype)
    gone = {axis_of(axis, len(x.shape), "squeeze") for axis in axes}
    for axis in gone:
        if not isinstance(x.shape[axis], Size) and x.shape[axis] != 1:
            msg = f"squeeze of axis {axis}, whose size is {x.shape[axis]}"
            raise NotConvertibleError(msg)
    return Fact(x.dtype, tuple(dim for i, dim in enumerate(x.shape) if i not in gone))


@rule("concat")
def concat(ops: Any, xs: tuple[Fact, ...], axis: int) -> Fact:
    known = [x.shape for x in xs if x.shape is not None]
    if not known:
        return Fact(xs[0].dtype)
    place = axis_of(axis, len(known[0]), "concat")
    others = unify_shapes([(*s[:place], 0, *s[place + 1 :]) for s in known])
    total: Dim = ops.fresh() if len(known) < len(xs) else sum(s[place] for s in known)
    assert others is not None
    return Fact(xs[0].dtype, (*others[:place], total, *others[place + 1 :]))


@rule("stack")
def stack(ops: Any, xs: tuple[Fact, ...], axis: int) -> Fact:
    common = unify_shapes([x.shape for x in xs])
    if common is None:
        return Fact(xs[0].dtype)
    place = axis_of(axis, len(common) + 1, "stack")
    return Fact(xs[0].dtype, (*common[:place], len(xs), *common[place:]))


@rule("unstack")
def unstack(ops: Any, x: Fact, axis: int, num: int) -> tuple[Fact, ...]:
    if x.shape is None:
        return tuple(Fact(x.dtype) for _ in range(num))
    place = axis_of(axis, len(x.shape), "unstack")
    rest = x.shape[:place] + x.shape[place + 1 :]
    return tuple(Fact(x.dtype, rest) for _ in range(num))


@rule("split")
def split(ops: Any, x: Fact, sizes: Sequence[int], axis: int) -> tuple[Fact, ...]:
    if x.shape is None:
        return tuple(Fact(x.dtype) for _ in sizes)
    place = axis_of(axis, len(x.shape), "split")
    head, tail = x.shape[:place], x.shape[place + 1 :]
    return tuple(Fact(x.dtype, (*head, _part(size), *tail)) for size in sizes)


def _part(size: Any) -> Dim:
    return size if isinstance(size, Size) else int(size)


@rule("strided_slice")
def strided_slice(ops: Any, x: Fact, begin: Any, end: Any, strides: Sequence[int]) -> Fact:
    if x.shape is None:
        return Fact(x.dtype)
    count = len(strides)
    if count > len(x.shape):
        msg = f"{count} slices of an array of rank {len(x.shape)}"
        raise NotConvertibleError(msg)
    starts, stops = _edges(begin, count), _edges(end, count)
    dims = [
        sliced(ops, dim, start, stop, int(stride))
        for dim, start, stop, stride in zip(x.shape, starts, stops, strides, strict=False)
    ]
    return Fact(x.dtype, (*dims, *x.shape[count:]))


def _edges(ints: Any, count: int) -> Sequence[Any]:
    """Per axis: None for "from the edge", a Dim, or "?" where its value is unknown."""
    if isinstance(ints, tuple):
        known = items(ints) or ()
        return [
            "?" if value is None and item is not None else value
            for item, value in zip(ints, known, strict=True)
        ]
    values = items(ints)
    return ["?"] * count if values is None else ["?" if v is None else v for v in values]


@rule("broadcast_to")
def broadcast_to(ops: Any, x: Fact, shape: Any) -> Fact:
    return Fact(x.dtype, sizes(ops, shape))


@rule("tile")
def tile(ops: Any, x: Fact, multiples: Any) -> Fact:
    times = items(multiples)
    if x.shape is None:
        return Fact(x.dtype)
    if times is None:
        times = (None,) * len(x.shape)
    dims = [ops.fresh() if n is None else dim * n for dim, n in zip(x.shape, times, strict=True)]
    return Fact(x.dtype, tuple(dims))


@rule("pad")
def pad(ops: Any, x: Fact, paddings: Any, mode: str, value: float) -> Fact:
    if x.shape is None:
        return Fact(x.dtype)
    if isinstance(paddings, Fact):
        flat = items(paddings)
        if flat is None or len(flat) != 2 * len(x.shape):
            flat = (None,) * (2 * len(x.shape))
        pairs = [flat[2 * i : 2 * i + 2] for i in range(len(x.shape))]
    else:
        pairs = [items(pair) or (None, None) for pair in paddings]
    dims = [
        ops.fresh() if low is None or high is None else dim + low + high
        for dim, (low, high) in zip(x.shape, pairs, strict=True)
    ]
    return Fact(x.dtype, tuple(dims))


@rule("reverse", "reverse_sequence")
def moved(ops: Any, x: Fact, *_: Any, **__: Any) -> Fact:
    return Fact(x.dtype, x.shape)


@rule("fill")
def fill(ops: Any, shape: Any, value: Fact) -> Fact:
    return Fact(value.dtype, sizes(ops, shape))


@rule("range")
def range_(ops: Any, start: Fact, limit: Fact, delta: Fact) -> Fact:
    return Fact(start.dtype, (_count(ops, start, limit, delta),))


def _count(ops: Any, start: Fact, limit: Fact, delta: Fact) -> Dim:
    values = [fact.value for fact in (start, limit, delta)]
    if any(value is None for value in values):
        return ops.fresh()  # type: ignore[no-any-return]
    first, last, step = (value.ravel()[0] for value in values if value is not None)
    if not any(isinstance(item, Size) for item in (first, last, step)):
        return max(0, -int(-(last - first) // step)) if step else 0
    gap = subtract(last, first)
    return gap if step == 1 and non_negative(gap) else ops.fresh()
