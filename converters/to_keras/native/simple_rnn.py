"""BasicRNNCell as ``keras.layers.SimpleRNN``."""

from __future__ import annotations

from typing import Any

from converters.to_keras.activations import keras_activation, why_not
from converters.to_keras.native.spec import Native, rows
from reference.cells.basic_rnn import BasicRNNCell


def simple_rnn(cell: BasicRNNCell, /) -> Native | str:
    """The same equation: act(x W + h U + b)."""
    activation = keras_activation(cell.activation)
    if activation is None:
        return why_not(cell.activation)
    weights = (*rows(cell.kernel, cell.units), cell.bias)
    return Native("SimpleRNN", cell.units, weights, {"activation": activation})


CELLS: dict[type, Any] = {BasicRNNCell: simple_rnn}
