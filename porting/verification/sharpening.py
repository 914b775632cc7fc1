"""A floor looked at closer: four perturbed runs of a few cases measure the noise of a small tensor too low.

Only where something lies just past its limit are more perturbed runs made, of the cases that are kept. They can only raise a floor to what the
original itself shows; what is far past its limit stays there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from porting.verification.floors import COLUMN_LIMIT, TENSOR_LIMIT, Region
from porting.verification.judge import Judge
from porting.verification.original import MORE
from reference.errors import RnnportError

JUST = 4.0
"""Times the limit within which a closer look is taken."""


def sharpened(judge: Judge, kept: Sequence[tuple[int, Mapping[str, Any]]], /) -> None:
    """Raise the floors of ``judge`` by what more perturbed runs show, where that may matter."""
    if judge.approximate or judge.problems or judge.reader or not kept:
        return
    excess = max((_excess(region) for region in judge.regions.values()), default=0.0)
    if not 1.0 < excess <= JUST:
        return
    own = Judge(judge.original, oracle="reference", dtype=judge.narrow or "float32", threads=1)
    for number, inputs in kept:
        try:
            truth = judge.original.run(inputs)
            more = judge.original.perturbed(inputs, MORE)
        except RnnportError:  # what the oracle refuses has no part in the floors so far either
            continue
        right = {name: _as_port(judge, name, value) for name, value in truth.exact.items()}
        own.take(number, replace(truth, perturbed=more), {}, right)
    for key, region in judge.regions.items():
        if key in own.regions:
            _raise(region, own.regions[key])
    judge.notes.append(f"noise floors from {len(MORE)} more perturbed runs of {len(kept)} cases")


def _as_port(judge: Judge, name: str, value: np.ndarray) -> np.ndarray:
    """In the dtype that a port would give it in: here only the spread counts."""
    dtype = judge.layout(name).dtype or "float32"
    return value.astype(dtype) if value.dtype.kind == "f" else value


def _excess(region: Region) -> float:
    """How far past its limit the worst of a region lies: at most 1 is within."""
    floor = region.floor
    if not floor:
        return float("inf") if region.port else 0.0
    found = max(region.port, (region.recording or 0.0) * region.scale) / (TENSOR_LIMIT * floor)
    column = region.columns.worst(region.dtype) if region.columns is not None else None
    return max(found, 0.0 if column is None else column[1] / COLUMN_LIMIT)


def _raise(region: Region, other: Region) -> None:
    region.spread = max(region.spread, other.spread)
    mine, theirs = region.columns, other.columns
    if mine is not None and theirs is not None and mine.spread.shape == theirs.spread.shape:
        mine.spread = np.maximum(mine.spread, theirs.spread)
