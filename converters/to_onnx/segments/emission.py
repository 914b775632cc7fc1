"""A recurrence in segments of time."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.program import Recurrence
from converters.to_onnx.native.form import NativeForm
from converters.to_onnx.segments import layout
from converters.to_onnx.segments.chain import Chain
from converters.to_onnx.segments.forms import steps_of
from converters.to_onnx.segments.gathering import gathered
from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps


def emit_in_segments(
    ops: OnnxOps,
    recurrence: Recurrence,
    form: NativeForm | None,
    env: dict[str, Any],
    read: Collection[str],
    count: int,
) -> None:
    """Write the recurrence, native where there is a ``form``; its outputs and final states go to ``env``."""
    assert recurrence.lengths is not None, "the plan cuts nothing else"
    xs = [env[name] for name in recurrence.sequences]
    time, batch = xs[0].shape[:2]
    found = layout.arrange(ops, env[recurrence.lengths], time, count)
    parts = layout.segments(ops, found, count)
    pieces = [_pieces(ops, found, parts, x) for x in xs]
    last = any(name in read for name in recurrence.final_state)
    steps = steps_of(ops, recurrence, form, read, last)
    initial = steps.opened([env[name] for name in recurrence.initial_state])
    backward = recurrence.direction == "backward"
    chain = Chain(ops, found, initial, steps.axis, backward)
    made: dict[int, list[Value | None]] = {}
    with ops.build.sharing():
        for part in reversed(parts) if backward else parts:
            items = [piece[part.index] for piece in pieces]
            made[part.index], ended = steps.run(items, part.lengths, chain.starts(part))
            chain.ended(part, ended)
    where = layout.spread(ops, found, time, batch)
    for index, name in enumerate(recurrence.outputs):
        outputs = [value for part in parts if (value := made[part.index][index]) is not None]
        if outputs:
            env[name] = _whole(ops, found, outputs, where, (time, batch))
    if last:
        finals = [chain.final(parts, index, batch) for index in range(len(initial))]
        env.update(zip(recurrence.final_state, steps.closed(finals), strict=True))


def _pieces(ops: OnnxOps, found: layout.Rows, parts: list[layout.Segment], x: Value) -> list[Value]:
    """A sequence by segments: as the layer below left it, or gathered."""
    known = ops.gathered.get(x.name or "")
    same = known is not None and known.rows == found
    return known.pieces if known and same else layout.items(ops, found, parts, x)


def _whole(
    ops: OnnxOps, rows: layout.Rows, parts: list[Value], where: str, dims: tuple[Dim, Dim]
) -> Value:
    """``[T, B, …]``: the outputs of all segments, each at its row and step, zero past a row's end."""
    inner = layout.widths(parts[0].shape[2:])
    dtype = parts[0].fact.dtype
    flat = [ops.node("Reshape", part, ops.axes([-1, *inner])) for part in parts]
    nothing = ops.array(np.zeros((1, *inner), dtype))
    packed = ops.node("Concat", *flat, nothing, axis=0)
    return gathered(ops, packed, where, Fact(dtype, (*dims, *inner)), rows, parts)
