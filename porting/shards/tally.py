"""What the runs of some shards showed, as JSON that merges: maxima, counts and sums.

VERDICT.md pools the floor over all runs. Everything the rule asks is a maximum or a count, so the maxima of each shard are kept, merged, and judged
once at the end: one pass, and the same verdict as over one file. Only the mean is a sum, whose last digit depends on where shards end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from porting.verification.discrete import Counts
from porting.verification.floors import Columns, Region
from porting.verification.judge import Judge

KEPT_TEXTS = 40
"""Sentences of one kind that are kept; what is wrong in every run is said often enough."""
Tally = dict[str, Any]
_REGION_MAX = ("largest", "spread", "port")
_COUNTS = ("settled", "wrong", "unsettled", "left_out", "rows", "unsettled_rows", "recording_wrong")
_TEXTS = ("reader", "unproven", "notes")


def of_judge(judge: Judge, shard: str, /) -> Tally:
    """The running values of a judge; places and sentences name the shard."""
    texts = {
        kind: [text if kind == "notes" else f"{shard}: {text}" for text in getattr(judge, kind)]
        for kind in _TEXTS
    }
    return {
        "cases": judge.cases, "excluded": judge.excluded, "followed": judge.followed,
        "regions": [[*key, _region(region, shard)] for key, region in judge.regions.items()],
        "counts": [[name, _counts(counts, shard)] for name, counts in judge.counts.items()],
        "problems": [[f"{shard}: {text}", where | {"shard": shard}] for text, where in judge.problems[:KEPT_TEXTS]],
        "oracle": judge.oracle,
    } | {kind: list(dict.fromkeys(found))[:KEPT_TEXTS] for kind, found in texts.items()}  # fmt: skip


def _region(region: Region, shard: str) -> dict[str, Any]:
    columns = region.columns
    return {
        "dtype": region.dtype, "kept": region.kept, "recording": region.recording, "total": region.total,
        "values": region.values, "worst": region.worst | {"shard": shard} if region.worst else {},
        "columns": None if columns is None else [getattr(columns, name).tolist() for name in _REGION_MAX],
        "steps": {name: values.tolist() for name, values in region.steps.items()}, "ulps": np.asarray(region.ulps).tolist(),
    } | {name: getattr(region, name) for name in _REGION_MAX}  # fmt: skip


def _counts(counts: Counts, shard: str) -> dict[str, Any]:
    worst = counts.worst | {"shard": shard} if counts.worst else {}
    return {"dtype": counts.dtype, "worst": worst} | {
        name: getattr(counts, name) for name in _COUNTS
    }


def merge(first: Tally | None, second: Tally, /) -> Tally:
    """Both together; of equal maxima the place in ``first`` stays."""
    if first is None:
        return second
    regions = {(name, label): found for name, label, found in first["regions"]}
    for name, label, found in second["regions"]:
        regions[name, label] = _merge_region(regions.get((name, label)), found)
    counts = dict(first["counts"])
    for name, found in second["counts"]:
        counts[name] = _merge_counts(counts.get(name), found)
    texts = {
        kind: list(dict.fromkeys([*first[kind], *second[kind]]))[:KEPT_TEXTS] for kind in _TEXTS
    }
    return texts | {
        **{name: first[name] + second[name] for name in ("cases", "excluded", "followed")},
        "regions": [[*key, found] for key, found in regions.items()],
        "counts": [[name, found] for name, found in counts.items()],
        "problems": [*first["problems"], *second["problems"]][:KEPT_TEXTS],
        "oracle": first["oracle"],
    }  # fmt: skip


def _merge_region(a: dict[str, Any] | None, b: dict[str, Any]) -> dict[str, Any]:
    if a is None:
        return b
    recorded = [r["recording"] for r in (a, b) if r["recording"] is not None]
    return {
        "dtype": a["dtype"], "kept": a["kept"], "recording": max(recorded, default=None),
        "total": a["total"] + b["total"], "values": a["values"] + b["values"],
        "worst": b["worst"] if b["port"] > a["port"] else a["worst"],
        "columns": _merge_columns(a["columns"], b["columns"]), "ulps": np.add(a["ulps"], b["ulps"]).tolist(),
        "steps": {n: _longer(a["steps"].get(n, []), b["steps"].get(n, [])) for n in {**a["steps"], **b["steps"]}},
    } | {name: max(a[name], b[name]) for name in _REGION_MAX}  # fmt: skip


def _merge_columns(
    a: list[list[float]] | None, b: list[list[float]] | None
) -> list[list[float]] | None:
    if a is None or b is None:
        return b if a is None else a
    if len(a[0]) != len(b[0]):  # the last axis is time or rows: no column is the same thing in both
        return [[], [], []]
    return [np.maximum(x, y).tolist() for x, y in zip(a, b, strict=True)]


def _longer(a: list[float], b: list[float]) -> list[float]:
    size = max(len(a), len(b))
    padded = [np.pad(np.asarray(x, float), (0, size - len(x))) for x in (a, b)]
    return list(np.maximum(*padded).tolist())


def _merge_counts(a: dict[str, Any] | None, b: dict[str, Any]) -> dict[str, Any]:
    if a is None:
        return b
    return {"dtype": a["dtype"], "worst": a["worst"] or b["worst"]} | {
        n: a[n] + b[n] for n in _COUNTS
    }


def to_judge(tally: Tally, judge: Judge, /) -> Judge:
    """Put a tally into an empty judge, to be ruled on."""
    judge.cases, judge.excluded, judge.followed = (
        tally[name] for name in ("cases", "excluded", "followed")
    )
    for kind in _TEXTS:
        getattr(judge, kind).extend(tally[kind])
    judge.problems.extend((text, where) for text, where in tally["problems"])
    for name, label, found in tally["regions"]:
        judge.regions[name, label] = _as_region(found)
    for name, found in tally["counts"]:
        judge.counts[name] = Counts(**found)
    return judge


def _as_region(found: dict[str, Any]) -> Region:
    columns = found["columns"]
    steps = {name: np.asarray(values, float) for name, values in found["steps"].items()}
    arrays = (
        None if columns is None else Columns(*(np.asarray(values, float) for values in columns))
    )
    return Region(
        **(found | {"columns": arrays, "steps": steps, "ulps": np.asarray(found["ulps"])})
    )
