"""The page of a comparison."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from porting.report import chart, render, section
from porting.verification.verdict import Row, Verdict

pytest.importorskip("jinja2", reason="the page of a report is a template")


def row(
    name: str = "a:0",
    steps: tuple[tuple[float, float], ...] = ((1e-7, 2e-7), (0.0, 3e-7)),
    **changes: object,
) -> Row:
    given = {
        "region": "valid",
        "dtype": "float32",
        "largest": 1.0,
        "difference": 1e-7,
        "floor": 2e-7,
        "recording": None,
    }
    return Row(tensor=name, steps=steps, values=100, **(given | changes))


class Tags(HTMLParser):
    """Fails where a tag is not closed."""

    EMPTY = frozenset(("meta", "line", "polyline", "br", "link"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def page(*rows: Row, verdict: str = "equivalent", **changes: object) -> str:
    found = Verdict(verdict, "recording", 6, rows=rows, **changes)
    return render([section("onnx", found, [])], title="A report")


def test_the_page_is_well_formed_and_alone():
    text = page(row())
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "script" not in tags.seen
    assert "link" not in tags.seen
    assert tags.seen.count("polyline") == 3
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_hostile_names_are_escaped():
    text = page(
        row('<img src=x onerror="alert(1)">:0'), verdict="different", reasons=("<b>bold</b>",)
    )
    assert "<img" not in text
    assert "<b>" not in text


def test_the_floor_is_drawn_above_a_smaller_error():
    found = chart(row(steps=((1e-8, 1e-6), (1e-8, 1e-6))))
    port, floor = (float(found[name].split()[0].split(",")[1]) for name in ("port", "floor"))
    assert floor < port, "SVG counts from the top"


@pytest.mark.parametrize("steps", [(), ((1.0, 1.0),), ((0.0, 0.0), (0.0, 0.0))])
def test_nothing_to_draw_is_no_chart(steps):
    assert chart(row(steps=steps, floor=0.0)) is None


def test_a_problem_stands_in_its_row():
    assert "differs by 99 noise floors" in page(
        row(problem="differs by 99 noise floors"), verdict="different"
    )
