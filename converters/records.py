"""What ``--json`` says of one recurrence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RecurrenceRecord:
    """One recurrence, as ``--json`` describes it."""

    name: str
    cell: str
    units: int | None
    direction: str
    time_major: bool
    lengths: str | None
    initial_state: tuple[str, ...]
    parameters: Mapping[str, str]
    form: str
    """``LSTM GRU RNN Scan Loop unrolled``."""
    reason: str | None
    """Why it is not native; None where it is."""
    segments: int | None = None
    """In how many segments of time it is run; None, and absent from the JSON: in one piece."""

    def as_json(self) -> dict[str, Any]:
        record = asdict(self)
        if self.segments is None:
            del record["segments"]
        return record | {
            "initial_state": list(self.initial_state),
            "parameters": dict(self.parameters),
        }
