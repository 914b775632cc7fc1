"""Message classes built at run time from :mod:`schema`, in a pool of their own.

A private pool cannot collide with the generated messages of an installed TensorFlow or onnx, and
costs a few milliseconds, once, at the first read: importing this module does not import protobuf.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from converters.read_graphdef.schema import DATA_TYPES, MESSAGES
from reference.errors import ArtefactError

_PACKAGE = "tensorflow"
_SCALARS = {
    "double": 1,
    "float": 2,
    "int64": 3,
    "uint64": 4,
    "int32": 5,
    "fixed32": 7,
    "bool": 8,
    "string": 9,
    "bytes": 12,
    "uint32": 13,
}
_MESSAGE, _ENUM = 11, 14
_OPTIONAL, _REPEATED = 1, 3


@cache
def message_class(name: str) -> Any:
    """The class of the message ``name`` of :data:`schema.MESSAGES`."""
    from google.protobuf import message_factory

    descriptor = _pool().FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(descriptor)


def parse(name: str, data: bytes, where: str) -> Any:
    """``data`` as the message ``name``.

    Raises
    ------
    ArtefactError
        The bytes are no such message, are cut off, or nest deeper than protobuf allows (100).
    """
    from google.protobuf.message import DecodeError

    try:
        return message_class(name).FromString(data)
    except (DecodeError, ValueError, RecursionError) as error:
        msg = f"{where} is not a readable {name}: damaged, cut off, or another kind of file"
        raise ArtefactError(msg) from error


def parse_text(name: str, text: str, where: str) -> Any:
    """``text``, in protobuf's text format, as the message ``name``.

    Raises
    ------
    ArtefactError
        The text does not parse (the line is named), or nests too deeply.
    """
    from google.protobuf import text_format

    message = message_class(name)()
    try:
        text_format.Parse(text, message, allow_unknown_field=True, descriptor_pool=_pool())
    except RecursionError as error:
        msg = f"{where} nests its messages too deeply to be a {name}"
        raise ArtefactError(msg) from error
    except (text_format.ParseError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        msg = f"{where} is not a {name} in text form: {reason!r}"
        raise ArtefactError(msg) from error
    return message


@cache
def _pool() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(
        name="rnnport/tf1.proto", package=_PACKAGE, syntax="proto3"
    )
    enum = file.enum_type.add(name="DataType")
    for name, number in DATA_TYPES.items():
        enum.value.add(name=name, number=number)
        if number:
            enum.value.add(name=f"{name}_REF", number=number + 100)
    for line in MESSAGES.strip().splitlines():
        name, *fields = line.split()
        message = file.message_type.add(name=name)
        for field in fields:
            _add_field(message, field)
    file.dependency.append("google/protobuf/any.proto")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_any().SerializeToString())
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _add_field(message: Any, text: str) -> None:
    name, _, rest = text.partition("=")
    number, _, rest = rest.partition(":")
    kind, _, oneof = rest.partition("|")
    field = message.field.add(name=name, number=int(number), label=_OPTIONAL)
    if kind.startswith("%"):
        entry = "".join(part.capitalize() for part in name.split("_")) + "Entry"
        nested = message.nested_type.add(name=entry)
        nested.options.map_entry = True
        _set_type(nested.field.add(name="key", number=1, label=_OPTIONAL), "string")
        _set_type(nested.field.add(name="value", number=2, label=_OPTIONAL), kind[1:])
        _set_type(field, f"{message.name}.{entry}")
    else:
        _set_type(field, kind.removeprefix("*"))
    if kind[0] in "*%":
        field.label = _REPEATED
    if oneof:
        if oneof not in [o.name for o in message.oneof_decl]:
            message.oneof_decl.add(name=oneof)
        field.oneof_index = [o.name for o in message.oneof_decl].index(oneof)


def _set_type(field: Any, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type = _ENUM if kind == "DataType" else _MESSAGE
    field.type_name = f".{kind}" if kind.startswith("google.") else f".{_PACKAGE}.{kind}"


def _any() -> Any:
    """``google.protobuf.Any`` under its own name: protobuf's text form treats it specially."""
    from google.protobuf import descriptor_pb2

    file = descriptor_pb2.FileDescriptorProto(
        name="google/protobuf/any.proto", package="google.protobuf", syntax="proto3"
    )
    message = file.message_type.add(name="Any")
    _add_field(message, "type_url=1:string")
    _add_field(message, "value=2:bytes")
    return file
