"""``verify_shards``: all of it, from a pattern to a verdict."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from porting.comparing import Comparison, dtype_of
from porting.shards import pools
from porting.shards.journal import Journal
from porting.shards.streaming import stream_samples
from porting.shards.tally import to_judge
from porting.shards.work import Done, Task, opened
from porting.verification.equivalence import Kept, conclude, keep
from porting.verification.judge import Judge
from porting.version import VERSION
from reference.errors import RnnportError, UsageError

Progress = Callable[[str, int, int], Any]


@dataclass(frozen=True)
class Sharded:
    """A comparison over shards."""

    comparison: Comparison
    shards: int
    skipped: tuple[tuple[str, str], ...]
    """(shard, why) of those that could not be read."""
    journal: Path

    def status(self, max_error: float | None = None) -> int:
        """As ``verify``; 2 where a shard was skipped and nothing is different."""
        status = self.comparison.verdict.status(max_error)
        return 2 if self.skipped and status != 1 else status

    def as_json(self) -> dict[str, Any]:
        skipped = [{"shard": shard, "reason": why} for shard, why in self.skipped]
        return self.comparison.verdict.as_json() | {
            "shards": {"count": self.shards, "skipped": skipped}
        }


def find_shards(pattern: str, /) -> list[str]:
    """The files, sorted.

    Raises:
        UsageError: there are none.
    """
    found = [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern, recursive=True))
    paths = [os.path.abspath(path) for path in found if Path(path).is_file()]
    if not paths:
        msg = f"no samples file matches {pattern!r}"
        raise UsageError(msg)
    return paths


def verify_shards(
    artefact: Path | str,
    candidate: Path | str,
    samples: str,
    /,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    resume: bool = False,
    progress: Progress = lambda *_: None,
    **options: Any,
) -> Sharded:
    """Compare over every file that ``samples`` matches, one run in memory at a time a process.

    After each shard ``CANDIDATE.journal`` is replaced; it goes when all shards are in.

    Args:
        jobs: processes.
        cluster: the address of a Dask scheduler, which takes the place of processes.
        resume: go on from the journal.
        options: ``inputs``, ``outputs``, ``freeze``, ``signature``, ``tag``, ``max_tensor``, ``threads``, ``trust``.

    Raises:
        UsageError: no file matches; ``jobs`` and ``cluster`` together; a journal of something else.
        ArtefactError, MissingExtraError: the artefact or the candidate cannot be opened.
    """
    if cluster is not None and jobs > 1:
        msg = "--jobs is for this machine and --cluster for another: give one"
        raise UsageError(msg)
    shards = find_shards(samples)
    task = Task(os.path.abspath(artefact), os.path.abspath(candidate), options)
    port, model = opened(task)  # what cannot be opened is told before a process starts
    where = Path(candidate)
    journal = Journal(
        where.with_name(where.name + ".journal"), _identity(model.artefact.sha256, where, options)
    )
    if resume:
        journal.resume(shards)
    else:
        journal.write()
    waiting = [shard for shard in shards if shard not in journal.done]
    skipped = []
    progress("shards", len(journal.done), len(shards))
    for number, done in enumerate(_results(task, waiting, jobs, cluster), len(journal.done) + 1):
        if done.tally is None:
            skipped.append((done.shard, done.problem))
        else:
            journal.add(done.shard, done.mark, done.tally)
        progress("shards", number, len(shards))
    judge = Judge(model.original, oracle="recording", dtype=dtype_of(port), threads=port.threads)
    if journal.tally is not None:
        to_judge(journal.tally, judge)
    judge.unproven.extend(f"skipped: {why}" for _, why in sorted(skipped))
    verdict = conclude(judge, port, _inputs(journal, judge), dtype=dtype_of(port))
    if not skipped:
        journal.remove()
    return Sharded(
        Comparison(verdict, model, port), len(shards), tuple(sorted(skipped)), journal.path
    )


def _results(task: Task, shards: Sequence[str], jobs: int, cluster: str | None) -> Iterator[Done]:
    if not shards:
        return iter(())
    if cluster is not None:
        return pools.cluster(task, shards, cluster)
    return pools.here(task, shards) if jobs == 1 else pools.processes(task, shards, jobs)


def _identity(artefact: str, candidate: Path, options: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    with open(candidate, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    told = [VERSION, artefact, digest.hexdigest(), options]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _inputs(journal: Journal, judge: Judge) -> Kept:
    """Inputs for the search for a cause: those of the shard where it is worst, else of the first."""
    places = [where for _, where in judge.problems] + [c.worst for c in judge.counts.values()]
    regions = sorted(judge.regions.values(), key=lambda r: r.port / (r.floor or 1.0), reverse=True)
    worst = next(
        (place["shard"] for place in [*places, *(r.worst for r in regions)] if "shard" in place),
        None,
    )
    kept: Kept = []
    for shard in [worst] if worst else sorted(journal.done)[:1]:
        try:
            for number, one in enumerate(stream_samples(shard)):
                keep(kept, number, one.runs[0])
        except (
            RnnportError
        ):  # it was readable when it was counted; the verdict stands without a cause
            continue
    return kept
