"""What the integers of an op's result can be, given those of its operands. An op that is not here may give anything its dtype holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from converters.graph import Node
from converters.to_keras.ranges.domain import (
    NATURAL,
    Range,
    all_of,
    at_most,
    larger,
    smaller,
)
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import multiply, product, subtract


@dataclass(frozen=True)
class Operand:
    """What is known of one."""

    range: Range | None
    fact: Fact | None
    known: np.ndarray | None


Rule = Callable[[Node, Sequence[Operand], int], Range | None]

THE_SAME = frozenset(
    (
        "Identity StopGradient Snapshot PreventGradient CheckNumerics Reshape ExpandDims Squeeze Transpose StridedSlice Slice Tile BroadcastTo "
        "GatherV2 Gather ResourceGather GatherNd ReverseV2 ReverseSequence Max Min Unpack SplitV ListUnstack ListStack ListGet ListGather "
        "MatrixDiagPart DiagPart EnsureShape"
    ).split()
)
"""Ops whose results are items of their first operand. (The largest of no items at all is an error of JAX's.)"""


def result(node: Node, operands: Sequence[Operand], index: int, /) -> Range | None:
    """The integers of output ``index``; None: not known, anything the dtype holds."""
    if node.op in THE_SAME:
        return operands[0].range
    rule = _RULES.get(node.op)
    return None if rule is None else rule(node, operands, index)


def _join(places: slice) -> Rule:
    def rule(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
        ranges = [operand.range for operand in operands[places]]
        total = ranges[0]
        for one in ranges[1:]:
            total = None if total is None or one is None else total.joined(one)
        return total

    return rule


def _pair(function: Callable[[Range, Range], Range | None]) -> Rule:
    def rule(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
        a, b = operands[0].range, operands[1].range
        return None if a is None or b is None else function(a, b)

    return rule


def _same(place: int) -> Rule:
    return lambda _node, operands, _index: operands[place].range


def _fixed(found: Range) -> Rule:
    return lambda _node, _operands, _index: found


def _with_zero(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
    found = operands[0].range
    return None if found is None else found.joined(Range(0, 0))


def _sum_of_all(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
    ranges = [operand.range for operand in operands]
    return None if None in ranges else sum((r for r in ranges if r is not None), Range(0, 0))


def _cast(node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
    found, to = operands[0].range, str(node.attr("DstT"))
    if found is None or not to.startswith(("int", "uint")):
        return None
    return found if found.fits(to) else all_of(to)


def _place(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
    """A place along an axis."""
    shape, axis = _shape(operands[0]), operands[1].known
    if shape is None or axis is None or axis.size != 1:
        return NATURAL
    return Range(0, larger(subtract(shape[int(axis.reshape(-1)[0])], 1), 0))


def _shape(operand: Operand) -> tuple[Dim, ...] | None:
    return None if operand.fact is None else operand.fact.shape


def _total(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
    """A sum of as many items as the axes have (of a running one, at most)."""
    found, shape, axes = operands[0].range, _shape(operands[0]), operands[1].known
    if found is None or shape is None or axes is None:
        return None
    dims = [shape[int(axis)] for axis in axes.reshape(-1)]
    count = product(dims)
    return Range(smaller(multiply(found.low, count), 0), larger(multiply(found.high, count), 0))


def _divisor(operand: Operand) -> int | None:
    known = operand.known
    number = None if known is None or known.size != 1 else int(known.reshape(-1)[0])
    return number if number is not None and number > 0 else None


def _quotient(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
    found = operands[0].range
    if found is None or _divisor(operands[1]) is None:
        return None
    # Nearer to 0, but for floor(-1 / n) = -1.
    return Range(smaller(found.low, 0), larger(found.high, 0))


def _rest(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
    divisor = _divisor(operands[1])
    return None if divisor is None else Range(0, divisor - 1)


def _absolute(found: Range) -> Range:
    return Range(0, larger(found.high, (-found).high))


def _alone(function: Callable[[Range], Range]) -> Rule:
    def rule(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
        found = operands[0].range
        return None if found is None else function(found)

    return rule


def _count(_node: Node, operands: Sequence[Operand], _index: int) -> Range | None:
    start, limit, step = operands
    if start.range is None or limit.range is None or step.known is None:
        return None
    return start.range.joined(limit.range) if int(step.known) else None


def _most(a: Range, b: Range) -> Range:
    low = b.low if at_most(a.low, b.low) else a.low
    return Range(low, larger(a.high, b.high))


def _fewest(a: Range, b: Range) -> Range:
    return -_most(-a, -b)


def _less(a: Range, b: Range) -> Range:
    return a + (-b)


def _hashed(node: Node, _operands: Sequence[Operand], _index: int) -> Range | None:
    return Range(0, max(int(node.attr("num_buckets", 1)) - 1, 0))


def _indices(_node: Node, operands: Sequence[Operand], index: int) -> Range | None:
    return NATURAL if index else operands[0].range


_RULES: dict[str, Rule] = {
    "ConcatV2": _join(slice(0, -1)), "Concat": _join(slice(1, None)), "Pack": _join(slice(0, None)),
    "Select": _join(slice(1, 3)), "SelectV2": _join(slice(1, 3)), "OneHot": _join(slice(2, 4)), "SparseToDense": _join(slice(2, 4)),
    "Pad": _with_zero, "PadV2": _join(slice(0, 3, 2)), "MirrorPad": _same(0), "Fill": _same(1), "Split": _same(1),
    "ListNew": _fixed(Range(0, 0)), "ListSet": _join(slice(0, 3, 2)), "ListScatter": _join(slice(0, 3, 2)), "ListPush": _join(slice(0, 2)),
    "ListResize": _with_zero, "ZerosLike": _fixed(Range(0, 0)), "OnesLike": _fixed(Range(1, 1)),
    **dict.fromkeys(("Shape", "ShapeN", "Size", "Rank", "Where", "ListSize"), _fixed(NATURAL)),
    "CTCGreedyDecoder": _fixed(NATURAL), "CTCBeamSearchDecoder": _fixed(NATURAL), "Unique": _indices, "UniqueV2": _indices, "ArgMax": _place, "ArgMin": _place, "Range": _count,
    "Add": _pair(Range.__add__), "AddV2": _pair(Range.__add__), "Sub": _pair(_less), "Mul": _pair(Range.__mul__), "AddN": _sum_of_all,
    "Maximum": _pair(_most), "Minimum": _pair(_fewest), "Neg": _alone(Range.__neg__), "Abs": _alone(_absolute),
    "Square": _alone(lambda found: _absolute(found) * _absolute(found)), "Sum": _total, "Cumsum": _total, "Cast": _cast,
    "FloorDiv": _quotient, "TruncateDiv": _quotient, "Div": _quotient, "FloorMod": _rest,
    "StringToHashBucketFast": _hashed, "StringToHashBucket": _hashed,
}  # fmt: skip
