"""Weights and states go to Keras, ONNX and cuDNN and come back; gate orders are data."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest

from reference.activations import RELU
from reference.cells.base import weights
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.stacked import stack_bidirectional_dynamic_rnn
from reference.errors import SemanticsError
from reference.layouts import gru, lstm, rnn
from reference.layouts.cudnn import (
    CudnnShape,
    canonical_to_cells,
    canonical_to_opaque,
    cells_to_canonical,
    opaque_to_canonical,
)
from reference.layouts.gates import GRU, LSTM, PEEPHOLES, reorder
from reference.networks.cudnn import cudnn_rnn, cudnn_rnn_opaque
from reference.states import LSTMStateTuple
from tests.reference.make_cells import random_cell
from tests.support.compare import assert_close_64

M, N = 3, 4
PLAIN = random_cell(LSTMCell, 1, (M + N, 4 * N), (4 * N,), forget_bias=1.0)
PEEP = random_cell(LSTMCell, 2, (M + N, 4 * N), (4 * N,), (N,), (N,), (N,), forget_bias=0.0)
BEFORE = random_cell(GRUCell, 3, (M + N, 2 * N), (2 * N,), (M + N, N), (N,))
AFTER = random_cell(CudnnCompatibleGRUCell, 4, (M + N, 2 * N), (2 * N,), (M, N), (N, N), (N,), (N,))
RNN = random_cell(BasicRNNCell, 5, (M + N, N), (N,))

TRIPS: dict[str, tuple[Any, Any]] = {
    "rnn keras": (RNN, lambda c: rnn.from_keras(rnn.to_keras(c))),
    "rnn onnx": (RNN, lambda c: rnn.from_onnx(rnn.to_onnx(c))),
    "lstm keras": (PLAIN, lambda c: lstm.from_keras(lstm.to_keras(c), c.forget_bias)),
    "lstm onnx": (PLAIN, lambda c: lstm.from_onnx(lstm.to_onnx(c), c.forget_bias)),
    "lstm onnx peepholes": (PEEP, lambda c: lstm.from_onnx(lstm.to_onnx(c), c.forget_bias)),
    "lstm cudnn": (LSTMCell(PLAIN.kernel, PLAIN.bias, forget_bias=0.0), lambda c: lstm.from_cudnn(*lstm.to_cudnn(c))),
    "gru keras": (BEFORE, lambda c: gru.from_keras(gru.to_keras(c))),
    "gru onnx": (BEFORE, lambda c: gru.from_onnx(gru.to_onnx(c))),
    "gru after keras": (AFTER, lambda c: gru.from_keras(gru.to_keras(c))),
    "gru after onnx": (AFTER, lambda c: gru.from_onnx(gru.to_onnx(c))),
    "gru after cudnn": (AFTER, lambda c: gru.from_cudnn(*gru.to_cudnn(c))),
}  # fmt: skip


@pytest.mark.parametrize("name", TRIPS)
def test_round_trips(name: str) -> None:
    cell, trip = TRIPS[name]
    back = trip(cell)
    assert type(back) is type(cell)
    before, after = weights(cell), weights(back)
    assert before.keys() == after.keys()
    for path, value in before.items():
        if path == "bias" and getattr(cell, "forget_bias", 0.0):
            assert_close_64(after[path], value, rtol=2.0**-51, what=path)  # + 1 - 1 rounds once
        else:
            np.testing.assert_array_equal(after[path], value, err_msg=path)


def test_orders_differ_where_they_must() -> None:
    assert LSTM["tf1"] == ("i", "j", "f", "o")
    assert LSTM["keras"] == ("i", "f", "j", "o")
    assert LSTM["onnx"] == ("i", "o", "f", "j")
    assert PEEPHOLES["onnx"] == ("i", "o", "f")
    assert GRU["keras"] == GRU["onnx"] == ("u", "r", "c")
    assert GRU["cudnn"] == ("r", "u", "c")
    for orders in (LSTM, GRU):
        for a in orders.values():
            for b in orders.values():
                columns = np.arange(2 * len(a))
                np.testing.assert_array_equal(reorder(reorder(columns, a, b), b, a), columns)
    with pytest.raises(SemanticsError, match="cannot bring 6 columns"):
        reorder(np.arange(6), LSTM["tf1"], LSTM["onnx"])


def test_forget_bias_goes_into_the_bias_once() -> None:
    cell = BasicLSTMCell(PLAIN.kernel, PLAIN.bias, forget_bias=0.75)
    for bias, at in ((lstm.to_keras(cell)[2], 1), (lstm.to_onnx(cell)["B"][0], 2)):
        np.testing.assert_array_equal(bias[at * N :][:N], PLAIN.bias[2 * N : 3 * N] + 0.75)
        np.testing.assert_array_equal(bias[:N], PLAIN.bias[:N])


@pytest.mark.parametrize("target", [lstm.to_keras, lstm.to_onnx, lstm.to_cudnn])
def test_what_has_no_place_is_refused(target: Any) -> None:
    clipped = LSTMCell(PLAIN.kernel, PLAIN.bias, cell_clip=1.0)
    with pytest.raises(SemanticsError, match="has no place for cell_clip of LSTMCell"):
        target(clipped)


def test_states() -> None:
    c, h = np.arange(6.0).reshape(2, 3), -np.arange(6.0).reshape(2, 3)
    state = LSTMStateTuple(c, h)
    assert lstm.state_to_keras(state)[0] is h
    for back in (
        lstm.state_from_keras(lstm.state_to_keras(state)),
        lstm.state_from_onnx(lstm.state_to_onnx(state)),
    ):
        np.testing.assert_array_equal(back.c, c)
        np.testing.assert_array_equal(back.h, h)


SHAPES = [
    CudnnShape(mode, layers, N, M, both)
    for mode in ("lstm", "gru", "rnn_tanh", "rnn_relu")
    for layers, both in ((1, False), (1, True), (3, False), (2, True))
]
SHAPES.append(CudnnShape("lstm", 2, N, M, True, num_proj=2))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_opaque_parameters_round_trip(shape: CudnnShape) -> None:
    params = np.random.default_rng(7).standard_normal(shape.size)
    matrices, biases = opaque_to_canonical(params, shape)
    np.testing.assert_array_equal(canonical_to_opaque(matrices, biases), params)
    cells = canonical_to_cells(matrices, biases, shape)
    assert [len(row) for row in cells] == [shape.directions] * shape.num_layers
    again, halves = cells_to_canonical(cells, shape)
    for a, b in zip(again, matrices, strict=True):
        np.testing.assert_array_equal(a, b)
    same = canonical_to_cells(again, halves, shape)
    for a, b in zip(chain(*cells), chain(*same), strict=True):
        for path, value in weights(a).items():
            np.testing.assert_array_equal(weights(b)[path], value)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cudnn_network_equals_a_stack_of_compatible_cells(shape: CudnnShape) -> None:
    """There is no CPU oracle in TF1: the compatible cells, proven against TF1 themselves, stand in."""
    rng = np.random.default_rng(8)
    params = 0.4 * rng.standard_normal(shape.size)
    x = rng.standard_normal((5, 2, M))
    cells = canonical_to_cells(*opaque_to_canonical(params, shape), shape)
    y, state = cudnn_rnn_opaque(params, shape, x)
    rows = shape.num_layers * shape.directions
    assert y.shape == (5, 2, shape.directions * shape.output_size)
    assert [s.shape[0] for s in state] == [rows] * (2 if shape.mode == "lstm" else 1)
    if shape.bidirectional:
        fw, bw = ([row[d] for row in cells] for d in (0, 1))
        expected, a, b = stack_bidirectional_dynamic_rnn(
            fw, bw, x, dtype="float64", time_major=True
        )
        finals = [s for pair in zip(a, b, strict=True) for s in pair]
    else:
        expected, finals = x, []
        for (cell,) in cells:
            expected, final = dynamic_rnn(cell, expected, dtype="float64", time_major=True)
            finals.append(final)
    np.testing.assert_array_equal(y, expected)
    h = [s.h if isinstance(s, tuple) else s for s in finals]
    np.testing.assert_array_equal(state[0], np.stack(h))


def test_cudnn_refusals() -> None:
    with pytest.raises(SemanticsError, match="rnn_mode must be one of"):
        CudnnShape("sru", 1, N, M)
    with pytest.raises(SemanticsError, match="no input matrix in the first layer"):
        CudnnShape("gru", 1, N, N, input_mode="auto_select")
    with pytest.raises(SemanticsError, match="only the LSTM has a projection"):
        CudnnShape("gru", 1, N, M, num_proj=2)
    shape = CudnnShape("rnn_relu", 1, N, M)
    with pytest.raises(SemanticsError, match=f"params must be a vector of {shape.size} numbers"):
        opaque_to_canonical(np.zeros(3), shape)
    cell = BasicRNNCell(RNN.kernel, RNN.bias, RELU)
    with pytest.raises(SemanticsError, match=r"initial_state must have the shapes \[\(1, 2, 4\)\]"):
        cudnn_rnn([[cell]], np.zeros((5, 2, M)), (np.zeros((2, 2, 4)),))
