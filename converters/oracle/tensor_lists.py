"""TensorList ops of v2 control flow (core/kernels/list_kernels.h, v1.15.5). Lists are values: a write copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import Node
from converters.oracle.handlers import handles
from converters.oracle.values import defined, merged, static_dims
from reference.errors import SemanticsError

Dims = tuple[int | None, ...] | None


@dataclass(frozen=True, eq=False)
class TensorList:
    """Elements, None where one was never set."""

    dtype: np.dtype[Any]
    shape: Dims
    items: tuple[Any, ...]

    def element(self, node: Node, index: Any, wanted: Any = None) -> Any:
        """One element; zeros where it was never set."""
        i = self.place(node, index)
        value = self.items[i]
        if value is not None:
            return value
        shape = defined(self.known(node, wanted))
        if shape is None:
            msg = f"node {node.name!r}: element {i} was never set and its shape is not known"
            raise SemanticsError(msg)
        return np.zeros(shape, self.dtype)

    def known(self, node: Node, wanted: Any) -> Dims:
        """All that is said of the shape of elements, that of the elements set included."""
        shape = merged(self.shape, static_dims(wanted), f"node {node.name!r}")
        for value in self.items:
            if value is not None and defined(shape) is None:
                shape = merged(shape, np.shape(value), f"node {node.name!r}")
        return shape

    def place(self, node: Node, index: Any) -> int:
        """The index as an int."""
        i = int(index)
        if not 0 <= i < len(self.items):
            msg = f"node {node.name!r}: element {i} of a list of {len(self.items)}"
            raise SemanticsError(msg)
        return i

    def replaced(self, items: Any) -> TensorList:
        """The same list with other elements."""
        return TensorList(self.dtype, self.shape, tuple(items))


def new(machine: Any, node: Node, shape: Any, items: Any) -> tuple[Any, ...]:
    """A list of the node's element dtype."""
    dtype = machine.ops.float_dtype(str(node.attr("element_dtype")))
    return (TensorList(dtype, static_dims(shape), tuple(items)),)


@handles("EmptyTensorList")
def empty(machine: Any, node: Node, shape: Any, most: Any) -> tuple[Any, ...]:
    """No elements."""
    return new(machine, node, shape, ())


@handles("TensorListReserve")
def reserve(machine: Any, node: Node, shape: Any, count: Any) -> tuple[Any, ...]:
    """Elements that are not set."""
    return new(machine, node, shape, [None] * machine.bounded(node, int(count)))


@handles("TensorListFromTensor")
def from_tensor(machine: Any, node: Node, value: Any, shape: Any) -> tuple[Any, ...]:
    """The rows of an array."""
    return new(machine, node, shape, [np.asarray(v) for v in value])


@handles("TensorListStack")
def stack(machine: Any, node: Node, handle: TensorList, wanted: Any) -> tuple[Any, ...]:
    """All elements along a new axis 0."""
    return gather(machine, node, handle, range(len(handle.items)), wanted)


@handles("TensorListGather")
def gather(
    machine: Any, node: Node, handle: TensorList, indices: Any, wanted: Any = None
) -> tuple[Any, ...]:
    """Elements along a new axis 0."""
    values = [handle.element(node, i, wanted) for i in indices]
    if values:
        return (np.stack(values),)
    shape = defined(handle.known(node, wanted))
    if shape is None:
        msg = f"node {node.name!r}: nothing to stack, elements of unknown shape"
        raise SemanticsError(msg)
    return (np.zeros((0, *shape), handle.dtype),)


@handles("TensorListGetItem")
def get_item(
    machine: Any, node: Node, handle: TensorList, index: Any, wanted: Any = None
) -> tuple[Any, ...]:
    """One element."""
    return (handle.element(node, index, wanted),)


@handles("TensorListSetItem")
def set_item(
    machine: Any, node: Node, handle: TensorList, index: Any, value: Any
) -> tuple[Any, ...]:
    """The list with one element replaced."""
    i = handle.place(node, index)
    merged(handle.shape, np.shape(value), f"node {node.name!r}")
    return (handle.replaced((*handle.items[:i], value, *handle.items[i + 1 :])),)


@handles("TensorListPushBack")
def push(machine: Any, node: Node, handle: TensorList, value: Any) -> tuple[Any, ...]:
    """The list with one more element."""
    machine.bounded(node, len(handle.items) + 1)
    return (handle.replaced((*handle.items, value)),)


@handles("TensorListPopBack")
def pop(machine: Any, node: Node, handle: TensorList, wanted: Any = None) -> tuple[Any, ...]:
    """The list without its last element, and that element."""
    last = handle.element(node, len(handle.items) - 1, wanted)
    return handle.replaced(handle.items[:-1]), last


@handles("TensorListLength")
def length(machine: Any, node: Node, handle: TensorList) -> tuple[Any, ...]:
    """How many elements there are."""
    return (np.array(len(handle.items), np.int32),)


@handles("TensorListElementShape")
def element_shape(machine: Any, node: Node, handle: TensorList) -> tuple[Any, ...]:
    """The shape of elements, -1 where unknown."""
    dtype = str(node.attr("shape_type"))
    if handle.shape is None:
        return (np.array(-1, dtype),)
    return (np.array([-1 if d is None else d for d in handle.shape], dtype),)


@handles("TensorListResize")
def resize(machine: Any, node: Node, handle: TensorList, count: Any) -> tuple[Any, ...]:
    """Cut, or grown by elements that are not set."""
    n = machine.bounded(node, int(count))
    return (handle.replaced([*handle.items[:n], *[None] * (n - len(handle.items))]),)


@handles("TensorListScatter", "TensorListScatterV2")
def scatter(
    machine: Any, node: Node, value: Any, indices: Any, shape: Any, count: Any = -1
) -> tuple[Any, ...]:
    """A list with the rows of an array at given places."""
    places = [int(i) for i in indices]
    size = max(int(count), *(i + 1 for i in places), 0)
    items: list[Any] = [None] * machine.bounded(node, size)
    for place, row in zip(places, value, strict=True):
        items[place] = np.asarray(row)
    return new(machine, node, shape, items)


@handles("TensorListSplit")
def split(machine: Any, node: Node, value: Any, shape: Any, lengths: Any) -> tuple[Any, ...]:
    """Consecutive parts of an array."""
    return new(machine, node, shape, np.split(value, np.cumsum(lengths)[:-1]))


@handles("TensorListConcat", "TensorListConcatV2")
def concat(
    machine: Any, node: Node, handle: TensorList, shape: Any = None, leading: Any = None
) -> tuple[Any, ...]:
    """Elements along their own axis 0, and the size of each."""
    values = [handle.element(node, i, shape) for i in range(len(handle.items))]
    lengths = np.array([len(v) for v in values], np.int64)
    if values:
        return np.concatenate(values), lengths
    known = handle.known(node, shape)
    tail = defined(known[1:] if known else None) or ()
    return np.zeros((0, *tail), handle.dtype), lengths


@handles("TensorListConcatLists")
def join(machine: Any, node: Node, a: TensorList, b: TensorList) -> tuple[Any, ...]:
    """One list after another."""
    return (a.replaced((*a.items, *b.items)),)
