"""``keras.ops`` that move, cut, join and fill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from converters.read_keras.builder import Builder, refused
from converters.read_keras.operations import TABLE, operation, together, value_of
from converters.read_keras.values import Nest, Value


@operation("Reshape")
def reshape(b: Builder, x: Any, newshape: Sequence[Any] = ()) -> Nest:
    """At most one size may be unknown: None and -1 are the same to Keras."""
    value = value_of(b, x)
    sizes = [-1 if n is None else n for n in newshape]
    return b.reshape(value, sizes)


@operation("Transpose")
def transpose(b: Builder, x: Any, axes: Any = None) -> Nest:
    value = value_of(b, x)
    perm = list(range(value.rank))[::-1] if axes is None else [int(a) % value.rank for a in axes]
    return b.transpose(value.masked(None), perm)


@operation("Swapaxes")
def swapaxes(b: Builder, x: Any, axis1: int = 0, axis2: int = 1) -> Nest:
    value = value_of(b, x)
    perm = list(range(value.rank))
    i, j = axis1 % value.rank, axis2 % value.rank
    perm[i], perm[j] = perm[j], perm[i]
    return b.transpose(value.masked(None), perm)


@operation("Moveaxis")
def moveaxis(b: Builder, x: Any, source: Any = 0, destination: Any = 0) -> Nest:
    value = value_of(b, x)
    # NumPy moves the sizes of an array whose sizes are the axes' own numbers.
    order = np.moveaxis(np.empty(range(1, value.rank + 1)), source, destination).shape
    return b.transpose(value.masked(None), [n - 1 for n in order])


@operation("ExpandDims")
def expand_dims(b: Builder, x: Any, axis: Any = 0) -> Nest:
    value = value_of(b, x)
    if not isinstance(axis, int):
        raise refused(b.prefix, "expand_dims over several axes is not described")
    place = axis % (value.rank + 1)
    result = b.expand(value, place)
    if place < value.rank:
        b.masks.note_same(value, result)
    return result


@operation("Squeeze")
def squeeze(b: Builder, x: Any, axis: Any = None) -> Nest:
    value = value_of(b, x)
    if axis is None:
        axis = [a for a, n in enumerate(value.shape) if n == 1]
    axes = [axis] if isinstance(axis, int) else list(axis)
    return b("Squeeze", value, squeeze_dims=tuple(a % value.rank for a in axes)) if axes else value


@operation("Concatenate")
def concatenate(b: Builder, xs: Sequence[Any], axis: int = -1) -> Nest:
    values = together(b, *xs)
    return b.concat(values, axis % values[0].rank).masked(None)


@operation("Stack")
def stack(b: Builder, x: Sequence[Any], axis: int = 0) -> Nest:
    values = together(b, *x)
    return b("Pack", *values, axis=axis % (values[0].rank + 1))


@operation("Unstack")
def unstack(b: Builder, x: Any, num: int | None = None, axis: int = 0) -> Nest:
    value = value_of(b, x)
    count = value.shape[axis] if num is None else num
    if not isinstance(count, int):
        raise refused(b.prefix, "unstack along an axis of unknown size")
    return list(b.call("Unpack", value, outputs=count, num=count, axis=axis % value.rank))


@operation("Split")
def split(b: Builder, x: Any, indices_or_sections: Any = 2, axis: int = 0) -> Nest:
    value = value_of(b, x)
    axis %= value.rank
    if isinstance(indices_or_sections, int):
        number = indices_or_sections
        return list(
            b.call("Split", np.array(axis, np.int32), value, outputs=number, num_split=number)
        )
    size = value.shape[axis]
    if not isinstance(size, int):
        raise refused(b.prefix, "split along an axis of unknown size")
    places = [0, *(int(i) for i in indices_or_sections), size]
    sizes = np.diff(places).astype(np.int32)
    return list(b.call("SplitV", value, sizes, np.array(axis, np.int32), outputs=len(sizes)))


@operation("Flip")
def flip(b: Builder, x: Any, axis: Any = None) -> Nest:
    value = value_of(b, x)
    axes = range(value.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return b("ReverseV2", value, np.array([a % value.rank for a in axes], np.int32))


@operation("Tile")
def tile(b: Builder, x: Any, repeats: Any = 1) -> Nest:
    value = value_of(b, x)
    counts = [repeats] if isinstance(repeats, int) else list(repeats)
    counts = [1] * (value.rank - len(counts)) + counts
    if len(counts) != value.rank:
        raise refused(b.prefix, "tile with more multiples than axes")
    return b("Tile", value, np.array(counts, np.int32))


@operation("BroadcastTo")
def broadcast_to(b: Builder, x: Any, shape: Sequence[Any] = ()) -> Nest:
    if any(not isinstance(n, int) for n in shape):
        raise refused(b.prefix, "broadcast_to a shape of unknown sizes")
    return b("BroadcastTo", value_of(b, x), np.array(shape, np.int32))


@operation("Pad")
def pad(
    b: Builder, x: Any, pad_width: Any = 0, mode: str = "constant", constant_values: Any = None
) -> Nest:
    value = value_of(b, x)
    pairs = np.broadcast_to(np.array(pad_width, np.int32), (value.rank, 2)).copy()
    if mode != "constant":
        return b("MirrorPad", value, pairs, mode=mode.upper().encode())
    return b("PadV2", value, pairs, b.like(value, constant_values or 0))


def _filled(number: int) -> Callable[..., Nest]:
    def function(b: Builder, x: Any, dtype: Any = None, sparse: Any = None) -> Nest:
        value = value_of(b, x)
        wanted = str(dtype or value.dtype)
        sizes = [b.size(value, axis) for axis in range(value.rank)]
        result = (
            b("Fill", b.vector(sizes), np.array(number, wanted))
            if sizes
            else b.constant(number, wanted)
        )
        if number == 1 and wanted in ("int32", "int64"):
            b.masks.note_ones(result)
        return result

    return function


TABLE.update({"OnesLike": _filled(1), "ZerosLike": _filled(0)})


@operation("FullLike")
def full_like(b: Builder, x: Any, fill_value: Any, dtype: Any = None) -> Nest:
    value = value_of(b, x)
    wanted = str(dtype or value.dtype)
    sizes = [b.size(value, axis) for axis in range(value.rank)]
    if isinstance(fill_value, Value):
        raise refused(b.prefix, "full_like with a tensor is not described")
    return b("Fill", b.vector(sizes), np.array(fill_value, wanted))


@operation("OneHot")
def one_hot(
    b: Builder,
    x: Any,
    num_classes: int = 0,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
) -> Nest:
    wanted = str(dtype or "float32")
    on, off = np.array(1, wanted), np.array(0, wanted)
    return b("OneHot", value_of(b, x), np.array(num_classes, np.int32), on, off, axis=axis)


@operation("Take")
def take(b: Builder, x: Any, indices: Any, axis: int | None = None) -> Nest:
    """Negative indices count from the end, as Keras has it."""
    value, places = value_of(b, x), value_of(b, indices)
    known = b.known(places)
    if axis is None:
        raise refused(b.prefix, "take needs an axis")
    size = value.shape[axis]
    if known is not None and isinstance(size, int):
        places = b.constant(np.where(known < 0, known + size, known))
    elif known is None or (known < 0).any():
        count = b.size(value, axis)
        whole = b.cast(count, places.dtype) if isinstance(count, Value) else b.like(places, count)
        places = b(
            "SelectV2", b("Less", places, b.like(places, 0)), b("AddV2", places, whole), places
        )
    return b("GatherV2", value, places, np.array(axis, np.int32)).masked(None)


@operation("Repeat")
def repeat(b: Builder, x: Any, repeats: Any = 1, axis: int | None = None) -> Nest:
    value = value_of(b, x)
    if axis is None or not isinstance(repeats, int):
        raise refused(b.prefix, "repeat is described for one number and one axis")
    axis %= value.rank
    sizes = [b.size(value, a) for a in range(value.rank)]
    multiples = np.ones(value.rank + 1, np.int32)
    multiples[axis + 1] = repeats
    tiled = b("Tile", b.expand(value, axis + 1), multiples)
    size = sizes[axis]
    sizes[axis] = size * repeats if isinstance(size, int) else -1
    return b.reshape(tiled, sizes)


@operation("GetItem")
def get_item(b: Builder, x: Any, key: Any) -> Nest:
    """Slices, numbers, new axes and an ellipsis: NumPy's indexing without arrays."""
    value = value_of(b, x)
    parts = list(key) if isinstance(key, list | tuple) else [key]
    begin: list[int] = []
    end: list[int] = []
    strides: list[int] = []
    masks = dict.fromkeys(
        ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0
    )
    for place, part in enumerate(parts):
        bit, numbers = 1 << place, (0, 0, 1)
        if part is None:
            masks["new_axis_mask"] |= bit
        elif part is Ellipsis:
            masks["ellipsis_mask"] |= bit
        elif isinstance(part, slice):
            bounds = (part.start, part.stop, 1 if part.step is None else part.step)
            if any(n is not None and not isinstance(n, int) for n in bounds):
                raise refused(b.prefix, "a slice with a tensor for bound is not described")
            masks["begin_mask"] |= bit if part.start is None else 0
            masks["end_mask"] |= bit if part.stop is None else 0
            numbers = (part.start or 0, part.stop or 0, bounds[2])
        elif isinstance(part, int) and not isinstance(part, bool):
            masks["shrink_axis_mask"] |= bit
            numbers = (part, part + 1, 1)
        else:
            raise refused(b.prefix, "indexing with a tensor is not described")
        for line, number in zip((begin, end, strides), numbers, strict=True):
            line.append(number)
    lines = [np.array(line, np.int32) for line in (begin, end, strides)]
    result = b("StridedSlice", value, *lines, **masks)
    if value.rank == 1 and parts[:1] == [None] and parts[1:] in ([], [slice(None)], [Ellipsis]):
        b.masks.note_same(value, result)
    return result
