"""Slices, padding, reversal."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_onnx import sizes
from converters.to_onnx.emit import emits
from converters.to_onnx.kernels import carrier
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size

_FAR = np.iinfo(np.int64).max


@emits("strided_slice")
def strided_slice(
    e: Any, out: Fact, x: Any, begin: Any, end: Any, *, strides: tuple[int, ...]
) -> Any:
    """One Slice over the axes that are cut at all; ends beyond the array are clamped by ONNX too."""
    count = len(strides)
    first, last = sizes.items_of(begin, count, e), sizes.items_of(end, count, e)
    whole = [_whole(x, axis, first[axis], last[axis], strides[axis]) for axis in range(count)]
    axes = [axis for axis in range(count) if not whole[axis]]
    if not axes:
        return x
    starts = _edges(e, [_from_edge(first[a], strides[a], start=True) for a in axes])
    ends = _edges(e, [_from_edge(last[a], strides[a], start=False) for a in axes])
    steps = [strides[axis] for axis in axes]
    plain = all(step == 1 for step in steps)
    return e.node("Slice", x, starts, ends, e.axes(axes), None if plain else e.axes(steps))


def _whole(x: Any, axis: int, first: Any, last: Any, stride: int) -> bool:
    """Whether the slice takes the axis as it is."""
    if stride != 1 or not (first is None or _dim(first) == 0):
        return False
    size = x.fact.shape[axis] if x.fact.shape is not None else None
    return last is None or (size is not None and _dim(last) is not None and _dim(last) == size)


def _dim(item: Any) -> Dim | None:
    found = sizes.known_items([item])
    return found[0] if found else None


def _from_edge(item: Any, stride: int, *, start: bool) -> Any:
    """None is the edge the slice starts or stops at; past the first item it is the far negative."""
    if item is not None:
        return item
    if start:
        return 0 if stride > 0 else _FAR
    return _FAR if stride > 0 else -_FAR


def _edges(e: Any, items: list[Any]) -> str:
    return sizes.int64_vector(e, items)


@emits("pad")
def pad(e: Any, out: Fact, x: Any, paddings: Any, *, mode: str, value: float) -> Any:
    """ONNX wants all the widths before the axes, then all those after."""
    dtype = out.dtype
    if mode == "symmetric":
        return _symmetric(e, x, paddings)
    fill = e.scalar(value, dtype) if mode == "constant" and value else None
    wide = carrier("Pad", dtype)
    inputs = (e.to(x, wide), _widths(e, x, paddings), None if fill is None else e.to(fill, wide))
    name = e.node("Pad", *inputs, mode=mode)
    return name if wide == dtype else e.to(name, dtype)


def _widths(e: Any, x: Any, paddings: Any) -> str:
    if not isinstance(paddings, tuple):
        known = paddings.fact.value
        if known is None:
            turned = e.transpose(paddings, (1, 0))
            return sizes.int64_vector(e, e.reshape(turned, [2 * len(x.shape)]))
        paddings = [tuple(pair) for pair in known]
    items = [before for before, _ in paddings] + [after for _, after in paddings]
    return sizes.int64_vector(e, items)


def _symmetric(e: Any, x: Any, paddings: Any) -> Any:
    """Mirrored with the edge repeated: slices, reversed, joined, axis by axis."""
    if not isinstance(paddings, tuple) or any(isinstance(w, Size) for p in paddings for w in p):
        msg = f"{e.build.prefix}: symmetric padding by widths not known at conversion"
        raise NotConvertibleError(msg)
    for axis, (before, after) in enumerate(paddings):
        lead = [None] * axis
        parts = [x]
        if before:
            edge = e.strided_slice(x, [*lead, 0], [*lead, before], [1] * (axis + 1))
            parts.insert(0, e.reverse(edge, [axis]))
        if after:
            edge = e.strided_slice(x, [*lead, -after], [*lead, None], [1] * (axis + 1))
            parts.append(e.reverse(edge, [axis]))
        x = e.concat(parts, axis)
    return x


@emits("reverse")
def reverse(e: Any, out: Fact, x: Any, *, axes: tuple[int, ...]) -> Any:
    if not axes:
        return x
    starts, ends = e.axes([_FAR] * len(axes)), e.axes([-_FAR] * len(axes))
    return e.node("Slice", x, starts, ends, e.axes(axes), e.axes([-1] * len(axes)))


@emits("reverse_sequence")
def reverse_sequence(
    e: Any, out: Fact, x: Any, lengths: Any, *, seq_axis: int, batch_axis: int
) -> Any:
    """ONNX knows the axes 0 and 1 only; a length of 0 leaves its row alone, as in TF."""
    rank = len(x.shape)
    seq, batch = seq_axis % rank, batch_axis % rank
    if {seq, batch} == {0, 1}:
        return _reverse_rows(e, out, x, lengths, seq, batch)
    rest = [axis for axis in range(rank) if axis not in (seq, batch)]
    perm = [batch, seq, *rest]
    turned = e.transpose(x, perm)
    done = e.reverse_sequence(turned, lengths, seq_axis=1, batch_axis=0)
    return e.transpose(done, [perm.index(axis) for axis in range(rank)])


def _reverse_rows(e: Any, out: Fact, x: Any, lengths: Any, seq: int, batch: int) -> str:
    whole = e.to(lengths, "int64")
    return str(e.node("ReverseSequence", x, whole, time_axis=seq, batch_axis=batch))
