"""Both verdicts, light and dark, on a phone, a tablet and a desk: nothing is cut off, and what the issue lists is seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from porting.comparing import compare
from porting.conversion import Options, convert
from porting.diagnosis.driving import variants
from porting.diagnosis.surgery import applied, recurrences
from porting.exporting import export
from porting.model import open_model
from porting.report import write_report
from tests.browser.chromium import measured, picture
from tests.zoo.catalogue import MODELS

NAME = "bidirectional_lstm_lengths"
WIDTHS = (360, 412, 768, 1280)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """The report of a right port and of one whose backward direction is reversed as a whole."""
    folder = tmp_path_factory.mktemp("pages")
    model = open_model(MODELS / NAME / "frozen.pb")
    convert(MODELS / NAME / "frozen.pb", to="onnx", out=folder / "right.onnx", verify=False)
    backward = recurrences(model.program)[1]
    cause = "backward direction not reversed by length"
    planted = next(v for v in variants(model.program, backward) if v.cause == cause)
    export(applied(model.program, [planted]), Options("onnx"), "port", {}).save(
        folder / "wrong.onnx"
    )
    found = {}
    for name in ("right", "wrong"):
        compared = compare(
            MODELS / NAME / "frozen.pb",
            folder / f"{name}.onnx",
            samples=MODELS / NAME / "samples.npz",
        )
        found[name] = folder / f"{name}.html"
        write_report(found[name], compared.sections(), title=f"{NAME} and its port")
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["right", "wrong"])
def test_nothing_scrolls_sideways_and_all_is_drawn(pages, tmp_path, name, width, dark):
    found = measured(pages[name], tmp_path, width, dark=dark)
    assert found["width"] in (width, width - 15), "less a scroll bar"
    assert found["scroll"] <= found["width"], "the page scrolls sideways"
    assert found["out"] == []
    assert found["inner"] == 0, "a table is cut off"
    assert found["small"] == 0, "text below 12 pixels"
    assert found["verdict"] < 200, "the verdict is not on top"
    assert found["requests"] == 0
    drawn = {kind for kind, wide, _ in found["lines"] if wide > 50}
    assert drawn == {"port", "floor", "limit"}
    assert found["bars"] > 4


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_ink_stands_out_from_its_ground(pages, tmp_path, dark):
    found = measured(pages["wrong"], tmp_path, 1280, dark=dark)
    ground, ink = _luminance(found["ground"]), _luminance(found["ink"])
    assert (ground < 0.1) is dark
    assert _contrast(ground, ink) > 7
    for _, _, stroke in found["lines"]:
        assert _contrast(ground, _luminance(stroke)) > 3


def test_the_probe_sees_a_page_that_is_too_wide(pages, tmp_path):
    """A test that cannot fail proves nothing."""
    page = tmp_path / "wide.html"
    text = pages["right"].read_text("utf-8")
    page.write_text(text.replace("<header>", '<header><p style="width: 900px">wide</p>'), "utf-8")
    found = measured(page, tmp_path, 412, dark=False)
    assert found["scroll"] > found["width"]
    assert found["out"] != []


def test_a_picture_can_be_taken(pages, tmp_path):
    to = tmp_path / "page.png"
    picture(pages["right"], to, 1100, dark=True)
    assert to.read_bytes()[:4] == b"\x89PNG"


def _luminance(color: str) -> float:
    parts = [int(n) / 255 for n in re.findall(r"\d+", color)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
