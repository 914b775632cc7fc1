"""BasicRNNCell: Elman's network, the output is the state.

Source: TF 1.15.5 ``python/ops/rnn_cell_impl.py:390-480``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import SingleState, weight


@dataclass(frozen=True)
class BasicRNNCell(SingleState):
    """h' = act([x, h] W + b)."""

    kernel: Any = weight()
    """[features + units, units]; rows are x then h."""
    bias: Any = weight()
    """[units]."""
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0])

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.units

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output and state are the same array."""
        h = self.activation(ops, ops.matmul(ops.concat([x, h], 1), self.kernel) + self.bias)
        return h, h
