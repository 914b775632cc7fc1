"""IndyGRUCell: the GRU whose recurrent matrices are diagonal.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:3155-3275``. The candidate's input kernel is
named ``candidate/kernel``, without the _w of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import SingleState, weight

GATES = ("r", "u")
"""The order of the gate kernels' columns."""


@dataclass(frozen=True)
class IndyGRUCell(SingleState):
    """Reset before the (diagonal) product, as GRUCell."""

    gate_kernel_w: Any = weight()
    """[features, 2 units]; columns r, u."""
    gate_kernel_u: Any = weight()
    """[1, 2 units]."""
    gate_bias: Any = weight()
    """[2 units]."""
    candidate_kernel_w: Any = weight()
    """[features, units]."""
    candidate_kernel_u: Any = weight()
    """[1, units]."""
    candidate_bias: Any = weight()
    """[units]."""
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.candidate_bias.shape[0])

    @property
    def input_size(self) -> int:
        return int(self.candidate_kernel_w.shape[0])

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output and state are the same array."""
        recurrent = ops.concat([h, h], 1) * self.gate_kernel_u
        gates = ops.sigmoid(ops.matmul(x, self.gate_kernel_w) + recurrent + self.gate_bias)
        r, u = ops.split(gates, (self.units,) * 2, 1)
        z = ops.matmul(x, self.candidate_kernel_w) + r * h * self.candidate_kernel_u
        h = u * h + (1.0 - u) * self.activation(ops, z + self.candidate_bias)
        return h, h
