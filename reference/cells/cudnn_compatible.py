"""CudnnCompatibleLSTMCell and CudnnCompatibleGRUCell: cuDNN's equations on a CPU.

Source: TF 1.15.5 ``contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py:62-180``. The LSTM is
LSTMBlockCell without forget bias. The GRU resets *after* its product, and its candidate has two
biases, of which the hidden one is inside the reset: Keras' ``reset_after=True``, ONNX'
``linear_before_reset=1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import SIGMOID, TANH, Activation
from reference.cells.base import SingleState, weight
from reference.cells.lstm_block import LSTMBlockCell

GATES = ("r", "u")
"""The order of the GRU's gate kernel's columns."""


@dataclass(frozen=True)
class CudnnCompatibleLSTMCell(LSTMBlockCell):
    """No forget bias, no clip, no peepholes."""

    forget_bias: float = 0.0


@dataclass(frozen=True)
class CudnnCompatibleGRUCell(SingleState):
    """``candidate/input_projection`` and ``candidate/hidden_projection`` are the last four variables."""

    gate_kernel: Any = weight()
    """[features + units, 2 units]; rows are x then h, columns r, u."""
    gate_bias: Any = weight()
    """[2 units], the sum of cuDNN's two."""
    candidate_input_kernel: Any = weight()
    """[features, units]."""
    candidate_hidden_kernel: Any = weight()
    """[units, units]."""
    candidate_input_bias: Any = weight()
    """[units]."""
    candidate_hidden_bias: Any = weight()
    activation: Activation = TANH
    recurrent_activation: Activation = SIGMOID
    """Of r and u. cuDNN takes the sigmoid; Keras layers in a TF1 graph may not."""

    @property
    def units(self) -> int:
        return int(self.candidate_input_bias.shape[0])

    @property
    def input_size(self) -> int:
        return int(self.candidate_input_kernel.shape[0])

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output and state are the same array."""
        gates = ops.matmul(ops.concat([x, h], 1), self.gate_kernel) + self.gate_bias
        r, u = ops.split(self.recurrent_activation(ops, gates), (self.units,) * 2, 1)
        hidden = ops.matmul(h, self.candidate_hidden_kernel) + self.candidate_hidden_bias
        z = ops.matmul(x, self.candidate_input_kernel) + self.candidate_input_bias + r * hidden
        h = (1.0 - u) * self.activation(ops, z) + u * h
        return h, h
