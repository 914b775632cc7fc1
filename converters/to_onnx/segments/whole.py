"""Full batches in segments of time: all rows in each, so that what a segment's input products fill stays in the cache.

Nothing is sorted. Time is filled up to one step a segment at least, behind the sequence or, where it is run backward, before it: the steps that are
not there come last either way. An empty batch is filled up to one row.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.program import Recurrence
from converters.to_onnx import sizes
from converters.to_onnx.native.form import NativeForm
from converters.to_onnx.native.parts import is_zero
from converters.to_onnx.segments.forms import Steps, steps_of
from converters.to_onnx.segments.gathering import Gathered
from converters.to_onnx.segments.layout import swaps, widths
from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps


@dataclass(frozen=True)
class Cut:
    """How a batch is cut; names of int64 vectors."""

    steps: str
    """T."""
    filled: str
    """T', the number of segments at least."""
    rows: str
    """B', 1 at least."""
    spans: str
    """[segments]: the steps of each."""
    count: int
    front: bool
    """Whether the steps that are not there come first."""
    size: Dim
    """The symbol of B'."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What two layers cut alike have in common."""
        return (self.steps, self.rows, self.count, self.front)


def emit_whole(
    ops: OnnxOps,
    recurrence: Recurrence,
    form: NativeForm | None,
    env: dict[str, Any],
    read: Collection[str],
    count: int,
) -> None:
    """Write the recurrence, native where there is a ``form``; its outputs and final states go to ``env``."""
    xs = [env[name] for name in recurrence.sequences]
    time, batch = xs[0].shape[:2]
    backward = recurrence.direction == "backward"
    cut = _cut(ops, time, batch, count, backward)
    pieces = [_pieces(ops, cut, x) for x in xs]
    last = any(name in read for name in recurrence.final_state)
    steps = steps_of(ops, recurrence, form, read, last)
    initial = steps.opened([env[name] for name in recurrence.initial_state])
    begun = [_start(ops, cut, value, steps.axis) for value in initial]
    made: dict[int, list[Value | None]] = {}
    ended: dict[int, list[Value]] = {}
    with ops.build.sharing():
        for index in reversed(range(count)) if backward else range(count):
            made[index], left = steps.run([piece[index] for piece in pieces], None, begun)
            begun = [ops.wrap(ops.ref(x), b.fact) for x, b in zip(left, begun, strict=True)]
            ended[index] = begun
    for number, name in enumerate(recurrence.outputs):
        outputs = [value for i in range(count) if (value := made[i][number]) is not None]
        if outputs:
            env[name] = _joined(ops, cut, outputs, (time, batch))
    if last:
        parts = [[ended[i][n] for i in range(count)] for n in range(len(initial))]
        finals = [
            _final(ops, cut, part, start, steps, (time, batch), recurrence.never_empty)
            for part, start in zip(parts, initial, strict=True)
        ]
        env.update(zip(recurrence.final_state, steps.closed(finals), strict=True))


def _cut(ops: OnnxOps, time: Dim, batch: Dim, count: int, front: bool) -> Cut:
    node, axes = ops.node, ops.axes
    steps, rows = sizes.size(ops, time), sizes.size(ops, batch)
    filled = node("Max", steps, axes([count]))
    spans = node("Div", node("Add", filled, ops.array(np.arange(count))), axes([count]))
    size = batch if not isinstance(batch, Size) and batch else ops.abstract.fresh()
    return Cut(steps, filled, node("Max", rows, axes([1])), spans, count, front, size)


def _pieces(ops: OnnxOps, cut: Cut, x: Value) -> list[Value]:
    """What each segment reads of ``x`` ``[T, B, …]``."""
    node, axes = ops.node, ops.axes
    known = ops.gathered.get(x.name or "")
    fact = (cut.size, *x.shape[2:])
    if known is not None and known.rows == cut.key:
        return [ops.wrap(ops.ref(p), Fact(x.fact.dtype, (p.shape[0], *fact))) for p in known.pieces]
    origin, perm = ops.transposed.get(x.name or "", (x, ()))
    source = origin if swaps(perm) else x
    rank = len(x.shape)
    time, batch = (1, 0) if swaps(perm) else (0, 1)
    more: list[str] = [axes([0])] * (2 * rank)
    more[time + (0 if cut.front else rank)] = node("Sub", cut.filled, cut.steps)
    more[batch + rank] = node("Sub", cut.rows, sizes.size(ops, x.shape[1]))
    padded = node("Pad", source, node("Concat", *more, axis=0))
    parts = ops.nodes("Split", cut.count, padded, cut.spans, axis=time)
    if time:
        parts = [node("Transpose", part, perm=list(perm)) for part in parts]
    return [ops.wrap(p, Fact(x.fact.dtype, (ops.abstract.fresh(), *fact))) for p in parts]


def _start(ops: OnnxOps, cut: Cut, value: Value, axis: int) -> Value:
    """An initial state part ``[B', …]``, with the axis before it that the operators want."""
    inner = widths(value.shape[1:])
    zero = is_zero(ops, value)
    if zero or value.shape[0] == 1:
        one = ops.array(np.zeros((1, *inner), value.fact.dtype)) if zero else ops.ref(value)
        name = ops.node("Expand", one, ops.node("Concat", cut.rows, ops.axes(inner), axis=0))
    else:
        missing = ops.node("Sub", cut.rows, sizes.size(ops, value.shape[0]))
        ends = [ops.axes([0] * (len(inner) + 1)), missing, ops.axes([0] * len(inner))]
        name = ops.node("Pad", value, ops.node("Concat", *ends, axis=0))
    if axis:
        name = ops.node("Unsqueeze", name, ops.axes([0]))
    if zero:
        ops.zeros.add(name)
    return ops.wrap(name, Fact(value.fact.dtype, (*(1,) * axis, cut.size, *inner)))


def _joined(ops: OnnxOps, cut: Cut, parts: list[Value], dims: tuple[Dim, Dim]) -> Value:
    """``[T, B, …]`` of the segments' outputs; transposed it is cut after that."""
    inner = widths(parts[0].shape[2:])
    packed = ops.node("Concat", *parts, axis=0)
    whole: Value = ops.wrap(
        _inner(ops, cut, packed, dims, 0), Fact(parts[0].fact.dtype, (*dims, *inner))
    )
    perm = (1, 0, *range(2, len(inner) + 2))
    moved = _inner(ops, cut, ops.node("Transpose", packed, perm=list(perm)), dims, 1)
    name = ops.ref(whole)
    ops.transposed[moved] = (whole, perm)
    ops.gathered[name] = Gathered(packed, "", moved, cut.key, parts)
    return whole


def _inner(ops: OnnxOps, cut: Cut, name: str, dims: tuple[Dim, Dim], time: int) -> str:
    """``[T', B', …]``, or with time on axis 1, without what was filled up."""
    if not any(isinstance(dim, Size) for dim in dims) and int(dims[0]) >= cut.count:  # type: ignore[arg-type]
        return name
    first = ops.node("Sub", cut.filled, cut.steps) if cut.front else ops.axes([0])
    end = cut.filled if cut.front else cut.steps
    rows = sizes.size(ops, dims[1])
    near, far = [first, ops.axes([0])], [end, rows]
    order = slice(None, None, -1) if time else slice(None)
    begin = ops.node("Concat", *near[order], axis=0)
    return ops.node("Slice", name, begin, ops.node("Concat", *far[order], axis=0), ops.axes([0, 1]))


def _final(
    ops: OnnxOps,
    cut: Cut,
    parts: list[Value],
    start: Value,
    steps: Steps,
    dims: tuple[Dim, Dim],
    never_empty: bool,
) -> Value:
    """A final state part ``[B, …]``: that of the last segment with a real step; the initial one where there is none."""
    time, batch = dims
    names = [ops.ref(part) for part in parts]
    if not steps.axis:
        names = [ops.node("Unsqueeze", name, ops.axes([0])) for name in names]
    real = ops.node("Min", cut.steps, ops.axes([cut.count]))
    place = (
        ops.node("Sub", ops.axes([cut.count]), ops.node("Max", real, ops.axes([1])))
        if cut.front
        else ops.node("Sub", real, ops.axes([1]))
    )
    chosen = ops.node("Gather", ops.node("Concat", *names, axis=0), place, axis=0)
    found = ops.node("Squeeze", chosen, ops.axes([0]))
    if isinstance(batch, Size) or not batch:
        found = ops.node("Slice", found, ops.axes([0]), sizes.size(ops, batch), ops.axes([0]))
    value: Value = ops.wrap(found, Fact(start.fact.dtype, (batch, *start.shape[1:])))
    if never_empty or not (isinstance(time, Size) or time == 0):
        return value
    ran = ops.greater(ops.amount(time), 0)
    return ops.where(ran, value, start)  # type: ignore[no-any-return]
