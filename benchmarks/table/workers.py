"""One process a contender: it loads its model once, then runs when it is told to, so that no runtime's threads disturb another's."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Feeds = dict[str, np.ndarray]


Run = Callable[[], Any]


def onnx_runner(path: str, feeds: Feeds, threads: int) -> tuple[Run, Run]:
    """A session of ONNX Runtime with default optimisations: what is timed, and what gives the values to compare."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    plain = {name.split(":")[0]: value for name, value in feeds.items()}
    chosen = {name: plain[name.split(":")[0]] for name in names}

    def run() -> Any:
        return session.run(None, chosen)

    return run, run


def tf_runner(path: str, feeds: Feeds, threads: int) -> tuple[Run, Run]:
    """A TF session on the original graph, its optimisers on as by default."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow

    v1 = tensorflow.compat.v1
    v1.disable_v2_behavior()
    graph = v1.Graph()
    definition = v1.GraphDef()
    definition.ParseFromString(Path(path).read_bytes())
    with graph.as_default():
        v1.import_graph_def(definition, name="")
    config = v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
    )
    session = v1.Session(graph=graph, config=config)
    names = list(feeds)
    call = session.make_callable(["y:0"], feed_list=names)
    values = [feeds[name] for name in names]

    def exact() -> Any:
        """Without the meta-optimiser: with it, TF 2.21 computes layer normalisation wrongly."""
        plain = v1.ConfigProto()
        plain.graph_options.rewrite_options.disable_meta_optimizer = True
        with v1.Session(graph=graph, config=plain) as other:
            return other.run(["y:0"], feeds)

    return lambda: call(*values), exact


RUNNERS: dict[str, Callable[[str, Feeds, int], tuple[Run, Run]]] = {
    "onnx": onnx_runner,
    "tf": tf_runner,
}


def serve(pipe: Any, runner: str, path: str, feeds: Feeds, threads: int) -> None:
    """The worker's loop: ``("time", n)`` gives seconds a run, ``("output",)`` the first output as timed, ``("exact",)`` as compared with."""
    try:
        run, exact = RUNNERS[runner](path, feeds, threads)
        run()
        pipe.send(("ready", None))
    except Exception as error:  # the reason is part of the table
        pipe.send(("failed", f"{type(error).__name__}: {str(error)[:300]}"))
        return
    while True:
        order = pipe.recv()
        if order[0] == "stop":
            return
        if order[0] in ("output", "exact"):
            pipe.send(np.asarray((run if order[0] == "output" else exact)()[0]))
            continue
        start = time.perf_counter()
        for _ in range(order[1]):
            run()
        pipe.send((time.perf_counter() - start) / order[1])


class Worker:
    """A contender of one row."""

    def __init__(self, runner: str, path: Path, feeds: Feeds, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(other, runner, str(path), feeds, threads), daemon=True
        )
        self.process.start()
        other.close()
        self.repeats = 1
        try:
            state, self.failure = self.pipe.recv()
        except EOFError:
            state, self.failure = "failed", "the process died"
        if state == "ready":
            self.failure = None

    def output(self, which: str = "output") -> np.ndarray:
        self.pipe.send((which,))
        return np.asarray(self.pipe.recv())

    def warm(self, enough: float) -> None:
        """A few runs; then as many runs a round as take ``enough`` seconds."""
        took = min(self.time() for _ in range(3))
        self.repeats = max(1, round(enough / max(took, 1e-6)))

    def time(self) -> float:
        """Seconds a run."""
        self.pipe.send(("time", self.repeats))
        return float(self.pipe.recv())

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.pipe.send(("stop",))
        self.process.join(10)
        if self.process.is_alive():
            self.process.terminate()
