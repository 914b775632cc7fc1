"""From what all runs showed to the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from porting.verification import discrete, floors
from porting.verification.discrete import Counts
from porting.verification.floors import Region
from porting.verification.verdict import (
    APPROXIMATE,
    DIFFERENT,
    EQUIVALENT,
    UNVERIFIED,
    Row,
    Verdict,
)

if TYPE_CHECKING:
    from porting.verification.judge import Judge

FEW_RUNS, FEW_VALUES = 3, 64


def rule(judge: Judge, /) -> Verdict:
    """What all runs together say."""
    rows = tuple(_row(judge, key, region) for key, region in judge.regions.items() if region.values)
    rows += tuple(_counted(judge, name, counts) for name, counts in judge.counts.items())
    wrong = [text for text, _ in judge.problems] + [
        f"{r.tensor} ({r.region}): {r.problem}" for r in rows if r.problem
    ]
    _read_wrongly(judge)
    unproven = _unproven(judge)
    bad = judge.audit["wrong"] if judge.audit else []
    wrong += [f"weight {item['weight']}: {item['text']}" for item in bad]
    verdict = EQUIVALENT
    if judge.approximate:
        verdict = DIFFERENT if judge.problems or bad else APPROXIMATE
    elif judge.reader or wrong:
        verdict = DIFFERENT
    elif unproven:
        verdict = UNVERIFIED
    values = sum(row.values for row in rows)
    return Verdict(
        verdict=verdict, oracle=judge.oracle, cases=judge.cases,
        few=judge.cases < FEW_RUNS or values < FEW_VALUES, rows=rows, worst=_worst(judge, rows),
        reasons=tuple(dict.fromkeys([*judge.reader, *wrong, *unproven])), notes=tuple(dict.fromkeys(judge.notes)),
        audit=judge.audit, threads=judge.threads,
    )  # fmt: skip


def _read_wrongly(judge: Judge) -> None:
    for (name, label), region in judge.regions.items():
        if region.misread:
            assert region.recording is not None
            ratio = region.recording / region.floor if region.floor else float("inf")
            judge.reader.append(
                f"{name} ({label}): the recording lies {ratio:.3g} noise floors from the graph as it was read"
            )
    for name, counts in judge.counts.items():
        if counts.recording_wrong:
            judge.reader.append(
                f"{name}: {counts.recording_wrong} recorded values differ from the graph as it was read"
            )


def _unproven(judge: Judge) -> list[str]:
    found = list(judge.unproven)
    for (name, label), region in judge.regions.items():
        if region.values and region.chaotic:
            moved = (
                f"by {region.spread / region.largest:.1g} of its size"
                if region.largest
                else "off 0"
            )
            found.append(
                f"{name} ({label}): chaotic: one rounding of the weights moves it {moved}, so that "
                "comparing whole sequences proves nothing"
            )
    for name, counts in judge.counts.items():
        if counts.unsettled_rows > discrete.UNSETTLED_ROWS * max(counts.rows, 1):
            found.append(
                f"{name}: {counts.unsettled_rows} of {counts.rows} rows hang on a choice that rounding turns"
            )
    if judge.followed:
        judge.notes.append(
            f"{judge.followed} rows of float outputs follow a choice that rounding turns: compared with the run that chose as the port did"
        )
    if judge.excluded:
        judge.notes.append(
            f"{judge.excluded} rows of float outputs were left out: they follow a choice that rounding turns"
        )
    if judge.audit and judge.audit["derived"]:
        judge.notes.append(
            f"{len(judge.audit['derived'])} weights of the port are computed from the artefact's, not copied"
        )
    if not judge.cases:
        found.append("no run could be compared")
    return found


def _row(judge: Judge, key: tuple[str, str], region: Region) -> Row:
    problem = ""
    if region.over(region.port):
        problem = f"differs by {region.port:.3g}, where it has no noise at all"
        if region.floor:
            ratio = region.port / region.floor
            problem = (
                f"differs by {ratio:.3g} noise floors, where {floors.TENSOR_LIMIT:g} are allowed"
            )
    column = region.columns.worst(region.dtype) if region.columns is not None else None
    if not problem and column is not None:
        problem = f"column {column[0]} differs by {column[1]:.3g} of its noise floors, where {floors.COLUMN_LIMIT:g} are allowed"
    if judge.approximate:
        problem = ""
    steps = region.steps
    curve = (
        tuple(zip(steps["port"].tolist(), steps["floor"].tolist(), strict=True)) if steps else ()
    )
    return Row(
        key[0], key[1], region.dtype, region.largest, region.port, region.floor, region.recording,
        region.total / max(region.values, 1), region.values, problem, curve, tuple(region.ulps.tolist()),
    )  # fmt: skip


def _counted(judge: Judge, name: str, counts: Counts) -> Row:
    problem = (
        f"{counts.wrong} settled values differ" if counts.wrong and not judge.approximate else ""
    )
    return Row(
        name,
        "valid",
        counts.dtype,
        0.0,
        float(counts.wrong > 0),
        0.0,
        None,
        0.0,
        counts.settled,
        problem,
    )


def _worst(judge: Judge, rows: tuple[Row, ...]) -> dict[str, Any]:
    if judge.reader:
        return {"place": "reader"}
    if judge.problems:
        return judge.problems[0][1]
    wrong = [counts.worst for counts in judge.counts.values() if counts.worst]
    if wrong:
        return wrong[0]
    floating = [row for row in rows if (row.tensor, row.region) in judge.regions]
    worst = max(floating, key=lambda row: (bool(row.problem), row.ratio), default=None)
    if worst is None:
        return {}
    region = judge.regions[worst.tensor, worst.region]
    recurrence = judge.layout(worst.tensor).recurrence
    ratio = worst.ratio if np.isfinite(worst.ratio) else None
    return region.worst | {
        "recurrence": recurrence,
        "diff": worst.difference,
        "floor": worst.floor,
        "floors": ratio,
    }
