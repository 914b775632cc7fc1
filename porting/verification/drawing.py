"""Inputs for a comparison without a recording, drawn as the recorder draws them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from porting import record_tf1
from porting.verification.describe import Flow, describe
from porting.verification.original import Original
from porting.verification.samples import Run
from reference.errors import NotConvertibleError, RnnportError, UsageError
from reference.vocabulary.abstract.fact import Fact

recorder: Any = record_tf1
"""Untyped: it runs on Python 2.7 too."""
ATTEMPTS = 200
"""Readings of the unknown sizes that are tried."""


def draw_runs(
    original: Original, facts: Mapping[str, Fact], count: int, seed: int, /
) -> tuple[list[Run], list[str]]:
    """(runs without outputs, notes): batches of 3, 1, 3 and 5 rows, 7, 20 and 1 steps, lengths 0, 1, T and mixed, scales 0.1, 1 and 10.

    Raises:
        UsageError: the oracle refuses everything that is tried, or nothing can be drawn for an input.
    """
    flow = Flow(original.artefact.graph)
    try:
        specs = [
            describe(flow, name, facts[name].shape, facts[name].dtype) for name in original.inputs
        ]
        cases = recorder.plan(count, seed)
        reading, accepted = _probe(original, specs, dict(cases[0], lengths="mixed"))
    except recorder.RecorderError as error:
        msg = f"{str(error).split(': give')[0]}: give --samples with recorded runs"
        raise UsageError(msg) from error
    runs, notes = [], []
    for case in cases:
        run = _case(original, specs, reading, accepted, case)
        if run is None:
            notes.append(
                f"drawn case {case['number']} ({case['B']} rows, {case['T']} steps) is refused by the graph"
            )
        else:
            runs.append(run)
    return runs, notes


def _probe(
    original: Original, specs: list[Any], case: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, int]]:
    """The first reading of the unknown sizes, and sizes, that the oracle computes."""
    batches, times = [recorder.SIZES["B"]], [recorder.SIZES["T"]]
    for spec in specs:
        known = [n for n in (spec.dims or ())[:2] if n] if len(spec.dims or ()) < 4 else []
        batches, times = batches + known, times + known
    pairs = sorted(
        set(itertools.product(batches, times)),
        key=lambda p: (batches.index(p[0]) + times.index(p[1]), p),
    )
    first: RnnportError | None = None
    readings: list[dict[str, Any]] = recorder.readings(specs) if specs else [{}]
    for (batch, time), reading in itertools.islice(itertools.product(pairs, readings), ATTEMPTS):
        sizes = dict(recorder.SIZES, B=batch, T=time)
        for trial in (case, dict(case, least=1), dict(case, lengths="full")):
            try:
                original.accepts(_drawn(specs, reading, sizes, trial).inputs)
            except NotConvertibleError:
                raise
            except RnnportError as error:
                first = first or error
            else:
                return reading, sizes
            if not any(spec.role == "lengths" for spec in specs):
                break
    msg = f"no drawn inputs suit the graph (first complaint: {first}): give --samples with recorded runs"
    raise UsageError(msg) from first


def _case(
    original: Original,
    specs: list[Any],
    reading: dict[str, Any],
    accepted: dict[str, int],
    case: dict[str, Any],
) -> Run | None:
    """One case, made milder until the oracle takes it, and answers without NaN (attention over 0 steps); None where it takes none."""
    wanted = dict(recorder.SIZES, B=case["B"], T=case["T"])
    mild = dict(case, least=1)
    trials = [(wanted, case), (wanted, mild), (dict(accepted, T=case["T"]), case), (accepted, case)]
    trials += [(accepted, mild), (accepted, dict(mild, lengths="full"))]
    second: Run | None = None
    for sizes, trial in trials:
        run = _drawn(specs, reading, sizes, trial)
        try:
            if original.accepts(run.inputs):
                return run
        except RnnportError:
            continue
        second = second or run
    return second


def _drawn(
    specs: list[Any], reading: dict[str, Any], sizes: dict[str, int], case: dict[str, Any]
) -> Run:
    values = recorder.draw_all(specs, reading, sizes, case)
    return Run({name: _bytes(np.asarray(value)) for name, value in values.items()})


def _bytes(value: np.ndarray) -> np.ndarray:
    if value.dtype.kind != "S":
        return value
    found = np.empty(value.size, object)
    found[:] = value.reshape(-1).tolist()
    return found.reshape(value.shape)
