"""TensorFlow 1.15 in a process of its own interpreter: starts the worker, hands it runs, reads its answers."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from porting import record_tf1
from porting.verification import Original, Run
from porting.verification.samples import save_samples

VARIABLE = "RNNPORT_TF1"
"""Names the Python interpreter that has TensorFlow 1.15."""


class Live:
    """One TensorFlow process for the whole sweep; one session a model."""

    def __init__(self, interpreter: str) -> None:
        worker = Path(__file__).with_name("tf1_worker.py")
        self.process = subprocess.Popen(
            [interpreter, str(worker), str(Path(record_tf1.__file__).parent)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.version = ""

    def answers(
        self, original: Original, graph: Path, runs: list[Run]
    ) -> tuple[list[Run], dict[int, str]]:
        """The runs with what the session gives, and the complaints by number of those it refuses.

        Raises:
            RuntimeError: it cannot load the graph, or is gone.
        """
        with tempfile.TemporaryDirectory() as folder:
            fed, told = Path(folder) / "in.npz", Path(folder) / "out.npz"
            save_samples(fed, [Run(original.feeds(run.inputs), {}) for run in runs], {})
            request = {"graph": str(graph), "feeds": str(fed), "outputs": original.outputs}
            found = self._ask(request | {"to": str(told)})
            with np.load(told) as archive:
                values = {key: archive[key] for key in archive.files}
        self.version = found["tensorflow"]
        refused = {int(k): str(v) for k, v in found["refused"].items()}
        filled = [
            Run(run.inputs, {n: _text(values[f"out{k}:{n}"]) for n in original.outputs})
            for k, run in enumerate(runs)
            if k not in refused
        ]
        return filled, refused

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"error": "the worker is gone"}
        if "error" in found:
            raise RuntimeError(found["error"])
        return found

    def close(self) -> None:
        """End the worker."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


def _text(value: np.ndarray) -> np.ndarray:
    return value.astype(object) if value.dtype.kind == "S" else value
