"""The rows of docs/reference/names.md, and how the ones with a native Keras layer are checked against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.activations import HARD_SIGMOID_KERAS3, RELU
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.conv_lstm import Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.layouts import gru, lstm, rnn
from reference.layouts.gates import LSTM, reorder
from tests.reference.make_cells import random_cell

M, N = 3, 4


@dataclass(frozen=True)
class Row:
    """One line of the table; ``cell`` and ``layer`` where Keras has a native layer."""

    tf1: str
    keras: str
    onnx: str
    differs: str
    cell: Any = None
    layer: Callable[..., Any] | None = None
    """Given (keras, options): the layer."""
    weights: Callable[[Any], list[Any]] | None = None
    """Keras' weights of the cell."""
    state: str = "array"
    """"array", "pair" (Keras [h, c] for TF1's (c, h))."""


def conv_weights(cell: Any) -> list[Any]:
    kernel = reorder(cell.kernel, LSTM["tf1"], LSTM["keras"])
    parts = np.split(cell.bias, 4)
    parts[2] = parts[2] + cell.forget_bias
    bias = reorder(np.concatenate(parts), LSTM["tf1"], LSTM["keras"])
    channels = cell.input_shape[-1]
    return [kernel[..., :channels, :], kernel[..., channels:, :], bias]


def conv(make: Any, name: str, shape: tuple[int, ...], window: tuple[int, ...]) -> dict[str, Any]:
    cell = random_cell(make, 9, (*window, shape[-1] + 2, 8), (8,), input_shape=shape)
    return {
        "cell": cell,
        "layer": lambda k, o: getattr(k.layers, name)(
            2, window, padding="same", recurrent_activation="sigmoid", **o
        ),
        "weights": conv_weights,
        "state": "pair",
    }


LSTM_CELL = random_cell(LSTMCell, 1, (M + N, 4 * N), (4 * N,), forget_bias=1.0)
GRU_CELL = random_cell(GRUCell, 2, (M + N, 2 * N), (2 * N,), (M + N, N), (N,))
AFTER = random_cell(CudnnCompatibleGRUCell, 3, (M + N, 2 * N), (2 * N,), (M, N), (N, N), (N,), (N,))
SCAN = "`Scan`"

ROWS = [
    Row("BasicRNNCell", "`SimpleRNN(n)`", "`RNN`", "the kernel's rows are x then h; elsewhere two matrices",
        random_cell(BasicRNNCell, 4, (M + N, N), (N,)), lambda k, o: k.layers.SimpleRNN(N, **o), rnn.to_keras),
    Row("BasicRNNCell(activation=relu)", "`SimpleRNN(n, activation=\"relu\")`", "`RNN`, activations Relu", "",
        random_cell(BasicRNNCell, 5, (M + N, N), (N,), activation=RELU), lambda k, o: k.layers.SimpleRNN(N, activation="relu", **o), rnn.to_keras),
    Row("BasicLSTMCell", "`LSTM(n)`", "`LSTM`", "forget_bias is added at run time; elsewhere it is part of the bias. State (c, h), Keras [h, c]",
        random_cell(BasicLSTMCell, 6, (M + N, 4 * N), (4 * N,), forget_bias=0.3), lambda k, o: k.layers.LSTM(N, **o), lstm.to_keras, "pair"),
    Row("LSTMCell", "`LSTM(n)`", "`LSTM`", "gate order i, j, f, o; Keras i, f, c, o; ONNX i, o, f, c",
        LSTM_CELL, lambda k, o: k.layers.LSTM(N, **o), lstm.to_keras, "pair"),
    Row("LSTMCell, hard sigmoid of Keras 3", "`LSTM(n, recurrent_activation=\"hard_sigmoid\")`", "`LSTM`, activations HardSigmoid (alpha 1/6, beta 0.5)",
        "Keras 1 and 2, TF1 and Theano: alpha 0.2, which Keras 3 has no name for",
        LSTMCell(LSTM_CELL.kernel, LSTM_CELL.bias, recurrent_activation=HARD_SIGMOID_KERAS3), lambda k, o: k.layers.LSTM(N, recurrent_activation="hard_sigmoid", **o), lstm.to_keras, "pair"),
    Row("LSTMCell(use_peepholes=True)", "custom cell", "`LSTM` with P", "P is i, o, f; o sees the new c"),
    Row("LSTMCell(cell_clip=…)", "custom cell", SCAN, "ONNX `clip` clips the inputs of the activations"),
    Row("LSTMCell(num_proj=…, proj_clip=…)", "custom cell", SCAN, "no projection elsewhere"),
    Row("GRUCell", "`GRU(n, reset_after=False)`", "`GRU`, linear_before_reset=0", "gates r, u and a candidate kernel; Keras and ONNX z, r, h",
        GRU_CELL, lambda k, o: k.layers.GRU(N, reset_after=False, **o), gru.to_keras),
    Row("CudnnCompatibleGRUCell, CudnnGRU", "`GRU(n, reset_after=True)`", "`GRU`, linear_before_reset=1", "a second bias on the candidate; Keras keeps six",
        AFTER, lambda k, o: k.layers.GRU(N, reset_after=True, **o), gru.to_keras),
    Row("LSTMBlockCell, LSTMBlockFusedCell, CudnnCompatibleLSTMCell, CudnnLSTM", "`LSTM(n)`", "`LSTM`", "forget_bias 1, 1, 0, 0; block order i, c, f, o, V2 and cuDNN i, f, c, o"),
    Row("GRUBlockCell, GRUBlockCellV2", "`GRU(n, reset_after=False)`", "`GRU`, linear_before_reset=0", "GRUCell under other variable names"),
    Row("CudnnRNNTanh, CudnnRNNRelu", "`SimpleRNN(n)`", "`RNN`", "two biases, added"),
    Row("Conv1DLSTMCell", "`ConvLSTM1D(f, k, padding=\"same\", recurrent_activation=\"sigmoid\")`", SCAN, "one kernel over channels [x; h]", **conv(Conv1DLSTMCell, "ConvLSTM1D", (5, 2), (3,))),
    Row("Conv2DLSTMCell", "`ConvLSTM2D(…)`, the same arguments", SCAN, "one kernel over channels [x; h]", **conv(Conv2DLSTMCell, "ConvLSTM2D", (4, 3, 2), (3, 3))),
    Row("Conv3DLSTMCell", "`ConvLSTM3D(…)`, the same arguments", SCAN, "one kernel over channels [x; h]", **conv(Conv3DLSTMCell, "ConvLSTM3D", (3, 2, 2, 2), (3, 3, 3))),
    Row("MultiRNNCell", "stacked layers, or `RNN(StackedRNNCells([...]))`", "one operator per layer", "states: a tuple, one per layer"),
    Row("DropoutWrapper at keep 1, DeviceWrapper", "the cell's layer", "the cell's operator", "nothing is left of them"),
    Row("ResidualWrapper, HighwayWrapper, InputProjectionWrapper, OutputProjectionWrapper, EmbeddingWrapper", "the cell's layer between `Add`, `Multiply`, `Dense`, `Embedding`",
        "the cell's operator between Add, Mul, MatMul, Gather", "taken out of the loop where the state does not see them"),
    Row("CoupledInputForgetGateLSTMCell", "custom cell", "`LSTM`, input_forget=1, without norms or projection", "ONNX couples i as 1 - f"),
    Row("LayerNormBasicLSTMCell, LayerNormLSTMCell, WeightNormLSTMCell, NASCell, UGRNNCell, IntersectionRNNCell, PhasedLSTMCell, SRUCell, IndRNNCell, IndyGRUCell, IndyLSTMCell, "
        "MinimalRNNCell, CFNCell, GLSTMCell, TimeFreqLSTMCell, GridLSTMCell, BidirectionalGridLSTMCell, NTMCell, AttentionCellWrapper", "custom cell", SCAN, "no native layer or operator"),
]  # fmt: skip


def table(checked: set[str]) -> str:
    """The page; ``checked`` are the rows whose Keras layer was compared."""
    lines = [
        "# TF1, Keras, ONNX: names and differences",
        "",
        "Generated by `tests/reference/test_keras.py`; do not edit. A row marked ✓ was run against Keras' own layer in float64, equal to",
        "1e-12 relative: outputs and final states, lengths 0, 1, T and mixed (as a right-padded mask, with `zero_output_for_mask=True`),",
        "initial state zero and not.",
        "",
        "| TF1 | Keras 3 | ONNX | what differs | checked |",
        "|---|---|---|---|---|",
    ]
    for row in ROWS:
        mark = "✓" if row.tf1 in checked else ""
        lines.append(f"| {row.tf1} | {row.keras} | {row.onnx} | {row.differs} | {mark} |")
    return "\n".join(lines) + "\n"
