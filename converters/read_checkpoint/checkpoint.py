"""What V1 and V2 checkpoints have in common: tensors by name, whole or in slices."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from converters.graph import DType
from converters.read_checkpoint.slices import Slice, bounds, extent, size
from converters.read_graphdef.tensors import storage
from reference.errors import ArtefactError, UsageError


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a tensor unread. ``slices`` is empty where it is stored whole."""

    dtype: DType
    shape: tuple[int, ...]
    slices: tuple[Slice, ...] = ()


class Checkpoint(ABC):
    """The tensors of a checkpoint. Only what is asked for is read from the files."""

    def __init__(self, where: str, max_tensor: int) -> None:
        self.where = where
        self.max_tensor = max_tensor
        self._entries: Mapping[str, Entry] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def names(self) -> list[str]:
        """The names of all tensors, sorted."""
        return sorted(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of the whole tensor ``name``."""
        return self._entry(name).shape

    def dtype(self, name: str) -> DType:
        """The dtype of ``name``, as :mod:`converters.graph` names it."""
        return self._entry(name).dtype

    def row_starts(self, name: str) -> tuple[int, ...]:
        """Where each part of a variable that was partitioned by rows starts; empty where it is whole."""
        entry = self._entry(name)
        where = f"{self.where}: {name!r}"
        places = [bounds(piece, entry.shape, where) for piece in entry.slices]
        starts = sorted({place[0].start for place in places if place})
        return tuple(starts) if len(starts) > 1 else ()

    def read(self, name: str, piece: Slice | None = None) -> np.ndarray:
        """The tensor ``name``, or the ``piece`` of it; put together from slices if need be.

        Its dtype is the stored one; bfloat16 comes as exact float32, quantised types as the
        integers that hold them, strings as an object array of ``bytes``.

        Raises
        ------
        UsageError
            There is no tensor of that name.
        ArtefactError
            A file is missing or damaged, or the tensor is larger than ``max_tensor``.
        """
        entry = self._entry(name)
        if entry.slices and piece in entry.slices and piece is not None:
            return self._stored_slice(name, entry, piece)
        index = bounds(piece, entry.shape, f"{self.where}: {name!r}") if piece is not None else ...
        whole = self._assemble(name, entry) if entry.slices else self._stored(name, entry)
        return whole[index]

    @abstractmethod
    def _stored(self, name: str, entry: Entry) -> np.ndarray:
        """A tensor that is stored whole."""

    @abstractmethod
    def _stored_slice(self, name: str, entry: Entry, piece: Slice) -> np.ndarray:
        """One of ``entry.slices``."""

    def _entry(self, name: str) -> Entry:
        if name not in self._entries:
            msg = f"{self.where} holds no tensor {name!r}"
            raise UsageError(msg)
        return self._entries[name]

    def _assemble(self, name: str, entry: Entry) -> np.ndarray:
        where = f"{self.where}: {name!r}"
        places = [bounds(piece, entry.shape, where) for piece in entry.slices]
        if sum(size(place) for place in places) != math.prod(entry.shape):
            msg = f"{where} has slices that do not fill its shape {list(entry.shape)} once"
            raise ArtefactError(msg)
        width = 8 if entry.dtype == "string" else storage(entry.dtype, where).itemsize
        self._check_size(name, math.prod(entry.shape), width)
        parts = [self._stored_slice(name, entry, piece) for piece in entry.slices]
        out = np.empty(entry.shape, parts[0].dtype)
        seen = np.zeros(entry.shape, bool)
        for place, part in zip(places, parts, strict=True):
            out[place] = part
            seen[place] = True
        if not seen.all():
            msg = f"{where} has slices that overlap and leave gaps"
            raise ArtefactError(msg)
        return out

    def _slice_shape(self, name: str, entry: Entry, piece: Slice) -> tuple[int, ...]:
        return extent(bounds(piece, entry.shape, f"{self.where}: {name!r}"))

    def _check_size(self, name: str, count: int, width: int) -> None:
        if count * width > self.max_tensor:
            msg = (
                f"{self.where}: {name!r} takes {count * width} bytes, more than the limit of "
                f"{self.max_tensor} (--max-tensor)"
            )
            raise ArtefactError(msg)
