"""Which weight is wrong, from what the audit found: its variable, recurrence, gate and place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.program import Program, Recurrence
from porting.diagnosis.locating import Shape, about
from porting.diagnosis.mistakes import USUAL, gates
from porting.diagnosis.surgery import recurrences
from reference.cells.base import weights

if TYPE_CHECKING:
    from porting.verification.candidates import Candidate
    from porting.verification.verdict import Verdict


def damaged_weight(
    program: Program, shape: Shape, candidate: Candidate, verdict: Verdict, /
) -> tuple[dict[str, Any], str] | None:
    """(place, sentence) of the first weight that the audit calls wrong; None where it calls none so."""
    wrong = (verdict.audit or {}).get("wrong", [])
    if not wrong:
        return None
    item = wrong[0]
    text = f"the weight {item['weight']} of the port is off: {item['text']}"
    stored = candidate.weights() if candidate.weights is not None else {}
    for r in recurrences(program):
        for path, value in weights(r.cell).items():
            if item.get("original") and item["original"] in r.parameters.get(path, ""):
                place = about(shape, r.name) | {"weight": r.parameters[path], "path": path}
                return _exactly(r, path, np.asarray(value), stored.values(), place, text)
    return {"weight": item.get("original") or item["weight"]}, text


def _exactly(
    r: Recurrence,
    path: str,
    value: np.ndarray,
    stored: Iterable[np.ndarray],
    place: dict[str, Any],
    text: str,
) -> tuple[dict[str, Any], str]:
    """The element that the port does not have; not told where there are many."""
    given = [np.asarray(x).reshape(-1) for x in stored if np.asarray(x).dtype.kind == "f"]
    every = np.concatenate(given) if given else np.zeros(0)
    amount = getattr(r.cell, "forget_bias", 0.0)
    extra = [value, value + value.dtype.type(amount)] if isinstance(amount, float) else [value]
    lacking = np.logical_and.reduce([~np.isin(x, every) for x in extra])
    where = np.argwhere(lacking)
    if not 1 <= len(where) <= 8:
        return place, f"{text}; it belongs to {r.name}"
    index = tuple(int(i) for i in where[0])
    found: Mapping[str, Any] = {"weight_index": list(index)}
    gate = _gate(r.cell, path, value, index[-1] if index else 0)
    words = f"{text}; in {r.name} that is element {list(index)}"
    if gate:
        found = {**found, "part": gate}
        words += f", of gate {gate}"
    if value.ndim == 2 and hasattr(r.cell, "input_size") and index[0] >= r.cell.input_size:
        words += ", recurrent"
    return place | dict(found), words


def _gate(cell: Any, path: str, value: np.ndarray, column: int) -> str | None:
    order = gates(cell)
    if path.startswith("candidate"):
        return "candidate"
    if not order or "/" in path or value.shape[-1] % len(order) or path.startswith(("w_", "proj")):
        return None
    gate = order[int(column) // (int(value.shape[-1]) // len(order))]
    return str(USUAL.get(gate, gate))
