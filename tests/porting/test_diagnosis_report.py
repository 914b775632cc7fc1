"""What the report and the command line say of a cause, and the histogram."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from porting.report import histogram, render, section
from porting.verification.floors import ULP_EDGES, Region, add
from porting.verification.verdict import Row, Verdict
from tests.porting.test_diagnosis_onnx import Port, blocks
from tests.zoo.catalogue import MODELS

pytest.importorskip("jinja2", reason="the page of a report is a template")


@pytest.fixture
def wrong(tmp_path):
    """(artefact, port, samples): the gates of the port are permuted."""
    port = Port("basic_lstm", tmp_path)
    for name in port.node("LSTM").input[1:4]:
        port.weight(name, blocks((0, 2, 1, 3)))
    onnx.save(port.model, port.path)
    folder = MODELS / "basic_lstm"
    return folder / "frozen.pb", port.path, folder / "samples.npz"


def test_verify_says_the_cause(cli, wrong, tmp_path):
    artefact, port, samples = wrong
    page = tmp_path / "report.html"
    done = cli("verify", artefact, port, "--samples", samples, "--report", page)
    assert done.status == 1
    assert (
        "seems to take the columns of its gates as i, c, o, f, where they are i, c, f, o"
        in done.out
    )
    text = page.read_text("utf-8")
    assert "First difference" in text
    assert "<dt>cause</dt><dd><code>gates permuted</code></dd>" in text
    assert "differences in ULPs" in text


def test_json_says_the_cause(cli, wrong):
    artefact, port, samples = wrong
    found = cli("verify", artefact, port, "--samples", samples, "--json").json
    assert found["diagnosis"]["cause"] == "gates permuted"
    assert found["worst"]["recurrence"] == "rnn/while"
    assert found["worst"]["part"] == "f, o"


@pytest.mark.parametrize(
    ("ulps", "place"), [(0, 0), (0.5, 0), (1, 1), (3, 3), (2**30, len(ULP_EDGES))]
)
def test_a_difference_falls_into_its_bin(ulps, place):
    region = Region("float32")
    exact = np.ones((1, 4))
    port = exact.copy()
    port[0, 2] += ulps * 2.0**-23
    add(region, np.ones(exact.shape, bool), exact, (exact,), None, port)
    expected = np.zeros(len(ULP_EDGES) + 1, int)
    expected[0] = 3
    expected[place] += 1
    assert region.ulps.tolist() == expected.tolist()


def test_values_near_zero_are_counted_by_their_neighbours():
    region = Region("float32")
    exact = np.array([[1.0, 0.0]])
    add(region, np.ones(exact.shape, bool), exact, (exact,), None, exact + 2.0**-37)
    assert region.ulps[:2].tolist() == [1, 1], "one ULP of 2^-14 and next to nothing of 1"


def test_the_bars_grow_with_the_counts():
    ulps = (1000, 10, 0, 1, *([0] * (len(ULP_EDGES) - 3)))
    found = histogram(Row("a:0", "valid", "float32", 1.0, 1e-7, 2e-7, None, ulps=ulps))
    heights = [bar["height"] for bar in found["bars"]]
    assert heights[0] > heights[1] > heights[3] > heights[2] == 0
    assert [bar["label"] for bar in found["bars"]] == ["½", "1", "2", "4"]


def test_hostile_names_in_a_place_are_escaped():
    place = {"recurrence": "<script>", "step": 1}
    found = Verdict(
        "different",
        "recording",
        3,
        diagnosis={"cause": None, "place": place, "sentence": "<script>"},
    )
    assert "<script>" not in render([section("onnx", found, [])], title="t")
