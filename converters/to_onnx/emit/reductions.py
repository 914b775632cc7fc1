"""Reductions, softmax, running sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_onnx import sizes
from converters.to_onnx.builder import Port, ranked
from converters.to_onnx.emit import emits
from converters.to_onnx.kernels import KERNELS
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Size, product

_OPS = {
    "sum": "ReduceSum",
    "max": "ReduceMax",
    "min": "ReduceMin",
    "prod": "ReduceProd",
}


def reduce(e: Any, op: str, dtype: str, x: Any, axes: Any, keepdims: bool) -> str:
    """One Reduce node; ReduceSum takes its axes as an input, the others from opset 18."""
    keep = int(keepdims)
    if axes is None:
        return str(e.compute(op, dtype, x, keepdims=keep))
    if op == "ReduceSum" or e.opset >= 18:
        name = e.ref(x) if isinstance(x, str) or x.fact.dtype == dtype else e.to(x, dtype)
        wide = dtype if dtype in KERNELS[op] else "int32"
        done = e.node(op, e.to(name, wide) if wide != dtype else name, e.axes(axes), keepdims=keep)
        return str(done if wide == dtype else e.to(done, dtype))
    return str(e.compute(op, dtype, x, axes=list(axes), keepdims=keep))


def from_front(axes: Any, x: Any) -> Any:
    """Axes counted from the front: given from the end, ONNX Runtime 1.31 does not reduce an empty array at all."""
    return axes if axes is None else tuple(axis % len(x.shape) for axis in axes)


def _reduction(op: str) -> Any:
    def emit(e: Any, out: Fact, x: Any, *, axes: Any, keepdims: bool) -> Any:
        if axes == ():
            return x
        return reduce(e, op, out.dtype, x, from_front(axes, x), keepdims)

    return emit


for _op, _name in _OPS.items():
    emits(_op)(_reduction(_name))


@emits("mean")
def mean(e: Any, out: Fact, x: Any, *, axes: Any, keepdims: bool) -> Any:
    """ONNX Runtime's mean of nothing is 0, TF's is NaN: where an axis may be empty, the sum over the count."""
    if axes == ():
        return x
    shape, axes = x.shape, from_front(axes, x)
    dims = shape if axes is None else [shape[axis] for axis in axes]
    if all(not isinstance(dim, Size) and dim > 0 for dim in dims):
        return reduce(e, "ReduceMean", out.dtype, x, axes, keepdims)
    count = product(dims)
    total = e.wrap(reduce(e, "ReduceSum", out.dtype, x, axes, keepdims), out)
    return total / e.cast(e.amount(count), out.dtype)


def _logical(op: str, empty: bool) -> Any:
    def emit(e: Any, out: Fact, x: Any, *, axes: Any, keepdims: bool) -> Any:
        """Sums of int32: a max of an empty axis has no value, a sum has 0. all: no item is false."""
        if axes == ():
            return x
        value = e.to(x if op == "any" else e.logical_not(x), "int32")
        count = reduce(e, "ReduceSum", "int32", value, from_front(axes, x), keepdims)
        some = e.node("Greater", count, e.scalar(0, "int32"))
        return some if op == "any" else e.node("Not", some)

    return emit


emits("any")(_logical("any", False))
emits("all")(_logical("all", True))


@emits("logsumexp")
def logsumexp(e: Any, out: Fact, x: Any, *, axes: Any, keepdims: bool) -> Any:
    """log of the sum of exp(x - max), the max taken as 0 where it is infinite (math_ops.py, reduce_logsumexp)."""
    top = e.max(x, axes, keepdims=True)
    top = e.where(e.is_finite(top), top, e.constant(np.zeros((), out.dtype)))
    total = e.log(e.sum(e.exp(x - top), axes, keepdims=True)) + top
    if keepdims:
        return total
    rank = len(x.shape)
    return e.squeeze(total, tuple(range(rank)) if axes is None else axes)


@emits("softmax")
def softmax(e: Any, out: Fact, x: Any, *, axis: int) -> str:
    return str(e.compute("Softmax", out.dtype, x, axis=axis))


@emits("log_softmax")
def log_softmax(e: Any, out: Fact, x: Any, *, axis: int) -> str:
    return str(e.compute("LogSoftmax", out.dtype, x, axis=axis))


@emits("cumsum")
def cumsum(e: Any, out: Fact, x: Any, *, axis: int, exclusive: bool, reverse: bool) -> str:
    flags = {"exclusive": int(exclusive), "reverse": int(reverse)}
    wide = out.dtype if out.dtype in KERNELS["CumSum"] else "int64"
    name = e.node("CumSum", e.to(x, wide), e.scalar(axis, "int64"), **flags)
    return str(name if wide == out.dtype else e.to(name, out.dtype))


@emits("cumprod")
def cumprod(e: Any, out: Fact, x: Any, *, axis: int, exclusive: bool, reverse: bool) -> Any:
    """ONNX has none before opset 26: log2(n) products of the array with itself, shifted by 1, 2, 4, …"""
    rank = len(x.shape)
    axis %= rank
    count = e.dims_of(x)[axis]
    if count is None:
        return _scanned_product(e, out, x, axis, exclusive, reverse)
    total = e.reverse(x, (axis,)) if reverse else x
    if exclusive and count:
        total = _shifted(e, total, axis, 1)
    step = 1
    while step < count:
        total = total * _shifted(e, total, axis, step)
        step *= 2
    return e.reverse(total, (axis,)) if reverse else total


def _scanned_product(e: Any, out: Fact, x: Any, axis: int, exclusive: bool, reverse: bool) -> Any:
    """Along an axis of unknown size: a Scan that multiplies."""
    if out.shape is None or any(not sizes.readable(e, dim) for dim in out.shape):
        msg = f"{e.build.prefix}: cumprod of an array of unknown sizes"
        raise NotConvertibleError(msg)
    rest = [dim for place, dim in enumerate(out.shape) if place != axis]
    start = e.fill([e.size(dim) for dim in rest], e.constant(np.ones((), out.dtype)))
    with e.build.inside("cumprod") as scope:
        state = e.build.port("state", out.dtype, ranked(tuple(rest)))
        item = e.build.port("item", out.dtype, ranked(tuple(rest)))
        product = e.node("Mul", state, item)
        [shown] = e.build.add("Identity", [state if exclusive else product], shared=False)
        scope.outputs += [Port(name, out.dtype, ranked(tuple(rest))) for name in (product, shown)]
    flags = {"scan_input_axes": [axis], "scan_output_axes": [axis], "num_scan_inputs": 1}
    if reverse:
        flags |= {"scan_input_directions": [1], "scan_output_directions": [1]}
    # ONNX Runtime refuses a Scan of no step: one more item than there are, cut off again.
    widths = tuple((0, int(place == axis)) for place in range(len(out.shape)))
    whole = e.nodes("Scan", 2, start, e.pad(x, widths, value=1.0), body=scope, **flags)[1]
    return e.node("Slice", whole, e.axes([0]), sizes.size(e, out.shape[axis]), e.axes([axis]))


def _shifted(e: Any, x: Any, axis: int, by: int) -> Any:
    """``x`` moved up the axis, ones moving in."""
    lead = [None] * axis
    kept = e.strided_slice(x, [*lead, None], [*lead, -by], [1] * (axis + 1))
    widths = tuple((by, 0) if a == axis else (0, 0) for a in range(len(x.shape)))
    return e.pad(kept, widths, value=1.0)
