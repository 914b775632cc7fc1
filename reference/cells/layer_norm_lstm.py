"""LayerNormLSTMCell: LSTMCell with every option, each gate and the new cell normalised.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:2468-2735``. The order at the cell: norm,
then clip, then o's peephole. With layer_norm the bias variable exists and is never added (line
2641).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import TANH, Activation
from reference.cells.base import optional_weight, weight
from reference.cells.lstm import peek
from reference.cells.norms import LayerNorm, normalised
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of the kernel's columns."""


@dataclass(frozen=True)
class LayerNormLSTMCell:
    """The norms' scopes are input, transform, forget, output and state; given together or not at all."""

    kernel: Any = weight()
    """[features + output, 4 units]; rows are x then h."""
    bias: Any = optional_weight()
    """[4 units]; not added where there are norms, and then it may be absent."""
    w_i_diag: Any = optional_weight()
    w_f_diag: Any = optional_weight()
    w_o_diag: Any = optional_weight()
    proj_kernel: Any = optional_weight()
    """[units, num_proj]."""
    norm_i: LayerNorm | None = None
    norm_j: LayerNorm | None = None
    norm_f: LayerNorm | None = None
    norm_o: LayerNorm | None = None
    norm_c: LayerNorm | None = None
    forget_bias: float = 1.0
    cell_clip: float | None = None
    proj_clip: float | None = None
    activation: Activation = TANH

    @property
    def units(self) -> int:
        return int(self.kernel.shape[1]) // 4

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
        z = ops.matmul(ops.concat([x, h], 1), self.kernel)
        if self.norm_i is None:
            z = z + self.bias
        i, j, f, o = ops.split(z, (self.units,) * 4, 1)
        norms = (self.norm_i, self.norm_j, self.norm_f, self.norm_o)
        i, j, f, o = (normalised(ops, n, g) for n, g in zip(norms, (i, j, f, o), strict=True))
        f = ops.sigmoid(peek(f + self.forget_bias, self.w_f_diag, c))
        c = f * c + ops.sigmoid(peek(i, self.w_i_diag, c)) * self.activation(ops, j)
        c = normalised(ops, self.norm_c, c)
        if self.cell_clip is not None:
            c = ops.clip(c, -self.cell_clip, self.cell_clip)
        h = ops.sigmoid(peek(o, self.w_o_diag, c)) * self.activation(ops, c)
        if self.proj_kernel is not None:
            h = ops.matmul(h, self.proj_kernel)
            if self.proj_clip is not None:
                h = ops.clip(h, -self.proj_clip, self.proj_clip)
        return h, LSTMStateTuple(c, h)
