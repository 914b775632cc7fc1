"""WeightNormLSTMCell: the LSTM whose matrices' columns have a learnt length.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:2819-3080``. The rows of x and the rows of h
are normalised *apart*, each with its own gain (norm_0, norm_1); variables live under
``wn_lstm_cell``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import optional_weight, weight
from reference.cells.lstm import peek
from reference.cells.norms import weight_normalised
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of the kernel's columns."""


@dataclass(frozen=True)
class WeightNormLSTMCell:
    """Without gains (``norm=False``) it is LSTMCell."""

    kernel: Any = weight()
    """[features + output, 4 units]; rows are x then h."""
    bias: Any = weight()
    """[4 units]."""
    norm_0: Any = optional_weight()
    """[4 units], the gain of the rows of x; with norm_1 or not at all."""
    norm_1: Any = optional_weight()
    """[4 units], the gain of the rows of h."""
    w_i_diag: Any = optional_weight()
    w_f_diag: Any = optional_weight()
    w_o_diag: Any = optional_weight()
    proj_kernel: Any = optional_weight()
    """[units, num_proj]."""
    proj_norm: Any = optional_weight()
    """[num_proj], the projection's gain (``projection/norm_0``)."""
    forget_bias: float = 1.0
    cell_clip: float | None = None
    proj_clip: float | None = None
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 4

    @property
    def output_size(self) -> int:
        return self.units if self.proj_kernel is None else int(self.proj_kernel.shape[1])

    @property
    def state_size(self) -> LSTMStateTuple:
        return LSTMStateTuple(self.units, self.output_size)

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.output_size

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x [B, features], state (c [B, units], h [B, output]); output is the new h."""
        c, h = state
        z = ops.matmul(ops.concat([x, h], 1), self._kernel(ops)) + self.bias
        i, j, f, o = ops.split(z, (self.units,) * 4, 1)
        f = ops.sigmoid(peek(f + self.forget_bias, self.w_f_diag, c))
        c = c * f + ops.sigmoid(peek(i, self.w_i_diag, c)) * self.activation(ops, j)
        if self.cell_clip is not None:
            c = ops.clip(c, -self.cell_clip, self.cell_clip)
        h = ops.sigmoid(peek(o, self.w_o_diag, c)) * self.activation(ops, c)
        if self.proj_kernel is not None:
            h = ops.matmul(h, self._projection(ops))
            if self.proj_clip is not None:
                h = ops.clip(h, -self.proj_clip, self.proj_clip)
        return h, LSTMStateTuple(c, h)

    def _kernel(self, ops: Any) -> Any:
        if self.norm_0 is None:
            return self.kernel
        rows = ops.split(self.kernel, (self.input_size, self.output_size), 0)
        gains = (self.norm_0, self.norm_1)
        return ops.concat(
            [weight_normalised(ops, w, g) for w, g in zip(rows, gains, strict=True)], 0
        )

    def _projection(self, ops: Any) -> Any:
        if self.proj_norm is None:
            return self.proj_kernel
        return weight_normalised(ops, self.proj_kernel, self.proj_norm)
