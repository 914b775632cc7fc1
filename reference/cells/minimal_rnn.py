"""MinimalRNNCell: one gate between the old state and a projected input.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:3765-3877``. One kernel variable holds two
matrices, one upon the other; only the second has a bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import SingleState, weight


@dataclass(frozen=True)
class MinimalRNNCell(SingleState):
    """z = act(x W); u = sigmoid([z, h] U + b); h' = u h + (1 - u) z."""

    kernel: Any = weight()
    """[features + 2 units, units]; rows are x, then z, then h."""
    bias: Any = weight()
    """[units]; a fresh TF1 cell starts it at 1."""
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0])

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - 2 * self.units

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output and state are the same array."""
        forward, gate = ops.split(self.kernel, (self.input_size, 2 * self.units), 0)
        z = self.activation(ops, ops.matmul(x, forward))
        u = ops.sigmoid(ops.matmul(ops.concat([z, h], 1), gate) + self.bias)
        h = u * h + (1.0 - u) * z
        return h, h
