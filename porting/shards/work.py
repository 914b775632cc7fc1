"""One shard: the function that runs in this process, in another, or on a cluster."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from porting.comparing import dtype_of, open_pair, other_file
from porting.model import Model
from porting.shards.journal import Stamp, stamp
from porting.shards.streaming import stream_samples
from porting.shards.tally import Tally, of_judge
from porting.verification.candidates import Candidate
from porting.verification.equivalence import take_run
from porting.verification.judge import Judge
from reference.errors import RnnportError


@dataclass(frozen=True)
class Task:
    """What every shard is compared with; small, so that it can be sent."""

    artefact: str
    candidate: str
    options: dict[str, Any] = field(default_factory=dict)
    """Of :func:`porting.comparing.open_pair`."""


@dataclass(frozen=True)
class Done:
    """One shard, compared or refused."""

    shard: str
    mark: Stamp = (0, 0)
    tally: Tally | None = None
    problem: str = ""
    """Why it could not be read; "" where it could."""


_opened: dict[str, tuple[Candidate, Model]] = {}
_opening = threading.Lock()


def opened(task: Task, /) -> tuple[Candidate, Model]:
    """Port and original, opened once a process."""
    files = [stamp(path) for path in (task.artefact, task.candidate) if os.path.exists(path)]
    key = repr(
        (task, files)
    )  # a worker of a cluster outlives a verification, and the files may change
    with _opening:
        if key not in _opened:
            _opened.clear()
            _opened[key] = open_pair(task.artefact, task.candidate, **task.options)
        return _opened[key]


def compare_shard(task: Task, shard: str, /) -> Done:
    """Every run of one shard; a shard that cannot be read to its end counts nothing.

    Raises:
        RnnportError: the artefact or the candidate cannot be opened.
    """
    port, model = opened(task)
    judge = Judge(model.original, oracle="recording", dtype=dtype_of(port), threads=port.threads)
    judge.notes.extend(other_file(port, model))
    try:
        mark = stamp(shard)
        for number, one in enumerate(stream_samples(Path(shard))):
            model.check_samples(one)
            runs, _, notes = model.runs(one, 0, 0)
            judge.notes.extend(note for note in notes if note not in judge.notes)
            take_run(judge, port, number, runs[0])
    except RnnportError as error:
        return Done(shard, problem=str(error))
    except OSError as error:
        return Done(shard, problem=f"{shard} cannot be read: {error.strerror}")
    return Done(shard, mark, of_judge(judge, shard))


def watch_parent() -> None:
    """End this worker with its parent, which may be killed: else it would wait for work for ever."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
