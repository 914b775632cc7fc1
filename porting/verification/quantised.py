"""The audit of an int8 port: every stored integer must be the artefact's weight, rounded to its column's step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from porting.verification.audit import Source, sources_of
from porting.verification.original import Original

_PLACES: Mapping[str, tuple[tuple[int, int, int], ...]] = {
    "DynamicQuantizeLSTM": ((1, 8, 9), (2, 10, 11)),
    "DynamicQuantizeMatMul": ((1, 2, 3),),
    "DequantizeLinear": ((0, 1, 2),),
}
"""By operator: the inputs that hold integers, their steps, and their zero points."""
HALF = 0.5 + 1e-3
"""Of a step: how far a rounded value may lie, and float32's own roundings."""


@dataclass(frozen=True)
class Stored:
    """One matrix of integers, as numbers. value: ``[rows, columns]``; step: ``[columns]`` or one."""

    name: str
    value: np.ndarray
    step: np.ndarray


def stored(path: Path | str, /) -> list[Stored]:
    """The quantised matrices of an ONNX file; each direction by itself."""
    return list(_stored(path))


def _stored(path: Path | str) -> Iterator[Stored]:
    import onnx

    model = onnx.load(str(path))
    known = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    for node in model.graph.node:
        for places in _PLACES.get(node.op_type, ()):
            names = [node.input[k] if k < len(node.input) else "" for k in places]
            if names[0] not in known or names[1] not in known:
                continue
            whole, steps = known[names[0]], known[names[1]].astype(np.float64)
            zero = known.get(names[2], np.zeros_like(steps)).astype(np.float64)
            if whole.ndim == 3:
                for k, one in enumerate(whole):
                    yield _one(f"{names[0]}[{k}]", one, _of(steps, k), _of(zero, k))
            elif whole.ndim == 2:
                yield _one(names[0], whole, steps.reshape(-1), zero.reshape(-1))


def _of(values: np.ndarray, direction: int) -> np.ndarray:
    return np.asarray(values[direction] if values.ndim > 1 else values).reshape(-1)


def _one(name: str, whole: np.ndarray, step: np.ndarray, zero: np.ndarray) -> Stored:
    return Stored(name, (whole.astype(np.float64) - zero) * step, step)


def audit_int8(original: Original, found: list[Stored], /) -> dict[str, Any]:
    """As :func:`porting.verification.audit.audit` tells it; ``rounded``: every column is one of the artefact's, rounded."""
    sources = [s for s in sources_of(original) if s.value.ndim >= 2]
    wrong: list[dict[str, Any]] = []
    derived = []
    rounded = 0
    for one in found:
        far = [k for k in range(one.value.shape[1]) if not _known(sources, one, k, HALF)]
        if not far:
            rounded += 1
        elif all(_known(sources, one, k, 8.0) for k in far):
            text = f"{len(far)} columns differ from the artefact's by more than half a step of the rounding"
            wrong.append({"weight": one.name, "original": None, "values": len(far), "text": text})
        else:
            derived.append(one.name)
    return {
        "compared": rounded + len(wrong), "exact": 0, "rounded": rounded, "derived": derived, "missing": [], "wrong": wrong,
    }  # fmt: skip


def _known(sources: list[Source], one: Stored, column: int, steps: float) -> bool:
    """Whether the column lies in a column of an artefact's matrix, at any row, within so many steps."""
    line = one.value[:, column]
    within = steps * float(one.step[column if one.step.size > 1 else 0])
    rows = len(line)
    for source in sources:
        matrix = source.value.reshape(-1, source.value.shape[-1])
        for wide in (matrix, matrix.T):
            first = wide[: max(wide.shape[0] - rows + 1, 0)]
            for top, place in np.argwhere(np.abs(first - line[0]) <= within):
                if (np.abs(wide[top : top + rows, place] - line) <= within).all():
                    return True
    return False
