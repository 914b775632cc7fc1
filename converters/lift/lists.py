"""List ops: TensorArray (v1) and TensorList (v2) in one form, and what is known of a list before it runs.

A *list value* holds N items of one dtype and shape. Its Fact is a :class:`ListFact`: the Fact of the items stacked, ``[N, …]``.
Lists are values, never changed in place. Items never written read as zeros. All indices and sizes are rank-0 integers.

===========  ==========================  ===================================================================
op           inputs                      output
===========  ==========================  ===================================================================
ListNew      size                        a list of ``size`` unwritten items; attrs ``dtype``, ``element_shape``
                                         (a Shape), ``dynamic`` (writing past the end makes it longer)
ListSet      list, index, item           the list with that item
ListGet      list, index                 the item
ListStack    list                        a tensor [N, …]
ListUnstack  tensor                      a list of its N items
ListGather   list, indices [k]           a tensor [k, …]
ListScatter  list, indices [k], tensor   the list with k items written
ListSize     list                        N, int32
ListConcat   list                        its items joined along their first axis; and their lengths, int64 [N]
ListSplit    list, tensor, lengths       a list of consecutive parts of ``tensor``
ListPush     list, item                  the list with one more item
ListResize   list, size                  the list cut, or lengthened by unwritten items
===========  ==========================  ===================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from converters.graph import DType, Node, Shape
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import Size, as_dim

_ARRAY_OPS: dict[str, tuple[str, tuple[int, ...]]] = {
    "TensorArray": ("ListNew", (0,)),
    "TensorArrayWrite": ("ListSet", (3, 1, 2)),
    "TensorArrayRead": ("ListGet", (2, 1)),
    "TensorArrayGather": ("ListGather", (2, 1)),
    "TensorArrayScatter": ("ListScatter", (3, 1, 2)),
    "TensorArraySize": ("ListSize", (1,)),
    "TensorArrayConcat": ("ListConcat", (1,)),
    "TensorArraySplit": ("ListSplit", (3, 1, 2)),
    "TensorArrayPack": ("ListStack", (1,)),
    "TensorArrayUnpack": ("ListUnstack", (1,)),
}
"""By TensorArray op without its version: the list op, and which inputs it takes (the handle falls away)."""

_LIST_OPS: dict[str, tuple[str, tuple[int, ...]]] = {
    "TensorListReserve": ("ListNew", (1,)),
    "TensorListSetItem": ("ListSet", (0, 1, 2)),
    "TensorListGetItem": ("ListGet", (0, 1)),
    "TensorListStack": ("ListStack", (0,)),
    "TensorListFromTensor": ("ListUnstack", (0,)),
    "TensorListGather": ("ListGather", (0, 1)),
    "TensorListScatterIntoExistingList": ("ListScatter", (0, 2, 1)),
    "TensorListLength": ("ListSize", (0,)),
    "TensorListConcat": ("ListConcat", (0,)),
    "TensorListConcatV2": ("ListConcat", (0,)),
    "TensorListPushBack": ("ListPush", (0, 1)),
    "TensorListResize": ("ListResize", (0, 1)),
}


@dataclass(frozen=True, slots=True, eq=False)
class ListFact(Fact):
    """``shape`` is ``(size, *element shape)``, or None while the elements' shape is unknown."""

    size: Dim | None = None
    dynamic: bool = False


def of_elements(dtype: str, size: Dim, element: Any, dynamic: bool = False) -> ListFact:
    """The Fact of a list; ``element`` is a shape or None."""
    shape = None if element is None else (size, *element)
    return ListFact(dtype, shape, None, size, dynamic)


def lower(node: Node) -> Node:
    """The list op that a TensorArray or TensorList op is; any other node as it is."""
    found = _LIST_OPS.get(node.op)
    if found is None and node.op.startswith("TensorArray"):
        base = node.op[:-2] if node.op[-2:] in ("V2", "V3") else node.op
        found = _ARRAY_OPS.get(base)
    if found is None or len(node.inputs) <= max(found[1], default=0):
        return node
    op, places = found
    attrs = dict(node.attrs)
    if op == "ListNew":
        attrs["dtype"] = attrs.get("dtype", attrs.get("element_dtype", DType("float32")))
        attrs["dynamic"] = bool(attrs.get("dynamic_size", False))
        if not isinstance(attrs.get("element_shape"), Shape):
            attrs["element_shape"] = Shape(None)
        if str(attrs["dtype"]).startswith("complex") and node.op.startswith("TensorArray"):
            # The items are pairs (converters/tf_ops/complex_numbers.py).
            dims = attrs["element_shape"].dims
            attrs["element_shape"] = Shape(None if dims is None else (*dims, 2))
            attrs["dtype"] = DType("float32" if attrs["dtype"] == "complex64" else "float64")
    return replace(node, op=op, inputs=tuple(node.inputs[i] for i in places), attrs=attrs)


def is_list_op(op: str) -> bool:
    """Whether this module describes it."""
    return op in _FACTS


def facts(ops: Any, node: Node, inputs: Sequence[Fact]) -> tuple[Fact, ...]:
    """What is known of the outputs; ``ops`` is an AbstractOps, for fresh sizes."""
    result = _FACTS[node.op](ops, node, *inputs)
    return result if isinstance(result, tuple) else (result,)


def _number(ops: Any, fact: Fact) -> Dim:
    return ops.fresh() if fact.value is None else as_dim(fact.value.ravel()[0])


def _element(fact: Fact) -> Any:
    return None if fact.shape is None else fact.shape[1:]


def _size(ops: Any, fact: Fact) -> Dim:
    size = getattr(fact, "size", None)
    return ops.fresh() if size is None else size


def _new(ops: Any, node: Node, size: Fact) -> Fact:
    shape = node.attr("element_shape").dims
    # A size that the attribute leaves open is learned from the items.
    element = None if shape is None or None in shape else shape
    count = _number(ops, size)
    return of_elements(str(node.attr("dtype")), count, element, node.attr("dynamic"))


def better(a: Any, b: Any) -> Any:
    """Of two shapes of one list's elements: the known one, with the known sizes."""
    if a is None or b is None or len(a) != len(b):
        return b if a is None else a
    return tuple(
        y if isinstance(x, Size) and not isinstance(y, Size) else x
        for x, y in zip(a, b, strict=True)
    )


def _set(ops: Any, node: Node, items: Fact, index: Fact, item: Fact) -> Fact:
    dynamic = getattr(items, "dynamic", False)
    size = ops.fresh() if dynamic else _size(ops, items)
    return of_elements(items.dtype, size, better(_element(items), item.shape), dynamic)


def _get(ops: Any, node: Node, items: Fact, index: Fact) -> Fact:
    return Fact(items.dtype, _element(items))


def _stack(ops: Any, node: Node, items: Fact) -> Fact:
    return Fact(items.dtype, items.shape)


def _unstack(ops: Any, node: Node, tensor: Fact) -> Fact:
    size = ops.fresh() if tensor.shape is None else tensor.shape[0]
    return of_elements(tensor.dtype, size, _element(tensor))


def _gather(ops: Any, node: Node, items: Fact, indices: Fact) -> Fact:
    element = _element(items)
    if element is None:
        attr = node.attr("element_shape", Shape(None))
        dims = attr.dims if isinstance(attr, Shape) else None
        element = None if dims is None else tuple(ops.fresh() if d is None else d for d in dims)
    if element is None or indices.shape is None:
        return Fact(items.dtype)
    return Fact(items.dtype, (indices.shape[0], *element))


def _scatter(ops: Any, node: Node, items: Fact, indices: Fact, tensor: Fact) -> Fact:
    dynamic = getattr(items, "dynamic", False)
    size = ops.fresh() if dynamic else _size(ops, items)
    return of_elements(items.dtype, size, better(_element(items), _element(tensor)), dynamic)


def _length(ops: Any, node: Node, items: Fact) -> Fact:
    fact: Fact = ops.squeeze(ops.symbolic((_size(ops, items),)), [0]).fact
    return fact


def _concat(ops: Any, node: Node, items: Fact) -> tuple[Fact, ...]:
    element = _element(items)
    joined = None if not element else (ops.fresh(), *element[1:])
    return Fact(items.dtype, joined), Fact("int64", (_size(ops, items),))


def _split(ops: Any, node: Node, items: Fact, tensor: Fact, lengths: Fact) -> Fact:
    size = ops.fresh() if lengths.shape is None else lengths.shape[0]
    element = None if tensor.shape is None else (ops.fresh(), *tensor.shape[1:])
    return of_elements(items.dtype, size, element)


def _push(ops: Any, node: Node, items: Fact, item: Fact) -> Fact:
    size = _size(ops, items) + 1
    return of_elements(items.dtype, size, better(_element(items), item.shape))


def _resize(ops: Any, node: Node, items: Fact, size: Fact) -> Fact:
    return of_elements(items.dtype, _number(ops, size), _element(items))


_FACTS: dict[str, Callable[..., Any]] = {
    "ListNew": _new,
    "ListSet": _set,
    "ListGet": _get,
    "ListStack": _stack,
    "ListUnstack": _unstack,
    "ListGather": _gather,
    "ListScatter": _scatter,
    "ListSize": _length,
    "ListConcat": _concat,
    "ListSplit": _split,
    "ListPush": _push,
    "ListResize": _resize,
}
