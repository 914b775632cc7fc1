"""LSTMBlockCell: the fused op, with another gate order than LSTMCell's names suggest.

Source: TF 1.15.5 ``contrib/rnn/python/ops/lstm_ops.py:39-400`` and the kernel
``core/kernels/lstm_ops.h:118-200``. The kernel's columns are i, c, f, o (c is LSTMCell's j, so the
orders agree); the ops BlockLSTMV2 and cuDNN hold i, f, c, o. A clip that is not positive means
none, and the op's gradient does not see the clip at all (``lstm_block_cell_grad`` has no such
input): it passes straight through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.base import PairState, optional_weight, straight_through, weight
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of the kernel's columns in LSTMBlockCell and BlockLSTM (TF writes c or ci for j)."""

GATES_V2 = ("i", "f", "j", "o")
"""The order in BlockLSTMV2."""


@dataclass(frozen=True)
class LSTMBlockCell(PairState):
    """One LSTMBlockCell op a step."""

    kernel: Any = weight()
    """[features + units, 4 units]; rows are x then h."""
    bias: Any = weight()
    """[4 units], without the forget bias."""
    w_i_diag: Any = optional_weight()
    """[units]; the peepholes are given together or not at all."""
    w_f_diag: Any = optional_weight()
    w_o_diag: Any = optional_weight()
    forget_bias: float = 1.0
    cell_clip: float | None = None
    """None, or a positive bound. The op's own default is 3; the Python class passes -1 (none)."""
    gates: tuple[str, str, str, str] = GATES
    """The order of the kernel's columns; :data:`GATES_V2` for BlockLSTMV2."""

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 4

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.units

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x [B, features], state (c, h) of [B, units]; output is the new h."""
        c, h = state
        z = ops.matmul(ops.concat([x, h], 1), self.kernel) + self.bias
        parts = dict(zip(self.gates, ops.split(z, (self.units,) * 4, 1), strict=True))
        i, j, f, o = parts["i"], parts["j"], parts["f"] + self.forget_bias, parts["o"]
        if self.w_i_diag is not None:
            i, f = i + c * self.w_i_diag, f + c * self.w_f_diag
        c = ops.tanh(j) * ops.sigmoid(i) + c * ops.sigmoid(f)
        if self.cell_clip is not None and self.cell_clip > 0:
            c = straight_through(ops, ops.clip(c, -self.cell_clip, self.cell_clip), c)
        if self.w_o_diag is not None:
            o = o + c * self.w_o_diag
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, LSTMStateTuple(c, h)
