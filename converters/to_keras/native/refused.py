"""Cells of which Keras has no layer, and what keeps the nearest one from being taken."""

from __future__ import annotations

from typing import Any

from reference.cells.conv_lstm import Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell
from reference.cells.coupled_lstm import CoupledInputForgetGateLSTMCell
from reference.cells.glstm import GLSTMCell
from reference.cells.ind_rnn import IndRNNCell
from reference.cells.indy_gru import IndyGRUCell
from reference.cells.indy_lstm import IndyLSTMCell
from reference.cells.layer_norm_basic_lstm import LayerNormBasicLSTMCell
from reference.cells.layer_norm_lstm import LayerNormLSTMCell
from reference.cells.lstm_no_forget import LSTMNoForgetCell


def _convolved(cell: Any, /) -> str:
    """TensorFlow 2.21's oneDNN kernels give a convolution of no rows its input's channels; the layer then fails where TF1 gives no rows.

    Measured with ``keras.layers.ConvLSTM1D`` and ``2D``; our cell adds a row for the convolution and takes it off.
    """
    layer = f"keras.layers.ConvLSTM{len(cell.input_shape) - 1}D"
    return f"{layer} has this equation, but fails on an empty batch under TensorFlow"


def _always(reason: str) -> Any:
    return lambda cell: reason


_DIAGONAL = "its recurrent weights are a diagonal: a Keras layer's matrix would be trained in full"
CELLS: dict[type, Any] = {
    **dict.fromkeys((Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell), _convolved),
    **dict.fromkeys((IndRNNCell, IndyGRUCell, IndyLSTMCell), _always(_DIAGONAL)),
    **dict.fromkeys(
        (LayerNormBasicLSTMCell, LayerNormLSTMCell),
        _always("no recurrent layer of Keras normalises its gates"),
    ),
    CoupledInputForgetGateLSTMCell: _always("no recurrent layer of Keras couples its gates"),
    GLSTMCell: _always("its weights are block-diagonal: Keras' matrix would be trained in full"),
    LSTMNoForgetCell: _always("Keras' LSTM has no form without a forget gate"),
}
