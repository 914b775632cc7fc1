"""For people's own tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from porting.comparing import compare
from porting.verification.candidates import Candidate, keras_model
from porting.verification.samples import Run, Samples, save_samples
from porting.verification.verdict import EQUIVALENT, Verdict
from reference.errors import UsageError

Call = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
_READING = ("inputs", "outputs", "freeze", "signature", "tag", "max_tensor")


def assert_equivalent(
    port: Any,
    original: Path | str,
    /,
    *,
    samples: Path | str | Samples | Sequence[Run] | None = None,
    names: Mapping[str, str] | None = None,
    **options: Any,
) -> Verdict:
    """Fail unless the port computes what the original does; the message is the verdict's.

    Args:
        port: an ``.onnx`` or ``.keras`` file; a Keras model whose inputs and outputs are dicts; or a function from arrays to arrays, both by
            TF tensor name.
        original: the TF1 artefact.
        samples: a recording: a file, a pattern, or runs; else inputs are drawn and the original's graph is the oracle.
        names: of a Keras model, its inputs and outputs by TF tensor name, where they are called otherwise.
        options: those of :func:`porting.verify`: ``inputs``, ``outputs``, ``freeze``, ``cases``, ….

    Raises:
        AssertionError: the verdict is not ``equivalent``.
        UsageError: ``names`` for what is no Keras model; no runs.
    """
    given = _candidate(port, original, names, options)
    if samples is None or isinstance(samples, Path | str):
        verdict = compare(original, given, samples=samples, **options).verdict
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "samples.npz"
            _write(path, samples)
            verdict = compare(original, given, samples=path, **options).verdict
    if verdict.verdict != EQUIVALENT:
        msg = "\n".join((verdict.sentence(), *verdict.reasons))
        raise AssertionError(msg)
    return verdict


def _candidate(
    port: Any, original: Path | str, names: Mapping[str, str] | None, options: dict[str, Any]
) -> Any:
    model = hasattr(port, "get_config") and hasattr(port, "weights")
    if names is not None and not model:
        msg = "names is given, but the port is no Keras model: a file carries its own, a function uses TF's"
        raise UsageError(msg)
    if isinstance(port, Candidate | Path | str):
        return port
    if model:
        import json

        return keras_model(port, {} if names is None else {"names": json.dumps(dict(names))})
    from porting.model import open_model

    opened = open_model(original, **{k: v for k, v in options.items() if k in _READING})
    return Candidate(port, tuple(opened.program.inputs), opened.program.outputs)


def _write(path: Path, samples: Samples | Sequence[Run]) -> None:
    runs = samples.runs if isinstance(samples, Samples) else tuple(samples)
    if not runs:
        msg = "samples holds no runs"
        raise UsageError(msg)
    save_samples(path, runs, samples.meta if isinstance(samples, Samples) else None)
