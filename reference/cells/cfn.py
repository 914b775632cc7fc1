"""CFNCell: the chaos-free network, whose state decays to zero without input.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:3880-4006``. The activation is applied to the
old state, not to a mixture; the second gate enters as 1 - eta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import SingleState, weight

GATES = ("theta", "eta")
"""The order of the gates' columns; the kernel's last third is the input's projection."""


@dataclass(frozen=True)
class CFNCell(SingleState):
    """h' = theta act(h) + (1 - eta) act(x W)."""

    kernel: Any = weight()
    """[features, 3 units]; columns theta, eta, projection."""
    recurrent_kernel: Any = weight()
    """[units, 2 units]."""
    bias: Any = weight()
    """[2 units]; a fresh TF1 cell starts it at 1."""
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 2

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0])

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output and state are the same array."""
        v, w = ops.split(self.kernel, (2 * self.units, self.units), 1)
        gates = ops.matmul(h, self.recurrent_kernel) + ops.matmul(x, v) + self.bias
        theta, eta = ops.split(ops.sigmoid(gates), (self.units,) * 2, 1)
        candidate = self.activation(ops, ops.matmul(x, w))
        h = theta * self.activation(ops, h) + (1.0 - eta) * candidate
        return h, h
