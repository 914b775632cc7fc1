"""What TensorFlow 1.15.5 makes of odd inputs: ``python -m tests.zoo.record_odd [NAME…]``, from the root of the repository.

Writes ``odd.npz`` into the folders of the models. A model runs in a process of its own, which TensorFlow ends at some
inputs; the case is noted and the next process goes on behind it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from tests.zoo.odd_inputs import Feeds, cases  # noqa: E402
from tests.zoo.odd_store import Outcome, pack  # noqa: E402

MODELS = Path(__file__).resolve().parent / "models"
PATIENCE = 20_000
"""Milliseconds a run may take."""


def recorded_inputs(folder: Path) -> List[Feeds]:
    """The inputs of the recorded runs, in order."""
    runs: Dict[int, Feeds] = {}
    with np.load(str(folder / "samples.npz"), allow_pickle=False) as archive:
        for key in archive.files:
            head, _, tensor = key.partition(":")
            if tensor and head.startswith("in"):
                runs.setdefault(int(head[2:]), {})[tensor] = archive[key]
    return [runs[index] for index in sorted(runs)]


def child(name: str, first: int, folder: Path) -> None:
    """Run the cases of one model from ``first`` on; a file a case."""
    import tensorflow as tf
    from tensorflow.contrib import rnn, seq2seq  # noqa: F401 - registers their operators

    from tests.zoo.generate.freeze import as_fed, session_config, storable

    tf.logging.set_verbosity(tf.logging.ERROR)
    card = json.loads((MODELS / name / "card.json").read_text())
    definition = tf.GraphDef.FromString((MODELS / name / "frozen.pb").read_bytes())
    with tf.Graph().as_default() as graph, tf.Session(config=session_config()) as session:
        tf.import_graph_def(definition, name="")
        for node in card["init_nodes"]:
            session.run(graph.get_operation_by_name(node))
        fetches = [entry["name"] for entry in card["outputs"]]
        options = tf.RunOptions(timeout_in_ms=PATIENCE)
        found = list(cases(card, recorded_inputs(MODELS / name)))
        for index, (_, feeds) in enumerate(found):
            if index < first:
                continue
            (folder / "at").write_text(str(index))
            fed = {**card["frozen"], **{key: as_fed(value) for key, value in feeds.items()}}
            try:
                results = session.run(fetches, fed, options=options)
            except (tf.errors.OpError, ValueError) as error:
                text = " ".join(str(error).split("\n")[0].split())[:100]
                (folder / f"{index}.txt").write_text(f"{type(error).__name__}: {text}")
                continue
            arrays = {key: storable(value) for key, value in zip(fetches, results)}
            np.savez(str(folder / f"{index}.npz"), **arrays)


def record(name: str) -> str:
    """All cases of one model; how they came out, in words."""
    card = json.loads((MODELS / name / "card.json").read_text())
    names = [what for what, _ in cases(card, recorded_inputs(MODELS / name))]
    with tempfile.TemporaryDirectory() as made:
        ends = run_on(name, len(names), Path(made))
        outcomes = [ends.get(index) or outcome(Path(made), index) for index in range(len(names))]
    np.savez_compressed(str(MODELS / name / "odd.npz"), **pack(names, outcomes))
    return f"{len(names)} cases, {sum(isinstance(found, str) for found in outcomes)} refused"


def run_on(name: str, count: int, folder: Path) -> Dict[int, str]:
    """All cases, in as many processes as it takes; the cases that ended theirs."""
    ends: Dict[int, str] = {}
    first = 0
    while first < count:
        command = [sys.executable, "-W", "ignore", "-m", "tests.zoo.record_odd"]
        command += [name, str(first), str(folder)]
        status = subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode
        if not status:
            break
        first = int((folder / "at").read_text()) + 1
        ends[first - 1] = f"the process ends ({status})"
    return ends


def outcome(folder: Path, index: int) -> Outcome:
    """What a child left of one case."""
    results = folder / f"{index}.npz"
    if not results.exists():
        return (folder / f"{index}.txt").read_text()
    with np.load(str(results), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def main(arguments: List[str]) -> None:
    if len(arguments) == 3 and arguments[1].isdigit():
        child(arguments[0], int(arguments[1]), Path(arguments[2]))
        return
    chosen = arguments or sorted(path.parent.name for path in MODELS.glob("*/samples.npz"))
    for name in chosen:
        print(name, record(name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
