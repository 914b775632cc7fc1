"""``bench``: ports timed in turn, round after round, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from porting.model import Model, open_model
from porting.verification.candidates import Candidate, open_candidate
from porting.verification.samples import load_samples
from reference.errors import UsageError

WARM_UP = 2
Progress = Callable[[str, int, int], Any]


@dataclass(frozen=True)
class Time:
    """Seconds per call."""

    name: str
    median: float
    fastest: float
    ratio: float
    """Median over the first one's."""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "median": self.median,
            "fastest": self.fastest,
            "ratio": self.ratio,
        }


def bench(
    artefact: Path | str,
    candidates: Sequence[Path | str],
    /,
    *,
    samples: Path | str | None = None,
    seed: int = 0,
    repeat: int = 20,
    threads: int = 1,
    trust: bool = False,
    progress: Progress = lambda *_: None,
    **options: Any,
) -> list[Time]:
    """Times of every candidate on the largest recorded (or drawn) input, and of the artefact where TensorFlow is there.

    Raises:
        UsageError: there is no input with rows to time.
        RnnportError: a candidate fails.
    """
    ports = [
        (Path(path).name, open_candidate(path, threads=threads, trust=trust)) for path in candidates
    ]
    named = {
        "inputs": list(ports[0][1].inputs) or None,
        "outputs": list(ports[0][1].outputs) or None,
    }
    given = {key: value for key, value in options.items() if value}
    model = open_model(
        artefact, **{k: v for k, v in named.items() if v} | given, ranks=ports[0][1].ranks
    )
    feeds = _feeds(model, samples, seed)
    calls = [(name, _call(port, feeds)) for name, port in ports]
    live = _tensorflow(model, feeds, threads)
    if live is not None:
        calls.insert(0, (f"{model.artefact.path.name} (TensorFlow)", live))
    return interleaved(calls, repeat, progress)


def interleaved(
    calls: Sequence[tuple[str, Callable[[], Any]]],
    repeat: int,
    progress: Progress = lambda *_: None,
    /,
) -> list[Time]:
    """Medians of ``repeat`` rounds, each calling all once; ratios to the first."""
    for _, call in calls:
        for _ in range(WARM_UP):
            call()
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(repeat):
        for (_, call), times in zip(calls, taken, strict=True):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        progress("timing", number + 1, repeat)
    medians = [statistics.median(times) for times in taken]
    return [
        Time(name, median, min(times), median / medians[0])
        for (name, _), median, times in zip(calls, medians, taken, strict=True)
    ]


def _feeds(model: Model, samples: Path | str | None, seed: int) -> dict[str, np.ndarray]:
    recorded = None if samples is None else load_samples(samples)
    runs, _, _ = model.runs(recorded, 6, seed)
    filled = [run for run in runs if all(np.asarray(v).size for v in run.inputs.values())]
    if not filled:
        msg = "there is no input with rows and steps to time: give other --samples"
        raise UsageError(msg)
    largest = max(filled, key=lambda run: sum(np.asarray(v).size for v in run.inputs.values()))
    return model.original.feeds(largest.inputs)


def _call(port: Candidate, feeds: Mapping[str, np.ndarray]) -> Callable[[], Any]:
    return lambda: port.run(feeds)


def _tensorflow(
    model: Model, feeds: Mapping[str, np.ndarray], threads: int
) -> Callable[[], Any] | None:
    """The artefact in a live session; None without TensorFlow, or for what it cannot load (contrib's ops)."""
    try:
        recorder: Any = import_module("porting.record_tf1")
        loaded = recorder.load(str(model.artefact.path))
        session, names, given = loaded.session, list(model.outputs), dict(feeds)
        session.run(names, given)
    except Exception:  # whatever TensorFlow makes of an old graph: a bench without it is still one
        return None
    return lambda: session.run(names, given)
