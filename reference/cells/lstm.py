"""LSTMCell: peepholes, cell clipping, projection.

Source: TF 1.15.5 ``python/ops/rnn_cell_impl.py:804-1062``. Two rules that ports get wrong: o's
peephole sees the *new, already clipped* c (line 1036), and the projection is clipped after the
product, so that the recurrent input is the clipped projection (line 1044).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import SIGMOID, TANH, Activation
from reference.cells.base import optional_weight, weight
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of the kernel's columns."""


@dataclass(frozen=True)
class LSTMCell:
    """``units`` memory cells; the recurrent output has ``num_proj`` features where there is a projection."""

    kernel: Any = weight()
    """[features + output, 4 units]; rows are x then h, columns i, j, f, o."""
    bias: Any = weight()
    """[4 units], without the forget bias."""
    w_i_diag: Any = optional_weight()
    """[units]; the peepholes are given together or not at all."""
    w_f_diag: Any = optional_weight()
    w_o_diag: Any = optional_weight()
    proj_kernel: Any = optional_weight()
    """[units, num_proj]."""
    forget_bias: float = 1.0
    """Added inside the sigmoid at run time; not stored in the bias."""
    cell_clip: float | None = None
    proj_clip: float | None = None
    activation: Activation = TANH
    state_is_tuple: bool = True
    """False: the state is one array [B, units + output], c then h."""
    recurrent_activation: Activation = SIGMOID
    """Of i, f and o. TF1's LSTMCell always takes the sigmoid; Keras layers in a TF1 graph may not."""

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 4

    @property
    def output_size(self) -> int:
        return self.units if self.proj_kernel is None else int(self.proj_kernel.shape[1])

    @property
    def state_size(self) -> Any:
        if self.state_is_tuple:
            return LSTMStateTuple(self.units, self.output_size)
        return self.units + self.output_size

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.output_size

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x [B, features], state (c [B, units], h [B, output]); output is the new h."""
        c, h = state if self.state_is_tuple else ops.split(state, (self.units, self.output_size), 1)
        z = ops.matmul(ops.concat([x, h], 1), self.kernel) + self.bias
        i, j, f, o = ops.split(z, (self.units,) * 4, 1)
        gate = self.recurrent_activation
        f = gate(ops, peek(f + self.forget_bias, self.w_f_diag, c))
        c = f * c + gate(ops, peek(i, self.w_i_diag, c)) * self.activation(ops, j)
        if self.cell_clip is not None:
            c = ops.clip(c, -self.cell_clip, self.cell_clip)
        h = gate(ops, peek(o, self.w_o_diag, c)) * self.activation(ops, c)
        if self.proj_kernel is not None:
            h = ops.matmul(h, self.proj_kernel)
            if self.proj_clip is not None:
                h = ops.clip(h, -self.proj_clip, self.proj_clip)
        return h, LSTMStateTuple(c, h) if self.state_is_tuple else ops.concat([c, h], 1)


def peek(gate: Any, diagonal: Any, c: Any, /) -> Any:
    """A gate with its diagonal connection to c, where it has one."""
    return gate if diagonal is None else gate + diagonal * c
