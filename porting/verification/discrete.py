"""Integers, booleans and strings: an element is settled when T and its perturbed runs agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from porting.verification.places import Layout

UNSETTLED_ROWS = 0.01
"""Part of the rows above which too much is left out to say anything."""


@dataclass
class Counts:
    """Running counts for one output."""

    dtype: str
    settled: int = 0
    wrong: int = 0
    unsettled: int = 0
    left_out: int = 0
    rows: int = 0
    unsettled_rows: int = 0
    recording_wrong: int = 0
    worst: dict[str, Any] = field(default_factory=dict)


def add(
    counts: Counts,
    layout: Layout,
    exact: np.ndarray,
    others: tuple[np.ndarray, ...],
    recording: np.ndarray | None,
    port: np.ndarray | None,
    /,
) -> tuple[tuple[int, ...] | None, np.ndarray]:
    """Take in one run: the index of the first wrong element of the port, and which rows (bool, by batch) are unsettled."""
    settled = np.ones(exact.shape, bool)
    for other in others:
        settled &= other == exact
    given = (exact, *others)
    ignored = _following(~settled, layout)
    rows = _rows(~settled, layout)
    counts.settled += int((settled & ~ignored).sum())
    counts.unsettled += int((~settled & ~ignored).sum())
    counts.left_out += int(ignored.sum())
    counts.rows += len(rows)
    counts.unsettled_rows += int(rows.sum())
    if recording is not None:
        counts.recording_wrong += int((_wrong(recording, given) & ~ignored).sum())
    if port is None:
        return None, rows
    wrong = _wrong(port, given) & ~ignored
    counts.wrong += int(wrong.sum())
    if not wrong.any():
        return None, rows
    return tuple(int(i) for i in np.argwhere(wrong)[0]), rows


def _wrong(value: np.ndarray, given: tuple[np.ndarray, ...]) -> np.ndarray:
    """Where ``value`` is none of those that a right run gave."""
    found = np.ones(value.shape, bool)
    for one in given:
        found &= value != one
    return found


def _batch(layout: Layout, rank: int) -> int | None:
    if layout.batch is not None and layout.batch < rank:
        return layout.batch
    return 0 if rank else None


def _rows(mask: np.ndarray, layout: Layout) -> np.ndarray:
    """Any over all but the batch axis."""
    axis = _batch(layout, mask.ndim)
    if axis is None:
        return mask.reshape(1)
    return np.asarray(mask.any(axis=tuple(i for i in range(mask.ndim) if i != axis)))


def _following(unsettled: np.ndarray, layout: Layout) -> np.ndarray:
    """What follows in a row from an unsettled element: later steps, all beams."""
    batch = _batch(layout, unsettled.ndim)
    if batch is None or unsettled.ndim < 2:
        return np.zeros(unsettled.shape, bool)
    time = layout.time if layout.time is not None else 1 - min(batch, 1)
    lanes = tuple(i for i in range(unsettled.ndim) if i not in (batch, time))
    any_lane = unsettled.any(axis=lanes, keepdims=True)
    before: np.ndarray = np.cumsum(any_lane, axis=time) - any_lane
    return np.broadcast_to(before > 0, unsettled.shape)
