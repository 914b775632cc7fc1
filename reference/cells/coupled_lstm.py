"""CoupledInputForgetGateLSTMCell: one gate forgets as much as it lets in (CIFG).

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:98-322``. Column order j, f, o. With
layer_norm the bias B is made and never added, and the new c is normalised *before* it is stored, so
the recurrence itself runs over normalised cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import optional_weight, weight
from reference.cells.lstm import peek
from reference.cells.norms import LayerNorm, normalised
from reference.states import LSTMStateTuple

GATES = ("j", "f", "o")
"""The order of W's columns."""


@dataclass(frozen=True)
class CoupledInputForgetGateLSTMCell:
    """Variables W (shards W_0, W_1, … are its rows), B, W_F_diag, W_O_diag, W_P, and gamma and beta of four scopes."""

    kernel: Any = weight()
    """W [features + output, 3 units]; rows are x then h."""
    bias: Any = optional_weight()
    """B [3 units]; not added where there are norms, and then it may be absent."""
    w_f_diag: Any = optional_weight()
    w_o_diag: Any = optional_weight()
    proj_kernel: Any = optional_weight()
    """W_P [units, num_proj]."""
    norm_j: LayerNorm | None = None
    """Scope "transform"; the four norms are given together or not at all."""
    norm_f: LayerNorm | None = None
    norm_o: LayerNorm | None = None
    norm_c: LayerNorm | None = None
    """Scope "state"."""
    proj_clip: float | None = None
    forget_bias: float = 1.0
    activation: Activation = TANH
    state_is_tuple: bool = True

    @property
    def units(self) -> int:
        return int(self.kernel.shape[1]) // 3

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
        z = ops.matmul(ops.concat([x, h], 1), self.kernel)
        if self.norm_j is None:
            z = z + self.bias
        j, f, o = ops.split(z, (self.units,) * 3, 1)
        j, f, o = (
            normalised(ops, norm, gate)
            for norm, gate in ((self.norm_j, j), (self.norm_f, f), (self.norm_o, o))
        )
        f = ops.sigmoid(peek(f + self.forget_bias, self.w_f_diag, c))
        c = f * c + (1.0 - f) * self.activation(ops, j)
        c = normalised(ops, self.norm_c, c)
        h = ops.sigmoid(peek(o, self.w_o_diag, c)) * self.activation(ops, c)
        if self.proj_kernel is not None:
            h = ops.matmul(h, self.proj_kernel)
            if self.proj_clip is not None:
                h = ops.clip(h, -self.proj_clip, self.proj_clip)
        return h, LSTMStateTuple(c, h) if self.state_is_tuple else ops.concat([c, h], 1)
