"""For people's own tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from porting.comparing import compare
from porting.verification.candidates import Candidate
from porting.verification.verdict import EQUIVALENT, Verdict

Call = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


def assert_equivalent(
    port: Path | str | Call,
    original: Path | str,
    /,
    *,
    samples: Path | str | None = None,
    **options: Any,
) -> Verdict:
    """Fail unless the port computes what the original does; the message is the verdict's.

    Args:
        port: an ``.onnx`` or ``.keras`` file, or a function from arrays to arrays, both by TF tensor name.
        original: the TF1 artefact.
        samples: a recording; else inputs are drawn and the original's graph is the oracle.
        options: those of :func:`porting.verification`: ``inputs``, ``outputs``, ``freeze``, ``cases``, ….

    Raises:
        AssertionError: the verdict is not ``equivalent``.
    """
    given: Any = port
    if callable(port):
        from porting.model import open_model

        keys = ("inputs", "outputs", "freeze", "signature", "tag", "max_tensor")
        model = open_model(original, **{k: v for k, v in options.items() if k in keys})
        given = Candidate(port, tuple(model.program.inputs), model.program.outputs)
    verdict = compare(original, given, samples=samples, **options).verdict
    if verdict.verdict != EQUIVALENT:
        msg = "\n".join((verdict.sentence(), *verdict.reasons))
        raise AssertionError(msg)
    return verdict
