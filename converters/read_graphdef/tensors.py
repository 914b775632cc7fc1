"""TensorProto to NumPy, with every declared size checked before anything is allocated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import DType
from converters.read_graphdef.schema import DATA_TYPES
from reference.errors import ArtefactError

MAX_TENSOR = 2**31
"""Bytes of the largest tensor that is decoded unless the caller says otherwise."""

_MAX_RANK = 32
_SPECIAL = {"DT_HALF": "float16", "DT_FLOAT": "float32", "DT_DOUBLE": "float64"}
_NAMES = {n: _SPECIAL.get(k, k[3:].lower()) for k, n in DATA_TYPES.items()}

_STORAGE = {
    "qint8": "int8",
    "quint8": "uint8",
    "qint16": "int16",
    "quint16": "uint16",
    "qint32": "int32",
    "bfloat16": "uint16",
}
_OBJECTS = {"string": "string_val", "resource": "resource_handle_val", "variant": "variant_val"}
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int64": "int64_val",
    "bool": "bool_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "complex64": "scomplex_val",
    "complex128": "dcomplex_val",
    "float16": "half_val",
    "bfloat16": "half_val",
}
"""The typed field of each dtype; what is not listed uses ``int_val``."""


def dtype_name(number: int) -> DType:
    """A DataType number as a name of :mod:`converters.graph`; reference types lose their "ref"."""
    number = number - 100 if number > 100 else number
    return DType(_NAMES.get(number, f"unknown_{number}"))


def storage(name: str, where: str) -> np.dtype[Any]:
    """The little-endian NumPy dtype that holds the elements of the dtype ``name``.

    bfloat16 is held as its 16 bits (``uint16``); strings, resources and variants have none.
    """
    try:
        return np.dtype(_STORAGE.get(name, name)).newbyteorder("<")
    except TypeError:
        msg = f"{where} has the dtype {name!r}, which cannot be read"
        raise ArtefactError(msg) from None


def dims_of(shape: Any, where: str) -> tuple[int, ...]:
    """The sizes of a fully known TensorShapeProto."""
    if shape.unknown_rank:
        msg = f"{where} has a value of unknown rank"
        raise ArtefactError(msg)
    if len(shape.dim) > _MAX_RANK:
        msg = f"{where} has rank {len(shape.dim)}, more than {_MAX_RANK}"
        raise ArtefactError(msg)
    dims = tuple(d.size for d in shape.dim)
    if any(d < 0 for d in dims):
        msg = f"{where} has a value with a negative size in its shape {list(dims)}"
        raise ArtefactError(msg)
    return dims


def bfloat16_to_float32(bits: np.ndarray) -> np.ndarray:
    """The float32 values (exact) of bfloat16 bit patterns held as ``uint16``."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


@dataclass(slots=True)
class TensorDecoder:
    """Decodes TensorProtos; bounds one tensor, and the sum of what repetition adds, by a limit.

    A TensorProto may hold fewer values than elements; the last is then repeated, so that few bytes
    can declare any size. One value repeated becomes a read-only broadcast view of no size.
    """

    max_tensor: int = MAX_TENSOR
    _expanded: int = 0

    def decode(self, proto: Any, where: str) -> np.ndarray:
        """The value: shape as declared, dtype as declared (bfloat16 as float32, quantised types as
        the integers that hold them; strings, resources and variants as objects of ``bytes``).

        The result may be read-only.

        Raises
        ------
        ArtefactError
            The shape is not known or too large, or the data does not fill it.
        """
        name = str(dtype_name(proto.dtype))
        dims = dims_of(proto.tensor_shape, where)
        count = math.prod(dims)
        width = 8 if name in _OBJECTS else storage(name, where).itemsize
        if count * width > self.max_tensor:
            msg = (
                f"{where} declares a {name} tensor of shape {list(dims)}, {count * width} bytes, "
                f"more than the limit of {self.max_tensor} (--max-tensor)"
            )
            raise ArtefactError(msg)
        if name in _OBJECTS:
            flat = self._objects(proto, name, count, where)
        elif proto.tensor_content:
            flat = _from_content(proto.tensor_content, name, count, where)
        else:
            flat = self._fill(field_values(proto, name, where), count, where)
        if name == "bfloat16":
            flat = bfloat16_to_float32(flat)
        try:
            if flat.size == 1 and count != 1:
                return np.broadcast_to(flat.reshape(()), dims)
            return flat.reshape(dims)
        except ValueError as error:
            msg = f"{where} has a shape NumPy cannot hold: {list(dims)}"
            raise ArtefactError(msg) from error

    def _objects(self, proto: Any, name: str, count: int, where: str) -> np.ndarray:
        values = list(getattr(proto, _OBJECTS[name]))
        if name == "string" and proto.tensor_content:
            values = _split_strings(proto.tensor_content, count, where)
        if not values and count:
            values = [b""]
        if name != "string" and len(values) < count:
            msg = f"{where} declares {count} {name} values and holds {len(values)}"
            raise ArtefactError(msg)
        flat = np.empty(len(values), dtype=object)
        flat[:] = values
        return self._fill(flat, count, where)

    def _fill(self, values: np.ndarray, count: int, where: str) -> np.ndarray:
        """``count`` elements, or one that stands for them all (tensor.cc FromProtoField)."""
        if values.size == 0 and count:
            return np.zeros(1, values.dtype)
        if values.size >= count or values.size == 1:
            return values[:count]
        self._expanded += count * values.itemsize
        if self._expanded > self.max_tensor:
            msg = (
                f"{where} would expand by repetition to {count * values.itemsize} bytes, and the "
                f"file's repeated tensors to more than the limit of {self.max_tensor} "
                "(--max-tensor)"
            )
            raise ArtefactError(msg)
        out = np.empty(count, values.dtype)
        out[: values.size] = values
        out[values.size :] = values[-1]
        return out


def _from_content(content: bytes, name: str, count: int, where: str) -> np.ndarray:
    kind = storage(name, where)
    if len(content) != count * kind.itemsize:
        msg = (
            f"{where} declares {count} {name} elements, {count * kind.itemsize} bytes, "
            f"and holds {len(content)} bytes"
        )
        raise ArtefactError(msg)
    return np.frombuffer(content, kind)


def field_values(proto: Any, name: str, where: str) -> np.ndarray:
    """What the typed field for the dtype ``name`` holds, flat; bfloat16 as its bits."""
    values = getattr(proto, _FIELDS.get(name, "int_val"))
    if name in ("complex64", "complex128"):
        if len(values) % 2:
            msg = f"{where} holds an odd number of parts of complex values"
            raise ArtefactError(msg)
        part = np.float32 if name == "complex64" else np.float64
        return np.array(values, part).view(name)
    if name in ("float16", "bfloat16"):
        bits = np.array(values, np.int64).astype(np.uint16)
        return bits.view(np.float16) if name == "float16" else bits
    if name in ("float32", "float64", "uint64"):
        return np.array(values, name)
    # Narrow integers travel as int32 and are cut to size, as TF's own static_cast does.
    return np.array(values, np.int64).astype(storage(name, where))


def _split_strings(content: bytes, count: int, where: str) -> list[bytes]:
    """Strings as C++ packs them: every length as a varint, then all the bytes."""
    lengths, at = [], 0
    for _ in range(count):
        length = shift = 0
        while True:
            if at >= len(content) or shift > 63:
                msg = f"{where} declares {count} strings and ends before their lengths do"
                raise ArtefactError(msg)
            byte = content[at]
            at += 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        lengths.append(length)
    if at + sum(lengths) != len(content):
        msg = f"{where} declares {at + sum(lengths)} bytes of strings and holds {len(content)}"
        raise ArtefactError(msg)
    out = []
    for length in lengths:
        out.append(content[at : at + length])
        at += length
    return out
