"""``python -m benchmarks.table``: the table of docs/benchmarks.md. Resumable: rows that are in the result for these very sources are not run again.

--quick            tiny sizes and few rounds: does all of it run? writes no page
--only TEXT,…      rows whose name holds one of these
--again            run rows anew that are there already
--build            make the models of the rows, and measure nothing
--page             write the page from the result, and run nothing
--rounds N         rounds a row, at least (20)
--seconds S        a row that has time left makes more rounds, up to 100 (8)
--tf2onnx PYTHON   a Python with TensorFlow, Keras and tf2onnx (or RNNPORT_TF2ONNX)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.table.measure import Pool, Result, measure
from benchmarks.table.models import Setup, make, sources
from benchmarks.table.report import report
from benchmarks.table.rows import QUICK, ROWS, Row

HERE = Path(__file__).parents[1]
PAGE = HERE.parent / "docs" / "benchmarks.md"
PLAIN = ("ours", "tf", "tf2onnx", "keras", "products")


def contenders(row: Row) -> tuple[str, ...]:
    """Who runs in a row: the options only where they mean something."""
    extra = []
    if row.kind in ("lstm", "bidirectional", "two_layers") and not row.ragged:
        extra.append("ours-int8")
    if row.ragged and row.kind in ("lstm", "bidirectional", "two_layers", "gru"):
        extra.append("ours-whole")
    if row.kind in ("gru", "rnn"):
        extra.append("ours-native")
    return (*PLAIN, *extra)


def about(threads: int, rounds: int) -> dict[str, str]:
    """The machine and the versions."""
    packages = []
    for name in ("numpy", "onnx", "onnxruntime", "tensorflow", "keras"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"{name} absent")
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    return {
        "machine": f"{model}, {os.cpu_count()} logical cores, Python {platform.python_version()}",
        "versions": ", ".join(packages),
        "rounds": f"at least {rounds}, {threads} threads",
    }


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", type=Path, default=HERE / "models")
    parser.add_argument("--result", type=Path)
    parser.add_argument("--tf2onnx", default=os.environ.get("RNNPORT_TF2ONNX"))
    return parser.parse_args()


def main() -> None:
    """Run the rows that are missing, keep the result after each, write the page."""
    given = arguments()
    given.rounds = given.rounds or (3 if given.quick else 20)
    given.seconds = 0.0 if given.quick else given.seconds
    rows = QUICK if given.quick else ROWS
    wanted = [text for text in given.only.split(",") if text]
    chosen = [row for row in rows if not wanted or any(text in row.name for text in wanted)]
    given.models.mkdir(parents=True, exist_ok=True)
    if given.build:
        for row in chosen:
            print(row.name, make(row, _setup(row, given)).failed, flush=True)
        return
    path = given.result or HERE / ("models/quick.json" if given.quick else "table.json")
    held: dict[str, Any] = json.loads(path.read_text()) if path.exists() and not given.quick else {}
    results: dict[str, Any] = held.get("rows", {})
    said = about(given.threads, given.rounds)
    if not given.page:
        run(
            [r for r in chosen if given.again or not _there(results.get(r.name))],
            given,
            results,
            path,
        )
    page = report(results, held.get("about", said) if given.page else said, [r.name for r in rows])
    if given.quick:
        print(page)
    else:
        PAGE.write_text(page)


def run(rows: list[Row], given: argparse.Namespace, results: dict[str, Any], path: Path) -> None:
    """Measure the rows; the file holds what is done after each."""
    pool: Pool = {}
    said = about(given.threads, given.rounds)
    try:
        for row in rows:
            try:
                found = measure(row, _setup(row, given), pool)
            except (
                EOFError,
                OSError,
                RuntimeError,
            ) as error:  # a process that died; the row stays missing
                print(row.name, f"not measured: {type(error).__name__}: {error}", flush=True)
                while pool:
                    pool.popitem()[1].stop()
                continue
            results[row.name] = asdict(found)
            path.write_text(json.dumps({"schema": 1, "about": said, "rows": results}, indent=1))
            print(row.name, _short(found), flush=True)
    finally:
        for worker in pool.values():
            worker.stop()


def _setup(row: Row, given: argparse.Namespace) -> Setup:
    return Setup(
        given.models, given.threads, given.rounds, given.tf2onnx, contenders(row), given.seconds
    )


def _there(result: dict[str, Any] | None) -> bool:
    return result is not None and result.get("sources") == sources()


def _short(found: Result) -> str:
    import statistics

    times = " ".join(
        f"{name} {statistics.median(values) * 1e3:.2f}" for name, values in found.seconds.items()
    )
    return f"{'/'.join(found.forms)}: {times}" + "".join(
        f" [{who}: {why[:60]}]" for who, why in found.failed.items()
    )


if __name__ == "__main__":
    main()
