"""Choices inside the graph that float32 itself turns."""

from __future__ import annotations

import numpy as np
import pytest

from porting.model import open_model
from porting.verification import along
from porting.verification.judge import Judge
from porting.verification.original import Truth
from porting.verification.ruling import rule
from porting.verification.samples import Run
from porting.verification.verdict import DIFFERENT, EQUIVALENT, UNVERIFIED
from tests.zoo.catalogue import MODELS

T = np.random.default_rng(5).standard_normal((3, 40))
NOISE = 2.0**-23 * np.abs(T).max()
RIGHT = {"y:0": T.astype(np.float32)}


def parted(rows=(1,), by=0.5) -> np.ndarray:
    """T, but for rows in which a choice was turned."""
    found = T.copy()
    found[list(rows)] += by
    return found


class Fixed:
    """Stands for an original whose truth is given."""

    outputs, inside, layouts = ("y:0",), (), {}

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def run(self, inputs):
        return self.truth


def truth(single=None, spread=1.0) -> Truth:
    others = tuple({"y:0": T + spread * NOISE * (-1) ** k} for k in range(4))
    return Truth({"y:0": T}, others, {}, None if single is None else {"y:0": single})


def judged(given: Truth, port: np.ndarray, recorded=None):
    judge = Judge(Fixed(given), oracle="recording", dtype="float32", threads=1)
    told = {} if recorded is None else {"y:0": recorded.astype(np.float32)}
    for number in range(3):
        judge.take(number, given, told, {"y:0": port.astype(np.float32)})
    return rule(judge)


def test_a_port_that_goes_the_way_of_float32_is_not_blamed():
    found = judged(truth(single=parted()), parted())
    assert found.verdict == EQUIVALENT, found.reasons
    assert any("follow a choice" in note for note in found.notes)


def test_a_recording_that_goes_it_blames_no_reader():
    """Whichever way the port goes."""
    for port in (T, parted()):
        assert judged(truth(single=parted()), port, parted()).verdict == EQUIVALENT


@pytest.mark.parametrize(
    "port", [parted(by=0.25), parted((0,)), parted((0, 1)), parted() + 20 * NOISE]
)
def test_a_way_that_no_run_goes_is_different(port):
    assert judged(truth(single=parted()), port).verdict == DIFFERENT


def test_without_such_a_choice_float32_allows_nothing():
    assert judged(truth(), parted()).verdict == DIFFERENT
    assert judged(truth(single=T + 100 * NOISE), T + 100 * NOISE).verdict == DIFFERENT, "no jump"


def test_where_rounding_alone_parts_the_runs_float32_is_no_choice():
    """A chaotic model that compares floats somewhere is chaotic all the same."""
    wild = tuple({"y:0": parted(by=0.1 * (-1) ** k)} for k in range(4))
    given = Truth({"y:0": T}, wild, {}, {"y:0": parted()})
    assert judged(given, parted()).verdict == UNVERIFIED


def test_a_recording_wrong_in_another_row_is_read_wrongly():
    found = judged(truth(single=parted()), T, parted((0, 1)))
    assert found.worst == {"place": "reader"}


def test_rows_are_told_apart():
    axes = {"y:0": 0}
    found = along.turned(axes, truth(single=parted((2,))), {"y:0": parted((2,))}, {}, {"y:0"})
    assert found is not None
    assert found.rows.tolist() == [False, False, True]
    assert along.turned(axes, truth(), RIGHT, {}, {"y:0"}) is None


@pytest.mark.parametrize(("name", "chooses"), [("dnc", True), ("basic_lstm", False)])
def test_which_graphs_choose(name, chooses):
    """The loop of dynamic_rnn compares integers: that is no choice."""
    model = open_model(MODELS / name / "frozen.pb")
    assert model.original.chooses is chooses
    if chooses:
        (run,) = model.runs(None, 1, 0)[0]
        assert isinstance(run, Run)
        given = model.original.run(run.inputs)
        assert given.single is not None
        assert set(given.single) == set(model.original.outputs)
