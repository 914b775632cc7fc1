"""A sequence put together from the outputs of its segments: one Gather, whichever way its axes lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converters.to_onnx.segments.layout import Rows
from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps


@dataclass(frozen=True)
class Gathered:
    """How a time-major sequence came about."""

    packed: str
    """All steps of all segments one below the other, then one of zeros."""
    where: str
    """int64 [T, B]: which of them stands where; empty where all are there in their order."""
    moved: str
    """The same sequence, batch-major."""
    rows: Any
    """How the batch was cut: a layer that is cut alike reads the pieces."""
    pieces: list[Value]
    """The outputs of the segments."""


def gathered(
    ops: OnnxOps, packed: str, where: str, fact: Fact, rows: Rows, pieces: list[Value]
) -> Value:
    """The sequence time-major; transposed it is another Gather, not a second pass."""
    whole: Value = ops.wrap(ops.node("Gather", packed, where, axis=0), fact)
    moved = ops.node("Gather", packed, ops.node("Transpose", where, perm=[1, 0]), axis=0)
    ops.transposed[moved] = (whole, (1, 0, *range(2, len(whole.shape))))
    ops.gathered[ops.ref(whole)] = Gathered(packed, where, moved, rows, pieces)
    return whole


def together(ops: OnnxOps, names: list[str], out: Fact) -> Value | None:
    """The concat of time-major sequences along their last axis, where all were gathered the same way; else None.

    The items are joined before they are spread: those past a row's end are not there yet.
    """
    found = [ops.gathered[name] for name in names if name in ops.gathered]
    if (
        len(found) < len(names)
        or not found[0].where
        or {(f.where, f.rows) for f in found} != {(found[0].where, found[0].rows)}
    ):
        return None
    packed = ops.node("Concat", *(part.packed for part in found), axis=-1)
    pieces = [ops.concat(part, 2) for part in zip(*(f.pieces for f in found), strict=True)]
    return gathered(ops, packed, found[0].where, out, found[0].rows, pieces)
