"""Zeros past the lengths, for what is computed between and after layers."""

from __future__ import annotations

import numpy as np

from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from reference.vocabulary.abstract.fact import Fact


def mask_past(ops: ProgramOps, sequence: ProgramArray, lengths_name: str) -> ProgramArray:
    """``sequence`` [T, B, …] with zeros from each row's length on: what is computed row by row need not be 0 there."""
    nothing = ops.constant(np.zeros((), sequence.dtype))
    masked: ProgramArray = ops.where(_inside(ops, sequence, lengths_name), sequence, nothing)
    return masked


def hold_past(
    ops: ProgramOps, sequence: ProgramArray, lengths_name: str, final: ProgramArray
) -> ProgramArray:
    """``sequence`` [T, B, …] with the final state [B, …] from each row's length on: there it is what the state is."""
    inside = _inside(ops, sequence, lengths_name)
    held: ProgramArray = ops.where(inside, sequence, ops.expand_dims(final, 0))
    return held


def _inside(ops: ProgramOps, sequence: ProgramArray, lengths_name: str) -> ProgramArray:
    """Whether each step is below the row's length, [T, B, 1, …]."""
    lengths = ops.value(lengths_name)
    zero, one = (ops.constant(np.asarray(k, lengths.dtype)) for k in (0, 1))
    steps = count_of(ops, sequence, lengths.dtype)
    time = ops.expand_dims(ops.range(zero, steps, one), 1)
    inside: ProgramArray = ops.less(time, ops.expand_dims(lengths, 0))
    for _ in range(len(sequence.shape) - 2):
        inside = ops.expand_dims(inside, len(inside.shape))
    return inside


def count_of(ops: ProgramOps, sequence: ProgramArray, dtype: str) -> ProgramArray:
    """The number of steps of a sequence, a scalar."""
    total = ops.shape(sequence, dtype=dtype)
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask"), 0)
    return ops.node(
        "StridedSlice",
        (total, ops.ints([0]), ops.ints([1]), ops.ints([1])),
        Fact(dtype, (), np.asarray(sequence.shape[0], object)),
        {**masks, "shrink_axis_mask": 1},
    )
