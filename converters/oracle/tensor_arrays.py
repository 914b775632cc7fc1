"""TensorArray and Stack ops (core/kernels/tensor_array.h, tensor_array_ops.cc, stack.cc, v1.15.5).

The handle is the object itself; flows are a float that only orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.graph import Node
from converters.oracle.handlers import handles
from converters.oracle.values import Stack, defined, merged, static_dims
from converters.tf_ops.table import is_complex, refusal
from reference.errors import SemanticsError

_CLEARED = object()


@dataclass(eq=False)
class TensorArray:
    """Elements by index: an array, None while unwritten, or cleared after a read."""

    node: Node
    dtype: np.dtype[Any]
    items: list[Any]
    shape: tuple[int | None, ...] | None
    flags: dict[str, bool] = field(default_factory=dict)

    def place(self, index: Any, *, grow: bool = False) -> int:
        """The index as an int.

        Raises:
            SemanticsError: it lies outside, and the array may not grow.
        """
        i = int(index)
        if i >= len(self.items) and grow and self.flags["dynamic_size"]:
            self.items.extend([None] * (i + 1 - len(self.items)))
        if not 0 <= i < len(self.items):
            msg = f"TensorArray {self.node.name!r}: index {i} of {len(self.items)} elements"
            raise SemanticsError(msg)
        return i

    def write(self, index: Any, value: Any) -> None:
        """Set an element; a second write is an error in TF too."""
        i = self.place(index, grow=True)
        if self.items[i] is not None:
            msg = f"TensorArray {self.node.name!r}: element {i} is written twice"
            raise SemanticsError(msg)
        what = f"TensorArray {self.node.name!r}"
        whole = merged(self.shape, np.shape(value), what)
        if self.flags["identical_element_shapes"]:
            self.shape = whole
        self.items[i] = value

    def read(self, index: Any) -> Any:
        """An element; zeros where it is unwritten and the shape of elements is known."""
        i = self.place(index)
        value = self.items[i]
        if value is _CLEARED:
            msg = f"TensorArray {self.node.name!r}: element {i} was cleared by an earlier read"
            raise SemanticsError(msg)
        if value is None:
            value = self.zeros(i)
        if self.flags["clear_after_read"]:
            self.items[i] = _CLEARED
        return value

    def zeros(self, index: int) -> np.ndarray:
        """What an unwritten element reads as."""
        shape = defined(self.shape)
        if shape is None:
            msg = (
                f"TensorArray {self.node.name!r}: element {index} is read and was never written, "
                "and the shape of its elements is not known"
            )
            raise SemanticsError(msg)
        return np.zeros(shape, self.dtype)

    def stacked(self, indices: Any) -> np.ndarray:
        """Elements along a new axis 0."""
        values = [self.read(i) for i in indices]
        if values:
            return np.stack(values)
        shape = defined(self.shape)
        if shape is None:
            msg = f"TensorArray {self.node.name!r}: nothing to stack, elements of unknown shape"
            raise SemanticsError(msg)
        return np.zeros((0, *shape), self.dtype)


FLOW = np.zeros((), np.float32)


def element_dims(node: Node) -> Any:
    """The declared shape of an element; a complex one is a pair (converters/tf_ops/complex_numbers.py)."""
    dims = static_dims(node.attr("element_shape", None))
    return dims if dims is None or not is_complex(node) else (*dims, 2)


@handles("TensorArrayV3", "TensorArrayV2", "TensorArray")
def create(machine: Any, node: Node, size: Any) -> tuple[Any, ...]:
    """A new array of unwritten elements."""
    defaults = {
        "dynamic_size": False,
        "clear_after_read": True,
        "identical_element_shapes": False,
    }
    flags = {key: bool(node.attr(key, value)) for key, value in defaults.items()}
    count = machine.bounded(node, int(size))
    shape = element_dims(node)
    said = str(node.attr("dtype"))
    dtype = machine.ops.float_dtype("float32" if said.startswith("complex") else said)
    return TensorArray(node, dtype, [None] * count, shape, flags), FLOW


@handles("TensorArrayWriteV3", "TensorArrayWriteV2", "TensorArrayWrite")
def write(
    machine: Any, node: Node, array: TensorArray, index: Any, value: Any, flow: Any
) -> tuple[Any, ...]:
    """Set one element."""
    machine.bounded(node, int(index) + 1)
    array.write(index, value)
    return (flow,)


@handles("TensorArrayReadV3", "TensorArrayReadV2", "TensorArrayRead")
def read(machine: Any, node: Node, array: TensorArray, index: Any, flow: Any) -> tuple[Any, ...]:
    """Get one element."""
    return (array.read(index),)


@handles("TensorArrayGatherV3", "TensorArrayGatherV2", "TensorArrayGather")
def gather(
    machine: Any, node: Node, array: TensorArray, indices: Any, flow: Any
) -> tuple[Any, ...]:
    """Elements along a new axis 0."""
    wanted = element_dims(node)
    array.shape = merged(array.shape, wanted, f"TensorArray {array.node.name!r}")
    return (array.stacked(indices),)


@handles("TensorArrayPack")
def pack(machine: Any, node: Node, array: TensorArray, flow: Any) -> tuple[Any, ...]:
    """All elements along a new axis 0 (before TF 1.0)."""
    return (array.stacked(range(len(array.items))),)


@handles("TensorArrayScatterV3", "TensorArrayScatterV2", "TensorArrayScatter")
def scatter(
    machine: Any, node: Node, array: TensorArray, indices: Any, values: Any, flow: Any
) -> tuple[Any, ...]:
    """Set elements from the rows of an array."""
    for index, value in zip(indices, values, strict=True):
        array.write(index, np.asarray(value))
    return (flow,)


@handles("TensorArrayUnpack")
def unpack(machine: Any, node: Node, array: TensorArray, values: Any, flow: Any) -> tuple[Any, ...]:
    """Set all elements from the rows of an array (before TF 1.0)."""
    return scatter(machine, node, array, range(len(values)), values, flow)


@handles("TensorArrayConcatV3", "TensorArrayConcatV2", "TensorArrayConcat")
def concat(machine: Any, node: Node, array: TensorArray, flow: Any) -> tuple[Any, ...]:
    """Elements along their own axis 0, and the size of each."""
    values = [array.read(i) for i in range(len(array.items))]
    lengths = np.array([len(v) for v in values], np.int64)
    if not values:
        tail = defined(static_dims(node.attr("element_shape_except0", None))) or ()
        return np.zeros((0, *tail), array.dtype), lengths
    return np.concatenate(values), lengths


@handles("TensorArraySplitV3", "TensorArraySplitV2", "TensorArraySplit")
def split(
    machine: Any, node: Node, array: TensorArray, value: Any, lengths: Any, flow: Any
) -> tuple[Any, ...]:
    """Set elements to consecutive parts of an array."""
    for index, part in enumerate(np.split(value, np.cumsum(lengths)[:-1])):
        array.write(index, part)
    return (flow,)


@handles("TensorArraySizeV3", "TensorArraySizeV2", "TensorArraySize")
def size(machine: Any, node: Node, array: TensorArray, flow: Any) -> tuple[Any, ...]:
    """How many elements there are."""
    return (np.array(len(array.items), np.int32),)


@handles(
    "TensorArrayCloseV3", "TensorArrayCloseV2", "TensorArrayClose", "StackCloseV2", "StackClose"
)
def close(machine: Any, node: Node, *inputs: Any) -> tuple[Any, ...]:
    """Nothing to do."""
    return ()


@handles("TensorArrayGradV3", "TensorArrayGradV2", "TensorArrayGrad", "TensorArrayGradWithShape")
def grad(machine: Any, node: Node, *inputs: Any) -> tuple[Any, ...]:
    """Refused."""
    raise refusal(node, "gradients of a TensorArray are training, not inference")


@handles("StackV2", "Stack")
def stack(machine: Any, node: Node, *size: Any) -> tuple[Any, ...]:
    """A new stack."""
    return (Stack(),)


@handles("StackPushV2", "StackPush")
def push(machine: Any, node: Node, handle: Stack, value: Any) -> tuple[Any, ...]:
    """Put on top; the value passes through."""
    handle.items.append(value)
    return (value,)


@handles("StackPopV2", "StackPop")
def pop(machine: Any, node: Node, handle: Stack) -> tuple[Any, ...]:
    """Take from the top."""
    if not handle.items:
        msg = f"node {node.name!r}: the stack is empty"
        raise SemanticsError(msg)
    return (handle.items.pop(),)
