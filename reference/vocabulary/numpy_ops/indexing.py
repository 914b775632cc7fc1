"""Operations whose indices are data. An index out of range is refused, as TF's CPU kernels do."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.errors import SemanticsError
from reference.vocabulary.numpy_ops.base import Array, Base, ints, positive_axis


def within(indices: Array, size: int, what: str) -> Array:
    """The indices as int64.

    Raises:
        SemanticsError: one lies outside 0..size-1 (negative ones do not count from the end).
    """
    wide = indices.astype(np.int64)
    if wide.size and (wide.min() < 0 or wide.max() >= size):
        bad = wide[(wide < 0) | (wide >= size)].flat[0]
        msg = f"{what}: index {bad} is not in 0..{size - 1}"
        raise SemanticsError(msg)
    return wide


def _without(x: Array, axis: int, batch: int) -> tuple[int, ...]:
    """Sizes after ``batch`` leading axes, but that of ``axis``."""
    return x.shape[batch:axis] + x.shape[axis + 1 :]


class IndexingOps(Base):
    """:class:`protocol.Indexing`."""

    def gather(self, x: Any, indices: Any, /, *, axis: int = 0, batch_dims: int = 0) -> Array:
        """Items along ``axis``, those of row b taken from row b where there are batch dims."""
        value, places = self.array(x), np.asarray(indices)
        axis = positive_axis(axis, value.ndim)
        batch = batch_dims + places.ndim if batch_dims < 0 else batch_dims
        wide = within(places, value.shape[axis], "gather")
        if not batch:
            return np.take(value, wide, axis=axis)
        lead = value.shape[:batch]
        if batch > axis or places.shape[:batch] != lead:
            msg = f"gather: batch_dims {batch} of shapes {value.shape} and {places.shape}"
            raise SemanticsError(msg)
        # Rows and places with one leading axis, the gathered axis right behind it.
        front = np.moveaxis(value, axis, batch).reshape(
            -1, value.shape[axis], *_without(value, axis, batch)
        )
        flat = wide.reshape(len(front), -1)
        out = front[np.arange(len(front))[:, None], flat]
        out = out.reshape(*lead, *places.shape[batch:], *_without(value, axis, batch))
        count = places.ndim - batch
        before = range(batch + count, axis + count)
        order = [*range(batch), *before, *range(batch, batch + count)]
        return out.transpose(*order, *range(len(order), out.ndim))

    def gather_nd(self, x: Any, indices: Any, /, *, batch_dims: int = 0) -> Array:
        """Slices named by the last axis of ``indices``."""
        value, places = self.array(x), np.asarray(indices)
        if batch_dims:
            lead = value.shape[:batch_dims]
            rows = [self.gather_nd(value[b], places[b]) for b in np.ndindex(*lead)]
            tail = places.shape[batch_dims:-1] + value.shape[batch_dims + places.shape[-1] :]
            return np.array(rows, value.dtype).reshape(*lead, *tail)
        key = self._key(places, value.shape, "gather_nd")
        if not key:
            return np.broadcast_to(value, places.shape[:-1] + value.shape)
        return value[key]

    def _key(self, places: Array, shape: tuple[int, ...], what: str) -> tuple[Array, ...]:
        depth = places.shape[-1]
        if depth > len(shape):
            msg = f"{what}: {depth} indices into an array of rank {len(shape)}"
            raise SemanticsError(msg)
        return tuple(within(places[..., i], shape[i], what) for i in range(depth))

    def scatter_nd(self, indices: Any, updates: Any, shape: Any, /) -> Array:
        """Zeros with the updates added; repeated indices add up."""
        value, places = self.array(updates), np.asarray(indices)
        out = np.zeros(ints(shape), value.dtype)
        with np.errstate(all="ignore"):
            np.add.at(out, self._key(places, out.shape, "scatter_nd"), value)
        return out

    def one_hot(self, indices: Any, depth: int, on: Any, off: Any, /, *, axis: int = -1) -> Array:
        """``on`` at the index along a new axis, ``off`` elsewhere."""
        places = np.asarray(indices)
        yes, no = self.pair(on, off)
        axis = positive_axis(axis, places.ndim + 1)
        line = np.arange(depth).reshape([-1 if i == axis else 1 for i in range(places.ndim + 1)])
        return np.where(np.expand_dims(places, axis) == line, yes, no)

    def argmax(self, x: Any, axis: int, /, *, dtype: str = "int64") -> Array:
        """The first of equals."""
        return self._arg(np.argmax, x, axis, dtype)

    def argmin(self, x: Any, axis: int, /, *, dtype: str = "int64") -> Array:
        """The first of equals."""
        return self._arg(np.argmin, x, axis, dtype)

    def _arg(self, function: Any, x: Any, axis: int, dtype: str) -> Array:
        value = self.array(x)
        axis = positive_axis(axis, value.ndim)
        if not value.shape[axis]:
            msg = f"argmax or argmin over an empty axis {axis} of shape {value.shape}"
            raise SemanticsError(msg)
        return np.asarray(function(value, axis=axis)).astype(dtype)

    def top_k(self, x: Any, k: Any, /) -> tuple[Array, Array]:
        """The k largest of the last axis and their places.

        Raises:
            SemanticsError: there are fewer than k items.
        """
        value, count = self.array(x), int(k)
        size = value.shape[-1] if value.ndim else -1
        if not 0 <= count <= size:
            msg = f"top_k: {count} of {size} items"
            raise SemanticsError(msg)
        # A stable ascending sort of the reversed items, read backwards, puts the lower index first.
        upward = np.argsort(value[..., ::-1], axis=-1, kind="stable")
        places = (size - 1 - upward)[..., ::-1][..., :count]
        return np.take_along_axis(value, places, axis=-1), places.astype(np.int32)

    def nonzero(self, x: Any, /) -> Array:
        """int64 [count, rank], row-major order."""
        return np.argwhere(self.array(x)).astype(np.int64)

    def unique(self, x: Any, /, *, dtype: str = "int32") -> tuple[Array, Array]:
        """Values in order of first appearance, and each item's place among them."""
        value = self.array(x)
        if value.ndim != 1:
            msg = f"unique of an array of rank {value.ndim}, not 1"
            raise SemanticsError(msg)
        items, first, inverse = np.unique(value, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return items[order], rank[inverse.reshape(-1)].astype(dtype)
