"""What an op says of its outputs by its attributes alone: for ops that are cut away, such as parsers of examples and iterators."""

from __future__ import annotations

from converters.graph import DType, Graph, Node, Shape, split_tensor
from converters.read_graphdef.op_outputs import op_outputs
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown

_TYPES = ("output_types", "component_types", "Tout", "dtypes", "out_types")
_SHAPES = ("output_shapes", "shapes")
_SPARSE = ("sparse_indices", "sparse_shapes")


def declared(graph: Graph, tensor: str) -> Fact | None:
    """dtype, and shape where it is told; sizes that are left open are named ``<tensor>.<axis>``."""
    name, index = split_tensor(tensor)
    node = graph.nodes.get(name)
    if node is None:
        return None
    argument, attribute, place = _argument(node, index)
    dtype = _item(node, (attribute,) if attribute else _TYPES, place)
    if argument.endswith(_SPARSE):
        dtype = DType("int64")
    if not isinstance(dtype, DType):
        return None
    prefix = argument.removesuffix("dense_values")
    dense = argument.endswith("dense_values")
    shape = _item(node, (f"{prefix}dense_shapes",) if dense else _SHAPES, place)
    if not isinstance(shape, Shape) or shape.dims is None:
        return Fact(str(dtype))
    batch = (None,) if dense and node.op.startswith("ParseExample") else ()
    dims = (*batch, *shape.dims)
    sizes = tuple(unknown(f"{tensor}.{k}") if d is None or d < 0 else d for k, d in enumerate(dims))
    return Fact(str(dtype), sizes)


def _argument(node: Node, index: int) -> tuple[str, str, int]:
    """(output argument, the attribute that counts it, place in it) of an output."""
    for argument, attribute in op_outputs().get(node.op, ()):
        value = node.attr(attribute, 0) if attribute else 1
        count = len(value) if isinstance(value, tuple) else int(value)
        if index < count:
            return argument, attribute, index
        index -= count
    return "", "", index


def _item(node: Node, attributes: tuple[str, ...], place: int) -> object:
    for attribute in attributes:
        items = node.attrs.get(attribute)
        if isinstance(items, tuple) and place < len(items):
            return items[place]
    return None
