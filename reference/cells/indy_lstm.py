"""IndyLSTMCell: the LSTM whose recurrent matrices are diagonal.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:3278-3415``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import PairState, weight
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of the columns."""


@dataclass(frozen=True)
class IndyLSTMCell(PairState):
    """z = x W + (h, h, h, h) * u + b."""

    kernel_w: Any = weight()
    """[features, 4 units]."""
    kernel_u: Any = weight()
    """[1, 4 units]."""
    bias: Any = weight()
    """[4 units], without the forget bias."""
    forget_bias: float = 1.0
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 4

    @property
    def input_size(self) -> int:
        return int(self.kernel_w.shape[0])

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x [B, features], state (c, h) of [B, units]; output is the new h."""
        c, h = state
        z = ops.matmul(x, self.kernel_w) + ops.concat([h] * 4, 1) * self.kernel_u + self.bias
        i, j, f, o = ops.split(z, (self.units,) * 4, 1)
        c = c * ops.sigmoid(f + self.forget_bias) + ops.sigmoid(i) * self.activation(ops, j)
        h = self.activation(ops, c) * ops.sigmoid(o)
        return h, LSTMStateTuple(c, h)
