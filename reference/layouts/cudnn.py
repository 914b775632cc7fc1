"""cuDNN's parameters: one opaque vector, and the canonical matrices and biases inside it.

Source: TF 1.15.5 ``contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py:183-720`` and cuDNN's
``cudnnGetRNNLinLayerMatrixParams``. The vector holds first all matrices, then all biases; by layer,
within a layer forward before backward, within a direction the input's matrices by gate, then the
recurrent ones (, then the projection); each matrix row-major, [units, inputs]. There is no CPU
oracle for it in TF1; tests go by way of the compatible cells and by Keras, which packs the same
vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.activations import RELU, TANH
from reference.errors import SemanticsError
from reference.layouts import gru, lstm, rnn

GATE_COUNTS = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


@dataclass(frozen=True)
class CudnnShape:
    """What the opaque vector does not say itself.

    Raises:
        SemanticsError: an unknown mode, direction or input mode; a projection outside the LSTM.
    """

    mode: str
    """``rnn_mode``: lstm, gru, rnn_tanh or rnn_relu."""
    num_layers: int
    num_units: int
    input_size: int
    bidirectional: bool = False
    num_proj: int = 0
    input_mode: str = "linear_input"

    def __post_init__(self) -> None:
        if self.mode not in GATE_COUNTS:
            msg = f"rnn_mode must be one of {', '.join(GATE_COUNTS)}, got {self.mode!r}"
            raise SemanticsError(msg)
        skips = self.input_mode == "skip_input" or (
            self.input_mode == "auto_select" and self.input_size == self.num_units
        )
        if skips or self.input_mode not in ("linear_input", "auto_select"):
            msg = f"input_mode {self.input_mode!r} (no input matrix in the first layer) is not described here"
            raise SemanticsError(msg)
        if self.num_proj and self.mode != "lstm":
            msg = f"num_proj is {self.num_proj}, but only the LSTM has a projection"
            raise SemanticsError(msg)

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """Of one direction."""
        return self.num_proj or self.num_units

    def matrices(self, layer: int, /) -> list[tuple[int, int]]:
        """The shapes of one direction's matrices."""
        below = self.input_size if layer == 0 else self.output_size * self.directions
        count = GATE_COUNTS[self.mode]
        shapes = [(self.num_units, below)] * count + [(self.num_units, self.output_size)] * count
        return shapes + ([(self.num_proj, self.num_units)] if self.num_proj else [])

    @property
    def size(self) -> int:
        """Numbers in the opaque vector."""
        biases = 2 * GATE_COUNTS[self.mode] * self.num_units * self.directions * self.num_layers
        layers = (self.matrices(k) for k in range(self.num_layers))
        return biases + self.directions * sum(math.prod(s) for shapes in layers for s in shapes)


def opaque_to_canonical(params: Any, shape: CudnnShape, /) -> tuple[list[Any], list[Any]]:
    """(matrices, biases), each in the vector's order.

    Raises:
        SemanticsError: the vector has another size than the shape asks for.
    """
    flat = np.asarray(params)
    if flat.shape != (shape.size,):
        msg = f"params must be a vector of {shape.size} numbers for {shape}, got shape {list(flat.shape)}"
        raise SemanticsError(msg)
    at, matrices, biases = 0, [], []
    for layer in range(shape.num_layers):
        for rows, columns in shape.matrices(layer) * shape.directions:
            matrices.append(flat[at : at + rows * columns].reshape(rows, columns))
            at += rows * columns
    while at < flat.size:
        biases.append(flat[at : at + shape.num_units])
        at += shape.num_units
    return matrices, biases


def canonical_to_opaque(matrices: list[Any], biases: list[Any], /) -> Any:
    """The vector."""
    return np.concatenate([np.asarray(p).reshape(-1) for p in (*matrices, *biases)])


def canonical_to_cells(
    matrices: list[Any], biases: list[Any], shape: CudnnShape, /
) -> list[list[Any]]:
    """Cells by layer and direction: LSTMCell (forget bias 0), CudnnCompatibleGRUCell or BasicRNNCell."""
    made = []
    for layer in range(shape.num_layers):
        count, row = len(shape.matrices(layer)), []
        for direction in range(shape.directions):
            k = layer * shape.directions + direction
            some = 2 * GATE_COUNTS[shape.mode]
            w, b = matrices[k * count : (k + 1) * count], biases[k * some : (k + 1) * some]
            row.append(_cell(shape.mode, w, b))
        made.append(row)
    return made


def cells_to_canonical(cells: list[list[Any]], shape: CudnnShape, /) -> tuple[list[Any], list[Any]]:
    """(matrices, biases) of cells by layer and direction."""
    module: Any = {"lstm": lstm, "gru": gru}.get(shape.mode, rnn)
    pairs = [module.to_cudnn(cell) for row in cells for cell in row]
    return [w for ws, _ in pairs for w in ws], [b for _, bs in pairs for b in bs]


def _cell(mode: str, weights: list[Any], biases: list[Any]) -> Any:
    if mode == "lstm":
        return lstm.from_cudnn(weights, biases)
    if mode == "gru":
        return gru.from_cudnn(weights, biases)
    return rnn.from_cudnn(weights, biases, TANH if mode == "rnn_tanh" else RELU)
