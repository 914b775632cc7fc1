"""What ``--json`` says of a recurrence, and of a loop that is none."""

from __future__ import annotations

from converters.program import Loop, Recurrence
from converters.to_onnx.exported import RecurrenceRecord
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
        reason=chosen.reason,
    )


def loop_record(loop: Loop, /) -> RecurrenceRecord:
    """What ``--json`` says of a loop that is no recurrence."""
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
        reason=loop.reason or "its body is no step of a cell",
    )
