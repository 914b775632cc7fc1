"""What ``--json`` says of a recurrence, and of a loop that is none."""

from __future__ import annotations

from typing import Any

from converters.edges import loop_edge, traced_edge
from converters.program import Loop, Recurrence
from converters.records import RecurrenceRecord
from converters.to_onnx.plan import Plan, units


def record(recurrence: Recurrence, chosen: Plan, /) -> RecurrenceRecord:
    """What ``--json`` says of a recurrence."""
    return RecurrenceRecord(
        name=recurrence.name,
        cell=type(recurrence.cell).__name__,
        units=units(recurrence.cell),
        direction=recurrence.direction,
        time_major=recurrence.time_major,
        lengths=recurrence.lengths,
        initial_state=recurrence.initial_state,
        parameters=recurrence.parameters,
        form=chosen.form,
        reason=_with_edge(chosen.reason, recurrence.cell),
        segments=chosen.segments,
    )


def loop_record(loop: Loop, /) -> RecurrenceRecord:
    """What ``--json`` says of a loop that is no recurrence."""
    why = loop.reason or "its body is no step of a cell"
    return RecurrenceRecord(
        name=loop.name,
        cell="while",
        units=None,
        direction="forward",
        time_major=True,
        lengths=None,
        initial_state=loop.carried,
        parameters={},
        form="Loop",
        reason="; ".join(part for part in (why, loop_edge(loop)) if part),
    )


def _with_edge(reason: str | None, cell: Any) -> str | None:
    """A traced cell's reason, with the edge that makes it one."""
    if reason is None or not hasattr(cell, "new"):
        return reason
    return "; ".join(part for part in (reason, traced_edge(cell)) if part)
