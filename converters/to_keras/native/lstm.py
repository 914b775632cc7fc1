"""BasicLSTMCell, LSTMCell and LSTMBlockCell as ``keras.layers.LSTM``."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_keras.activations import keras_activation, why_not
from converters.to_keras.native.spec import Native, columns, rows
from reference.activations import SIGMOID, TANH
from reference.cells import basic_lstm, lstm, lstm_block
from reference.cells.cudnn_compatible import CudnnCompatibleLSTMCell

KERAS_GATES = ("i", "f", "j", "o")
"""The order of Keras' columns (it writes c for j)."""


def _native(cell: Any, gates: tuple[str, ...]) -> Native | str:
    activation = getattr(cell, "activation", TANH)
    recurrent = getattr(cell, "recurrent_activation", SIGMOID)
    names = keras_activation(activation), keras_activation(recurrent)
    if names[0] is None:
        return why_not(activation)
    if names[1] is None:
        return why_not(recurrent)
    kernel, recurrent_kernel = rows(columns(cell.kernel, gates, KERAS_GATES), cell.units)
    bias = columns(with_forget_bias(cell.bias, gates, cell.forget_bias), gates, KERAS_GATES)
    return Native(
        "LSTM",
        cell.units,
        (kernel, recurrent_kernel, bias),
        {"activation": names[0], "recurrent_activation": names[1], "unit_forget_bias": False},
        states=(1, 0),
        joined=not getattr(cell, "state_is_tuple", True),
    )


def with_forget_bias(bias: np.ndarray, gates: tuple[str, ...], forget_bias: float, /) -> np.ndarray:
    """The bias with the forget bias added in its own dtype: one rounding."""
    if forget_bias == 0.0:
        return bias
    shift = [forget_bias if gate == "f" else 0.0 for gate in gates]
    result: np.ndarray = bias + np.repeat(
        np.asarray(shift, bias.dtype), bias.shape[0] // len(gates)
    )
    return result


def basic(cell: basic_lstm.BasicLSTMCell, /) -> Native | str:
    """Keras' LSTM, with the forget bias in the bias."""
    return _native(cell, basic_lstm.GATES)


def full(cell: lstm.LSTMCell, /) -> Native | str:
    """As :func:`basic`, where none of the cell's further options is used."""
    return _options(cell) or _native(cell, lstm.GATES)


def block(cell: lstm_block.LSTMBlockCell, /) -> Native | str:
    """As :func:`basic`, in the op's gate order."""
    return _options(cell) or _native(cell, cell.gates)


def _options(cell: Any) -> str:
    if cell.w_i_diag is not None:
        return "Keras' LSTM has no peepholes"
    if getattr(cell, "proj_kernel", None) is not None:
        return "Keras' LSTM has no projection"
    clip = cell.cell_clip
    if clip is not None and (isinstance(cell, lstm.LSTMCell) or clip > 0):
        return "Keras' LSTM does not clip its cell state"
    return ""


CELLS: dict[type, Any] = {
    basic_lstm.BasicLSTMCell: basic,
    lstm.LSTMCell: full,
    lstm_block.LSTMBlockCell: block,
    CudnnCompatibleLSTMCell: block,
}
