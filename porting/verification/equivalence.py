"""The comparison itself: runs go in one by one, a verdict comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from porting.verification import maximum, narrowed
from porting.verification.auditing import audited, unseen
from porting.verification.candidates import Candidate
from porting.verification.choices import looked_inside
from porting.verification.judge import Judge
from porting.verification.original import Original
from porting.verification.ruling import rule
from porting.verification.samples import Run
from porting.verification.verdict import DIFFERENT, EQUIVALENT, Verdict
from reference.errors import NotConvertibleError, RnnportError, SemanticsError

Progress = Callable[[int], Any]
Kept = list[tuple[int, Mapping[str, Any]]]
KEPT_RUNS, KEPT_BYTES = 8, 64 << 20
"""What is kept of the inputs for the search for a cause."""


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
    doubts: tuple[str, ...] = (),
    progress: Progress = lambda _: None,
) -> Verdict:
    """Compare a candidate with the original on every run, and its weights with the artefact's.

    Args:
        oracle: what the outputs of ``runs`` are: ``"recording"``, ``"tensorflow"``, or nothing (``"reference"``).
        dtype: what the port computes in. ``"float16"`` widens the floors to its own roundings; of ``"int8"`` no equivalence is
            claimed, and the verdict is ``approximate``.
        weights: audit them, where the candidate shows them.
        doubts: why no verdict may be ``equivalent``, whatever the runs show.
        progress: told the number of each run that is done.
    """
    original, candidate = looked_inside(original, candidate)
    judge = Judge(original, oracle=oracle, dtype=dtype, threads=candidate.threads)
    judge.notes.extend(notes)
    judge.unproven.extend(doubts)
    kept: Kept = []
    for number, run in enumerate(runs):
        take_run(judge, candidate, number, run)
        keep(kept, number, run)
        progress(number)
    return conclude(judge, candidate, kept, dtype=dtype, weights=weights)


def conclude(
    judge: Judge, candidate: Candidate, kept: Kept, /, *, dtype: str, weights: bool = True
) -> Verdict:
    """The verdict on what all runs showed: the audit of the weights, the rule, the search for a cause.

    Args:
        kept: (number, inputs) of some runs.
    """
    original = judge.original
    if weights:
        judge.audit = audited(original, candidate, dtype)
    floating = [name for (name, _), region in judge.regions.items() if region.values]
    judge.unproven.extend(unseen(original, floating, judge.counts, judge.audit))
    verdict = rule(judge)
    if dtype == "int8" or verdict.worst.get("place") == "reader":
        return verdict
    if any(region.values and region.chaotic for region in judge.regions.values()):
        return stepped(verdict, judge, candidate, kept, dtype)
    return explained(verdict, original, candidate, kept)


def stepped(
    verdict: Verdict, judge: Judge, candidate: Candidate, kept: Kept, dtype: str = "float32", /
) -> Verdict:
    """The verdict on a chaotic model, after a few steps at a time from T's own states.

    What differs there is ``different``. What agrees stays as it was: the whole sequence was not, and cannot be, compared.
    """
    from porting.diagnosis.setting import settable
    from porting.diagnosis.stepping import stepwise

    original, candidate, kept = settable(judge.original, candidate, kept)
    short = Judge(original, oracle="reference", dtype=dtype, threads=candidate.threads)
    taken = stepwise(original, candidate, kept, short, running=original is not judge.original)
    if isinstance(taken, str):
        text = f"it was not checked step by step from T's own states: {taken}"
        told: dict[str, Any] = {"verdict": None, "reason": text}
        return replace(verdict, reasons=(*verdict.reasons, text), stepwise=told)
    found = rule(short)
    ratio = max((row.ratio for row in found.rows), default=0.0)
    told = {"verdict": found.verdict, "runs": found.cases, "floors": ratio, "reason": None}
    if found.verdict == DIFFERENT:
        found = explained(found, original, candidate, taken)
        text = "step by step from T's own states the port is different: "
        return replace(
            verdict, verdict=DIFFERENT, worst=found.worst, stepwise=told, diagnosis=found.diagnosis,
            reasons=(*(text + reason for reason in found.reasons), *verdict.reasons),
        )  # fmt: skip
    word = "agrees with" if found.verdict == EQUIVALENT else "proves nothing against"
    text = f"step by step from T's own states the port {word} T: at most {ratio:.2g} noise floors"
    return replace(verdict, reasons=(*verdict.reasons, text), stepwise=told)


def explained(
    verdict: Verdict,
    original: Original,
    candidate: Candidate,
    kept: Kept,
    /,
) -> Verdict:
    """A ``different`` verdict with the cause and the place of the difference, as far as they can be found.

    Args:
        kept: (number, inputs) of some runs.
    """
    if verdict.verdict != DIFFERENT or original.artefact.kind == "keras":
        return verdict
    from porting.diagnosis import diagnose

    found = diagnose(original, candidate, kept, verdict)
    if found is None:
        return verdict
    return replace(
        verdict,
        worst=verdict.worst | dict(found.place),
        reasons=(found.sentence, *verdict.reasons),
        diagnosis=found.as_json(),
    )


def keep(kept: Kept, number: int, run: Run) -> None:
    """Keep the inputs of the first runs."""
    if len(kept) < KEPT_RUNS:
        size = sum(value.nbytes for _, inputs in kept for value in inputs.values())
        if size + sum(value.nbytes for value in run.inputs.values()) <= KEPT_BYTES:
            kept.append((number, run.inputs))


def take_run(judge: Judge, candidate: Candidate, number: int, run: Run) -> None:
    """Let the judge see one run."""
    original = judge.original
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
    answered, cut = maximum.without_steps_not_run(
        answered, truth.exact, maximum.named(candidate.origin)
    )
    answered, widened = narrowed.as_wide(
        answered, truth.exact, maximum.named(candidate.origin, narrowed.KEY)
    )
    judge.ran_to_maximum(cut)
    judge.gave_int32(widened)
    truth = original.looked_at_closer(truth, run.inputs, answered)
    judge.take(number, truth, run.outputs, answered)
