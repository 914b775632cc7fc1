"""One row: its models made, its contenders run in turns."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import products
from benchmarks.table.rows import Row
from benchmarks.table.workers import Worker

ENOUGH = 0.01
"""Seconds that one timing takes at least."""
LONGEST = 1800
"""Seconds a converter may take."""


@dataclass(frozen=True)
class Setup:
    """Where models lie, and who converts."""

    models: Path
    threads: int
    rounds: int
    other: str | None
    """A Python with TensorFlow, Keras and tf2onnx."""
    contenders: tuple[str, ...]


@dataclass
class Result:
    """One row's numbers, as JSON holds them."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    """By contender, one value a round; round k of all belongs together."""
    failed: dict[str, str] = field(default_factory=dict)
    off: dict[str, float] = field(default_factory=dict)
    """Largest difference from the TF session's output."""
    forms: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    load: float = 0.0
    """The machine's load before the row, of others."""


def measure(row: Row, setup: Setup, /) -> Result:
    """Make what is missing, then time all contenders interleaved, in an order drawn anew each round."""
    result = Result(load=os.getloadavg()[0])
    source = _graph(row, setup)
    workers: dict[str, Worker] = {}
    try:
        for name in setup.contenders:
            found = _contender(name, row, setup, source, result)
            if found is None:
                continue
            worker = Worker(*found, setup.threads)
            if worker.failure is None:
                workers[name] = worker
            else:
                result.failed[name] = worker.failure
        _compare(workers, result)
        for worker in workers.values():
            worker.warm(ENOUGH)
        rng = np.random.default_rng(0)
        result.seconds = {name: [] for name in workers}
        for _ in range(setup.rounds):
            for name in map(str, rng.permutation(sorted(workers))):
                result.seconds[name].append(workers[name].time())
    finally:
        for worker in workers.values():
            worker.stop()
    return result


def _graph(row: Row, setup: Setup) -> Path:
    target = setup.models / f"{row.graph}.pb"
    if not target.exists():
        sizes = [row.features, row.units, row.steps, int(row.ragged)]
        _run(
            [
                sys.executable,
                "-m",
                "benchmarks.table.graphs",
                str(target),
                row.kind,
                *map(str, sizes),
            ]
        )
    return target


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise RuntimeError(lines[-1][:300] if lines else f"status {done.returncode}")


def _contender(name: str, row: Row, setup: Setup, source: Path, result: Result) -> Any:
    """(runner, file, feeds), or None where there is none; the reason goes to ``result.failed``."""
    feeds = row.feeds()
    if name == "tf":
        return "tf", source, feeds
    target = setup.models / f"{row.graph}.{name}.onnx"
    try:
        if name == "products":
            target = setup.models / f"{row.kind}-u{row.units}.products.onnx"
            products.write(row, target)
            return "onnx", target, products.feeds(row)
        if name.startswith("ours"):
            _ours(name, source, target, result)
            return "onnx", target, feeds
        if setup.other is None:
            result.failed[name] = "no Python with tf2onnx was given (--tf2onnx)"
            return None
        if not target.exists():
            _other(name, row, setup.other, source, target)
    except Exception as error:  # a refusal is a result
        result.failed[name] = f"{type(error).__name__}: {str(error)[:300]}"
        return None
    return "onnx", target, feeds


def _ours(name: str, source: Path, target: Path, result: Result) -> None:
    """Default options, but for what the contender's name says: ``ours-int8``, ``ours-ragged``, ``ours-native``."""
    from converters.lift import lift
    from converters.read_graphdef import read
    from converters.to_onnx import save, to_onnx

    option = name.removeprefix("ours").removeprefix("-")
    chosen: dict[str, Any] = {
        "int8": {"dtype": "int8"},
        "ragged": {"ragged": True},
        "native": {"prefer": "native"},
    }.get(option, {})
    exported = to_onnx(lift(read(source), outputs=["y:0"]), **chosen)
    save(exported, target)
    if name == "ours":
        result.forms = [record.form for record in exported.recurrences]
        result.reasons = sorted({record.reason for record in exported.recurrences if record.reason})


def _other(name: str, row: Row, python: str, source: Path, target: Path) -> None:
    start = [python, "-m", "benchmarks.table.others", name, str(target)]
    if name == "tf2onnx":
        _run([*start, str(source)])
    else:
        _run([*start, row.kind, *map(str, (row.features, row.units, row.steps, int(row.ragged)))])


def _compare(workers: dict[str, Worker], result: Result) -> None:
    """All against a TF session without the meta-optimiser, the timed session too; Keras' export has weights of its own."""
    if "tf" not in workers:
        return
    original = workers["tf"].output("exact")
    for name, worker in workers.items():
        if name in ("products", "keras"):
            continue
        found = worker.output()
        result.off[name] = (
            float(np.max(np.abs(found - original)))
            if found.shape == original.shape
            else float("inf")
        )
