"""GRUCell, its block forms and cuDNN's GRU as ``keras.layers.GRU``."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_keras.activations import keras_activation, why_not
from converters.to_keras.native.spec import Native, columns, rows
from reference.activations import SIGMOID
from reference.cells import cudnn_compatible, gru
from reference.cells.gru_block import GRUBlockCell, GRUBlockCellV2

KERAS_GATES = ("u", "r")
"""Keras writes z for u; the candidate comes last."""


def _names(cell: Any) -> tuple[str, str] | str:
    recurrent = getattr(cell, "recurrent_activation", SIGMOID)
    inner, outer = keras_activation(recurrent), keras_activation(cell.activation)
    if outer is None:
        return why_not(cell.activation)
    return (outer, inner) if inner is not None else why_not(recurrent)


def _spec(cell: Any, weights: tuple[np.ndarray, ...], *, reset_after: bool) -> Native | str:
    names = _names(cell)
    if isinstance(names, str):
        return names
    options = {"activation": names[0], "recurrent_activation": names[1]}
    return Native("GRU", cell.units, weights, {**options, "reset_after": reset_after})


def reset_before(cell: gru.GRUCell, /) -> Native | str:
    """TF1 resets before the product, and so does Keras with ``reset_after=False``."""
    kernels = columns(cell.gate_kernel, gru.GATES, KERAS_GATES), cell.candidate_kernel
    biases = columns(cell.gate_bias, gru.GATES, KERAS_GATES), cell.candidate_bias
    kernel, recurrent_kernel = rows(np.concatenate(kernels, axis=1), cell.units)
    return _spec(cell, (kernel, recurrent_kernel, np.concatenate(biases)), reset_after=False)


def reset_after(cell: cudnn_compatible.CudnnCompatibleGRUCell, /) -> Native | str:
    """cuDNN's order; the gates' one bias stands in the input's row, the hidden row gets zeros."""
    gates = columns(cell.gate_kernel, cudnn_compatible.GATES, KERAS_GATES)
    bias = columns(cell.gate_bias, cudnn_compatible.GATES, KERAS_GATES)
    over_x, over_h = rows(gates, cell.units)
    kernel = np.concatenate([over_x, cell.candidate_input_kernel], axis=1)
    recurrent_kernel = np.concatenate([over_h, cell.candidate_hidden_kernel], axis=1)
    biases = [
        np.concatenate([bias, cell.candidate_input_bias]),
        np.concatenate([np.zeros_like(bias), cell.candidate_hidden_bias]),
    ]
    return _spec(cell, (kernel, recurrent_kernel, np.stack(biases)), reset_after=True)


CELLS: dict[type, Any] = {
    gru.GRUCell: reset_before,
    GRUBlockCell: reset_before,
    GRUBlockCellV2: reset_before,
    cudnn_compatible.CudnnCompatibleGRUCell: reset_after,
}
