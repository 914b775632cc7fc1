"""GRUCell and its block forms as ``keras.layers.GRU(reset_after=False)``."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.to_keras.activations import keras_activation, why_not
from converters.to_keras.native.spec import Native, columns, rows
from reference.activations import SIGMOID
from reference.cells import gru
from reference.cells.gru_block import GRUBlockCell, GRUBlockCellV2

KERAS_GATES = ("u", "r")
"""Keras writes z for u; the candidate comes last."""


def reset_before(cell: gru.GRUCell, /) -> Native | str:
    """TF1 resets before the product, and so does Keras with ``reset_after=False``."""
    recurrent = getattr(cell, "recurrent_activation", SIGMOID)
    names = keras_activation(cell.activation), keras_activation(recurrent)
    if names[0] is None:
        return why_not(cell.activation)
    if names[1] is None:
        return why_not(recurrent)
    kernels = columns(cell.gate_kernel, gru.GATES, KERAS_GATES), cell.candidate_kernel
    biases = columns(cell.gate_bias, gru.GATES, KERAS_GATES), cell.candidate_bias
    kernel, recurrent_kernel = rows(np.concatenate(kernels, axis=1), cell.units)
    return Native(
        "GRU",
        cell.units,
        (kernel, recurrent_kernel, np.concatenate(biases)),
        {"activation": names[0], "recurrent_activation": names[1], "reset_after": False},
    )


CELLS: dict[type, Any] = {
    gru.GRUCell: reset_before,
    GRUBlockCell: reset_before,
    GRUBlockCellV2: reset_before,
}
