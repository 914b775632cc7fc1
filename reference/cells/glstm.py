"""GLSTMCell: an LSTM in independent groups.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:2248-2465``. Each group reads its slice of x
and of h; the gates of all groups are then joined, so that i is (i of group 0, i of group 1, …). The
candidate is always tanh; ``activation`` is the output's (line 2455).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import optional_weight, weight
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of each group's columns."""


@dataclass(frozen=True)
class GLSTMCell:
    """``kernels`` holds ``group0/kernel``, ``group1/kernel``, …"""

    kernels: tuple[Any, ...] = weight()
    """[(features + output) / groups, 4 units / groups] each."""
    bias_i: Any = weight()
    """[units]."""
    bias_j: Any = weight()
    bias_f: Any = weight()
    bias_o: Any = weight()
    proj_kernel: Any = optional_weight()
    """[units, num_proj]."""
    forget_bias: float = 1.0
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias_i.shape[0])

    @property
    def output_size(self) -> int:
        return self.units if self.proj_kernel is None else int(self.proj_kernel.shape[1])

    @property
    def state_size(self) -> LSTMStateTuple:
        return LSTMStateTuple(self.units, self.output_size)

    @property
    def input_size(self) -> int:
        return len(self.kernels) * int(self.kernels[0].shape[0]) - self.output_size

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x [B, features], state (c [B, units], h [B, output]); output is the new h."""
        c, h = state
        groups = len(self.kernels)
        xs = ops.split(x, (self.input_size // groups,) * groups, 1)
        hs = ops.split(h, (self.output_size // groups,) * groups, 1)
        each = (self.units // groups,) * 4
        parts = [
            ops.split(ops.matmul(ops.concat([a, b], 1), kernel), each, 1)
            for a, b, kernel in zip(xs, hs, self.kernels, strict=True)
        ]
        i, j, f, o = (ops.concat(list(column), 1) for column in zip(*parts, strict=True))
        c = ops.sigmoid(f + self.bias_f + self.forget_bias) * c + ops.sigmoid(
            i + self.bias_i
        ) * ops.tanh(j + self.bias_j)
        h = ops.sigmoid(o + self.bias_o) * self.activation(ops, c)
        if self.proj_kernel is not None:
            h = ops.matmul(h, self.proj_kernel)
        return h, LSTMStateTuple(c, h)
