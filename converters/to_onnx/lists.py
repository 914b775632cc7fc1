"""Lists of tensors (TF's TensorArray and TensorList) as one stacked tensor ``[N, …]``.

A list is a value: writing an item is a ``ScatterND`` into the stack. Where a loop appends one item per trip,
:mod:`converters.to_onnx.loops` makes the stack of the loop's scan output instead. Items never written are zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.graph import Node
from converters.to_onnx import sizes
from converters.to_onnx.values import Value
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Size

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps


@dataclass(eq=False)
class ListValue:
    """``stacked`` is None while nothing is written and the items' shape is unknown; then ``size`` unwritten items."""

    dtype: str
    size: Any
    """Rank-0 integer Value."""
    stacked: Value | None = None
    dynamic: bool = False
    blank: bool = False
    """Whether nothing was written to it yet."""

    @property
    def fact(self) -> Fact:
        return Fact(self.dtype) if self.stacked is None else self.stacked.fact


def apply(
    ops: OnnxOps, node: Node, inputs: Sequence[Any], fact: Fact | None = None
) -> tuple[Any, ...]:
    """The outputs of a list op; ``fact`` is what the lift knows of the first one."""
    if node.op == "ListNew":
        return (_new(ops, node, inputs[0], fact),)
    result = _OPS[node.op](ops, node, *inputs)
    return result if isinstance(result, tuple) else (result,)


def is_list_op(op: str, /) -> bool:
    return op == "ListNew" or op in _OPS


def _new(ops: OnnxOps, node: Node, size: Value, fact: Fact | None) -> ListValue:
    dtype = ops.narrow.get(str(node.attr("dtype")), str(node.attr("dtype")))
    fresh = ListValue(dtype, size, None, bool(node.attr("dynamic", False)), blank=True)
    shape = None if fact is None else fact.shape
    if shape is not None and all(sizes.readable(ops, dim) for dim in shape[1:]):
        fresh.stacked = zeros(ops, dtype, size, shape[1:])
    return fresh


def zeros(ops: OnnxOps, dtype: str, size: Value, element: Sequence[Any]) -> Value:
    """``size`` items of zeros."""
    empty = b"" if dtype == "string" else 0
    zero = ops.constant(np.array(empty, object if dtype == "string" else dtype))
    return ops.fill([ops.cast(size, "int64"), *(ops.size(d) for d in element)], zero)  # type: ignore[no-any-return]


def stack_of(ops: OnnxOps, items: ListValue, element: Sequence[Any] | None = None) -> Value:
    """The stacked tensor; an unwritten list needs its items' shape."""
    if items.stacked is None:
        if element is None or not all(sizes.readable(ops, dim) for dim in element):
            msg = f"{ops.build.prefix}: a list is read whose items have no known shape"
            raise NotConvertibleError(msg, (Reason(ops.build.prefix, "a list of unknown items"),))
        items.stacked = zeros(ops, items.dtype, items.size, element)
    return items.stacked


def length(ops: OnnxOps, items: ListValue) -> Value:
    """N, int64."""
    if items.stacked is None:
        return ops.cast(items.size, "int64")
    return first_size(ops, items.stacked)


def first_size(ops: OnnxOps, x: Value) -> Value:
    """The size of axis 0, int64."""
    found: Value = ops.squeeze(ops.strided_slice(ops.shape(x, dtype="int64"), [0], [1], [1]), (0,))
    return found


def _set(ops: OnnxOps, node: Node, items: ListValue, index: Value, item: Value) -> ListValue:
    stacked = stack_of(ops, items, item.fact.shape)
    at = ops.cast(index, "int64")
    if items.dynamic:
        stacked = grown(ops, stacked, length(ops, items), at + 1)
    place = ops.reshape(at, [1, 1])
    name = ops.node("ScatterND", stacked, place, ops.expand_dims(item, 0))
    return _like(ops, items, name, stacked.fact.shape)


def grown(ops: OnnxOps, stacked: Value, count: Value, needed: Value) -> Value:
    """With zeros behind, so that there are at least ``needed`` items."""
    missing = ops.maximum(needed - count, 0)
    rank = len(stacked.shape)
    return ops.pad(stacked, ((0, missing), *((0, 0) for _ in range(rank - 1))))  # type: ignore[no-any-return]


def _like(ops: OnnxOps, items: ListValue, name: str, shape: Any) -> ListValue:
    value = ops.wrap(name, Fact(items.dtype, shape))
    return ListValue(items.dtype, items.size, value, items.dynamic)


def _get(ops: OnnxOps, node: Node, items: ListValue, index: Value) -> Value:
    return ops.gather(stack_of(ops, items), index)  # type: ignore[no-any-return]


def _stack(ops: OnnxOps, node: Node, items: ListValue) -> Value:
    return stack_of(ops, items, _attr_shape(node))


def _attr_shape(node: Node) -> Any:
    shape = node.attr("element_shape", None)
    dims = getattr(shape, "dims", None)
    return None if dims is None or None in dims else dims


def _unstack(ops: OnnxOps, node: Node, tensor: Value) -> ListValue:
    return ListValue(tensor.fact.dtype, first_size(ops, tensor), tensor)


def _gather(ops: OnnxOps, node: Node, items: ListValue, indices: Value) -> Value:
    stacked = stack_of(ops, items, _attr_shape(node))
    if _counts_up(ops, indices, stacked):
        return stacked
    return ops.gather(stacked, indices)  # type: ignore[no-any-return]


def _counts_up(ops: OnnxOps, indices: Value, stacked: Value) -> bool:
    """Whether the indices are 0, 1, … N - 1, which is what every dynamic_rnn asks for."""
    if indices.fact.shape is None or stacked.fact.shape is None:
        return False
    if indices.fact.shape[0] != stacked.fact.shape[0]:
        return False
    known = indices.fact.value
    if known is not None:
        return known.dtype != object and bool((known == np.arange(known.size)).all())
    return indices.name in ops.ramps


def _scatter(
    ops: OnnxOps, node: Node, items: ListValue, indices: Value, tensor: Value
) -> ListValue:
    if items.stacked is None and _counts_up(ops, indices, tensor) and not items.dynamic:
        return ListValue(items.dtype, items.size, tensor, items.dynamic)
    shape = tensor.fact.shape
    stacked = stack_of(ops, items, None if shape is None else shape[1:])
    whole = ops.cast(indices, "int64")
    if items.dynamic:
        stacked = grown(ops, stacked, length(ops, items), ops.max(whole, None) + 1)
    name = ops.node("ScatterND", stacked, ops.expand_dims(whole, 1), tensor)
    return _like(ops, items, name, stacked.fact.shape)


def _size(ops: OnnxOps, node: Node, items: ListValue) -> Value:
    return ops.cast(length(ops, items), "int32")


def _concat(ops: OnnxOps, node: Node, items: ListValue) -> tuple[Value, Value]:
    """The stack with its first two axes as one; all items are of one size."""
    stacked = stack_of(ops, items, _attr_shape(node))
    shape = stacked.shape
    joined = ops.reshape(
        stacked, [shape_product(ops, shape[:2]), *(ops.size(d) for d in shape[2:])]
    )
    each = ops.amount(shape[1])
    return joined, ops.fill([length(ops, items)], each)


def shape_product(ops: OnnxOps, dims: Sequence[Any]) -> Any:
    total: Any = 1
    for dim in dims:
        total = total * dim
    return ops.size(total) if isinstance(total, int | Size) else total


def _split(ops: OnnxOps, node: Node, items: ListValue, tensor: Value, lengths: Value) -> ListValue:
    """Parts of equal size only: a stack has no ragged items."""
    known = ops.static(lengths)
    if known is None or len(set(known.tolist())) != 1:
        msg = f"{node.name}: a list of parts of different or unknown sizes"
        raise NotConvertibleError(msg, (Reason(node.name, "parts of different sizes"),))
    rest = [ops.size(d) for d in tensor.shape[1:]]
    parts = ops.reshape(tensor, [len(known), int(known[0]), *rest])
    return ListValue(items.dtype, items.size, parts, items.dynamic)


def _push(ops: OnnxOps, node: Node, items: ListValue, item: Value) -> ListValue:
    stacked = stack_of(ops, items, item.fact.shape)
    joined = ops.concat([stacked, ops.expand_dims(item, 0)], 0)
    return ListValue(items.dtype, items.size, joined, items.dynamic)


def _resize(ops: OnnxOps, node: Node, items: ListValue, size: Value) -> ListValue:
    if items.stacked is None:
        return ListValue(items.dtype, size, None, items.dynamic)
    wide = grown(ops, items.stacked, length(ops, items), ops.cast(size, "int64"))
    cut = ops.strided_slice(wide, [0], [size], [1])
    return ListValue(items.dtype, size, cut, items.dynamic)


_OPS: dict[str, Callable[..., Any]] = {
    "ListSet": _set,
    "ListGet": _get,
    "ListStack": _stack,
    "ListUnstack": _unstack,
    "ListGather": _gather,
    "ListScatter": _scatter,
    "ListSize": _size,
    "ListConcat": _concat,
    "ListSplit": _split,
    "ListPush": _push,
    "ListResize": _resize,
}
