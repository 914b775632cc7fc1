"""IndRNNCell: each unit sees only itself.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:3083-3152``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import SingleState, weight


@dataclass(frozen=True)
class IndRNNCell(SingleState):
    """h' = act(x W + h * u + b)."""

    kernel_w: Any = weight()
    """[features, units]."""
    kernel_u: Any = weight()
    """[1, units]."""
    bias: Any = weight()
    """[units]."""
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0])

    @property
    def input_size(self) -> int:
        return int(self.kernel_w.shape[0])

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output and state are the same array."""
        z = ops.matmul(x, self.kernel_w) + h * self.kernel_u + self.bias
        h = self.activation(ops, z)
        return h, h
