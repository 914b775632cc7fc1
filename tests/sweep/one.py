"""One model of the zoo: the right port and ports with planted mistakes, judged eight cases at a time and all together."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.lift.execute import Executor
from converters.program import Program
from porting.conversion import Options
from porting.exporting import export
from porting.model import Model, open_model
from porting.verification import Candidate, Run
from porting.verification.auditing import audited
from porting.verification.drawing import draw_runs
from porting.verification.equivalence import explained, stepped, take_run
from porting.verification.judge import Judge
from porting.verification.ruling import rule
from porting.verification.verdict import DIFFERENT, EQUIVALENT, Verdict
from reference.errors import RnnportError
from tests.sweep.live import Live
from tests.sweep.planting import DAMAGES, LISTED, Plant, damaged, in_model
from tests.sweep.remembered import Remembered, remembered
from tests.zoo.catalogue import ZooModel

GROUP = 8
"""Cases of one verdict, as ``--cases`` has it by default."""
PLANT_GROUPS = 3
"""Verdicts on each planted mistake."""
NO_EFFECT = 1e-12
"""A mistake that moves no output by more than this part of it, in float64, is none."""


@dataclass
class Bench:
    """What all candidates of one model share."""

    model: Model
    original: Remembered
    runs: list[Run]
    dtype: str = "float32"

    @property
    def groups(self) -> list[list[Run]]:
        """Eight runs each; what is left over at the end belongs to none."""
        cut = len(self.runs) - len(self.runs) % GROUP or len(self.runs)
        return [self.runs[k : k + GROUP] for k in range(0, cut, GROUP)]


def sweep_model(
    zoo: ZooModel, live: Live | None, cases: int, seed: int, guesses: int
) -> dict[str, Any]:
    """Everything that is told of one model, as JSON."""
    started = time.perf_counter()
    found: dict[str, Any] = {"name": zoo.name, "cases": 0}
    try:
        bench, told = _prepared(zoo, live, cases, seed)
        found |= told
        with tempfile.TemporaryDirectory() as folder:
            right = _exported(bench.model.program, Path(folder) / "right.onnx")
            found["right"] = _right(bench, right)
            found["plants"] = list(_plants(bench, right, Path(folder), seed, guesses))
    except RnnportError as error:
        found["refused"] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return found | {"seconds": round(time.perf_counter() - started, 1)}


def _prepared(
    zoo: ZooModel, live: Live | None, cases: int, seed: int
) -> tuple[Bench, dict[str, Any]]:
    card = zoo.card
    model = open_model(
        zoo.graph, inputs=zoo.inputs, outputs=zoo.outputs,
        freeze={name: card["frozen"][name] for name in card["must_freeze"]},
    )  # fmt: skip
    export(model.program, Options("onnx"), "port", {})  # refuses here what has no port
    runs, notes = draw_runs(model.original, model.program.inputs, cases, seed)
    refused: dict[int, str] = {}
    if live is not None:
        runs, refused = live.answers(model.original, zoo.graph, runs)
    told = {
        "cases": len(runs), "not_drawn": len(notes), "refused_by_tensorflow": len(refused),
        "why_refused": sorted(set(refused.values()))[:2],
        "oracle": "reference" if live is None else f"TensorFlow {live.version}",
    }  # fmt: skip
    return Bench(model, remembered(model.original), runs), told


def _exported(program: Program, path: Path) -> Candidate:
    port = export(program, Options("onnx"), "port", {})
    return port.candidate(port.save(path), 1)


# ---- the right port ----------------------------------------------------------------------------------------------


def _right(bench: Bench, right: Candidate) -> dict[str, Any]:
    """The verdicts on the right port: by eights, and on all cases at once."""
    checked = audited(bench.original, right, bench.dtype)
    whole = _judge(bench, right, bench.runs, checked)
    kept = [(k, run.inputs) for k, run in enumerate(bench.runs[:GROUP])]
    verdict = rule(whole)
    chaotic = any(r.values and r.chaotic for r in whole.regions.values())
    if chaotic:
        verdict = stepped(verdict, whole, right, kept)
    worst = max((row.ratio for row in verdict.rows), default=0.0)
    columns = [
        float(np.max(r.columns.port / np.maximum(r.columns.floor(r.dtype), 1e-300), initial=0.0))
        for r in whole.regions.values()
        if r.columns is not None and r.columns.port.size
    ]
    readings = [r.recording / r.floor for r in whole.regions.values() if r.recording and r.floor]
    return {
        "whole": verdict.verdict, "reasons": list(verdict.reasons[:3]), "floors": worst,
        "column": max(columns, default=0.0), "recording": max(readings, default=0.0), "chaotic": chaotic,
        "groups": _tally(rule(_judge(bench, right, group, checked)) for group in bench.groups),
        "audit": None if checked is None else {k: checked[k] for k in ("exact", "rounded", "derived", "wrong")},
    }  # fmt: skip


def _judge(bench: Bench, candidate: Candidate, runs: Sequence[Run], checked: Any) -> Judge:
    oracle = "tensorflow" if runs and runs[0].outputs else "reference"
    judge = Judge(bench.original, oracle=oracle, dtype=bench.dtype, threads=1)
    for number, run in enumerate(runs):
        take_run(judge, candidate, number, run)
    judge.audit = checked
    return judge


def _tally(verdicts: Iterator[Verdict]) -> dict[str, Any]:
    """How many verdicts of each kind, and why, where one is ``different``."""
    found: dict[str, Any] = {}
    for verdict in verdicts:
        found[verdict.verdict] = found.get(verdict.verdict, 0) + 1
        if verdict.verdict == DIFFERENT:
            found.setdefault("why", verdict.reasons[0] if verdict.reasons else "")
    return found


# ---- planted mistakes --------------------------------------------------------------------------------------------


def _plants(
    bench: Bench, right: Candidate, folder: Path, seed: int, guesses: int
) -> Iterator[dict[str, Any]]:
    chosen = np.random.default_rng(seed).permutation(len(bench.groups))[:PLANT_GROUPS]
    groups = [bench.groups[int(k)] for k in chosen]
    for number, plant in enumerate(
        in_model(bench.model.program, seed + len(bench.model.program.statements))
    ):
        try:
            wrong = _exported(plant.program, folder / f"wrong{number}.onnx")
        except RnnportError:
            wrong = _executed(plant.program, bench)
        listed = plant.cause in LISTED
        told = _planted(bench, plant, wrong, groups, guess=listed and guesses > 0)
        guesses -= "guess" in told
        yield told | {"listed": listed}
    runs = [run for group in groups for run in group]
    whole = rule(_judge(bench, right, runs, None))
    floors = {row.tensor: row.floor for row in whole.rows if row.region == "valid"}
    for kind in DAMAGES:
        wrong = damaged(right, kind, floors, GROUP)
        tally = _tally(rule(_judge(bench, wrong, group, None)) for group in groups)
        yield {"cause": f"answers: {kind}", "text": kind, "listed": False, "groups": tally}


def _planted(
    bench: Bench, plant: Plant, wrong: Candidate, groups: list[list[Run]], *, guess: bool
) -> dict[str, Any]:
    """What is said of one planted mistake."""
    checked = audited(bench.original, wrong, bench.dtype)
    told: dict[str, Any] = {"cause": plant.cause, "text": plant.text, "groups": {}}
    effects: dict[str, int] = {}
    for group in groups:
        verdict = rule(_judge(bench, wrong, group, checked))
        key = verdict.verdict
        if key == EQUIVALENT:
            key = _why_missed(bench, plant, group)
            effects[key] = effects.get(key, 0) + 1
            continue
        told["groups"][key] = told["groups"].get(key, 0) + 1
        if key == DIFFERENT and guess and "guess" not in told:
            kept = [(k, run.inputs) for k, run in enumerate(group)]
            said = explained(verdict, bench.original, wrong, kept).diagnosis or {}
            told["guess"], told["also"] = said.get("cause"), list(said.get("also", ()))[:2]
            told["seconds_tried"] = said.get("tried")
    told["groups"] |= effects
    return told


def _why_missed(bench: Bench, plant: Plant, group: list[Run]) -> str:
    """``no effect`` where the mistake changes nothing in these runs; ``missed`` where it does."""
    for run in group:
        feeds = bench.original.feeds(run.inputs)
        with np.errstate(all="ignore"):
            right = Executor(bench.model.program, widen=True).run(feeds)
            wrong = Executor(plant.program, widen=True).run(feeds)
        if any(_moved(right[name], wrong[name]) for name in right):
            return "missed"
    return "no effect"


def _moved(right: np.ndarray, wrong: np.ndarray) -> bool:
    if right.shape != wrong.shape or right.dtype.kind != "f":
        return right.shape != wrong.shape or bool((right != wrong).any())
    if not np.array_equal(np.isfinite(right), np.isfinite(wrong)):
        return True
    both = np.isfinite(right)
    most = np.abs(right[both]).max(initial=0.0)
    return bool(np.abs(right[both] - wrong[both]).max(initial=0.0) > NO_EFFECT * most)


def _executed(program: Program, bench: Bench) -> Candidate:
    """A mistake that has no form in ONNX, run in float32 by the lifted model's interpreter."""

    def call(feeds: Any) -> Any:
        with np.errstate(all="ignore"):
            return Executor(program).run(feeds)

    return Candidate(call, tuple(program.inputs), program.outputs)
