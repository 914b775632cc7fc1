"""Ops that pick, slice and reduce, and the arrays of a loop."""

from __future__ import annotations

import math

from converters.graph import Node
from converters.lift.ranks.shapes import MAX_RANK, Shapes
from converters.lift.ranks.shaping import dims_without
from converters.lift.ranks.table import out, rule


@rule("Gather", "ResourceGather", "GatherV2")
def gather(s: Shapes, node: Node) -> None:
    """The axis that is indexed gives way to those of the indices."""
    table, indices, result = node.inputs[0], node.inputs[1], out(node)
    ranks = s.rank(table), s.rank(indices), s.rank(result)
    if ranks[0] is not None and ranks[1] is not None:
        s.tell_rank(result, ranks[0] - 1 + ranks[1])
    elif ranks[0] is not None and ranks[2] is not None:
        s.tell_rank(indices, ranks[2] - ranks[0] + 1)
    elif ranks[1] is not None and ranks[2] is not None:
        s.tell_rank(table, ranks[2] - ranks[1] + 1)
    axis = s.scalar(node.inputs[2]) if node.op == "GatherV2" else 0
    rows, places = s.dims(table), s.dims(indices)
    if axis is None or rows is None or places is None or int(node.attr("batch_dims", 0)):
        return
    if -len(rows) <= axis < len(rows):
        axis %= len(rows)
        s.tell(result, (*rows[:axis], *places, *rows[axis + 1 :]))
    items, picks = s.value(table), s.known(indices)
    if items is None or picks is None or len(rows) != 1:
        return
    if all(0 <= k < len(items) for k in picks):
        s.tell_value(result, [items[k] for k in picks])


@rule("GatherNd")
def gather_nd(s: Shapes, node: Node) -> None:
    table, indices = node.inputs
    depth, ranks = s.dim(indices, -1), (s.rank(table), s.rank(indices))
    if depth is not None and None not in ranks:
        s.tell_rank(out(node), (ranks[1] or 0) - 1 + (ranks[0] or 0) - depth)


@rule("Slice")
def slice_(s: Shapes, node: Node) -> None:
    value, begin, size = node.inputs
    s.same_rank(value, out(node))
    for vector in (begin, size):
        s.tell_rank(vector, 1)
        s.tell_rank(value, s.dim(vector, 0))
        s.tell_dim(vector, 0, s.rank(value))
    starts, sizes = s.value(begin), s.value(size)
    if sizes is None or len(sizes) != s.rank(value):
        return
    for axis, wanted in enumerate(sizes):
        whole = wanted == -1 and starts is not None and starts[axis] == 0
        if whole:
            s.same_dim((value, axis), (out(node), axis))
        elif wanted is not None and wanted >= 0:
            s.tell_dim(out(node), axis, wanted)


@rule("StridedSlice")
def strided_slice(s: Shapes, node: Node) -> None:
    """One entry of the vectors is an axis taken whole, cut, picked at one place (gone), new, or the ellipsis."""
    value, count = node.inputs[0], s.dim(node.inputs[1], 0)
    if count is None or count > MAX_RANK:
        return
    entries = _entries(node, count)
    fresh, gone = entries.count("new"), entries.count("one")
    rank, result = s.rank(value), s.rank(out(node))
    s.tell_rank(out(node), None if rank is None else rank + fresh - gone)
    s.tell_rank(value, None if result is None else result - fresh + gone)
    rank = s.rank(value)
    if rank is None:
        return
    named = sum(entry not in ("new", "rest") for entry in entries)
    place = entries.index("rest") if "rest" in entries else len(entries)
    whole = [*entries[:place], *["all"] * (rank - named), *entries[place + 1 :]]
    _linked(s, value, out(node), whole)
    _picked(s, node, entries)


def _entries(node: Node, count: int) -> list[str]:
    masks = {
        kind: int(node.attr(f"{kind}_mask", 0))
        for kind in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    found = []
    for k in range(count):
        bits = {kind for kind, mask in masks.items() if mask >> k & 1}
        if "ellipsis" in bits:
            found.append("rest")
        elif "new_axis" in bits:
            found.append("new")
        elif "shrink_axis" in bits:
            found.append("one")
        else:
            found.append("ends" if {"begin", "end"} <= bits else "cut")
    return found


def _linked(s: Shapes, value: str, result: str, entries: list[str]) -> None:
    axis = place = 0
    for entry in entries:
        if entry == "new":
            s.tell_dim(result, place, 1)
        elif entry == "all":
            s.same_dim((value, axis), (result, place))
        axis += entry != "new"
        place += entry != "one"


def _picked(s: Shapes, node: Node, entries: list[str]) -> None:
    """Items of a vector of sizes; and the axes taken whole, one by one."""
    bounds = [s.known(name) for name in node.inputs[1:4]]
    strides = bounds[2]
    if strides is not None and len(strides) == len(entries) and "rest" not in entries:
        kinds = [
            "all" if entry == "ends" and abs(step) == 1 else entry
            for entry, step in zip(entries, strides, strict=True)
        ]
        _linked(s, node.inputs[0], out(node), kinds)
    _lengths(s, node, entries, bounds)
    items = s.value(node.inputs[0])
    if items is None or len(entries) != 1 or s.rank(node.inputs[0]) != 1 or None in bounds:
        return
    begin, end, step = (bound[0] for bound in bounds if bound)
    if entries == ["one"]:
        if -len(items) <= begin < len(items):
            s.tell_value(out(node), (items[begin],))
    elif entries[0] in ("cut", "ends") and step:
        first = None if int(node.attr("begin_mask", 0)) else begin
        last = None if int(node.attr("end_mask", 0)) else end
        found = items[slice(first, last, step)]
        s.tell_dim(out(node), 0, len(found))
        s.tell_value(out(node), found)


def _lengths(
    s: Shapes, node: Node, entries: list[str], bounds: list[tuple[int, ...] | None]
) -> None:
    """``shape[:-1]`` of a vector is one item shorter than it."""
    begin, end, step = bounds
    if entries not in (["cut"], ["ends"]) or step != (1,) or begin is None or end is None:
        return
    first = 0 if int(node.attr("begin_mask", 0)) else begin[0]
    last = 0 if int(node.attr("end_mask", 0)) else end[0]
    if first < 0 or (last >= 0 and not int(node.attr("end_mask", 0))):
        return
    length = s.dim(out(node), 0)
    if length:  # an empty result says only that there are not more
        s.tell(node.inputs[0], (length + first - last,))


@rule("Sum", "Mean", "Max", "Min", "Prod", "All", "Any")
def reduce(s: Shapes, node: Node) -> None:
    value, axes, result = node.inputs[0], s.known(node.inputs[1]), out(node)
    if bool(node.attr("keep_dims", False)):
        s.same_rank(value, result)
    if axes is None:
        return
    rank, found = s.rank(value), s.rank(result)
    keep = bool(node.attr("keep_dims", False))
    distinct = len({axis < 0 for axis in axes}) < 2 and len(set(axes)) == len(axes)
    if not keep and found is not None and distinct:
        s.tell_rank(value, found + len(axes))
    dims = s.dims(value)
    if dims is None or rank is None or any(not -rank <= axis < rank for axis in axes):
        return
    gone = {axis % rank for axis in axes}
    kept = [1 if axis in gone else size for axis, size in enumerate(dims)]
    s.tell(result, kept if keep else dims_without(dims, gone))
    for place, axis in enumerate(a for a in range(rank) if a not in gone):
        s.tell_dim(value, axis, s.dim(result, axis if keep else place))
    items = s.known(value)
    if items is not None and node.op == "Prod" and gone:
        s.tell_value(result, (math.prod(items),))


@rule("ArgMax", "ArgMin")
def arg_max(s: Shapes, node: Node) -> None:
    rank, found = s.rank(node.inputs[0]), s.rank(out(node))
    s.tell_rank(out(node), None if rank is None else rank - 1)
    s.tell_rank(node.inputs[0], None if found is None else found + 1)
    axis, dims = s.scalar(node.inputs[1]), s.dims(node.inputs[0])
    if axis is not None and dims and -len(dims) <= axis < len(dims):
        s.tell(out(node), dims_without(dims, {axis % len(dims)}))


@rule("TopK", "TopKV2")
def top_k(s: Shapes, node: Node) -> None:
    s.same_rank(node.inputs[0], out(node, 0), out(node, 1))


@rule("SparseToDense")
def sparse_to_dense(s: Shapes, node: Node) -> None:
    s.tell_rank(out(node), s.dim(node.inputs[1], 0))
    s.tell(out(node), s.value(node.inputs[1]))


@rule("Where")
def where(s: Shapes, node: Node) -> None:
    s.tell_rank(out(node), 2)


@rule("LookupTableFind", "LookupTableFindV2")
def lookup(s: Shapes, node: Node) -> None:
    s.same(node.inputs[1], out(node))
