"""The rule itself, on numbers made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters.graph import Artefact, Graph
from porting.verification.judge import Judge
from porting.verification.original import Original, Truth
from porting.verification.places import Layout
from porting.verification.ruling import rule
from porting.verification.verdict import Verdict

EMPTY = Artefact(Path("none.pb"), "frozen", Graph({}), "")
RANDOM = np.random.default_rng(5)
SIGNAL = RANDOM.standard_normal((4, 6, 8))
NOISE = [RANDOM.uniform(-1, 1, SIGNAL.shape) * 1e-7 for _ in range(4)]
LENGTHS = np.array([6, 1, 0, 3], np.int32)


def original(layout: Layout, *names: str) -> Original:
    return Original(EMPTY, (), names or ("y:0",), layouts=dict.fromkeys(names or ("y:0",), layout))


def judged(
    exact: np.ndarray,
    port: np.ndarray,
    *,
    noise: list[np.ndarray] | None = None,
    layout: Layout | None = None,
    recording: np.ndarray | None = None,
    lengths: np.ndarray | None = None,
    runs: int = 3,
) -> Verdict:
    """The verdict on one output that came the same in every run."""
    judge = Judge(
        original(layout or Layout("float32", 0, 1)), oracle="reference", dtype="float32", threads=1
    )
    others = tuple({"y:0": exact + n} for n in (noise or [np.zeros_like(exact)] * 4))
    watched: Mapping[str, np.ndarray] = {} if lengths is None else {"n:0": lengths}
    for number in range(runs):
        recorded = {} if recording is None else {"y:0": recording}
        judge.take(number, Truth({"y:0": exact}, others, watched), recorded, {"y:0": port})
    return rule(judge)


def off(floors: float) -> np.ndarray:
    """The signal with one value that many floors away."""
    spread = float(np.max(np.abs(NOISE)))
    port = SIGNAL.copy()
    largest = float(np.abs(SIGNAL).max())
    port[1, 2, 3] += floors * max(spread, 2.0**-23 * largest)
    return port.astype(np.float32)


@pytest.mark.parametrize(
    ("floors", "verdict"),
    [(0, "equivalent"), (6, "equivalent"), (10, "different"), (1e4, "different")],
)
def test_eight_floors_are_allowed(floors, verdict):
    found = judged(SIGNAL, off(floors), noise=NOISE)
    assert found.verdict == verdict
    if verdict == "different":
        assert found.worst["index"] == [1, 2, 3]
        assert (found.worst["row"], found.worst["step"]) == (1, 2)


def test_a_small_column_is_judged_by_itself():
    exact = SIGNAL * np.array([1.0] * 7 + [1e-3])
    port = exact.copy()
    port[..., 7] *= 1 + 4e-4  # 1e-6 in absolute terms: within 8 floors of the tensor
    found = judged(exact, port.astype(np.float32))
    assert found.verdict == "different"
    assert "column 7" in found.rows[0].problem


def test_padding_has_a_floor_of_its_own():
    layout = Layout("float32", 0, 1, "n:0")
    past = np.arange(6)[None, :, None] >= LENGTHS[:, None, None]
    exact = np.where(past, 1e-3, SIGNAL)
    port = np.where(past, 1e-3 + 2e-8, SIGNAL).astype(np.float32)
    assert (
        judged(exact, port, noise=NOISE[:0] or None, layout=layout, lengths=LENGTHS).verdict
        == "different"
    )
    assert judged(exact, port, noise=None, layout=Layout("float32", 0, 1)).verdict == "equivalent"


def test_zero_padding_is_exactly_zero():
    layout = Layout("float32", 0, 1, "n:0")
    exact = np.where(np.arange(6)[None, :, None] >= LENGTHS[:, None, None], 0.0, SIGNAL)
    port = exact.astype(np.float32)
    assert judged(exact, port, layout=layout, lengths=LENGTHS).verdict == "equivalent"
    port[2, 5, 0] = 1e-30
    found = judged(exact, port, layout=layout, lengths=LENGTHS)
    assert found.verdict == "different"
    assert found.worst["region"] == "padded"


def test_a_recording_far_from_the_graph_blames_the_reader():
    found = judged(SIGNAL, SIGNAL.astype(np.float32), noise=NOISE, recording=off(50))
    assert found.verdict == "different"
    assert found.worst == {"place": "reader"}


def test_chaos_is_unverified_however_near_the_port():
    found = judged(SIGNAL, SIGNAL.astype(np.float32), noise=[n * 1e5 for n in NOISE])
    assert found.verdict == "unverified"
    assert "chaotic" in found.reasons[0]
    assert found.status() == 4


def test_zeros_that_a_rounding_moves_are_chaotic_too():
    zeros = np.zeros_like(SIGNAL)
    verdict = judged(zeros, zeros.astype(np.float32), noise=NOISE)
    assert verdict.verdict == "unverified"
    assert "moves it off 0" in " ".join(verdict.reasons)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_must_be_the_same(value):
    exact = SIGNAL.copy()
    exact[0, 0, 0] = value
    assert judged(exact, exact.astype(np.float32)).verdict == "equivalent"
    assert judged(exact, SIGNAL.astype(np.float32)).verdict == "different"
    assert judged(SIGNAL, exact.astype(np.float32)).verdict == "different"


def test_few_runs_or_values_are_said():
    assert judged(SIGNAL, SIGNAL.astype(np.float32), runs=2).few
    assert judged(np.ones((1, 1, 2)), np.ones((1, 1, 2), np.float32), runs=3).few
    assert not judged(SIGNAL, SIGNAL.astype(np.float32)).few


# ---- integers --------------------------------------------------------------------------------------------

IDS = RANDOM.integers(0, 50, (200, 6))


def tokens(port: np.ndarray, perturbed: np.ndarray) -> Verdict:
    """[200, 6] tokens; one of the four perturbed runs chose otherwise."""
    judge = Judge(original(Layout("int64", 0, 1)), oracle="reference", dtype="float32", threads=1)
    others = ({"y:0": perturbed}, *({"y:0": IDS} for _ in range(3)))
    for number in range(3):
        judge.take(number, Truth({"y:0": IDS}, others), {}, {"y:0": port})
    return rule(judge)


def changed(row: int, step: int, value: int) -> np.ndarray:
    found = IDS.copy()
    found[row, step] = value
    return found


def test_settled_tokens_must_be_equal():
    assert tokens(IDS, IDS).verdict == "equivalent"
    found = tokens(changed(7, 3, 99), IDS)
    assert found.verdict == "different"
    assert (found.worst["row"], found.worst["step"]) == (7, 3)


def test_a_tie_may_be_broken_either_way_and_what_follows_is_left_out():
    tie = changed(7, 3, 99)
    after = tie.copy()
    after[7, 4:] = [55, 56]
    assert tokens(tie, tie).verdict == "equivalent"
    assert tokens(after, tie).verdict == "equivalent"
    before = tie.copy()
    before[7, 2] = 55
    assert tokens(before, tie).verdict == "different"
    assert tokens(changed(7, 3, 98), tie).verdict == "different", "a value that no right run gave"


def test_too_many_ties_prove_nothing():
    ties = IDS.copy()
    ties[:3, 5] += 1
    found = tokens(IDS, ties)
    assert found.verdict == "unverified"
    assert "9 of 600" in found.reasons[0], "three rows in each of three runs"


def test_an_original_without_layouts_is_judged_as_a_whole():
    bare = replace(original(Layout()), layouts={})
    judge = Judge(bare, oracle="reference", dtype="float32", threads=1)
    truth = Truth({"y:0": SIGNAL}, tuple({"y:0": SIGNAL + n} for n in NOISE))
    for number in range(3):
        judge.take(number, truth, {}, {"y:0": SIGNAL.astype(np.float32)})
    assert rule(judge).verdict == "equivalent"
