"""The states that segment hands to segment, rows sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converters.to_onnx import sizes
from converters.to_onnx.native.parts import is_zero
from converters.to_onnx.segments.layout import Rows, Segment, widths
from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps


class Chain:
    """One recurrence's states. ``axis``: that of the rows in the states that the form takes and gives, 1 for ``[1, rows, units]``."""

    def __init__(
        self, ops: OnnxOps, rows: Rows, initial: list[Value], axis: int, backward: bool
    ) -> None:
        self.ops, self.rows, self.initial = ops, rows, initial
        self.axis, self.backward = axis, backward
        self.last: dict[int, list[str]] = {}
        self.before: Segment | None = None
        self._sorted: dict[int, str] = {}

    def starts(self, part: Segment) -> list[Value]:
        """The states that ``part`` begins with."""
        return [self._start(part, index) for index in range(len(self.initial))]

    def _start(self, part: Segment, index: int) -> Value:
        ops, before, given = self.ops, self.before, self.initial[index]
        if before is None:
            name = self._slice(self._first(index), None, part.rows)
            if is_zero(ops, given):
                ops.zeros.add(name)
        elif self.backward:
            kept = self._slice(self.last[before.index][index], None, before.count)
            begun = self._slice(self._first(index), before.count, part.rows)
            name = ops.node("Concat", kept, begun, axis=self.axis)
        else:
            name = self._slice(self.last[before.index][index], None, part.rows)
        shape = (*(1,) * self.axis, part.size, *given.shape[1:])
        return ops.wrap(name, Fact(given.fact.dtype, shape))

    def ended(self, part: Segment, last: list[Value]) -> None:
        """What ``part`` left."""
        self.last[part.index] = [self.ops.ref(value) for value in last]
        self.before = part

    def final(self, parts: list[Segment], index: int, batch: Dim) -> Value:
        """A final state part ``[B, …]`` in the batch's own order; the initial one where a row has no step."""
        ops, given = self.ops, self.initial[index]
        pieces = []
        for part in parts[:1] if self.backward else reversed(parts):
            longer = None if self.backward or part is parts[-1] else parts[part.index + 1].count
            pieces.append(self._slice(self.last[part.index][index], longer, part.count))
        pieces.append(self._slice(self._first(index), parts[0].count, None))
        whole = ops.node("Concat", *pieces, axis=self.axis)
        place = ops.node(
            "Slice", self.rows.place, ops.axes([0]), sizes.size(ops, batch), ops.axes([0])
        )
        found = ops.node("Gather", whole, place, axis=self.axis)
        if self.axis:
            found = ops.node("Squeeze", found, ops.axes([0]))
        return ops.wrap(found, Fact(given.fact.dtype, (batch, *given.shape[1:])))

    def _first(self, index: int) -> str:
        """An initial state part with sorted rows, and one of zeros for the row that is added to every batch."""
        if index not in self._sorted:
            found = self._arranged(self.initial[index])
            if self.axis:
                found = self.ops.node("Unsqueeze", found, self.ops.axes([0]))
            self._sorted[index] = found
        return self._sorted[index]

    def _arranged(self, given: Value) -> str:
        ops, inner = self.ops, widths(given.shape[1:])
        zeros = ops.array(np.zeros((1, *inner), given.fact.dtype))
        if is_zero(ops, given) or given.shape[0] == 1:
            one = zeros if is_zero(ops, given) else ops.ref(given)
            target = ops.node("Concat", ops.node("Shape", self.rows.order), ops.axes(inner), axis=0)
            return ops.node("Expand", one, target)
        taller = ops.node("Concat", given, zeros, axis=0)
        return ops.node("Gather", taller, self.rows.order, axis=0)

    def _slice(self, name: str, near: str | None, far: str | None) -> str:
        ops = self.ops
        begin = ops.axes([0]) if near is None else near
        end = ops.axes([2**62]) if far is None else far
        return ops.node("Slice", name, begin, end, ops.axes([self.axis]))
