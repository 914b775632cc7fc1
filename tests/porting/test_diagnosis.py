"""Planted mistakes: the place is right and the guess is right. ``test_diagnosis_onnx`` plants in the port's own file."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest

from porting.conversion import Options
from porting.diagnosis.driving import variants
from porting.diagnosis.surgery import Variant, applied, recurrences
from porting.exporting import export
from porting.model import Model, open_model
from porting.verification import Verdict, check, load_samples
from porting.verification.verdict import DIFFERENT, EQUIVALENT
from tests.zoo.catalogue import MODELS

LSTM, GRU, BOTH = "basic_lstm", "gru", "bidirectional_lstm_lengths"
TWO, HARD, AFTER = "multi_lstm2", "keras_lstm", "keras_gru_reset_after"


@cache
def opened(name: str) -> Model:
    return open_model(MODELS / name / "frozen.pb")


def judged(name: str, planted: list[Variant], folder) -> Verdict:
    """The verdict on an ONNX port with mistakes in it, against TensorFlow's recording."""
    model = opened(name)
    port = export(applied(model.program, planted), Options("onnx"), "port", {})
    path = port.save(folder / "port.onnx")
    runs, oracle, notes = model.runs(load_samples(MODELS / name / "samples.npz"), 4, 0)
    return check(model.original, port.candidate(path, 1), runs, oracle=oracle, notes=notes)


def choices(name: str, place: int, cause: str) -> list[Variant]:
    program = opened(name).program
    return [v for v in variants(program, recurrences(program)[place]) if v.cause == cause]


# model, which recurrence, cause, which of its forms, what else must be right of the place
PLANTED = [
    (LSTM, 0, "forget_bias missing", 0, {"part": "f", "step": 0, "region": "valid"}),
    (LSTM, 0, "forget_bias twice", 0, {"part": "f"}),
    (LSTM, 0, "lengths off by one", 0, {"region": "valid"}),
    (LSTM, 0, "lengths off by one", 1, {"region": "padded"}),
    (LSTM, 0, "lengths ignored", 0, {"region": "padded"}),
    (LSTM, 0, "c and h swapped", 0, {"part": "c, h", "step": 0}),
    (LSTM, 0, "c and h swapped", 1, {"tensor": "rnn/while/Exit_3:0"}),
    (LSTM, 0, "c and h swapped", 2, {"part": "c, h"}),
    (LSTM, 0, "length-0 rows", 0, {"row": 1}),
    (LSTM, 0, "last step for the final state", 0, {"tensor": "rnn/while/Exit_4:0", "part": "h"}),
    (LSTM, 0, "initial state ignored", 0, {"step": 0}),
    (LSTM, 0, "padding repeated", 0, {"region": "padded"}),
    (LSTM, 0, "bias missing", 0, {}),
    (LSTM, 0, "gates permuted", 3, {}),
    (LSTM, 0, "gates permuted", 20, {}),
    (GRU, 0, "reset after", 0, {"part": "r", "step": 0}),
    (GRU, 0, "reset after", 1, {"part": "r"}),
    (GRU, 0, "gates permuted", 0, {"part": "r, u"}),
    (GRU, 0, "update gate inverted", 0, {"part": "u"}),
    (GRU, 0, "padding repeated", 0, {"region": "padded"}),
    (GRU, 0, "length-0 rows", 0, {"row": 1}),
    (AFTER, 0, "reset before", 0, {"part": "r"}),
    (BOTH, 0, "gates permuted", 5, {"direction": "forward"}),
    (BOTH, 1, "gates permuted", 1, {"direction": "backward"}),
    (BOTH, 1, "backward direction not reversed by length", 0, {"direction": "backward"}),
    (BOTH, 1, "backward direction not reversed by length", 1, {"direction": "backward"}),
    (BOTH, 1, "backward direction not reversed by length", 2, {"direction": "backward"}),
    (BOTH, 1, "backward direction run forward", 0, {"direction": "backward"}),
    (BOTH, 1, "backward outputs in reverse order", 0, {"direction": "backward"}),
    (BOTH, 1, "last state of the backward direction", 0, {"part": "h", "direction": "backward"}),
    (BOTH, 1, "last state of the backward direction", 1, {"part": "h", "direction": "backward"}),
    (BOTH, 1, "padding repeated", 0, {"region": "padded", "direction": "backward"}),
    (BOTH, 1, "length-0 rows", 0, {"direction": "backward"}),
    (BOTH, 1, "peepholes missing", 0, {"direction": "backward"}),
    (TWO, 0, "forget_bias missing", 0, {"layer": 0}),
    (TWO, 1, "forget_bias missing", 0, {"layer": 1}),
    (TWO, 1, "gates permuted", 2, {"layer": 1}),
    (TWO, 0, "c and h swapped", 0, {"layer": 0}),
    (TWO, 1, "lengths off by one", 0, {"layer": 1}),
    (HARD, 0, "hard_sigmoid slope", 0, {"part": "i, f, o", "step": 0}),
    (HARD, 0, "sigmoid for hard_sigmoid", 0, {}),
    (HARD, 0, "forget_bias added", 0, {"part": "f"}),
    (HARD, 0, "gates permuted", 1, {}),
]


@pytest.mark.parametrize(
    ("name", "place", "cause", "form", "where"),
    PLANTED,
    ids=[f"{p[0]}-{p[1]}-{p[2]}-{p[3]}" for p in PLANTED],
)
def test_the_cause_and_its_place(tmp_path, name, place, cause, form, where):
    planted = choices(name, place, cause)[form]
    found = judged(name, [planted], tmp_path)
    assert found.verdict == DIFFERENT
    assert found.diagnosis is not None
    assert found.diagnosis["cause"] == cause, found.diagnosis["sentence"]
    assert found.diagnosis["place"]["recurrence"] == planted.recurrence
    assert planted.text in found.reasons[0]
    for key, value in where.items():
        assert found.worst[key] == value, found.worst


@pytest.mark.parametrize("name", [LSTM, GRU, BOTH, TWO, HARD, AFTER])
def test_nothing_planted_is_equivalent(tmp_path, name):
    found = judged(name, [], tmp_path)
    assert found.verdict == EQUIVALENT, found.reasons
    assert found.diagnosis is None


def test_the_same_mistake_in_every_layer_is_one_guess(tmp_path):
    planted = [choices(TWO, k, "forget_bias missing")[0] for k in (0, 1)]
    found = judged(TWO, planted, tmp_path)
    assert found.diagnosis["cause"] == "forget_bias missing"
    assert found.diagnosis["place"]["recurrences"] == ["rnn/while/0", "rnn/while/1"]


def test_an_unknown_mistake_is_placed_and_not_guessed(tmp_path):
    """The kernel of the upper layer negated: no known mistake, but the place is found."""
    model = opened(TWO)
    upper = recurrences(model.program)[1]
    changed = replace(upper, cell=replace(upper.cell, kernel=-upper.cell.kernel))
    found = judged(TWO, [Variant("none", "", upper.name, (changed,))], tmp_path)
    assert found.verdict == DIFFERENT
    assert found.diagnosis["cause"] is None
    assert found.diagnosis["place"]["recurrence"] == "rnn/while/1"
    assert found.diagnosis["place"]["step"] == 0
    assert re.search(r"none of \d+ known mistakes explains it", found.reasons[0])


@pytest.mark.parametrize(("row", "column", "gate"), [(3, 1, "i"), (9, 8, "c"), (0, 27, "o")])
def test_one_weight_off_is_named(tmp_path, row, column, gate):
    """By one part in 10^5: the audit sees it, and the place says where it is."""
    r = recurrences(opened(LSTM).program)[0]
    kernel = r.cell.kernel.copy()
    kernel[row, column] *= kernel.dtype.type(1 + 1e-5)
    changed = replace(r, cell=replace(r.cell, kernel=kernel))
    found = judged(LSTM, [Variant("none", "", r.name, (changed,))], tmp_path)
    assert found.verdict == DIFFERENT
    assert found.diagnosis["cause"] == "weight off"
    place = found.diagnosis["place"]
    assert place["weight"] == "rnn/basic_lstm_cell/kernel"
    assert (place["weight_index"], place["part"]) == ([row, column], gate)


def test_json_holds_the_diagnosis(tmp_path):
    import json

    from porting.commands.output import finite

    planted = choices(LSTM, 0, "forget_bias missing")
    found = json.loads(json.dumps(finite(judged(LSTM, planted, tmp_path).as_json())))
    assert found["diagnosis"]["cause"] == "forget_bias missing"
    assert found["worst"]["recurrence"] == "rnn/while"
    assert found["worst"]["step"] == 0
