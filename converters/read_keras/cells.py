"""Keras' recurrent cells as reference cells: columns and rows in the order each cell keeps, no weight changed.

Keras' kernels: LSTM i, f, c, o; GRU z, r, h, where z keeps the old state, as TF1's u does. The bias of ``reset_after`` has two rows, of the
input and of the recurrence; those of r and z are added here (one rounding), the candidate's stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.read_keras import activations
from converters.read_keras.layers import Call, check_shape
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell


@dataclass(frozen=True)
class Found:
    """A cell, and how Keras orders its state."""

    cell: Any
    units: int
    states: tuple[int, ...]
    """Place in Keras' state of each part of the reference cell's: an LSTM's (c, h) is Keras' [h, c]."""
    parameters: dict[str, str]


def read_cell(call: Call, /) -> Found:
    """The reference cell of an LSTM, GRU or SimpleRNN (layer or cell).

    Raises:
        NotConvertibleError: another cell, or an activation no cell has.
    """
    kind = call.layer.kind.removesuffix("Cell")
    if kind not in _READERS:
        msg = "this recurrent cell is not known here; LSTM, GRU and SimpleRNN are"
        raise call.refused(msg)
    units = int(call.layer.config.get("units", 0))
    biased = bool(call.config("use_bias", True))
    found = call.layer.weights
    if len(found) != 2 + biased or units < 1:
        msg = f"{len(found)} weights of {units} units are stored where {2 + biased} are needed"
        raise call.refused(msg)
    gates = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}[kind]
    check_shape(call.layer.name, found[0], (None, gates * units))
    check_shape(call.layer.name, found[1], (units, gates * units))
    cell = _READERS[kind](call, units, found[0], found[1], found[2] if biased else None)
    names = dict.fromkeys(_PATHS[type(cell)], f"{call.layer.path}/vars")
    return Found(cell, units, (1, 0) if kind == "LSTM" else (0,), names)


def _activation(call: Call, key: str, default: str) -> Any:
    return activations.for_cell(call.config(key, default), call.layer.name)


def _bias(
    call: Call, bias: np.ndarray | None, shape: tuple[int, ...], like: np.ndarray
) -> np.ndarray:
    if bias is None:
        return np.zeros(shape, like.dtype)
    check_shape(call.layer.name, bias, shape)
    return bias


def _blocks(matrix: np.ndarray, count: int) -> list[np.ndarray]:
    return np.split(matrix, count, axis=-1)


def _lstm(
    call: Call, units: int, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray | None
) -> LSTMCell:
    def ordered(matrix: np.ndarray) -> np.ndarray:
        i, f, c, o = _blocks(matrix, 4)
        return np.concatenate([i, c, f, o], -1)

    return LSTMCell(
        kernel=ordered(np.concatenate([kernel, recurrent])),
        bias=ordered(_bias(call, bias, (4 * units,), kernel)),
        forget_bias=0.0,  # Keras stores it in the bias
        activation=_activation(call, "activation", "tanh"),
        recurrent_activation=_activation(call, "recurrent_activation", "sigmoid"),
    )


def _gru(
    call: Call, units: int, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray | None
) -> GRUCell | CudnnCompatibleGRUCell:
    after = bool(call.config("reset_after", True))
    chosen = {
        "activation": _activation(call, "activation", "tanh"),
        "recurrent_activation": _activation(call, "recurrent_activation", "sigmoid"),
    }
    z, r, h = _blocks(kernel, 3)
    rz, rr, rh = _blocks(recurrent, 3)
    gates = np.concatenate([np.concatenate([r, z], 1), np.concatenate([rr, rz], 1)])
    if not after:
        bz, br, bh = _blocks(_bias(call, bias, (3 * units,), kernel), 3)
        return GRUCell(gates, np.concatenate([br, bz]), np.concatenate([h, rh]), bh, **chosen)
    given, recurring = _bias(call, bias, (2, 3 * units), kernel)
    bz, br, _ = _blocks(given + recurring, 3)
    return CudnnCompatibleGRUCell(
        gate_kernel=gates,
        gate_bias=np.concatenate([br, bz]),
        candidate_input_kernel=h,
        candidate_hidden_kernel=rh,
        candidate_input_bias=_blocks(given, 3)[2],
        candidate_hidden_bias=_blocks(recurring, 3)[2],
        **chosen,
    )


def _simple(
    call: Call, units: int, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray | None
) -> BasicRNNCell:
    return BasicRNNCell(
        np.concatenate([kernel, recurrent]),
        _bias(call, bias, (units,), kernel),
        _activation(call, "activation", "tanh"),
    )


_READERS: dict[str, Any] = {"LSTM": _lstm, "GRU": _gru, "SimpleRNN": _simple}
_PATHS: dict[type, tuple[str, ...]] = {
    LSTMCell: ("kernel", "bias"),
    BasicRNNCell: ("kernel", "bias"),
    GRUCell: ("gate_kernel", "gate_bias", "candidate_kernel", "candidate_bias"),
    CudnnCompatibleGRUCell: (
        "gate_kernel", "gate_bias", "candidate_input_kernel", "candidate_hidden_kernel",
        "candidate_input_bias", "candidate_hidden_bias",
    ),
}  # fmt: skip
