"""SRUCell: a recurrence without a recurrent matrix.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:2738-2816``. Column order: candidate, f, r,
and the input's own projection; the bias belongs to f and r only. The state is c, the output h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import SingleState, weight

GATES = ("x_bar", "f", "r", "x_tx")
"""The order of the kernel's columns."""


@dataclass(frozen=True)
class SRUCell(SingleState):
    """Everything that depends on x can be computed for all steps at once."""

    kernel: Any = weight()
    """[features, 4 units]."""
    bias: Any = weight()
    """[2 units]: f, r."""
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 2

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0])

    def step(self, ops: Any, x: Any, c: Any, /) -> tuple[Any, Any]:
        """x [B, features], c [B, units]; output h and the new c."""
        x_bar, f, r, x_tx = ops.split(ops.matmul(x, self.kernel), (self.units,) * 4, 1)
        gates = ops.sigmoid(ops.concat([f, r], 1) + self.bias)
        f, r = ops.split(gates, (self.units,) * 2, 1)
        c = f * c + (1.0 - f) * x_bar
        return r * self.activation(ops, c) + (1.0 - r) * x_tx, c
