"""Tries the known mistakes one by one, and says which explains what the candidate answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.program import Program, Recurrence
from porting.diagnosis.driving import variants
from porting.diagnosis.inside import first_inside, seen_inside
from porting.diagnosis.locating import Shape, about, in_words, locate
from porting.diagnosis.surgery import Variant, recurrences
from porting.diagnosis.trial import Bench, Floors
from porting.diagnosis.weighing import damaged_weight

if TYPE_CHECKING:
    from porting.verification.candidates import Candidate
    from porting.verification.original import Original
    from porting.verification.verdict import Verdict

Runs = Sequence[tuple[int, Mapping[str, np.ndarray]]]
MAX_TRIALS = 2000
SECONDS = 20.0
"""No further mistake is tried after that; the rest is named as untried."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found."""

    place: Mapping[str, Any]
    """tensor, run, index, row, step, region; recurrence, cell, layer, direction, part; what is known of these."""
    sentence: str
    cause: str | None = None
    """The known mistake that explains the numbers; None where none does."""
    also: tuple[str, ...] = ()
    """Other mistakes that explain them as well."""
    tried: int = 0
    complete: bool = True
    """False: time ran out before all were tried."""
    residual: float | None = field(default=None)
    """What is left of the difference, in parts of what a right port may differ by."""

    def as_json(self) -> dict[str, Any]:
        return {
            "cause": self.cause, "sentence": self.sentence, "place": dict(self.place), "also": list(self.also),
            "tried": self.tried, "complete": self.complete, "residual": self.residual,
        }  # fmt: skip


@dataclass(frozen=True)
class Guess:
    """One or several recurrences with the same mistake."""

    variants: tuple[Variant, ...]
    residual: float = 0.0


def diagnose(
    original: Original, candidate: Candidate, runs: Runs, verdict: Verdict, /
) -> Diagnosis | None:
    """Look for the cause of a ``different`` verdict; None where there is nothing to go by.

    Args:
        runs: (number, inputs) of some runs, small in number.
    """
    program = original.program
    if program is None or verdict.worst.get("place") == "reader" or not runs:
        return None
    floors = Floors(
        {(row.tensor, row.region): row.floor for row in verdict.rows},
        verdict.rows[0].dtype if verdict.rows else "float32", original.layouts,
    )  # fmt: skip
    shape = Shape(program)
    benches = _benches(program, original, candidate, runs, floors)
    weight = damaged_weight(program, shape, candidate, verdict)
    if not benches:
        return _of_weight(weight, {})
    number, bench = max(benches, key=lambda item: item[1].residual())
    if bench.residual() <= 1:
        if any(row.problem for row in verdict.rows):
            text = "the port computes what the lifted model computes: the graph was lifted wrongly, the export is right"
            return Diagnosis(_worst(verdict), text, "lift", residual=bench.residual())
        return _of_weight(weight, {})
    return _search(program, shape, candidate, benches, number, bench, weight)


def _worst(verdict: Verdict) -> Mapping[str, Any]:
    return {k: v for k, v in verdict.worst.items() if v is not None}


def _benches(
    program: Program, original: Original, candidate: Candidate, runs: Runs, floors: Floors
) -> list[tuple[int, Bench]]:
    found = []
    for number, inputs in runs:
        feeds = original.feeds(inputs)
        if any(value.size == 0 for value in feeds.values()):
            continue  # nothing to see there, and ops that only a mistake needs may fail on it
        try:
            answered = candidate.run(feeds)
            found.append(
                (number, Bench(program, {n: feeds[n] for n in program.inputs}, answered, floors))
            )
        except Exception:  # whatever a runtime, or somebody's function, raises
            continue  # a run that fails says nothing of why another differs
    return found


def _search(
    program: Program, shape: Shape, candidate: Candidate, benches: list[tuple[int, Bench]], number: int, bench: Bench,
    weight: tuple[Mapping[str, Any], str] | None,
) -> Diagnosis:  # fmt: skip
    vague = _vague(bench)
    if vague:
        for _, one in benches:
            one.inner = seen_inside(candidate, one, shape)
    guesses, tried, complete = _tried(program, bench, benches, _differing(bench, shape))
    if not guesses:
        place = locate(bench, shape, number) | first_inside(candidate, bench, shape)
        if weight is not None:
            found = _of_weight(weight, place)
            assert found is not None
            return found
        return Diagnosis(
            place, _unknown(place, tried, complete=complete), None, (), tried, complete
        )
    best = guesses[0]
    first = best.variants[0]
    if vague and len({(g.variants[0].cause, g.variants[0].recurrence) for g in guesses}) > 1:
        place = locate(bench, shape, number)
        several = "; or ".join(dict.fromkeys(_say(shape, guess) for guess in guesses))
        text = f"the first difference is in {in_words(place)}; integers alone cannot tell which mistake it is: {several}"
        return Diagnosis(place, text, None, (), tried, complete)
    place = dict(locate(bench, shape, number, first.recurrence))
    if first.part is not None:
        place["part"] = first.part
    place.setdefault("region", first.region or "valid")
    if len(best.variants) > 1:
        place["recurrences"] = [v.recurrence for v in best.variants]
    also = tuple(dict.fromkeys(_say(shape, guess) for guess in guesses[1:]))
    text = f"{_say(shape, best)}; first seen in {in_words(place)}"
    return Diagnosis(place, text, first.cause, also, tried, complete, best.residual)


def _vague(bench: Bench) -> bool:
    """Whether only integers differ: they say too little to tell one mistake from another."""
    names = [name for name, ratio in bench.differences().items() if (ratio > 1).any()]
    return all(bench.outputs[name].dtype.kind != "f" for name in names)


def _differing(bench: Bench, shape: Shape) -> frozenset[str]:
    """Recurrences that any differing output depends on."""
    names = [name for name, ratio in bench.differences().items() if (ratio > 1).any()]
    return frozenset().union(*(shape.output(name) for name in names))


def _tried(
    program: Program, bench: Bench, benches: list[tuple[int, Bench]], concerned: frozenset[str]
) -> tuple[list[Guess], int, bool]:
    """The guesses that explain every run, the best first; how many were tried, and whether that was all."""
    found: list[Guess] = []
    tried, end = 0, time.monotonic() + SECONDS
    for group in _groups(program, concerned):
        if tried >= MAX_TRIALS or time.monotonic() > end:
            return _best(found), tried, False
        if found and group[0].cause == "gates permuted" != found[0].variants[0].cause:
            break  # something likelier explains it; the many orders of the gates need not be tried
        tried += 1
        if bench.explained(group) is None:
            continue
        rest = [other.explained(group) for _, other in benches]
        known = [value for value in rest if value is not None]
        if len(known) == len(rest):
            found.append(Guess(tuple(group), max(known)))
            if len(found) >= 3:
                break
    return _best(found), tried, True


def _best(found: list[Guess]) -> list[Guess]:
    """Residuals within one limit count as equal: then the likeliest comes first."""
    return sorted(found, key=lambda guess: max(guess.residual, 1.0))


def _groups(program: Program, concerned: frozenset[str]) -> Iterator[list[Variant]]:
    """Each mistake in each recurrence alone, then the same mistake in all that can have it."""
    every = [r for r in recurrences(program) if r.name in concerned] or recurrences(program)
    by: dict[tuple[str, str], list[Variant]] = {}
    lists = [list(variants(program, r)) for r in every]
    likely: Callable[[Variant], bool] = lambda v: v.cause != "gates permuted"  # noqa: E731
    for wanted in (True, False):
        for found in lists:
            for variant in found:
                if likely(variant) is wanted:
                    by.setdefault(_kind(variant), []).append(variant)
                    yield [variant]
    yield from (group for group in by.values() if len({v.recurrence for v in group}) > 1)


def _kind(variant: Variant) -> tuple[str, str]:
    return variant.cause, variant.text


def _say(shape: Shape, guess: Guess) -> str:
    first = guess.variants[0]
    if len(guess.variants) == 1:
        return f"{_called(shape, first.recurrence)} seems to {first.text}"
    names = ", ".join(v.recurrence for v in guess.variants)
    return f"{len(guess.variants)} recurrences ({names}) seem to {first.text}"


def _called(shape: Shape, name: str) -> str:
    place = about(shape, name)
    layer = f", layer {place['layer']}" if len(shape.by_name) > 1 else ""
    return f"the {place['cell']} {name}{layer}{', backward' if place['direction'] == 'backward' else ''}"


def _unknown(place: Mapping[str, Any], tried: int, *, complete: bool) -> str:
    where = (
        f"the first difference is in {in_words(place)}" if place else "no single place was found"
    )
    if place.get("recurrence"):
        where += f", behind {place['recurrence']}"
    count = (
        f"none of {tried} known mistakes explains it"
        if tried
        else "no known mistake could be tried"
    )
    return f"{where}; {count}{'' if complete else ' (time ran out before all were tried)'}"


def _of_weight(
    weight: tuple[Mapping[str, Any], str] | None, place: Mapping[str, Any]
) -> Diagnosis | None:
    if weight is None:
        return None
    where, text = weight
    return Diagnosis({**place, **where}, text, "weight off")


Recurrences = Sequence[Recurrence]
