"""LSTMNoForgetCell: the LSTM of 1997, whose cell is a pure sum.

Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997. TF1 has no class for it; people
wrote it by hand. It is BasicLSTMCell with f fixed at 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import PairState, weight
from reference.states import LSTMStateTuple

GATES = ("i", "j", "o")
"""The order of the kernel's columns."""


@dataclass(frozen=True)
class LSTMNoForgetCell(PairState):
    """c' = c + sigmoid(i) act(j)."""

    kernel: Any = weight()
    """[features + units, 3 units]; rows are x then h, columns i, j, o."""
    bias: Any = weight()
    """[3 units]."""
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 3

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.units

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x [B, features], state (c, h) of [B, units]; output is the new h."""
        c, h = state
        z = ops.matmul(ops.concat([x, h], 1), self.kernel) + self.bias
        i, j, o = ops.split(z, (self.units,) * 3, 1)
        c = c + ops.sigmoid(i) * self.activation(ops, j)
        h = self.activation(ops, c) * ops.sigmoid(o)
        return h, LSTMStateTuple(c, h)
