"""A live TensorFlow session as R: the original run by TensorFlow itself, its graph optimisers off.

Used only where it is asked for: TensorFlow takes seconds and 600 MB to load, and a release of version 2 no longer knows every op of version 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from porting.quiet import silenced
from porting.verification.original import Original
from porting.verification.samples import Run
from reference.errors import MissingExtraError, UsageError

PURPOSE = "a live TensorFlow session as the oracle (--live)"


def answered(
    original: Original, runs: Sequence[Run], tag: str | None = None, /
) -> tuple[list[Run], tuple[str, ...]]:
    """The same runs with the outputs that a session gives for them, and what is to be said of it.

    Raises:
        MissingExtraError: TensorFlow is not installed.
        UsageError: it cannot load the artefact (ops of ``tf.contrib`` are gone in version 2).
    """
    session, version = _session(original, tag)
    found, notes = [], [f"run by TensorFlow {version} too, its graph optimisers off"]
    for number, run in enumerate(runs):
        feeds = original.feeds(run.inputs)
        try:
            with silenced():
                values = session.run(list(original.outputs), feeds)
        except Exception as error:
            notes.append(f"run {number}: TensorFlow refuses it: {_short(error)}")
            found.append(run)
        else:
            arrays = zip(original.outputs, map(np.asarray, values), strict=True)
            found.append(Run(run.inputs, dict(arrays)))
    return found, tuple(notes)


def _session(original: Original, tag: str | None) -> tuple[Any, str]:
    recorder: Any = import_module("porting.record_tf1")
    with silenced():
        try:
            version = recorder.import_tensorflow().__version__
        except recorder.RecorderError as error:
            package = "tensorflow"
            raise MissingExtraError(package, "tensorflow", PURPOSE) from error
        try:
            loaded = recorder.load(str(original.artefact.path), tag)
        except Exception as error:  # whatever TensorFlow makes of an old graph
            msg = (
                f"TensorFlow {version} cannot load {original.artefact.path.name}: {_short(error)}; "
                "leave --live out, or record with record_tf1.py where the model runs"
            )
            raise UsageError(msg) from error
    return loaded.session, str(version)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
