"""Cells that are no ONNX operator, and why. Reasons that depend on a cell's options stand with its class."""

from __future__ import annotations

from converters.to_onnx.native.form import refuses
from reference.cells.conv_lstm import ConvLSTMCell
from reference.cells.glstm import GLSTMCell
from reference.cells.ind_rnn import IndRNNCell
from reference.cells.indy_gru import IndyGRUCell
from reference.cells.indy_lstm import IndyLSTMCell
from reference.cells.layer_norm_basic_lstm import LayerNormBasicLSTMCell
from reference.cells.layer_norm_lstm import LayerNormLSTMCell
from reference.cells.lstm_no_forget import LSTMNoForgetCell

refuses("the weights are block-diagonal by group", GLSTMCell)
refuses(
    "the recurrent weights are a diagonal, not a matrix: the operator would multiply by a full one",
    *(IndRNNCell, IndyGRUCell, IndyLSTMCell),
)
refuses("ONNX's recurrent operators multiply by matrices, they do not convolve", ConvLSTMCell)
refuses("ONNX LSTM has no layer normalisation", LayerNormBasicLSTMCell, LayerNormLSTMCell)
refuses("ONNX LSTM has no form without a forget gate", LSTMNoForgetCell)
