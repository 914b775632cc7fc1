"""UGRNNCell: one update gate.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1622-1713``. The forget bias sits inside the
gate, as in the LSTM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import SingleState, weight

GATES = ("g", "c")
"""The order of the kernel's columns: the gate, then the candidate."""


@dataclass(frozen=True)
class UGRNNCell(SingleState):
    """h' = g h + (1 - g) c."""

    kernel: Any = weight()
    """[features + units, 2 units]; rows are x then h, columns g, c."""
    bias: Any = weight()
    """[2 units], without the forget bias."""
    forget_bias: float = 1.0
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 2

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.units

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output and state are the same array."""
        z = ops.matmul(ops.concat([x, h], 1), self.kernel) + self.bias
        g, c = ops.split(z, (self.units,) * 2, 1)
        g = ops.sigmoid(g + self.forget_bias)
        h = g * h + (1.0 - g) * self.activation(ops, c)
        return h, h
