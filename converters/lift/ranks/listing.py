"""TensorArrays and TensorLists: all items are of one shape, kept as the shape of the list's own handle."""

from __future__ import annotations

from converters.graph import Node, Shape
from converters.lift.ranks.shapes import Shapes
from converters.lift.ranks.table import out, rule


@rule("TensorArray", "TensorArrayV2", "TensorArrayV3")
def tensor_array(s: Shapes, node: Node) -> None:
    element = node.attrs.get("element_shape")
    if isinstance(element, Shape):
        s.tell(out(node), element.dims)


@rule("TensorArrayScatter", "TensorArrayScatterV2", "TensorArrayScatterV3")
def scatter(s: Shapes, node: Node) -> None:
    element, indices, value = node.inputs[:3]
    s.tell_rank(indices, 1)
    s.same_dim((indices, 0), (value, 0))
    _stacked(s, element, value)


@rule("TensorArrayGather", "TensorArrayGatherV2", "TensorArrayGatherV3", "TensorArrayPack")
def array_gather(s: Shapes, node: Node) -> None:
    _stacked(s, node.inputs[0], out(node))


@rule("TensorArrayUnpack")
def array_unpack(s: Shapes, node: Node) -> None:
    _stacked(s, node.inputs[0], node.inputs[1])


def _stacked(s: Shapes, element: str, whole: str) -> None:
    item, dims = s.dims(element), s.dims(whole)
    if item is not None:
        s.tell(whole, (None, *item))
    if dims:
        s.tell(element, dims[1:])


@rule("TensorArrayRead", "TensorArrayReadV2", "TensorArrayReadV3")
def array_read(s: Shapes, node: Node) -> None:
    s.same(node.inputs[0], out(node))
    s.tell_rank(node.inputs[1], 0)


@rule("TensorArrayWrite", "TensorArrayWriteV2", "TensorArrayWriteV3")
def array_write(s: Shapes, node: Node) -> None:
    s.same(node.inputs[0], node.inputs[2])
    s.tell_rank(node.inputs[1], 0)


@rule("TensorArraySplit", "TensorArraySplitV2", "TensorArraySplitV3")
def array_split(s: Shapes, node: Node) -> None:
    s.same_rank(node.inputs[0], node.inputs[1])


@rule("TensorArrayConcat", "TensorArrayConcatV2", "TensorArrayConcatV3")
def array_concat(s: Shapes, node: Node) -> None:
    s.same_rank(node.inputs[0], out(node))


@rule("TensorListFromTensor")
def list_from(s: Shapes, node: Node) -> None:
    _stacked(s, out(node), node.inputs[0])


@rule("TensorListReserve", "EmptyTensorList")
def list_new(s: Shapes, node: Node) -> None:
    s.tell_rank(out(node), s.dim(node.inputs[0], 0))


@rule("TensorListStack")
def list_stack(s: Shapes, node: Node) -> None:
    _stacked(s, node.inputs[0], out(node))


@rule("TensorListGetItem")
def list_get(s: Shapes, node: Node) -> None:
    s.same(node.inputs[0], out(node))


@rule("TensorListSetItem", "TensorListPushBack")
def list_set(s: Shapes, node: Node) -> None:
    s.same(node.inputs[0], node.inputs[-1], out(node))
