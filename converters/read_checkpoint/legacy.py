"""V1 checkpoints: one table a file, whose values are SavedTensorSlices messages.

The entry with the empty key describes all tensors; each slice has an entry of its own. Such a
file has no data beside it; several files (``P-00000-of-00002``) each describe what they hold.
Source: tensorflow/core/util/tensor_slice_writer.cc and tensor_slice_reader.cc, v1.15.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.read_checkpoint.checkpoint import Checkpoint, Entry
from converters.read_checkpoint.slices import Slice, name_prefix, slice_of
from converters.read_checkpoint.table import Table
from converters.read_graphdef.messages import parse
from converters.read_graphdef.tensors import (
    bfloat16_to_float32,
    dims_of,
    dtype_name,
    field_values,
    storage,
)
from reference.errors import ArtefactError


class LegacyCheckpoint(Checkpoint):
    """A checkpoint of ``SaverDef.V1``, in one file or several."""

    def __init__(self, paths: Sequence[Path], max_tensor: int) -> None:
        super().__init__(str(paths[0]), max_tensor)
        self._homes: dict[tuple[str, Slice], Table] = {}
        entries: dict[str, Entry] = {}
        for path in paths:
            table = Table(path)
            header = table.get(b"")
            if header is None:
                msg = f"{path} has no list of tensors: it is not a V1 checkpoint"
                raise ArtefactError(msg)
            for proto in parse("SavedTensorSlices", header, str(path)).meta.tensor:
                self._add(entries, proto, table)
        self._entries = entries

    def _add(self, entries: dict[str, Entry], proto: Any, table: Table) -> None:
        name = proto.name
        shape = dims_of(proto.shape, f"{table.path}: {name!r}")
        pieces = tuple(slice_of(piece) for piece in proto.slice)
        new = Entry(dtype_name(proto.type), shape, pieces)
        old = entries.get(name, Entry(new.dtype, shape))
        if (old.dtype, old.shape) != (new.dtype, new.shape):
            msg = f"{table.path}: {name!r} has another shape or dtype than in the other files"
            raise ArtefactError(msg)
        entries[name] = Entry(new.dtype, shape, old.slices + pieces)
        self._homes.update({(name, piece): table for piece in pieces})

    def _stored(self, name: str, entry: Entry) -> np.ndarray:
        msg = f"{self.where}: {name!r} is listed, and no part of it is stored"
        raise ArtefactError(msg)

    def _stored_slice(self, name: str, entry: Entry, piece: Slice) -> np.ndarray:
        table = self._homes[name, piece]
        where = f"{table.path}: {name!r}"
        shape = self._slice_shape(name, entry, piece)
        count = math.prod(shape)
        self._check_size(
            name, count, 8 if entry.dtype == "string" else storage(entry.dtype, where).itemsize
        )
        for _, value in table.items(name_prefix(name)):
            saved = parse("SavedTensorSlices", value, where).data
            if saved.name == name and slice_of(saved.slice) == piece:
                return _values(saved.data, entry.dtype, count, where).reshape(shape)
        msg = f"{where}: the slice {list(piece)} is listed and not stored"
        raise ArtefactError(msg)


def _values(proto: Any, dtype: str, count: int, where: str) -> np.ndarray:
    if dtype == "string":
        flat = np.empty(len(proto.string_val), object)
        flat[:] = list(proto.string_val)
    else:
        flat = field_values(proto, dtype, where)
    if flat.size != count:
        msg = f"{where} has {count} elements, and {flat.size} are stored"
        raise ArtefactError(msg)
    return bfloat16_to_float32(flat) if dtype == "bfloat16" else flat
