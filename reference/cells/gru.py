"""GRUCell: the gated recurrent unit that resets *before* its product.

Source: TF 1.15.5 ``python/ops/rnn_cell_impl.py:484-605``. u keeps the old state (``u * h + (1 - u)
* c``), as in Keras and ONNX; in Cho's paper the roles of u and 1 - u are the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import SIGMOID, TANH, Activation
from reference.cells.base import SingleState, weight

GATES = ("r", "u")
"""The order of the gate kernel's columns; the candidate has a kernel of its own."""


@dataclass(frozen=True)
class GRUCell(SingleState):
    """Two gates and a candidate, two matrices."""

    gate_kernel: Any = weight()
    """[features + units, 2 units]; rows are x then h, columns r, u."""
    gate_bias: Any = weight()
    """[2 units]; a fresh TF1 cell starts it at 1."""
    candidate_kernel: Any = weight()
    """[features + units, units]; rows are x then r * h."""
    candidate_bias: Any = weight()
    """[units]."""
    activation: Activation = TANH
    recurrent_activation: Activation = SIGMOID
    """Of r and u. TF1's GRUCell always takes the sigmoid; Keras layers in a TF1 graph may not."""

    @property
    def units(self) -> int:
        return int(self.candidate_bias.shape[0])

    @property
    def input_size(self) -> int:
        return int(self.candidate_kernel.shape[0]) - self.units

    def step(self, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
        """x [B, features], h [B, units]; output and state are the same array."""
        gates = ops.matmul(ops.concat([x, h], 1), self.gate_kernel) + self.gate_bias
        r, u = ops.split(self.recurrent_activation(ops, gates), (self.units,) * 2, 1)
        z = ops.matmul(ops.concat([x, r * h], 1), self.candidate_kernel) + self.candidate_bias
        c = self.activation(ops, z)
        h = u * h + (1.0 - u) * c
        return h, h
