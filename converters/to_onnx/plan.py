"""Which form each recurrence takes, decided before anything is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.program import OpNode, Program, Recurrence, defined
from converters.to_onnx.native import NativeForm, Refusal, native
from converters.to_onnx.segments.apart import rows_apart
from converters.to_onnx.values import Value

FASTER_AS_SCAN: dict[str, tuple[int, int, int]] = {
    "GRU": (4096, 4096, 8192),
    "RNN": (1, 512, 1),
}
"""By operator: the number of rows times units from which ``Scan`` with the input's product hoisted is the faster form: without lengths, with
them, and with them in segments (``benchmarks/onnx_forms.py`` measures it). ONNX Runtime's LSTM kernel runs at the speed of its products and
is never beaten."""


SEGMENTS, MORE = 4, 8
"""Of time. More of them leave rows out sooner; each costs a few nodes."""
MORE_FROM = 4096
"""The number of rows times units from which there are :data:`MORE`."""
CUT_FROM = 2048
"""The number of rows times units from which a recurrence is run in segments by default: below, a batch without ragged rows would lose."""
FEWEST_ROWS, FEWEST_STEPS = 4, 32
"""Below, there is hardly anything to leave out."""


_MOVES = frozenset(
    (
        *("Identity", "Unpack", "StridedSlice", "Slice", "Split", "SplitV", "Reshape", "Squeeze"),
        *("ExpandDims", "Transpose", "Gather", "GatherV2", "Pack", "Concat", "ConcatV2", "Cast"),
    )
)
"""TF ops that move numbers and compute none."""


@dataclass(frozen=True)
class Plan:
    """The form of one recurrence; ``native`` is None where it becomes a ``Scan``, for ``reason``."""

    native: NativeForm | None
    reason: str | None
    segments: int | None = None
    """In how many segments of time, each with the rows that still run; None: in one piece."""

    @property
    def form(self) -> str:
        return "Scan" if self.native is None else self.native.op


def plan(
    recurrence: Recurrence,
    sequences: list[Value],
    initial: list[Value],
    /,
    *,
    prefer: str,
    batch: int,
    ragged: bool | None,
    fed: Collection[str] = (),
) -> Plan:
    """Native wherever the semantics allow, unless another exact form is faster and speed is preferred.

    ``ragged``: whether a batch with lengths is run in segments of time (False: nothing is); None: from a size on, where speed is preferred and
    no initial state is ``fed`` (:func:`fed_names`), for such a model is often run step by step. Without lengths there are no rows to leave out.
    """
    large = prefer == "speed" and not set(recurrence.initial_state) & set(fed)
    large = large and _large(recurrence, sequences, batch)
    lengths = recurrence.lengths is not None
    wanted = lengths and (large if ragged is None else ragged)
    cut = wanted and may_be_cut(recurrence, sequences, initial)
    kind = 2 if cut else int(lengths)
    chosen = _form(recurrence, sequences, batch if prefer == "speed" else None, kind)
    return replace(chosen, segments=_count(units(recurrence.cell) or 0, batch)) if cut else chosen


def _large(recurrence: Recurrence, sequences: list[Value], batch: int) -> bool:
    """Whether cutting wins back what it costs."""
    steps = (sequences[0].fact.shape or (None,))[0] if sequences else None
    width = units(recurrence.cell) or 0
    enough = batch >= FEWEST_ROWS and batch * width >= CUT_FROM
    short = isinstance(steps, int) and steps < FEWEST_STEPS
    return enough and not short


def _count(width: int, batch: int) -> int:
    """The number of segments; every operator of one keeps a copy of its weights in the order its kernel likes."""
    return MORE if batch * width >= MORE_FROM and width <= 32 * batch else SEGMENTS


def fed_names(program: Program, /) -> frozenset[str]:
    """The values that are the program's inputs, or parts of these."""
    found = set(program.inputs)
    for statement in program.statements:
        moves = isinstance(statement, OpNode) and statement.node.op in _MOVES
        if moves and found & set(statement.inputs):
            found.update(defined(statement))
    return frozenset(found)


def may_be_cut(recurrence: Recurrence, sequences: list[Value], initial: list[Value], /) -> bool:
    """Whether the recurrence has rows that can be put in another order and left out."""
    shapes = [value.fact.shape or () for value in sequences]
    states = [value.fact.shape or () for value in initial]
    plain = all(len(shape) == 3 for shape in shapes)
    plain = plain and all(shape and isinstance(shape[-1], int) for shape in (*shapes, *states))
    numbers = all(value.fact.dtype[:5] == "float" for value in (*sequences, *initial))
    return plain and numbers and bool(shapes) and rows_apart(recurrence, initial)


def _form(recurrence: Recurrence, sequences: list[Value], batch: int | None, kind: int) -> Plan:
    """The faster form for ``batch`` rows, native where it is None; ``kind`` is the column of :data:`FASTER_AS_SCAN`."""
    found = native(recurrence.cell)
    if isinstance(found, Refusal):
        return Plan(None, recurrence.reason or found.reason)
    refusal = _misfit(recurrence, found, sequences)
    if refusal is not None:
        return Plan(None, refusal)
    limits = FASTER_AS_SCAN.get(found.op)
    if batch and limits and batch * found.units >= limits[kind]:
        reason = f"for {batch} rows Scan is faster than ONNX Runtime's {found.op}; --prefer native keeps it"
        return Plan(None, reason)
    return Plan(found, None)


def _misfit(recurrence: Recurrence, form: NativeForm, sequences: list[Value]) -> str | None:
    """Why the recurrence around a native cell is not native."""
    if len(sequences) != 1 or recurrence.invariants:
        return "its cell reads more than one sequence"
    shape = sequences[0].fact.shape
    if shape is None or len(shape) != 3:
        return "its input has not three axes"
    if isinstance(shape[2], int) and shape[2] != form.features:
        return f"its input has {shape[2]} features, its kernel {form.features}"
    if sequences[0].fact.dtype not in ("float32", "float16"):
        return f"ONNX Runtime's recurrent kernels compute in float32, not {sequences[0].fact.dtype}"
    return None


def units(cell: Any, /) -> int | None:
    """The number of units, where the cell has one."""
    found = getattr(cell, "units", None)
    return int(found) if isinstance(found, int | np.integer) else None
