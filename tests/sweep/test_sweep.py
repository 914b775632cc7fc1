"""The sweep in small: 8 cases on 10 models, without TensorFlow. No false alarm, no miss, and the guesses are right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.sweep import one
from tests.sweep.planting import LISTED
from tests.sweep.table import write
from tests.zoo.catalogue import zoo_model

MODELS = (
    "basic_lstm", "gru", "bidirectional_lstm_lengths", "multi_lstm2", "keras_lstm", "keras_gru_reset_after", "backward_only",
    "layer_norm_basic_lstm", "tagger_chars", "greedy_decoder",
)  # fmt: skip


@pytest.fixture(scope="module")
def swept():
    """By model; each is swept once, when it is asked for."""
    found = {}

    def sweep(name):
        if name not in found:
            model = zoo_model(name)
            found[name] = one.sweep_model(model, None, 8, 5, 9) | {"key": {"cases": 8}}
        return found[name]

    return sweep


@pytest.mark.parametrize("name", MODELS)
def test_eight_cases(swept, name):
    found = swept(name)
    assert found["cases"] == 8
    assert found["right"]["whole"] == "equivalent", found["right"]["reasons"]
    assert found["right"]["groups"] == {"equivalent": 1}
    told = {plant["text"]: plant for plant in found["plants"]}
    assert len(told) >= 6
    for text, plant in told.items():
        assert "missed" not in plant["groups"], text
        if "guess" in plant:
            assert plant["guess"] == plant["cause"], text


def test_every_listed_cause_is_planted_and_guessed(swept):
    plants = [plant for name in MODELS for plant in swept(name)["plants"]]
    for cause in LISTED:
        found = [p for p in plants if p["cause"] == cause and "different" in p["groups"]]
        assert found, cause
        assert any(p.get("guess") == cause for p in found), cause


def test_the_table_tells_of_all(swept, tmp_path):
    (tmp_path / "docs").mkdir()
    paths = []
    for name in MODELS[:2]:
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps(swept(name)))
    write(paths, tmp_path)
    text = (tmp_path / "docs" / "sweep.md").read_text("utf-8")
    assert "False alarms: **0 of 2 (0 %)**" in text
    assert "| basic_lstm | 8 | 1 / 0 / 0 | equivalent |" in text


def test_a_miss_is_seen(monkeypatch):
    """A sweep that cannot fail proves nothing: with floors a million times too high, mistakes are missed, and told."""
    from porting.verification import floors

    monkeypatch.setattr(floors, "TENSOR_LIMIT", 1e9)
    monkeypatch.setattr(floors, "COLUMN_LIMIT", 1e9)
    found = one.sweep_model(zoo_model("gru"), None, 8, 5, 0)
    assert any("missed" in plant["groups"] for plant in found["plants"])


def test_a_false_alarm_is_seen(monkeypatch):
    from porting.verification import floors

    monkeypatch.setattr(floors, "TENSOR_LIMIT", 0.0)
    found = one.sweep_model(zoo_model("gru"), None, 8, 5, 0)
    assert found["right"]["groups"]["different"] == 1
    assert np.isfinite(found["right"]["floors"])
