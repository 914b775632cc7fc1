"""The shortcuts of dynamic_rnn equal the equation run step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.cells.base import map_weights
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.drivers import fast_lstm
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.hoist import HoistedOps, hoisted
from reference.drivers.static import static_rnn
from reference.drivers.stepping import default_ops
from reference.states import LSTMStateTuple
from tests.reference.make_cells import random_cell
from tests.support.compare import assert_close_64, assert_within_floor, perturb

M, N, T = 5, 6, 19
CELLS = {
    "basic": random_cell(BasicLSTMCell, 1, (M + N, 4 * N), (4 * N,), forget_bias=0.4),
    "lstm": random_cell(LSTMCell, 2, (M + N, 4 * N), (4 * N,)),
}
NARROW = {k: map_weights(lambda _, w: w.astype(np.float32), c) for k, c in CELLS.items()}


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_fast_lstm_is_the_equation(name: str, ragged: bool, batch: int) -> None:
    cell, rng = NARROW[name], np.random.default_rng(5)
    x = rng.standard_normal((T, batch, M)).astype(np.float32)
    state = LSTMStateTuple(*(rng.standard_normal((batch, N)).astype(np.float32) for _ in range(2)))
    lengths = np.array([T - 2, 0, 17])[:batch] if ragged else None
    assert fast_lstm.is_plain(cell, x, state)
    y, new = dynamic_rnn(cell, x, lengths, state, time_major=True)
    assert y.dtype == np.float32
    assert y.flags.c_contiguous
    assert new.c.shape == (batch, N)

    def slow(seed: int | None) -> list[Any]:
        noise = np.random.default_rng(seed)
        move = (lambda v: v.astype(np.float64)) if seed is None else (lambda v: perturb(v, noise))
        live = map_weights(lambda _, w: move(w), cell)
        ys, end = static_rnn(live, list(move(x)), LSTMStateTuple(*map(move, state)), None, lengths)
        return [np.stack(ys), *end]

    twin, near = slow(None), [slow(s) for s in range(4)]
    for k, a in enumerate((y, new.c, new.h)):
        assert_within_floor(a, None, twin[k], [n[k] for n in near], factor=8, what=str(k))
    if ragged and batch == 3:
        np.testing.assert_array_equal(y[:, 1], 0)
        np.testing.assert_array_equal(new.c[1], state.c[1])
        np.testing.assert_array_equal(new.h[1], state.h[1])


def test_only_the_plain_lstm_is_fast() -> None:
    x, zero = np.zeros((2, 1, M), np.float32), np.zeros((1, N), np.float32)
    pair, cell = LSTMStateTuple(zero, zero), NARROW["lstm"]
    assert not fast_lstm.is_plain(CELLS["lstm"], x, pair)  # float64: the oracle
    for options in (
        {"cell_clip": 1.0},
        {"w_i_diag": zero[0]},
        {"proj_kernel": zero},
        {"state_is_tuple": False},
    ):
        assert not fast_lstm.is_plain(LSTMCell(cell.kernel, cell.bias, **options), x, pair)


@pytest.mark.parametrize("make", [GRUCell, BasicLSTMCell])
def test_hoisted_input_projection_is_the_equation(make: Any) -> None:
    shapes = (
        [(M + N, 2 * N), (2 * N,), (M + N, N), (N,)]
        if make is GRUCell
        else [(M + N, 4 * N), (4 * N,)]
    )
    cell = random_cell(make, 3, *shapes)
    x = np.random.default_rng(6).standard_normal((T, 3, M))
    assert isinstance(hoisted(default_ops(), cell, x), HoistedOps)
    y, new = dynamic_rnn(cell, x, [T, 0, 4], dtype="float64", time_major=True)
    ys, end = static_rnn(cell, list(x), None, "float64", [T, 0, 4])
    assert_close_64(y, np.stack(ys), rtol=1e-13)
    assert_close_64(np.asarray(new), np.asarray(end), rtol=1e-13)
