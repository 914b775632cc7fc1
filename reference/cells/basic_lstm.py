"""BasicLSTMCell: the LSTM with a forget bias and nothing else.

Source: TF 1.15.5 ``python/ops/rnn_cell_impl.py:636-800``. Gate order in the kernel's columns: i, j, f, o.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import weight
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of the kernel's columns."""


@dataclass(frozen=True)
class BasicLSTMCell:
    """The weights of one layer of ``units`` units on ``features`` inputs."""

    kernel: Any = weight()
    """[features + units, 4 units]; rows are x then h, columns i, j, f, o."""
    bias: Any = weight()
    """[4 units], without the forget bias."""
    forget_bias: float = 1.0
    """Added inside the sigmoid at run time; not stored in the bias."""
    activation: Activation = TANH
    state_is_tuple: bool = True
    """False: the state is one array [B, 2 units], c then h."""

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 4

    @property
    def state_size(self) -> Any:
        return LSTMStateTuple(self.units, self.units) if self.state_is_tuple else 2 * self.units

    @property
    def output_size(self) -> int:
        return self.units

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.units

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x [B, features], state (c, h) of [B, units]; output is the new h."""
        c, h = state if self.state_is_tuple else ops.split(state, (self.units,) * 2, 1)
        z = ops.matmul(ops.concat([x, h], 1), self.kernel) + self.bias
        i, j, f, o = ops.split(z, (self.units,) * 4, 1)
        c = c * ops.sigmoid(f + self.forget_bias) + ops.sigmoid(i) * self.activation(ops, j)
        h = self.activation(ops, c) * ops.sigmoid(o)
        return h, LSTMStateTuple(c, h) if self.state_is_tuple else ops.concat([c, h], 1)
