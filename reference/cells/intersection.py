"""IntersectionRNNCell: a coupled gate through time and another through depth.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1716-1842``. The output is *not* the state: y
goes up, h goes on. The input must have ``units`` features, or it is projected to that many first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import RELU, Activation
from reference.cells.base import SingleState, optional_weight, weight

GATES = ("gh", "h", "gy", "y")
"""The order of the kernel's columns."""


@dataclass(frozen=True)
class IntersectionRNNCell(SingleState):
    """The in_projection is there where features != units and ``num_in_proj`` was given."""

    kernel: Any = weight()
    """[2 units, 4 units]; rows are (projected) x then h."""
    bias: Any = weight()
    """[4 units], without the forget bias."""
    in_kernel: Any = optional_weight()
    """[features, units], ``in_projection/kernel``; with in_bias or not at all."""
    in_bias: Any = optional_weight()
    forget_bias: float = 1.0
    y_activation: Activation = RELU

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 4

    @property
    def input_size(self) -> int:
        return self.units if self.in_kernel is None else int(self.in_kernel.shape[0])

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output y [B, units] and the new h."""
        if self.in_kernel is not None:
            x = ops.matmul(x, self.in_kernel) + self.in_bias
        z = ops.matmul(ops.concat([x, h], 1), self.kernel) + self.bias
        gh, h_new, gy, y = ops.split(z, (self.units,) * 4, 1)
        gh = ops.sigmoid(gh + self.forget_bias)
        gy = ops.sigmoid(gy + self.forget_bias)
        h = gh * h + (1.0 - gh) * ops.tanh(h_new)
        y = gy * x + (1.0 - gy) * self.y_activation(ops, y)
        return y, h
