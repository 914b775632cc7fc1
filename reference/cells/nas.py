"""NASCell: the cell that a search found.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1466-1619``. Eight blocks; the fourth
*multiplies* its input and recurrent parts where the others add. The bias belongs to the recurrent
product, so it is a factor in that block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.base import optional_weight, weight
from reference.states import LSTMStateTuple

BLOCKS = 8


@dataclass(frozen=True)
class NASCell:
    """Two kernels, blocks 0 to 7 in their columns."""

    kernel: Any = weight()
    """[features, 8 units]."""
    recurrent_kernel: Any = weight()
    """[output, 8 units]."""
    bias: Any = optional_weight()
    """[8 units]."""
    projection_weights: Any = optional_weight()
    """[units, num_proj]."""

    @property
    def units(self) -> int:
        return int(self.kernel.shape[1]) // BLOCKS

    @property
    def output_size(self) -> int:
        return int(self.recurrent_kernel.shape[0])

    @property
    def state_size(self) -> LSTMStateTuple:
        return LSTMStateTuple(self.units, self.output_size)

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0])

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x [B, features], state (c [B, units], h [B, output]); output is the new h."""
        c, h = state
        recurrent = ops.matmul(h, self.recurrent_kernel)
        if self.bias is not None:
            recurrent = recurrent + self.bias
        m = ops.split(recurrent, (self.units,) * BLOCKS, 1)
        i = ops.split(ops.matmul(x, self.kernel), (self.units,) * BLOCKS, 1)
        first = ops.tanh(ops.sigmoid(i[0] + m[0]) * ops.relu(i[1] + m[1]))
        second = ops.tanh(ops.sigmoid(i[2] + m[2]) + ops.relu(i[3] * m[3]))
        third = ops.tanh(ops.tanh(i[4] + m[4]) * ops.sigmoid(i[5] + m[5]))
        fourth = ops.sigmoid(ops.tanh(i[6] + m[6]) + ops.sigmoid(i[7] + m[7]))
        c = ops.tanh(first + c) * second
        h = ops.tanh(c * ops.tanh(third + fourth))
        if self.projection_weights is not None:
            h = ops.matmul(h, self.projection_weights)
        return h, LSTMStateTuple(c, h)
