"""One process a contender: it loads a row's model, then runs when it is told to, so that no runtime's threads disturb another's."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

Feeds = dict[str, np.ndarray]

WRONG = 1e-3
"""A difference from TF's own numbers above which a model computes something else."""


class OnnxRunner:
    """A session of ONNX Runtime with default optimisations."""

    def __init__(self, path: str, feeds: Feeds, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        plain = {name.split(":")[0]: value for name, value in feeds.items()}
        self.chosen = {
            item.name: plain[item.name.split(":")[0]] for item in self.session.get_inputs()
        }

    def run(self) -> Any:
        return self.session.run(None, self.chosen)

    def exact(self) -> Any:
        return self.run()

    def mend(self, original: np.ndarray) -> str:
        return ""

    def close(self) -> None:
        del self.session


class TfRunner:
    """A TF session on the original graph, its optimisers on as by default."""

    def __init__(self, path: str, feeds: Feeds, threads: int) -> None:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        import tensorflow

        self.v1 = tensorflow.compat.v1
        self.v1.disable_v2_behavior()
        self.graph = self.v1.Graph()
        definition = self.v1.GraphDef()
        definition.ParseFromString(Path(path).read_bytes())
        with self.graph.as_default():
            self.v1.import_graph_def(definition, name="")
        self.threads, self.feeds = threads, feeds
        self.open(self.config())

    def config(self) -> Any:
        return self.v1.ConfigProto(
            intra_op_parallelism_threads=self.threads, inter_op_parallelism_threads=self.threads
        )

    def open(self, config: Any) -> None:
        self.session = self.v1.Session(graph=self.graph, config=config)
        self.call = self.session.make_callable(["y:0"], feed_list=list(self.feeds))

    def run(self) -> Any:
        return self.call(*self.feeds.values())

    def exact(self) -> Any:
        """Without the meta-optimiser: with it, TF 2.21 computes layer normalisation wrongly."""
        plain = self.v1.ConfigProto()
        plain.graph_options.rewrite_options.disable_meta_optimizer = True
        with self.v1.Session(graph=self.graph, config=plain) as other:
            return other.run(["y:0"], self.feeds)

    def mend(self, original: np.ndarray) -> str:
        """Switch off what makes the session wrong: a wrong result is no rival. What was done is returned.

        TF 2.21's remapper fuses a layer normalisation it finds in a loop, and the result is off in the first digit; without it TF 2.21 and 1.15.5
        agree to 4e-6 on these graphs.
        """
        off = float(np.max(np.abs(np.asarray(self.run()[0]) - original)))
        if off <= WRONG:
            return ""
        self.session.close()
        config = self.config()
        config.graph_options.rewrite_options.remapping = 2  # RewriterConfig.OFF
        self.open(config)
        return f"its remapper switched off, with which it is off by {off:.0e}"

    def close(self) -> None:
        self.session.close()


RUNNERS: dict[str, type[OnnxRunner] | type[TfRunner]] = {"onnx": OnnxRunner, "tf": TfRunner}


def serve(pipe: Any) -> None:
    """The worker's loop. ``("load", runner, path, feeds, threads)`` gives None or what failed, ``("time", n)`` seconds a run,

    ``("output",)`` the first output as timed, ``("exact",)`` as compared with, ``("mend", array)`` what was done.
    """
    runner: Any = None
    while True:
        order, *rest = pipe.recv()
        if order == "stop":
            return
        if order in ("load", "unload") and runner is not None:
            runner.close()
            runner = None
        if order == "load":
            try:
                runner = RUNNERS[rest[0]](*rest[1:])
                runner.run()
                pipe.send(None)
            except Exception as error:  # the reason is part of the table
                pipe.send(f"{type(error).__name__}: {str(error)[:300]}")
        elif order in ("output", "exact"):
            pipe.send(np.asarray((runner.run if order == "output" else runner.exact)()[0]))
        elif order == "mend":
            pipe.send(runner.mend(*rest))
        elif order == "time":
            if rest[0] > 1:  # the others had the caches
                runner.run()
            start = time.perf_counter()
            for _ in range(rest[0]):
                runner.run()
            pipe.send((time.perf_counter() - start) / rest[0])


class Worker:
    """The process of a contender."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other,), daemon=True)
        self.process.start()
        other.close()
        self.repeats = 1

    def load(self, runner: str, path: Path, feeds: Feeds, threads: int) -> str | None:
        """A model in place of the one before; what failed, if it did."""
        self.repeats = 1
        try:
            self.pipe.send(("load", runner, str(path), feeds, threads))
            failure: str | None = self.pipe.recv()
        except (EOFError, OSError):
            failure = "the process died"
            self.process.join(10)
        return failure

    def unload(self) -> None:
        self.pipe.send(("unload",))

    def output(self, which: str = "output") -> np.ndarray:
        self.pipe.send((which,))
        return np.asarray(self.pipe.recv())

    def mend(self, original: np.ndarray) -> str:
        self.pipe.send(("mend", original))
        return str(self.pipe.recv())

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
