"""Tensor slices: what a partitioned variable is saved as, and how slices are named.

Source: tensor_slice.cc, saved_tensor_slice_util.cc and ordered_code.cc, v1.15.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from reference.errors import ArtefactError

Slice = tuple[tuple[int, int], ...]
"""(start, length) per axis; the length is -1 where the whole axis is meant (start 0 then)."""

_ESCAPES = {0x00: b"\x00\xff", 0xFF: b"\xff\x00"}


def slice_of(proto: Any) -> Slice:
    """A TensorSliceProto."""
    return tuple((e.start, e.length if e.HasField("length") else -1) for e in proto.extent)


def parse_slice(spec: str, where: str) -> Slice | None:
    """``"10 4 0,5:-"`` (shape, then the slice) as a slice; ``None`` for ``""``, the whole.

    Raises
    ------
    ArtefactError
        It is neither.
    """
    if not spec:
        return None
    *dims, last = spec.split(" ")
    try:
        out = tuple(
            (0, -1) if part == "-" else (int(part.split(",")[0]), int(part.split(",")[1]))
            for part in last.split(":")
        )
    except (ValueError, IndexError):
        out = ()
    if len(out) != len(dims) or any(start < 0 or size < -1 for start, size in out):
        msg = f"{where} restores the slice {spec[:80]!r}, which is not of the form '10 4 0,5:-'"
        raise ArtefactError(msg)
    return out


def bounds(piece: Slice, shape: tuple[int, ...], where: str) -> tuple[slice, ...]:
    """``piece`` as index ranges into ``shape``.

    Raises
    ------
    ArtefactError
        It has another rank, or leaves the shape.
    """
    out = []
    for (start, length), size in zip(piece, shape, strict=False):
        length = size if length == -1 else length
        out.append(slice(start, start + length))
        if start < 0 or length < 0 or start + length > size:
            out = []
            break
    if len(out) != len(shape) or len(piece) != len(shape):
        msg = f"{where} has a slice {list(piece)} that does not fit its shape {list(shape)}"
        raise ArtefactError(msg)
    return tuple(out)


def extent(index: Iterable[slice]) -> tuple[int, ...]:
    """The shape that ``index`` cuts out."""
    return tuple(part.stop - part.start for part in index)


def size(index: Iterable[slice]) -> int:
    """The number of elements that ``index`` cuts out."""
    return math.prod(extent(index))


def name_prefix(name: str) -> bytes:
    """What the keys of all slices of ``name`` start with: the number 0, then the escaped name."""
    raw = name.encode("utf-8", "surrogateescape")
    escaped = b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in raw)
    return b"\x00" + escaped + b"\x00\x01"


def slice_key(name: str, piece: Slice) -> bytes:
    """The table key of a slice (EncodeTensorNameSlice)."""
    out = name_prefix(name) + _number(len(piece))
    return out + b"".join(_signed(start) + _signed(length) for start, length in piece)


def _number(value: int) -> bytes:
    """A non-negative number so that bytes sort as numbers do: its length, then itself."""
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(raw)]) + raw


def _signed(value: int) -> bytes:
    """A signed number in ``n`` bytes of ``7n - 1`` bits and a sign; the length sits in front as in
    UTF-8, so that longer positive numbers sort higher."""
    magnitude = ~value if value < 0 else value
    width = 1 + magnitude.bit_length() // 7
    header = ((1 << width) - 1) << (8 * width - width)
    raw = (value & ((1 << (8 * width)) - 1)) ^ header
    return raw.to_bytes(width, "big")
