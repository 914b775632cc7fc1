"""V2 checkpoints: ``P.index``, a table of entries, and ``P.data-00000-of-00001``, the bytes.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, v1.15.5. The counterpart of :mod:`converters.read_checkpoint.bundle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from converters.read_checkpoint.crc32c import crc32c, mask
from converters.write_checkpoint.table import table, varint
from reference.errors import SemanticsError

_TYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "int64": 9, "bool": 10, "uint16": 17, "float16": 19,
    "uint32": 22, "uint64": 23,
}  # fmt: skip
"""types.proto."""

_HEADER = b"\x08\x01\x1a\x02\x08\x01"
"""BundleHeaderProto: one data file, little-endian, format version 1."""


def write_checkpoint(prefix: Path | str, values: Mapping[str, np.ndarray], /) -> None:
    """Write ``values`` by variable name, so that ``tf.train.Saver().restore(session, prefix)`` finds them.

    The data lie in the order of ``values``. Existing files are replaced; the index, without which nothing is read, comes last.

    Raises:
        SemanticsError: a dtype that checkpoints do not hold, or a name that is empty or starts with a zero byte.
    """
    prefix = Path(prefix)
    data, entries = bytearray(), [(b"", _HEADER)]
    for name, value in values.items():
        array = np.asarray(value)
        if str(array.dtype) not in _TYPES or not name or name.startswith("\0"):
            msg = f"{name!r} of dtype {array.dtype} cannot be kept in a checkpoint"
            raise SemanticsError(msg)
        raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
        entries.append((name.encode(), _entry(array, len(data), raw)))
        data += raw
    _place(prefix.with_name(prefix.name + ".data-00000-of-00001"), bytes(data))
    _place(prefix.with_name(prefix.name + ".index"), table(sorted(entries)))


def _entry(array: np.ndarray, offset: int, raw: bytes) -> bytes:
    """BundleEntryProto; zeros are left out, as protobuf does."""
    dims = b"".join(_message(2, _number(1, size)) for size in array.shape)
    fields = (
        _number(1, _TYPES[str(array.dtype)]),
        _message(2, dims),
        _number(4, offset),
        _number(5, len(raw)),
        b"\x35" + mask(crc32c(raw)).to_bytes(4, "little"),
    )
    return b"".join(fields)


def _number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value) if value else b""


def _message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def _place(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.writing")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
