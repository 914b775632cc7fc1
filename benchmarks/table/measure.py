"""One row: its contenders run in turns."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

import numpy as np

from benchmarks.table.models import Setup, make, sources
from benchmarks.table.rows import Row
from benchmarks.table.workers import Worker

ENOUGH = 0.01
"""Seconds that one timing takes at least."""
PAUSE = 0.005
"""Seconds between two contenders: ONNX Runtime's threads spin for a moment after a run."""
MOST = 100
"""Rounds of a row that is quick."""


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
    tf: str = ""
    """What was done to the timed TF session, because it computed something else."""
    sources: str = ""
    """Which state of our sources was measured."""


Pool = dict[str, Worker]
"""The contenders' processes, by name; they live as long as the table is being made."""


def measure(row: Row, setup: Setup, pool: Pool, /) -> Result:
    """Make what is missing, then time all contenders interleaved, in an order drawn anew each round."""
    made = make(row, setup)
    result = Result(
        failed=made.failed,
        forms=made.forms,
        reasons=made.reasons,
        load=os.getloadavg()[0],
        sources=sources(),
    )
    workers: Pool = {}
    for name, found in made.found.items():
        if name not in pool or not pool[name].process.is_alive():
            pool[name] = Worker()
        failure = pool[name].load(*found, setup.threads)
        if failure is None:
            workers[name] = pool[name]
        else:
            result.failed[name] = failure
    _compare(workers, result)
    for worker in workers.values():
        worker.warm(ENOUGH)
    _rounds(workers, setup, result)
    for worker in workers.values():
        worker.unload()
    return result


def _rounds(workers: Pool, setup: Setup, result: Result) -> None:
    """As many rounds as are asked for, and more while there is time."""
    rng = np.random.default_rng(0)
    result.seconds = {name: [] for name in workers}
    start, done = time.perf_counter(), 0
    while done < setup.rounds or (
        done < MOST and time.perf_counter() - start < setup.seconds and setup.rounds > 1
    ):
        for name in map(str, rng.permutation(sorted(workers))):
            time.sleep(PAUSE)
            result.seconds[name].append(workers[name].time())
        done += 1


def _compare(workers: Pool, result: Result) -> None:
    """All against a TF session without the meta-optimiser, the timed session too; Keras' export has weights of its own."""
    if "tf" not in workers:
        return
    original = workers["tf"].output("exact")
    result.tf = workers["tf"].mend(original)
    for name, worker in workers.items():
        if name in ("products", "keras"):
            continue
        found = worker.output()
        result.off[name] = (
            float(np.max(np.abs(found - original)))
            if found.shape == original.shape
            else float("inf")
        )
