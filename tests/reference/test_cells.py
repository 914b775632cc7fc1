"""What no recording holds: the LSTM of 1997, BlockLSTMV2's order, the wide twin, weights by path, the equation under the tape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference import states
from reference.cells.base import map_weights, weights
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.gru import GRUCell
from reference.cells.lstm_block import GATES, GATES_V2, LSTMBlockCell
from reference.cells.lstm_no_forget import LSTMNoForgetCell
from reference.drivers.dynamic import dynamic_rnn
from reference.gradients.profile import gradient_profile, profile_svg
from reference.layouts.gates import reorder
from reference.vocabulary.numpy_ops import NumpyOps
from reference.wrappers.multi_rnn import MultiRNNCell
from tests.reference.make_cells import of_every_kind, random_cell
from tests.support.compare import assert_close_64

M, N, B, T = 3, 4, 3, 6
X = np.random.default_rng(1).standard_normal((B, T, M))
LENGTHS = np.array([T, 0, 2])
DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"
PICTURE = DOCS / "gradient_profile.svg"


def test_no_forget_gate_is_a_forget_gate_held_open() -> None:
    cell = random_cell(LSTMNoForgetCell, 2, (M + N, 3 * N), (3 * N,))
    i, j, o = np.split(cell.kernel, 3, 1)
    bi, bj, bo = np.split(cell.bias, 3)
    open_gate = BasicLSTMCell(
        np.concatenate([i, j, np.zeros_like(i), o], 1),
        np.concatenate([bi, bj, np.zeros(N), bo]),
        forget_bias=1e3,
    )
    y, state = dynamic_rnn(cell, X, LENGTHS, dtype="float64")
    expected, same = dynamic_rnn(open_gate, X, LENGTHS, dtype="float64")
    assert_close_64(y, expected, rtol=1e-14)
    assert_close_64(state.c, same.c, rtol=1e-14)


def test_block_v2_holds_its_gates_in_another_order() -> None:
    cell = random_cell(LSTMBlockCell, 3, (M + N, 4 * N), (4 * N,), cell_clip=0.5)
    moved = LSTMBlockCell(
        reorder(cell.kernel, GATES, GATES_V2),
        reorder(cell.bias, GATES, GATES_V2),
        cell_clip=0.5,
        gates=GATES_V2,
    )
    y, _ = dynamic_rnn(cell, X, LENGTHS, dtype="float64")
    assert_close_64(dynamic_rnn(moved, X, LENGTHS, dtype="float64")[0], y, rtol=1e-14)
    wrong = LSTMBlockCell(moved.kernel, moved.bias, cell_clip=0.5)
    assert np.abs(dynamic_rnn(wrong, X, LENGTHS, dtype="float64")[0] - y).max() > 1e-2


@pytest.mark.parametrize("make", [BasicLSTMCell, GRUCell])
def test_the_wide_twin_computes_in_float64(make: Any) -> None:
    shapes = (
        [(M + N, 2 * N), (2 * N,), (M + N, N), (N,)]
        if make is GRUCell
        else [(M + N, 4 * N), (4 * N,)]
    )
    narrow = map_weights(lambda _, w: w.astype(np.float32), random_cell(make, 4, *shapes))
    wide = map_weights(lambda _, w: w.astype(np.float64), narrow)
    x = X.astype(np.float32)
    y, state = dynamic_rnn(narrow, x, LENGTHS, dtype="float32", ops=NumpyOps(widen=True))
    expected, same = dynamic_rnn(wide, x.astype(np.float64), LENGTHS, dtype="float64")
    assert_close_64(y, expected, rtol=1e-13)
    for a, e in zip(states.flatten(state), states.flatten(same), strict=True):
        assert_close_64(np.asarray(a), e, rtol=1e-13)


EVERY = of_every_kind()


@pytest.mark.parametrize("name", EVERY)
def test_weights_have_paths_and_can_be_mapped(name: str) -> None:
    golden, cell = EVERY[name]
    held = weights(cell)
    assert all(w.size and np.any(w != 0) for w in held.values())
    doubled = map_weights(lambda path, w: 2 * held[path] if w is held[path] else None, cell)
    assert {p: (w / 2).tolist() for p, w in weights(doubled).items()} == {
        p: w.tolist() for p, w in held.items()
    }
    assert {id(w) for w in weights(cell).values()} == {id(w) for w in held.values()}
    assert golden.card["spec"]["class"] == type(cell).__name__


def test_a_shared_cell_shares_its_weights() -> None:
    cell = random_cell(BasicRNNCell, 5, (2 * N, N), (N,))
    stack = MultiRNNCell((cell, cell))
    assert weights(stack)["cells/0/kernel"] is weights(stack)["cells/1/kernel"]


def test_the_picture_of_the_gradient_profile() -> None:
    """docs/reference/gradient_profile.svg, drawn again: the same curves in the same places."""
    import os

    rng = np.random.default_rng(0)
    x = 0.5 * rng.standard_normal((60, 1, M))
    rotation = np.linalg.qr(rng.standard_normal((N, N)))[0]
    curves = {}
    for gain in (0.6, 1.0, 1.6):
        kernel = np.concatenate([1e-3 * rng.standard_normal((M, N)), gain * rotation])
        curves[f"RNN, gain {gain}"] = gradient_profile(
            BasicRNNCell(kernel, np.full(N, 1e-3)), x, np.zeros((1, N))
        )
    lstm = random_cell(BasicLSTMCell, 6, (M + N, 4 * N), (4 * N,), forget_bias=4.0)
    curves["LSTM, forget_bias 4"] = gradient_profile(
        lstm, x, states.LSTMStateTuple(np.zeros((1, N)), np.zeros((1, N)))
    )
    text = profile_svg(curves)
    if os.environ.get("RNNPORT_WRITE_DOCS"):
        PICTURE.write_text(text, encoding="utf-8")
    kept = PICTURE.read_text(encoding="utf-8")
    assert [line.split("=")[0] for line in kept.splitlines()] == [
        line.split("=")[0] for line in text.splitlines()
    ]
    assert curves["RNN, gain 0.6"][0] < 1e-8 < 1e-3 < curves["LSTM, forget_bias 4"][0]
    assert text.count("<polyline") == 4


def test_the_example_in_the_docs_runs() -> None:
    import re

    (example,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "README.md").read_text(encoding="utf-8"), re.S
    )
    names: dict[str, Any] = {}
    exec(compile(example, "docs/reference/README.md", "exec"), names)
    assert names["outputs"].shape == (2, 5, 4)


def test_every_page_of_semantics_cites_a_line_of_tensorflow() -> None:
    pages = sorted((DOCS.parent / "semantics").glob("*.md"))
    assert len(pages) > 20
    listed = (DOCS.parent / "semantics" / "README.md").read_text(encoding="utf-8")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        if page.name != "README.md":
            assert f"({page.name})" in listed, page.name
            assert ".py:" in text or "nn_ops.py" in text, page.name
