"""BasicRNNCell's weights elsewhere: Keras SimpleRNN, ONNX RNN, cuDNN."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.activations import TANH, Activation
from reference.cells.basic_rnn import BasicRNNCell


def to_keras(cell: BasicRNNCell, /) -> list[Any]:
    """kernel [m, n], recurrent_kernel [n, n], bias [n]."""
    m = cell.input_size
    return [cell.kernel[:m], cell.kernel[m:], cell.bias]


def from_keras(weights: list[Any], /, activation: Activation = TANH) -> BasicRNNCell:
    """Keras' get_weights()."""
    kernel, recurrent, bias = weights
    return BasicRNNCell(np.concatenate([kernel, recurrent]), bias, activation)


def to_onnx(cell: BasicRNNCell, /) -> dict[str, Any]:
    """W [1, n, m], R [1, n, n], B [1, 2 n] whose second half is zero."""
    kernel, recurrent, bias = to_keras(cell)
    b = np.concatenate([bias, np.zeros_like(bias)])
    return {"W": kernel.T[None], "R": recurrent.T[None], "B": b[None]}


def from_onnx(tensors: dict[str, Any], /, activation: Activation = TANH) -> BasicRNNCell:
    """One direction; the two biases are added."""
    w, r, b = (tensors[k][0] for k in "WRB")
    kernel = np.concatenate([w.T, r.T])
    return BasicRNNCell(kernel, b[: len(b) // 2] + b[len(b) // 2 :], activation)


def to_cudnn(cell: BasicRNNCell, /) -> tuple[list[Any], list[Any]]:
    """(weights [w, r], biases [b/2, b/2]), as TF1 splits them (``cudnn_rnn_ops.py:697``, v1.15.5)."""
    kernel, recurrent, bias = to_keras(cell)
    return [kernel.T, recurrent.T], [bias * 0.5, bias * 0.5]


def from_cudnn(weights: list[Any], biases: list[Any], /, activation: Activation) -> BasicRNNCell:
    """One layer and direction."""
    w, r = weights
    return BasicRNNCell(np.concatenate([w.T, r.T]), biases[0] + biases[1], activation)
