"""The benchmark's own parts: rows, products, ratios. No timing is asserted."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from benchmarks.table import products
from benchmarks.table.report import ratio, report, slower_than
from benchmarks.table.rows import GATES, QUICK, ROWS, Row


def result(**seconds: list[float]) -> dict[str, object]:
    return {
        "seconds": seconds,
        "failed": {},
        "off": {},
        "forms": ["LSTM"],
        "reasons": [],
        "load": 0.0,
    }


def test_rows_cover_what_the_bar_names() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert {row.kind for row in ROWS} == set(GATES)
    assert {row.batch for row in ROWS} == {1, 16, 64}
    assert {row.units for row in ROWS} >= {128, 256, 512, 1024}
    assert min(row.steps for row in ROWS) == 50
    assert max(row.steps for row in ROWS) == 200
    assert all(np.all(row.feeds()["lengths:0"] >= 1) for row in ROWS if row.ragged)


@pytest.mark.parametrize("row", [row for row in QUICK if not row.ragged], ids=lambda row: row.kind)
def test_the_products_are_all_of_the_products(row: Row) -> None:
    session = onnxruntime.InferenceSession(
        products.model(row).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, products.feeds(row))
    assert found[0].shape == (row.steps, row.batch, GATES[row.kind] * row.units)
    assert found[1].shape == (row.batch, row.output)
    assert np.isfinite(found[1]).all()
    assert len(found) == (4 if row.kind in ("bidirectional", "two_layers") else 2)


def test_ratios_are_paired_by_round() -> None:
    found = ratio(result(ours=[1.0, 2.0, 4.0], tf=[3.0, 6.0, 12.0]), "tf")
    assert found == (3.0, 3.0, 3.0)
    assert ratio(result(ours=[1.0]), "tf") is None


def test_a_slower_row_is_named() -> None:
    slow = result(ours=[2.0] * 20, tf=[1.0] * 20, tf2onnx=[3.0] * 20)
    fast = result(ours=[1.0] * 20, tf=[1.01] * 20)
    assert slower_than(slow) == ["TF session"]
    assert slower_than(fast) == []
    page = report({"lstm-b1-t1-u1": slow, "gru-b1-t1-u1": fast}, {"machine": "m"}, [])
    assert "**slower than TF session**" in page
    assert "Rows slower than the fastest rival: lstm-b1-t1-u1." in page


def test_a_mended_session_is_told() -> None:
    mended = result(ours=[1.0], tf=[2.0]) | {"tf": "its remapper switched off"}
    assert "TF session: its remapper switched off" in report(
        {"layer_norm-b1-t1-u1": mended}, {}, []
    )


def test_a_port_that_computes_something_else_is_marked() -> None:
    wrong = result(ours=[1.0], tf2onnx=[2.0]) | {"off": {"tf2onnx": 0.5}}
    page = report({"lstm-b1-t1-u1": wrong}, {}, [])
    assert "2000.00 (!)" in page
    assert "tf2onnx off by 5e-01" in page


@pytest.mark.parametrize(("least", "reached"), [(0.5, False), (0.1, True)])
def test_the_products_alone_say_what_is_in_reach(least: float, reached: bool) -> None:
    row = result(ours=[1.0] * 20, tf=[1.2] * 20, products=[least] * 20)
    page = report({"lstm-b1-t1-u1": row}, {}, [])
    assert f"{1.2 / least:.2f} times the products alone" in page
    assert ("out of reach" in page) is not reached
