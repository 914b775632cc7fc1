"""docs/benchmarks.md out of the JSON result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

RIVALS = {"tf2onnx": ("tf2onnx", 1.6), "tf": ("TF session", 3.0), "keras": ("Keras export", 5.0)}
"""By contender: its name in the table, and how many times slower it is expected to be in the geometric mean."""
YARDSTICK = {"projected": 1.8, "layer_norm": 1.8}
"""By kind: times the products alone above which a row says why; 1.3 for the others, from batch 16 up."""
WRONG = 1e-3
"""A difference from the TF session above which a port's time is shown with a mark: it computes something else."""


def ratio(
    result: Mapping[str, Any], other: str, own: str = "ours"
) -> tuple[float, float, float] | None:
    """Median and 5-95 % interval of other / own, paired by round."""
    seconds = result["seconds"]
    if other not in seconds or own not in seconds:
        return None
    pairs = np.asarray(seconds[other]) / np.asarray(seconds[own])
    low, middle, high = np.percentile(pairs, [5, 50, 95])
    return float(low), float(middle), float(high)


def _milliseconds(result: Mapping[str, Any], name: str) -> str:
    values = result["seconds"].get(name)
    if not values:
        return "–"
    mark = " (!)" if result["off"].get(name, 0.0) > WRONG else ""
    return f"{np.median(values) * 1e3:.2f}{mark}"


def _times(found: tuple[float, float, float] | None) -> str:
    return "–" if found is None else f"{found[1]:.2f} ({found[0]:.2f}–{found[2]:.2f})"


def slower_than(result: Mapping[str, Any]) -> list[str]:
    """The rivals that are faster than ours with their whole interval."""
    found = {name: ratio(result, name) for name in RIVALS}
    return [RIVALS[name][0] for name, value in found.items() if value is not None and value[2] < 1]


def report(
    results: Mapping[str, Mapping[str, Any]], about: Mapping[str, str], order: Sequence[str]
) -> str:
    """The page."""
    rows = [name for name in order if name in results]
    rows += [name for name in results if name not in rows]
    lines = [
        "# Benchmarks",
        "",
        "Made by `python -m benchmarks table`; do not edit. Milliseconds are medians of interleaved rounds, every contender in a process of its",
        "own; ratios are paired by round: how many times the time of our ONNX (default options) the other takes, with the 5–95 % interval.",
        "`products` is the matrix products alone, in the same runtime and threads: a yardstick, not a rival.",
        "",
        *(f"- {key}: {value}" for key, value in about.items()),
        "",
        *_summary(results, rows),
        "",
        "| row | form | ours ms | TF ms | tf2onnx ms | Keras ms | products ms | TF / ours | tf2onnx / ours | Keras / ours | ours / products | note |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    lines += [_line(name, results[name]) for name in rows]
    lines += _variants(results, rows)
    return "\n".join([*lines, ""])


def _line(name: str, result: Mapping[str, Any]) -> str:
    cells = [name, " ".join(result["forms"]) or "–"]
    cells += [_milliseconds(result, key) for key in ("ours", "tf", "tf2onnx", "keras", "products")]
    cells += [_times(ratio(result, key)) for key in ("tf", "tf2onnx", "keras")]
    share = ratio(result, "ours", "products")
    cells.append(_times(share))
    cells.append("; ".join(_notes(name, result, share)))
    return "| " + " | ".join(cells) + " |"


def _notes(
    name: str, result: Mapping[str, Any], share: tuple[float, float, float] | None
) -> list[str]:
    notes = [f"**slower than {rival}**" for rival in slower_than(result)]
    kind = name.split("-")[0]
    single = "-b1-" in name and kind not in YARDSTICK
    if share is not None and share[1] > YARDSTICK.get(kind, 1.3) and not single:
        notes.append(
            f"above the products: {', '.join(result['reasons']) or 'the element-wise part'}"
        )
    notes += [
        f"{who}: {why.split(': ', 1)[-1][:80]}"
        for who, why in result["failed"].items()
        if "--tf2onnx" not in why
    ]
    if result.get("tf"):
        notes.append(f"TF session: {result['tf']}")
    notes += [f"{who} off by {value:.0e}" for who, value in result["off"].items() if value > WRONG]
    return [note.replace("|", "/").replace("\n", " ") for note in notes]


def _summary(results: Mapping[str, Any], rows: Sequence[str]) -> list[str]:
    lines = []
    for key, (label, bar) in RIVALS.items():
        ours, alone = (_middles(results, rows, key, own) for own in ("ours", "products"))
        if ours:
            line = f"- {label}: {_mean(ours):.2f} times ours in the geometric mean of {len(ours)} rows (expected: {bar})"
            lines.append(line + _bound(alone, bar))
    states = [results[name].get("sources", "") for name in rows]
    newest = max(set(states), key=states.count, default="")
    older = [name for name, state in zip(rows, states, strict=True) if state != newest]
    if older:
        lines.append(f"- Measured with another state of the sources: {', '.join(older)}.")
    slower = [name for name in rows if slower_than(results[name])]
    lines.append(f"- Rows slower than the fastest rival: {', '.join(slower) or 'none'}.")
    return lines


def _middles(results: Mapping[str, Any], rows: Sequence[str], other: str, own: str) -> list[float]:
    """The medians of other / own, of the rows that have both."""
    found = [ratio(results[name], other, own) for name in rows]
    return [value[1] for value in found if value is not None]


def _bound(alone: Sequence[float], bar: float) -> str:
    """How far ahead of a rival whatever computes the products can be."""
    if not alone:
        return "."
    reach = ": out of reach here for what does them" if _mean(alone) < bar else ""
    return f"; {_mean(alone):.2f} times the products alone{reach}."


def _mean(values: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def _variants(results: Mapping[str, Any], rows: Sequence[str]) -> list[str]:
    """int8, --no-ragged and --prefer native against our own default."""
    names = sorted(
        {key for name in rows for key in results[name]["seconds"] if key.startswith("ours-")}
    )
    if not names:
        return []
    head = [
        "",
        "## Options",
        "",
        "Times faster than our own default export; for int8 the largest difference from the TF session too. `ours-native` is `--prefer native`, `ours-whole`",
        "`--no-ragged`: the rows with lengths are run in segments of time by default.",
        "",
    ]
    lines = ["| row | " + " | ".join(names) + " |", "|---|" + "--:|" * len(names)]
    for name in rows:
        cells = []
        for variant in names:
            found = ratio(results[name], "ours", variant)
            off = results[name]["off"].get(variant)
            extra = (
                f", off {off:.0e}"
                if found is not None and variant == "ours-int8" and off is not None
                else ""
            )
            cells.append(_times(found) + extra)
        if any(cell != "–" for cell in cells):
            lines.append("| " + " | ".join([name, *cells]) + " |")
    return [*head, *lines]
