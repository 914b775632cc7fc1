"""LevelDB tables as TensorFlow writes them: uncompressed, keys sharing prefixes, every block with its masked CRC-32C.

Source: tensorflow/core/lib/io/table_builder.cc, block_builder.cc and format.cc, v1.15.5. The counterpart of
:mod:`converters.read_checkpoint.table`.
"""

from __future__ import annotations

from collections.abc import Sequence

from converters.read_checkpoint.crc32c import crc32c, mask

_MAGIC = 0xDB4775248B80FB57
_BLOCK = 262_144
"""table_options.h: a block is closed once it holds so many bytes."""
_RESTART = 16
"""Every so many entries the key is written whole."""
_HANDLES = 40

Entry = tuple[bytes, bytes]


def table(entries: Sequence[Entry], /) -> bytes:
    """The file of ``entries`` (key, value), which must be sorted by key."""
    out, index, block = bytearray(), [], list[Entry]()
    size = 0
    for number, (key, value) in enumerate(entries):
        block.append((key, value))
        size += len(key) + len(value)
        last = number + 1 == len(entries)
        built = _block(block, _RESTART) if last or size >= _BLOCK // 2 else b""
        if built and (last or len(built) >= _BLOCK):
            separator = _successor(key) if last else _between(key, entries[number + 1][0])
            index.append((separator, _append(out, built)))
            block, size = [], 0
    meta = _append(out, _block([], _RESTART))
    places = meta + _append(out, _block(index, 1))
    return bytes(out) + places.ljust(_HANDLES, b"\0") + _MAGIC.to_bytes(8, "little")


def varint(value: int, /) -> bytes:
    """Base 128, the lowest digits first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def _append(out: bytearray, block: bytes) -> bytes:
    """Add a block with its trailer; where it lies."""
    place = varint(len(out)) + varint(len(block))
    typed = block + b"\0"
    out += typed + mask(crc32c(typed)).to_bytes(4, "little")
    return place


def _block(entries: Sequence[Entry], restart: int) -> bytes:
    out, starts, before = bytearray(), [0], b""
    for number, (key, value) in enumerate(entries):
        if number % restart == 0:
            before = b""
            if number:
                starts.append(len(out))
        shared = _common(before, key)
        out += varint(shared) + varint(len(key) - shared) + varint(len(value))
        out += key[shared:] + value
        before = key
    tail = b"".join(place.to_bytes(4, "little") for place in (*starts, len(starts)))
    return bytes(out) + tail


def _common(a: bytes, b: bytes) -> int:
    length = min(len(a), len(b))
    return next((i for i in range(length) if a[i] != b[i]), length)


def _between(a: bytes, b: bytes) -> bytes:
    """A short key from ``a`` on and before ``b`` (FindShortestSeparator)."""
    at = _common(a, b)
    if at < min(len(a), len(b)) and a[at] < 255 and a[at] + 1 < b[at]:
        return a[:at] + bytes([a[at] + 1])
    return a


def _successor(key: bytes) -> bytes:
    """A short key from ``key`` on (FindShortSuccessor)."""
    for at, byte in enumerate(key):
        if byte != 255:
            return key[:at] + bytes([byte + 1])
    return key
