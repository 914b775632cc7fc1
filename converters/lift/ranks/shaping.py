"""Ops that move, add, take away, join or split axes."""

from __future__ import annotations

from collections.abc import Sequence

from converters.graph import Node
from converters.lift.ranks.shapes import Dims, Shapes
from converters.lift.ranks.table import out, rule


@rule("Transpose", "ConjugateTranspose")
def transpose(s: Shapes, node: Node) -> None:
    value, perm = node.inputs
    s.same_rank(value, out(node))
    s.tell_rank(value, s.dim(perm, 0))
    _length(s, perm, s.rank(value))
    order = s.known(perm)
    dims, moved = s.dims(value), s.dims(out(node))
    if order is None or dims is None or sorted(order) != list(range(len(dims))):
        return
    s.tell(out(node), [dims[axis] for axis in order])
    if moved is not None and len(moved) == len(dims):
        s.tell(value, [moved[order.index(axis)] for axis in range(len(dims))])


def _length(s: Shapes, vector: str, length: int | None) -> None:
    """A vector of so many items."""
    s.tell_rank(vector, 1)
    s.tell_dim(vector, 0, length)


@rule("Shape")
def shape(s: Shapes, node: Node) -> None:
    _length(s, out(node), s.rank(node.inputs[0]))
    s.tell_rank(node.inputs[0], s.dim(out(node), 0))
    s.tell_value(out(node), s.dims(node.inputs[0]))


@rule("ShapeN")
def shape_n(s: Shapes, node: Node) -> None:
    for k, name in enumerate(node.inputs):
        _length(s, out(node, k), s.rank(name))
        s.tell_value(out(node, k), s.dims(name))


@rule("Rank")
def rank(s: Shapes, node: Node) -> None:
    s.tell_rank(out(node), 0)
    found = s.rank(node.inputs[0])
    s.tell_value(out(node), None if found is None else (found,))


@rule("Reshape")
def reshape(s: Shapes, node: Node) -> None:
    """The vector of sizes has an item for each axis."""
    vector = node.inputs[1]
    s.tell_rank(out(node), s.dim(vector, 0))
    _length(s, vector, s.rank(out(node)))
    sizes = s.value(vector)
    if sizes is not None:
        s.tell(out(node), [None if size == -1 else size for size in sizes])


@rule("Fill", "BroadcastTo")
def fill(s: Shapes, node: Node) -> None:
    vector = node.inputs[1 if node.op == "BroadcastTo" else 0]
    s.tell_rank(out(node), s.dim(vector, 0))
    _length(s, vector, s.rank(out(node)))
    s.tell(out(node), s.value(vector))


@rule("RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt")
def random(s: Shapes, node: Node) -> None:
    s.tell_rank(out(node), s.dim(node.inputs[0], 0))
    s.tell(out(node), s.value(node.inputs[0]))


@rule("ExpandDims")
def expand_dims(s: Shapes, node: Node) -> None:
    value, axis = node.inputs[0], s.scalar(node.inputs[1])
    _one_more(s, value, out(node), axis, 1)
    if s.value(value) is not None and s.rank(value) == 0:
        s.tell_value(out(node), s.value(value))


def _one_more(s: Shapes, less: str, more: str, axis: int | None, size: int | None) -> None:
    """``more`` has an axis of ``size`` that ``less`` has not."""
    low, high = s.rank(less), s.rank(more)
    s.tell_rank(more, None if low is None else low + 1)
    s.tell_rank(less, None if high is None else high - 1)
    low = s.rank(less)
    if low is None or axis is None or not -low - 1 <= axis <= low:
        return
    axis %= low + 1
    short, long = s.dims(less), s.dims(more)
    if short is not None:
        s.tell(more, (*short[:axis], size, *short[axis:]))
    if long is not None and len(long) == low + 1:
        s.tell(less, (*long[:axis], *long[axis + 1 :]))


@rule("Squeeze")
def squeeze(s: Shapes, node: Node) -> None:
    axes: Sequence[int] = node.attr("squeeze_dims", ()) or ()
    value, result = node.inputs[0], out(node)
    if not axes:
        return
    low, high = s.rank(result), s.rank(value)
    s.tell_rank(result, None if high is None else high - len(axes))
    s.tell_rank(value, None if low is None else low + len(axes))
    dims = s.dims(value)
    if dims is None or any(not -len(dims) <= axis < len(dims) for axis in axes):
        return
    gone = {axis % len(dims) for axis in axes}
    kept = [axis for axis in range(len(dims)) if axis not in gone]
    s.tell(result, [dims[axis] for axis in kept])
    for place, axis in enumerate(kept):
        s.tell_dim(value, axis, s.dim(result, place))
    for axis in gone:
        s.tell_dim(value, axis, 1)


@rule("Pack")
def pack(s: Shapes, node: Node) -> None:
    s.same(*node.inputs)
    _one_more(s, node.inputs[0], out(node), int(node.attr("axis", 0)), len(node.inputs))
    if s.rank(out(node)) == 1:
        s.tell_value(out(node), [s.scalar(name) for name in node.inputs])


@rule("Unpack")
def unpack(s: Shapes, node: Node) -> None:
    count = int(node.attr("num"))
    parts = [out(node, k) for k in range(min(count, 4096))]
    for part in parts:
        _one_more(s, part, node.inputs[0], int(node.attr("axis", 0)), count)
    items = s.value(node.inputs[0])
    if items is not None and len(items) == len(parts):
        for part, item in zip(parts, items, strict=True):
            s.tell_value(part, (item,))


@rule("ConcatV2", "Concat")
def concat(s: Shapes, node: Node) -> None:
    """All have one rank and, but for one axis, one size; along that axis sizes add up."""
    parts = node.inputs[:-1] if node.op == "ConcatV2" else node.inputs[1:]
    place = node.inputs[-1] if node.op == "ConcatV2" else node.inputs[0]
    result, axis = out(node), s.scalar(place)
    s.same_rank(*parts, result)
    found = s.rank(result)
    if found is None or axis is None or not -found <= axis < found:
        return
    axis %= found
    for other in range(found):
        if other != axis:
            s.same_dim(*((name, other) for name in (*parts, result)))
    _adding_up(s, parts, result, axis)
    if found == 1:
        _chained(s, parts, result)


def _adding_up(s: Shapes, parts: Sequence[str], result: str, axis: int) -> None:
    sizes = [s.dim(name, axis) for name in parts]
    known = sum(size for size in sizes if size is not None)
    if None not in sizes:
        s.tell_dim(result, axis, known)
    total = s.dim(result, axis)
    if total is not None and sizes.count(None) == 1:
        s.tell_dim(parts[sizes.index(None)], axis, total - known)


def _chained(s: Shapes, parts: Sequence[str], result: str) -> None:
    items: list[int | None] = []
    for name in parts:
        length, value = s.dim(name, 0), s.value(name)
        if length is None or length > 64:
            return
        items += [None] * length if value is None else value
    s.tell_value(result, items)


@rule("Split", "SplitV")
def split(s: Shapes, node: Node) -> None:
    place = node.inputs[0 if node.op == "Split" else 2]
    value, axis = node.inputs[1 if node.op == "Split" else 0], s.scalar(place)
    count = int(node.attr("num_split"))
    parts = [out(node, k) for k in range(min(count, 4096))]
    sizes = s.known(node.inputs[1]) if node.op == "SplitV" else None
    s.same_rank(value, *parts)
    found = s.rank(value)
    if found is None or axis is None or not -found <= axis < found:
        return
    for other in range(found):
        if other != axis % found:
            s.same_dim(*((name, other) for name in (value, *parts)))
    whole = s.dim(value, axis)
    for k, part in enumerate(parts):
        if node.op == "Split" and whole is not None:
            s.tell_dim(part, axis, whole // count)
        elif sizes is not None and len(sizes) == len(parts) and sizes[k] >= 0:
            s.tell_dim(part, axis, sizes[k])
    if node.op == "Split":
        one = next((d for d in (s.dim(part, axis) for part in parts) if d is not None), None)
        s.tell_dim(value, axis, None if one is None else one * count)


@rule("Tile")
def tile(s: Shapes, node: Node) -> None:
    value, many = node.inputs
    s.same_rank(value, out(node))
    s.tell_rank(value, s.dim(many, 0))
    _length(s, many, s.rank(value))
    dims, times = s.dims(value), s.value(many)
    if dims is not None and times is not None and len(dims) == len(times):
        pairs = zip(dims, times, strict=True)
        s.tell(out(node), [None if d is None or n is None else d * n for d, n in pairs])
        for axis, times_here in enumerate(times):
            if times_here == 1:
                s.same_dim((value, axis), (out(node), axis))


@rule("Pad", "PadV2", "MirrorPad")
def pad(s: Shapes, node: Node) -> None:
    value, around = node.inputs[:2]
    s.same_rank(value, out(node))
    s.tell_rank(value, s.dim(around, 0))
    sizes, dims = s.array(around), s.dims(value)
    if sizes is not None and dims is not None and sizes.shape == (len(dims), 2):
        for axis, more in enumerate(map(int, sizes.sum(1))):
            wide = s.dim(out(node), axis)
            known = dims[axis]
            s.tell_dim(out(node), axis, None if known is None else known + more)
            s.tell_dim(value, axis, None if wide is None else wide - more)


@rule("ReverseSequence")
def reverse_sequence(s: Shapes, node: Node) -> None:
    value, lengths = node.inputs
    s.same(value, out(node))
    s.tell_rank(lengths, 1)
    s.same_dim((lengths, 0), (value, int(node.attr("batch_dim", 0))))


@rule("OneHot")
def one_hot(s: Shapes, node: Node) -> None:
    _one_more(s, node.inputs[0], out(node), int(node.attr("axis", -1)), s.scalar(node.inputs[1]))


@rule("Range", "LinSpace")
def ranged(s: Shapes, node: Node) -> None:
    s.tell_rank(out(node), 1)
    ends = [s.scalar(name) for name in node.inputs]
    if node.op == "Range" and None not in ends and ends[2]:
        start, stop, step = (int(end or 0) for end in ends)
        items = range(start, stop, step)
        s.tell_dim(out(node), 0, len(items))
        if len(items) <= 16:
            s.tell_value(out(node), list(items))


def dims_without(dims: Dims, axes: set[int]) -> list[int | None]:
    """Without those axes."""
    return [size for axis, size in enumerate(dims) if axis not in axes]
