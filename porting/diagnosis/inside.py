"""Values inside an ONNX port, where their names can be matched: the first recurrence whose own outputs differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from porting.diagnosis.locating import Shape, about
from porting.diagnosis.trial import Bench

if TYPE_CHECKING:
    from porting.verification.candidates import Candidate

_KINDS = ("LSTM", "GRU", "RNN", "Scan")


def seen_inside(candidate: Candidate, bench: Bench, shape: Shape, /) -> dict[str, list[np.ndarray]]:
    """By value name of a recurrence's sequence: the arrays inside the port that may be it; {} where none can be seen."""
    if candidate.peek is None or any(value.size == 0 for value in bench.feeds.values()):
        return {}
    wanted = {name: r.outputs[0] for name, r in shape.by_name.items() if r.outputs}
    try:
        seen = candidate.peek(tuple(wanted), _KINDS, bench.feeds)
    except Exception:  # a port that cannot be looked into is judged by its outputs
        return {}
    found = {}
    for name, value in wanted.items():
        right = bench.value(value)
        if isinstance(right, np.ndarray):
            given = [g for g in map(_flat, seen.get(name, [])) if g.shape == right.shape]
            if given:
                found[value] = given
    return found


def first_inside(candidate: Candidate, bench: Bench, shape: Shape, /) -> dict[str, Any]:
    """The place of the first recurrence (in the order of the program) whose sequence differs inside the port; {} where none can be seen."""
    seen = seen_inside(candidate, bench, shape)
    for name, r in shape.by_name.items():
        given = seen.get(r.outputs[0], []) if r.outputs else []
        right = np.asarray(bench.value(r.outputs[0])) if given else np.zeros(0)
        if given and all(_far(g, right) for g in given):
            steps = [np.argwhere(_apart(g, right))[:, 0] for g in given]
            backward = r.direction == "backward"
            step = max(s.max() for s in steps) if backward else min(s.min() for s in steps)
            return about(shape, name) | {"step": int(step), "inside": r.outputs[0]}
    return {}


def _flat(value: np.ndarray) -> np.ndarray:
    """ONNX's [T, 1, B, n] as [T, B, n]."""
    return value[:, 0] if value.ndim == 4 and value.shape[1] == 1 else value


def _apart(given: np.ndarray, right: np.ndarray) -> np.ndarray:
    largest = float(np.abs(right).max(initial=0.0))
    return np.asarray(np.abs(given - right) > 1e-5 * largest)


def _far(given: np.ndarray, right: np.ndarray) -> bool:
    return bool(_apart(given, right).any())
