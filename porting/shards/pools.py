"""Where shards are compared: here, on processes of this machine, on a Dask cluster. Each gives results as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from porting.shards.work import Done, Task, compare_shard, watch_parent
from reference.errors import ArtefactError, MissingExtraError, UsageError

AHEAD = 2
"""Shards handed out per worker: enough to keep it busy, few enough to stop soon."""


def here(task: Task, shards: Sequence[str], /) -> Iterator[Done]:
    """One after the other."""
    for shard in shards:
        yield compare_shard(task, shard)


def processes(task: Task, shards: Sequence[str], jobs: int, /) -> Iterator[Done]:
    """On ``jobs`` processes.

    Raises:
        ArtefactError: a process died.
    """
    import multiprocessing
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from concurrent.futures.process import BrokenProcessPool

    spawn = multiprocessing.get_context("spawn")
    waiting = iter(shards)
    with ProcessPoolExecutor(min(jobs, len(shards)), spawn, watch_parent) as pool:
        running: dict[Any, str] = {}
        try:
            while True:
                while len(running) < AHEAD * jobs and (shard := next(waiting, None)) is not None:
                    running[pool.submit(compare_shard, task, shard)] = shard
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    del running[future]
                    yield future.result()
        except BrokenProcessPool as error:
            msg = f"a process died (lack of memory?) at one of {', '.join(running.values())}: try fewer --jobs, then --resume"
            raise ArtefactError(msg) from error
        finally:
            for future in running:
                future.cancel()


def cluster(task: Task, shards: Sequence[str], address: str, /) -> Iterator[Done]:
    """On the workers of an existing Dask scheduler, which must see the same files and have this package.

    Raises:
        MissingExtraError: Dask is not installed.
        UsageError: no scheduler answers at ``address``.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        package = "distributed"
        raise MissingExtraError(package, "dask", "--cluster") from error
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        msg = f"no Dask scheduler answers at {address}: {' '.join(str(error).split())[:200]}"
        raise UsageError(msg) from error
    with client:
        # Not pure: a shard may have been mended since its name was last sent.
        futures = client.map(compare_shard, [task] * len(shards), list(shards), pure=False)
        for future in as_completed(futures):
            done: Done = future.result()
            future.release()
            yield done
