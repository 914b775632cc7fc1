"""Read-only LevelDB tables: the container of V1 checkpoints and of V2 ``.index`` files.

A table is a run of blocks and a footer of 48 bytes: the places of a meta-index (unused here) and
of the index, then a magic number. The index maps the last key of each data block to its place.
A block is entries, each sharing a prefix with the key before it, then restart points (not needed
to read in order), and is followed by a type byte and a masked CRC-32C over both.
Source: tensorflow/core/lib/io/format.cc and block.cc, v1.15.5.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from converters.read_checkpoint.crc32c import crc32c, unmask
from reference.errors import ArtefactError

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_TRAILER = 5
_SNAPPY = 1

Place = tuple[int, int]
"""Offset and size of a block in its file, without the trailer."""


class Table:
    """A table file. Data blocks are read when a key in them is asked for, and verified then.

    Raises
    ------
    ArtefactError
        The file is no table, is damaged, or (from any method) a block of it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as stream:
                self._size = stream.seek(0, 2)
        except OSError as error:
            msg = f"{path} cannot be read: {error.strerror or error}"
            raise ArtefactError(msg) from error
        if self._size < _FOOTER:
            msg = f"{path} is too short ({self._size} bytes) to be a checkpoint table"
            raise ArtefactError(msg)
        footer = self._bytes(self._size - _FOOTER, _FOOTER)
        if int.from_bytes(footer[40:], "little") != _MAGIC:
            msg = f"{path} is not a checkpoint table, or its end is missing"
            raise ArtefactError(msg)
        _, at = self._place(footer, 0)
        index, _ = self._place(footer, at)
        entries = list(self._entries(index))
        self._last_keys = [key for key, _ in entries]
        self._places = [self._place(value, 0)[0] for _, value in entries]
        self._cached: tuple[int, list[tuple[bytes, bytes]]] | None = None

    def items(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys that start with ``prefix`` and their values, in order."""
        for number in range(bisect_left(self._last_keys, prefix), len(self._places)):
            for key, value in self._block(number):
                if key.startswith(prefix):
                    yield key, value
                elif key > prefix:
                    return

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, or ``None``."""
        return next((value for found, value in self.items(key) if found == key), None)

    def _block(self, number: int) -> list[tuple[bytes, bytes]]:
        if self._cached is None or self._cached[0] != number:
            self._cached = (number, list(self._entries(self._places[number])))
        return self._cached[1]

    def _bytes(self, offset: int, size: int) -> bytes:
        if offset < 0 or size < 0 or offset + size > self._size:
            msg = f"{self.path} is damaged: it refers to bytes beyond its end"
            raise ArtefactError(msg)
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(size)

    def _place(self, data: bytes, at: int) -> tuple[Place, int]:
        offset, at = read_varint(data, at, self.path)
        size, at = read_varint(data, at, self.path)
        return (offset, size), at

    def _entries(self, place: Place) -> Iterator[tuple[bytes, bytes]]:
        """The entries of one block, after its checksum has been verified."""
        offset, size = place
        raw = self._bytes(offset, size + _TRAILER)
        if unmask(int.from_bytes(raw[size + 1 :], "little")) != crc32c(raw[: size + 1]):
            msg = f"{self.path} is damaged: the block at byte {offset} fails its checksum"
            raise ArtefactError(msg)
        if raw[size]:
            kind = "Snappy" if raw[size] == _SNAPPY else f"type {raw[size]}"
            msg = (
                f"{self.path} has a compressed block ({kind}) at byte {offset}, which is not "
                "supported; save the checkpoint again with a current TensorFlow 1.15"
            )
            raise ArtefactError(msg)
        yield from self._parse(raw[:size], offset)

    def _parse(self, block: bytes, offset: int) -> Iterator[tuple[bytes, bytes]]:
        restarts = int.from_bytes(block[-4:], "little") if len(block) >= 4 else len(block)
        end = len(block) - 4 - 4 * restarts
        key, at, total = b"", 0, 0
        damaged = f"{self.path} is damaged: the block at byte {offset} cannot be parsed"
        if end < 0:
            raise ArtefactError(damaged)
        first = True
        while at < end:
            shared, at = read_varint(block, at, self.path)
            fresh, at = read_varint(block, at, self.path)
            length, at = read_varint(block, at, self.path)
            if shared > len(key) or at + fresh + length > end:
                raise ArtefactError(damaged)
            new = key[:shared] + block[at : at + fresh]
            total += len(new)
            # Sorted keys, and no more of them than prefixes can honestly save: else a small block
            # could unfold to any size.
            if (new <= key and not first) or total > 64 * len(block) + 65536:
                raise ArtefactError(damaged)
            at += fresh
            yield new, block[at : at + length]
            key, at, first = new, at + length, False


def read_varint(data: bytes, at: int, path: Path) -> tuple[int, int]:
    """The base-128 number at ``at`` and the place after it.

    Raises
    ------
    ArtefactError
        The number is cut off or longer than 64 bits.
    """
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        shift += 7
        if byte < 128:
            return value, at
    msg = f"{path} is damaged: a number in it is cut off"
    raise ArtefactError(msg)
