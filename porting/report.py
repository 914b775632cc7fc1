"""The report: one page that needs nothing else, for any browser."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from porting.verification.floors import TENSOR_LIMIT, ULP_EDGES
from porting.verification.verdict import Row, Verdict
from porting.version import VERSION
from reference.errors import MissingExtraError, UsageError

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 200, 44, 12, 22


def section(
    name: str, verdict: Verdict, recurrences: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """One comparison of a report.

    Args:
        recurrences: as ``convert`` and ``inspect`` describe them.
    """
    charts = [found for row in verdict.rows if (found := chart(row)) is not None]
    bars = [found for row in verdict.rows if (found := histogram(row)) is not None]
    return {
        "name": name, "verdict": verdict.as_json(), "sentence": verdict.sentence(), "rows": verdict.rows,
        "charts": charts, "histograms": bars, "recurrences": list(recurrences), "place": _place(verdict),
        "reasons": _further(verdict), "faulty": (verdict.diagnosis or {}).get("place", {}).get("recurrence"),
    }  # fmt: skip


def write_report(
    path: Path | str,
    sections: Sequence[Mapping[str, Any]],
    /,
    *,
    title: str,
    blocks: Sequence[Mapping[str, str]] = (),
) -> None:
    """Write the page; the same comparison gives the same bytes.

    Raises:
        MissingExtraError: jinja2 is not installed.
        UsageError: the file cannot be written.
    """
    text = render(sections, title=title, blocks=blocks)
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"the report {target} cannot be written: {error.strerror or error}"
        raise UsageError(msg) from error


def render(
    sections: Sequence[Mapping[str, Any]],
    /,
    *,
    title: str,
    blocks: Sequence[Mapping[str, str]] = (),
) -> str:
    """The page; every name in it is escaped.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        package = "jinja2"
        raise MissingExtraError(package, "report", "the HTML report") from error
    environment = Environment(
        loader=PackageLoader("porting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    page = environment.get_template("report.html.j2")
    return str(page.render(title=title, sections=sections, blocks=blocks, version=VERSION))


def chart(row: Row, /) -> dict[str, Any] | None:
    """Error and floor over time, on a logarithmic scale; None where there is no time to draw."""
    if len(row.steps) < 2:
        return None
    port = [difference for difference, _ in row.steps]
    floor = [spread for _, spread in row.steps]
    limit = TENSOR_LIMIT * row.floor
    positive = [value for value in (*port, *floor, limit) if value > 0]
    if not positive:
        return None
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)) + 1e-9)
    low = max(low, high - 12)

    def height(value: float) -> float:
        share = (math.log10(value) - low) / (high - low) if value > 0 else 0.0
        return round(HEIGHT - BOTTOM - max(share, 0.0) * (HEIGHT - BOTTOM - TOP), 1)

    def line(values: Sequence[float]) -> str:
        step = (WIDTH - 8 - LEFT) / (len(values) - 1)
        return " ".join(f"{LEFT + step * i:.1f},{height(value)}" for i, value in enumerate(values))

    every = max(1, (high - low) // 5)
    ticks = [
        {"y": height(10.0**power), "label": f"1e{power}"} for power in range(low, high + 1, every)
    ]
    return {
        "tensor": row.tensor, "region": row.region, "width": WIDTH, "height": HEIGHT, "left": LEFT, "ticks": ticks,
        "last": len(port) - 1, "port": line(port), "floor": line(floor), "limit": line([limit] * len(port)),
    }  # fmt: skip


def histogram(row: Row, /) -> dict[str, Any] | None:
    """How many values differ by how many ULPs, as bars; heights are logarithmic, so that one value in a million is seen."""
    count = sum(row.ulps)
    if not count:
        return None
    last = max(index for index, number in enumerate(row.ulps) if number)
    shown = row.ulps[: max(last + 1, 4)]
    width = (WIDTH - 8 - LEFT) / len(shown)
    top = math.log10(max(shown) + 1)
    bars = []
    for index, number in enumerate(shown):
        tall = (HEIGHT - BOTTOM - TOP) * math.log10(number + 1) / top
        bars.append({
            "x": round(LEFT + width * index, 1), "y": round(HEIGHT - BOTTOM - tall, 1), "width": round(width * 0.85, 1),
            "height": round(tall, 1), "count": number, "label": _edge(index), "middle": round(LEFT + width * (index + 0.42), 1),
        })  # fmt: skip
    every = max(1, len(bars) // 8)
    return {
        "tensor": row.tensor, "region": row.region, "width": WIDTH, "height": HEIGHT, "left": LEFT, "base": HEIGHT - BOTTOM,
        "bars": bars, "labels": bars[::every], "values": count, "most": max(shown), "top": TOP,
    }  # fmt: skip


def _edge(index: int) -> str:
    if index >= len(ULP_EDGES):
        return "more"
    edge = ULP_EDGES[index]
    return "½" if edge == 0.5 else f"{edge:g}" if edge < 1e4 else f"2^{round(math.log2(edge))}"


def _further(verdict: Verdict) -> list[str]:
    """The reasons but the diagnosis, which stands above them."""
    said = (verdict.diagnosis or {}).get("sentence")
    return [reason for reason in verdict.reasons if reason != said]


def _place(verdict: Verdict) -> list[tuple[str, str]]:
    """Where a different port differs first, line by line."""
    found = (verdict.diagnosis or {}).get("place", {})
    cause = (verdict.diagnosis or {}).get("cause")
    keys = (
        "recurrence",
        "cell",
        "layer",
        "direction",
        "part",
        "weight",
        "tensor",
        "run",
        "row",
        "step",
        "region",
        "index",
    )
    lines = [("cause", cause)] if cause else []
    return lines + [(key, str(found[key])) for key in keys if found.get(key) is not None]
