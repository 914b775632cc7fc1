"""AttrValue to plain Python, as :mod:`converters.graph` lists."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from converters.graph import AttrName, FunctionRef, Shape
from converters.read_graphdef.tensors import TensorDecoder, dtype_name


def read_attrs(attrs: Any, decoder: TensorDecoder, where: str) -> MappingProxyType[str, Any]:
    """A map of AttrValues, sorted by key (a protobuf map has no order of its own).

    Raises
    ------
    ArtefactError
        A tensor in it is larger than it may be, or not filled by its data.
    """
    out = {}
    for key in sorted(attrs):
        value = attrs[key]
        kind = value.WhichOneof("value")
        if kind is not None:
            out[key] = _value(value, kind, decoder, f"{where}, attribute {key!r},")
    return MappingProxyType(out)


def read_shape(proto: Any) -> Shape:
    """A TensorShapeProto; a size of -1 is unknown."""
    if proto.unknown_rank:
        return Shape(None)
    return Shape(tuple(d.size if d.size >= 0 else None for d in proto.dim))


def _value(proto: Any, kind: str, decoder: TensorDecoder, where: str) -> Any:
    if kind == "list":
        for field in ("s", "i", "f", "b", "type", "shape", "tensor", "func"):
            items = getattr(proto.list, field)
            if len(items):
                return tuple(_scalar(item, field, decoder, where) for item in items)
        return ()
    return _scalar(getattr(proto, kind), kind, decoder, where)


def _scalar(value: Any, kind: str, decoder: TensorDecoder, where: str) -> Any:
    match kind:
        case "type":
            return dtype_name(value)
        case "shape":
            return read_shape(value)
        case "tensor":
            return decoder.decode(value, where)
        case "func":
            return FunctionRef(value.name, read_attrs(value.attr, decoder, where))
        case "placeholder":
            return AttrName(value)
    return value
