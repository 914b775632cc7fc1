"""Reading and writing by index.

TF refuses an index outside the array; ONNX counts a negative one from the end. So that a bad index is an error here too, and not
another row's numbers, a negative index becomes one too large for any array, unless it cannot be negative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_onnx import sizes
from converters.to_onnx.emit import emits
from converters.to_onnx.emit.elementwise import is_integer
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.arrays import concrete


def checked(e: Any, indices: Any, dtype: str = "") -> Any:
    """The indices, in int32 or int64, negative ones made too large."""
    kind = dtype or (indices.fact.dtype if indices.fact.dtype == "int32" else "int64")
    known = concrete(indices.fact)
    if known is not None or (indices.name in e.natural):
        return e.to(indices, kind)
    name = e.to(indices, kind)
    zero, far = e.scalar(0, kind), e.scalar(np.iinfo(kind).max, kind)
    return e.node("Where", e.node("Less", name, zero), far, name)


@emits("gather")
def gather(e: Any, out: Fact, x: Any, indices: Any, *, axis: int, batch_dims: int) -> Any:
    if batch_dims == 0:
        return e.node("Gather", x, checked(e, indices), axis=axis)
    return _batched_gather(e, out, x, indices, axis, batch_dims)


def _batched_gather(e: Any, out: Fact, x: Any, indices: Any, axis: int, batch: int) -> Any:
    """GatherND along the axis moved behind the batch axes; its index is a vector of one."""
    rank, many = len(x.shape), len(indices.shape)
    axis %= rank
    batch %= many
    front = [*range(batch), axis, *(a for a in range(batch, rank) if a != axis)]
    moved = e.transpose(x, front)
    found = e.gather_nd(moved, e.expand_dims(indices, -1), batch_dims=batch)
    # found: batch, indices' own axes, then x's other axes; those before `axis` go back to the front.
    own = range(batch, many)
    before = range(many, many + axis - batch)
    after = range(many + axis - batch, many + rank - 1 - batch)
    return e.transpose(found, [*range(batch), *before, *own, *after])


@emits("gather_nd")
def gather_nd(e: Any, out: Fact, x: Any, indices: Any, *, batch_dims: int) -> str:
    whole = checked(e, indices, "int64")
    return str(e.node("GatherND", x, whole, batch_dims=batch_dims or None))


@emits("scatter_nd")
def scatter_nd(e: Any, out: Fact, indices: Any, updates: Any, target: Any) -> str:
    """Zeros with the updates added; equal indices add up (ScatterND with reduction)."""
    dtype = out.dtype
    wide = "int32" if dtype in ("bool", "int8", "int16", "uint8", "uint16") else dtype
    zeros = e.node("Expand", e.scalar(0, wide), sizes.int64_vector(e, target))
    whole = checked(e, indices, "int64")
    name = e.node("ScatterND", zeros, whole, e.to(updates, wide), reduction="add")
    return str(e.to(name, dtype) if wide != dtype else name)


@emits("one_hot")
def one_hot(e: Any, out: Fact, indices: Any, on: Any, off: Any, *, depth: int, axis: int) -> str:
    """By comparison with 0, 1, …: ONNX's OneHot counts negative indices from the end, TF's gives a row of ``off``."""
    rank = len(indices.shape) + 1
    at = axis % rank
    kind = indices.fact.dtype if indices.fact.dtype in ("int32", "int64") else "int64"
    line = np.arange(depth, dtype=kind).reshape([-1, *[1] * (rank - 1 - at)])
    wide = e.node("Unsqueeze", e.to(indices, kind), e.axes([at]))
    return str(e.ref(e.where(_boolean(e, out, wide, line), on, off)))


def _boolean(e: Any, out: Fact, wide: str, line: np.ndarray) -> Any:
    hit = e.node("Equal", wide, e.array(line))
    return e.wrap(hit, Fact("bool", out.shape))


def _arg(op: str) -> Any:
    def emit(e: Any, out: Fact, x: Any, *, axis: int, dtype: str) -> Any:
        wide = x
        if x.fact.dtype in ("bool", "int16", "uint16"):
            wide = e.to(x, "int32")
        # From the front: of an empty array ONNX Runtime 1.31 does not reduce an axis given from the end.
        name = e.node(op, wide, axis=axis % len(x.shape), keepdims=0)
        done = name if dtype == "int64" else e.to(name, dtype)
        e.natural.add(done)
        return done

    return emit


emits("argmax")(_arg("ArgMax"))
emits("argmin")(_arg("ArgMin"))


@emits("top_k")
def top_k(e: Any, out: Any, x: Any, k: Any) -> tuple[str, str]:
    dtype = x.fact.dtype
    wide = dtype if dtype in ("float32", "float64", "int32", "int64") else "float32"
    wide = "int32" if is_integer(dtype) and wide == "float32" else wide
    count = sizes.item_vector(e, k)
    values, places = e.nodes("TopK", 2, e.to(x, wide), count, axis=-1, largest=1, sorted=1)
    found = e.to(places, "int32")
    e.natural.add(found)
    return (values if wide == dtype else e.to(values, dtype)), found


@emits("nonzero")
def nonzero(e: Any, out: Fact, x: Any) -> str:
    """ONNX gives [rank, count]; a float64 is compared with 0 first."""
    dtype = x.fact.dtype
    direct = dtype in ("bool", "float32", "int32", "int64", "uint8")
    name = e.ref(x) if direct else e.to(x, "bool")
    done = e.node("Transpose", e.node("NonZero", name), perm=[1, 0])
    e.natural.add(done)
    return str(done)


@emits("unique")
def unique(e: Any, out: Any, x: Any, *, dtype: str) -> tuple[str, str]:
    """In order of first appearance."""
    own = x.fact.dtype
    wide = own if own in ("float32", "float64", "int64", "string") else "int64"
    values, _, places = e.nodes("Unique", 3, e.to(x, wide), sorted=0)
    return (values if wide == own else e.to(values, own)), (
        places if dtype == "int64" else e.to(places, dtype)
    )
