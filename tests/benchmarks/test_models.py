"""Models that are kept, and the process that runs one after another."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.table import models, products
from benchmarks.table.rows import QUICK
from benchmarks.table.workers import Worker
from reference.errors import RnnportError


def test_an_export_is_kept_while_no_source_changes(tmp_path: Path) -> None:
    target, absent = tmp_path / "g.ours.onnx", tmp_path / "absent.pb"
    target.write_bytes(b"kept")
    card = tmp_path / "g.ours.json"
    card.write_text(json.dumps({"sources": models.sources(), "forms": ["LSTM"], "reasons": []}))
    assert models._ours("ours", absent, target)["forms"] == ["LSTM"]
    card.write_text(json.dumps({"sources": "older", "forms": [], "reasons": []}))
    with pytest.raises((RnnportError, OSError)):
        models._ours("ours", absent, target)


def test_a_refusal_is_kept(tmp_path: Path) -> None:
    row, source, target = QUICK[0], tmp_path / "g.pb", tmp_path / "g.keras.onnx"
    with pytest.raises(RuntimeError, match="no Python"):
        models._other("keras", row, None, source, target)
    (tmp_path / "g.keras.refused").write_text("Keras has no such layer")
    with pytest.raises(RuntimeError, match="no such layer"):
        models._other("keras", row, "python", source, target)


def test_a_worker_runs_one_model_after_another(tmp_path: Path) -> None:
    worker = Worker()
    try:
        missing = worker.load("onnx", tmp_path / "absent.onnx", {}, 1)
        assert missing is not None
        assert "absent" in missing
        for row in (QUICK[0], next(row for row in QUICK if row.kind == "rnn")):
            path = tmp_path / f"{row.kind}.onnx"
            products.write(row, path)
            feeds = products.feeds(row)
            assert worker.load("onnx", path, feeds, 1) is None
            assert worker.output().shape[:2] == (row.steps, row.batch)
            assert np.array_equal(worker.output(), worker.output("exact"))
            worker.warm(0.001)
            assert worker.time() > 0
            worker.unload()
    finally:
        worker.stop()
    assert not worker.process.is_alive()
