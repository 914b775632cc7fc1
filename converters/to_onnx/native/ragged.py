"""Ragged batches: rows sorted by length and run in chunks, each cut at its longest row.

No kernel gains from lengths by itself: it computes every step of every row. Sorted, most rows of a chunk end together, and the steps after
its longest row are not computed. The numbers are the same, but for a product of fewer rows that may sum in another order; rows return to
their places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converters.to_onnx import sizes
from converters.to_onnx.native.driver import Side, Start, is_zero, run
from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Size

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps

CHUNKS = 4
"""More of them cut closer and cost more calls; 2 to 4 gave 1.2 to 1.6 times at a mean length of one half."""


def in_chunks(
    ops: OnnxOps, sides: tuple[Side, ...], x: Value, lengths: Value, starts: list[Start]
) -> list[tuple[Value, Start]]:
    """As :func:`converters.to_onnx.native.driver.run`."""
    rows = sizes.size(ops, x.shape[1])
    ordered, order = ops.nodes("TopK", 2, lengths, rows, axis=0, largest=1, sorted=1)
    _, back = ops.nodes("TopK", 2, order, rows, axis=0, largest=0, sorted=1)
    wide = ops.node("Gather", x, order, axis=1)
    sorted_starts: list[dict[str, Value | str]] = [
        {k: v if is_zero(ops, v) else ops.node("Gather", v, order, axis=0) for k, v in s.items()}
        for s in starts
    ]
    chunks = []
    for index in range(CHUNKS):
        begin, end = _bound(ops, rows, index), _bound(ops, rows, index + 1)
        chunks.append(_chunk(ops, sides, x, (wide, ordered), sorted_starts, (begin, end)))
    results = []
    for side in range(len(sides)):
        whole = ops.node("Concat", *[chunk[side][0] for chunk in chunks], axis=1)
        sequence = ops.wrap(
            ops.node("Gather", whole, back, axis=1),
            Fact(x.fact.dtype, (*x.shape[:2], sides[side].form.units)),
        )
        finals = {}
        for letter in chunks[0][side][1]:
            joined = ops.node("Concat", *[chunk[side][1][letter] for chunk in chunks], axis=0)
            fact = Fact(x.fact.dtype, (x.shape[1], sides[side].form.units))
            finals[letter] = ops.wrap(ops.node("Gather", joined, back, axis=0), fact)
        results.append((sequence, finals))
    return results


def _bound(ops: OnnxOps, rows: str, index: int) -> str:
    """Where chunk ``index`` begins: rows * index // CHUNKS."""
    if index in (0, CHUNKS):
        return rows if index else ops.axes([0])
    return ops.node("Div", ops.node("Mul", rows, ops.axes([index])), ops.axes([CHUNKS]))


def _chunk(
    ops: OnnxOps,
    sides: tuple[Side, ...],
    x: Value,
    sorted_rows: tuple[str, str],
    starts: list[dict[str, Value | str]],
    bounds: tuple[str, str],
) -> list[tuple[str, dict[str, str]]]:
    """One chunk's sequence, padded to T again, and final states."""
    wide, ordered = sorted_rows
    begin, end = bounds
    time, batch = ops.abstract.fresh(), ops.abstract.fresh()
    part = ops.node("Slice", ordered, begin, end, ops.axes([0]))
    longest = ops.node(
        "ReduceMax", ops.node("Concat", part, ops.array(np.ones(1, np.int32)), axis=0)
    )
    steps = ops.node("Cast", longest, to=7)
    corner = ops.node("Concat", ops.axes([0]), begin, axis=0)
    far = ops.node("Concat", steps, end, axis=0)
    cut = ops.node("Slice", wide, corner, far, ops.axes([0, 1]))
    x_part = ops.wrap(cut, Fact(x.fact.dtype, (time, batch, x.shape[2])))
    lengths = ops.wrap(part, Fact("int32", (batch,)))
    states = [
        {k: _rows(ops, v, bounds, x.fact.dtype, batch, side.form.units) for k, v in s.items()}
        for s, side in zip(starts, sides, strict=True)
    ]
    missing = ops.node("Sub", sizes.size(ops, x.shape[0]), sizes.size(ops, time))
    zeros = ops.axes([0] * 3)
    widths = ops.node("Concat", zeros, missing, ops.axes([0, 0]), axis=0)
    found = []
    for sequence, last in run(ops, sides, x_part, lengths, states):
        padded = ops.node("Pad", sequence, widths)
        found.append((padded, {letter: ops.ref(value) for letter, value in last.items()}))
    return found


def _rows(
    ops: OnnxOps, name: Value | str, bounds: tuple[str, str], dtype: str, batch: Size, units: int
) -> Value:
    """A chunk of an initial state; zeros need no cutting: one row of them stands for all."""
    if isinstance(name, Value):
        return ops.constant(np.zeros((1, units), dtype))
    cut = ops.node("Slice", name, *bounds, ops.axes([0]))
    return ops.wrap(cut, Fact(dtype, (batch, units)))
