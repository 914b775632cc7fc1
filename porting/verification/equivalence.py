"""The comparison itself: runs go in one by one, a verdict comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from porting.verification.audit import audit
from porting.verification.candidates import Candidate
from porting.verification.judge import Judge
from porting.verification.original import Original
from porting.verification.ruling import rule
from porting.verification.samples import Run
from porting.verification.verdict import Verdict
from reference.errors import NotConvertibleError, RnnportError, SemanticsError

Progress = Callable[[int], Any]


def check(
    original: Original,
    candidate: Candidate,
    runs: Iterable[Run],
    /,
    *,
    oracle: str = "reference",
    dtype: str = "float32",
    weights: bool = True,
    notes: tuple[str, ...] = (),
    progress: Progress = lambda _: None,
) -> Verdict:
    """Compare a candidate with the original on every run, and its weights with the artefact's.

    Args:
        oracle: what the outputs of ``runs`` are: ``"recording"``, ``"tensorflow"``, or nothing (``"reference"``).
        dtype: what the port computes in. ``"float16"`` widens the floors to its own roundings; of ``"int8"`` no equivalence is
            claimed, and the verdict is ``approximate``.
        weights: audit them, where the candidate shows them.
        progress: told the number of each run that is done.
    """
    judge = Judge(original, oracle=oracle, dtype=dtype, threads=candidate.threads)
    judge.notes.extend(notes)
    for number, run in enumerate(runs):
        _one(judge, original, candidate, number, run)
        progress(number)
    if dtype != "float32":
        judge.notes.append(f"the weights were not audited: the port holds them in {dtype}")
    elif weights and candidate.weights is not None:
        judge.audit = audit(original, candidate.weights())
    return rule(judge)


def _one(judge: Judge, original: Original, candidate: Candidate, number: int, run: Run) -> None:
    try:
        truth = original.run(run.inputs)
    except NotConvertibleError as error:
        judge.unproven.append(f"run {number}: the oracle cannot compute it: {error}")
        return
    except SemanticsError as error:
        if run.outputs:
            judge.reader.append(
                f"run {number}: TensorFlow computed what the oracle refuses: {error}"
            )
        else:
            judge.notes.append(f"run {number} was left out: {error}")
        return
    try:
        answered = candidate.run(original.feeds(run.inputs))
    except RnnportError as error:
        judge.failed(number, str(error))
        return
    except Exception as error:
        judge.failed(number, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        return
    judge.take(number, truth, run.outputs, answered)
