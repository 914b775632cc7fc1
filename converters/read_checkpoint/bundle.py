"""V2 checkpoints: a table ``P.index`` of entries, and shards ``P.data-00000-of-0000N`` of bytes.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, v1.15.5.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from converters.read_checkpoint.checkpoint import Checkpoint, Entry
from converters.read_checkpoint.crc32c import crc32c, mask, unmask
from converters.read_checkpoint.slices import Slice, slice_key, slice_of
from converters.read_checkpoint.table import Table, read_varint
from converters.read_graphdef.messages import parse
from converters.read_graphdef.tensors import bfloat16_to_float32, dims_of, dtype_name, storage
from reference.errors import ArtefactError

_MAX_SHARDS = 100_000


class BundleCheckpoint(Checkpoint):
    """A checkpoint as ``tf.train.Saver`` writes it by default since TensorFlow 0.12."""

    def __init__(self, prefix: Path, max_tensor: int) -> None:
        index = prefix.with_name(prefix.name + ".index")
        super().__init__(str(index), max_tensor)
        self._prefix = prefix
        items = dict(Table(index).items())
        if b"" not in items:
            msg = f"{index} has no header: it is not the index of a checkpoint"
            raise ArtefactError(msg)
        header = parse("BundleHeaderProto", items.pop(b""), str(index))
        if header.endianness:
            msg = f"{index} was written on a big-endian machine, which is not supported"
            raise ArtefactError(msg)
        if not 0 < header.num_shards <= _MAX_SHARDS:
            msg = f"{index} says it has {header.num_shards} data files"
            raise ArtefactError(msg)
        self._shards = header.num_shards
        for path in (self._shard(number) for number in range(self._shards)):
            if not path.is_file():
                msg = f"{path} is missing: the checkpoint keeps values in {self._shards} such files"
                raise ArtefactError(msg)
        # Keys of slices start with a zero byte; no tensor name does.
        self._protos = {
            key: parse("BundleEntryProto", value, f"{index}: entry {key[:80]!r}")
            for key, value in items.items()
        }
        self._entries = {
            key.decode("utf-8", "surrogateescape"): self._describe(key, proto)
            for key, proto in self._protos.items()
            if not key.startswith(b"\x00")
        }

    def _describe(self, key: bytes, proto: Any) -> Entry:
        shape = dims_of(proto.shape, f"{self.where}: {key[:80]!r}")
        return Entry(dtype_name(proto.dtype), shape, tuple(slice_of(s) for s in proto.slices))

    def _stored(self, name: str, entry: Entry) -> np.ndarray:
        proto = self._protos[name.encode("utf-8", "surrogateescape")]
        return self._value(name, entry, entry.shape, proto)

    def _stored_slice(self, name: str, entry: Entry, piece: Slice) -> np.ndarray:
        proto = self._protos.get(slice_key(name, piece))
        if proto is None:
            msg = f"{self.where}: the slice {list(piece)} of {name!r} is not there"
            raise ArtefactError(msg)
        return self._value(name, entry, self._slice_shape(name, entry, piece), proto)

    def _value(self, name: str, entry: Entry, shape: tuple[int, ...], proto: Any) -> np.ndarray:
        where = f"{self.where}: {name!r}"
        count = math.prod(shape)
        if entry.dtype == "string":
            self._check_size(name, proto.size, 1)
            return _strings(self._bytes(name, proto), count, proto.crc32c, where).reshape(shape)
        if entry.dtype in ("variant", "resource"):
            msg = f"{where} is of dtype {entry.dtype}, which cannot be read"
            raise ArtefactError(msg)
        kind = storage(entry.dtype, where)
        if proto.size != count * kind.itemsize:
            msg = (
                f"{where} has {count} {entry.dtype} elements, {count * kind.itemsize} bytes, "
                f"but {proto.size} bytes are stored"
            )
            raise ArtefactError(msg)
        self._check_size(name, count, kind.itemsize)
        data = self._bytes(name, proto)
        if crc32c(data) != unmask(proto.crc32c):
            msg = f"{where} fails its checksum: {self._shard(proto.shard_id).name} is damaged"
            raise ArtefactError(msg)
        flat = np.frombuffer(data, kind)
        return (bfloat16_to_float32(flat) if entry.dtype == "bfloat16" else flat).reshape(shape)

    def _shard(self, number: int) -> Path:
        suffix = f".data-{number:05d}-of-{self._shards:05d}"
        return self._prefix.with_name(self._prefix.name + suffix)

    def _bytes(self, name: str, proto: Any) -> bytes:
        if not 0 <= proto.shard_id < self._shards:
            msg = f"{self.where}: {name!r} lies in file {proto.shard_id} of {self._shards}"
            raise ArtefactError(msg)
        path = self._shard(proto.shard_id)
        try:
            with path.open("rb") as stream:
                end = stream.seek(0, 2)
                if proto.offset < 0 or proto.size < 0 or proto.offset + proto.size > end:
                    msg = f"{path} is cut off: {name!r} would end beyond its {end} bytes"
                    raise ArtefactError(msg)
                stream.seek(proto.offset)
                return stream.read(proto.size)
        except OSError as error:
            msg = f"{path} cannot be read: {error.strerror or error}"
            raise ArtefactError(msg) from error


def _strings(data: bytes, count: int, masked: int, where: str) -> np.ndarray:
    """Lengths as varints, their masked checksum, then all the bytes (WriteStringTensor)."""
    lengths, at, path = [], 0, Path(where)
    if count > len(data):
        msg = f"{where} declares {count} strings in {len(data)} bytes"
        raise ArtefactError(msg)
    for _ in range(count):
        length, at = read_varint(data, at, path)
        lengths.append(length)
    # The sum runs over the lengths as fixed-width numbers, not over the varints.
    widths = b"".join(n.to_bytes(4 if n < 2**32 else 8, "little") for n in lengths)
    crc = crc32c(widths)
    stored = data[at : at + 4]
    at += 4
    if stored != mask(crc).to_bytes(4, "little") or at + sum(lengths) != len(data):
        msg = f"{where} has string lengths that fail their checksum: the data file is damaged"
        raise ArtefactError(msg)
    if crc32c(data[at:], crc32c(stored, crc)) != unmask(masked):
        msg = f"{where} fails its checksum: the data file is damaged"
        raise ArtefactError(msg)
    out = np.empty(count, object)
    for i, length in enumerate(lengths):
        out[i] = data[at : at + length]
        at += length
    return out
