"""Which form each recurrence takes, decided before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.program import Recurrence
from converters.to_onnx.native import NativeForm, Refusal, native
from converters.to_onnx.values import Value

FASTER_AS_SCAN: dict[str, tuple[int, int]] = {"GRU": (4096, 4096), "RNN": (1, 512)}
"""By operator: the number of rows times units from which ``Scan`` with the input's product hoisted is the faster form, without and with
lengths (``benchmarks/onnx_forms.py`` measures it). ONNX Runtime's LSTM kernel runs at the speed of its products and is never beaten."""


@dataclass(frozen=True)
class Plan:
    """The form of one recurrence; ``native`` is None where it becomes a ``Scan``, for ``reason``."""

    native: NativeForm | None
    reason: str | None

    @property
    def form(self) -> str:
        return "Scan" if self.native is None else self.native.op


def plan(
    recurrence: Recurrence, sequences: list[Value], /, *, prefer: str, batch: int, ragged: bool
) -> Plan:
    """Native wherever the semantics allow, unless another exact form is faster and speed is preferred.

    In chunks of like lengths (``ragged``) GRU's operator wins back what Scan gains; RNN's does not.
    """
    found = native(recurrence.cell)
    if isinstance(found, Refusal):
        return Plan(None, recurrence.reason or found.reason)
    refusal = _misfit(recurrence, found, sequences)
    if refusal is not None:
        return Plan(None, refusal)
    chunks = ragged and recurrence.lengths is not None and found.op == "GRU"
    limits = None if chunks else FASTER_AS_SCAN.get(found.op)
    size = batch * found.units
    if prefer == "speed" and limits and size >= limits[recurrence.lengths is not None]:
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
