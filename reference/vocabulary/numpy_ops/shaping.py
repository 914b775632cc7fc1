"""Operations that move items and compute none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.errors import SemanticsError
from reference.vocabulary.numpy_ops.base import (
    Array,
    Base,
    edges,
    ints,
    positive_axes,
    positive_axis,
)


class ShapingOps(Base):
    """:class:`protocol.Shaping`."""

    def shape(self, x: Any, /, *, dtype: str = "int32") -> Array:
        """Sizes, rank 1."""
        return np.array(np.shape(x), dtype)

    def reshape(self, x: Any, shape: Any, /) -> Array:
        """Same items in another shape; -1 is worked out, as TF does also for empty arrays."""
        value, sizes = self.array(x), ints(shape)
        if sizes.count(-1) == 1:
            rest = math.prod(n for n in sizes if n != -1)
            missing = value.size // rest if rest else 0
            sizes = tuple(missing if n == -1 else n for n in sizes)
        if math.prod(sizes) != value.size or min(sizes, default=0) < 0:
            msg = f"no reshape of {value.shape} to {ints(shape)}"
            raise SemanticsError(msg)
        return value.reshape(sizes)

    def transpose(self, x: Any, perm: Sequence[int], /) -> Array:
        """Axis ``i`` of the result is axis ``perm[i]`` of x."""
        value = self.array(x)
        return value.transpose(positive_axes(perm, value.ndim))

    def expand_dims(self, x: Any, axis: int, /) -> Array:
        """A new axis of size 1, at ``axis`` of the result."""
        value = self.array(x)
        return np.expand_dims(value, positive_axis(axis, value.ndim + 1))

    def squeeze(self, x: Any, axes: Sequence[int] | None, /) -> Array:
        """Without those axes, each of size 1; None: without all of size 1."""
        value = self.array(x)
        if axes is None:
            return value.squeeze()
        gone = positive_axes(axes, value.ndim)
        wide = [axis for axis in gone if value.shape[axis] != 1]
        if wide:
            msg = f"axes {wide} of shape {value.shape} are not of size 1"
            raise SemanticsError(msg)
        return value.squeeze(gone)

    def concat(self, xs: Sequence[Any], axis: int, /) -> Array:
        """Joined along an axis they have."""
        arrays = self._alike(xs)
        return np.concatenate(arrays, positive_axis(axis, arrays[0].ndim))

    def stack(self, xs: Sequence[Any], axis: int, /) -> Array:
        """Joined along a new axis."""
        arrays = self._alike(xs)
        return np.stack(arrays, positive_axis(axis, arrays[0].ndim + 1))

    def _alike(self, xs: Sequence[Any]) -> list[Array]:
        arrays = [self.array(x) for x in xs]
        dtypes = {x.dtype for x in arrays if x.dtype.kind not in "OSU"}
        if not arrays or len(dtypes) > 1:
            msg = f"cannot join {len(arrays)} arrays of dtypes {sorted(map(str, dtypes))}"
            raise SemanticsError(msg)
        return arrays

    def unstack(self, x: Any, axis: int, num: int, /) -> tuple[Array, ...]:
        """The items along ``axis``, ``num`` of them."""
        value = self.array(x)
        axis = positive_axis(axis, value.ndim)
        if value.shape[axis] != num:
            msg = f"axis {axis} of shape {value.shape} has not {num} items"
            raise SemanticsError(msg)
        return tuple(np.moveaxis(value, axis, 0)[i] for i in range(num))

    def split(self, x: Any, sizes: Sequence[int], axis: int, /) -> tuple[Array, ...]:
        """Parts of the given sizes along ``axis``."""
        value = self.array(x)
        axis = positive_axis(axis, value.ndim)
        parts = ints(sizes)
        if sum(parts) != value.shape[axis] or min(parts, default=0) < 0:
            msg = f"axis {axis} of shape {value.shape} does not split into {parts}"
            raise SemanticsError(msg)
        return tuple(np.split(value, np.cumsum(parts)[:-1], axis))

    def strided_slice(self, x: Any, begin: Any, end: Any, strides: Sequence[int], /) -> Array:
        """NumPy's slices along the leading axes."""
        value = self.array(x)
        cuts = tuple(
            slice(b, e, int(s)) for b, e, s in zip(edges(begin), edges(end), strides, strict=True)
        )
        if len(cuts) > value.ndim:
            msg = f"{len(cuts)} slices of an array of rank {value.ndim}"
            raise SemanticsError(msg)
        return value[cuts]

    def broadcast_to(self, x: Any, shape: Any, /) -> Array:
        """NumPy's broadcasting."""
        return np.broadcast_to(self.array(x), ints(shape))

    def tile(self, x: Any, multiples: Any, /) -> Array:
        """One multiple per axis."""
        return np.tile(self.array(x), ints(multiples))

    def pad(self, x: Any, paddings: Any, /, *, mode: str = "constant", value: Any = 0.0) -> Array:
        """Padding before and after each axis.

        Raises:
            SemanticsError: a mode that mirrors would need more items than there are.
        """
        array = self.array(x)
        pairs = [(int(before), int(after)) for before, after in paddings]
        if mode == "constant":
            fill = np.asarray(value)
            return np.pad(
                array,
                pairs,
                constant_values=fill if array.dtype.kind == "O" else fill.astype(array.dtype),
            )
        spare = {"reflect": 1, "symmetric": 0}[mode]
        for size, pair in zip(array.shape, pairs, strict=True):
            if max(pair) > max(size - spare, 0):
                msg = f"{mode} padding {pair} of an axis of {size}"
                raise SemanticsError(msg)
        return np.pad(array, pairs, mode=mode)  # type: ignore[call-overload, no-any-return]

    def reverse(self, x: Any, axes: Sequence[int], /) -> Array:
        """Those axes back to front."""
        value = self.array(x)
        return np.flip(value, positive_axes(axes, value.ndim)) if len(axes) else value

    def reverse_sequence(self, x: Any, lengths: Any, /, *, seq_axis: int, batch_axis: int) -> Array:
        """The first lengths[b] items of row b reversed, the rest left in place.

        Raises:
            SemanticsError: a length outside 0..T (core/kernels/reverse_sequence_op.cc, v1.15.5).
        """
        value, sizes = self.array(x), np.asarray(lengths).astype(np.int64)
        seq, batch = positive_axis(seq_axis, value.ndim), positive_axis(batch_axis, value.ndim)
        steps = value.shape[seq]
        if sizes.shape != (value.shape[batch],):
            msg = f"{sizes.shape} lengths for an array of shape {value.shape}"
            raise SemanticsError(msg)
        if np.any(sizes < 0) or np.any(sizes > steps):
            msg = f"reverse_sequence: lengths must lie in 0..{steps}"
            raise SemanticsError(msg)
        time = np.arange(steps)[None, :]
        source = np.where(time < sizes[:, None], sizes[:, None] - 1 - time, time)
        rows = np.moveaxis(value, (batch, seq), (0, 1))
        out = rows[np.arange(len(sizes))[:, None], source]
        return np.moveaxis(out, (0, 1), (batch, seq))

    def fill(self, shape: Any, value: Any, /) -> Array:
        """``value`` (rank 0) everywhere."""
        item = self.array(value)
        out = np.empty(ints(shape), item.dtype)
        out[...] = item
        return out

    def range(self, start: Any, limit: Any, delta: Any, /) -> Array:
        """start, start + delta, … before limit.

        Raises:
            SemanticsError: delta is 0 or leads away (core/kernels/sequence_ops.cc, v1.15.5).
        """
        first, last, step = (self.array(v) for v in (start, limit, delta))
        if step == 0 or (last - first) * np.sign(step) < 0:
            msg = f"range from {first} to {last} by {step}"
            raise SemanticsError(msg)
        return np.asarray(np.arange(first.item(), last.item(), step.item(), dtype=first.dtype))
