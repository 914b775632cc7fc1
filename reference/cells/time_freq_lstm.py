"""TimeFreqLSTMCell: one LSTM that walks over overlapping bands of the input, at every step in time.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:325-496``. The state is one array: c and m of
band 0, c and m of band 1, …; the previous band's m of the *same* step enters beside the same band's
m of the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.base import optional_weight, weight
from reference.cells.lstm import peek

GATES = ("i", "j", "f", "o")
"""The order of W's columns."""


@dataclass(frozen=True)
class TimeFreqLSTMCell:
    """``bands`` is (input features - feature_size) / frequency_skip + 1, rounded down."""

    kernel: Any = weight()
    """W [feature_size + 2 units, 4 units]; rows are the band, m of the last step, m of the last band."""
    bias: Any = weight()
    """B [4 units]."""
    w_i_diag: Any = optional_weight()
    w_f_diag: Any = optional_weight()
    w_o_diag: Any = optional_weight()
    bands: int = 1
    frequency_skip: int = 1
    forget_bias: float = 1.0
    cell_clip: float | None = None

    @property
    def units(self) -> int:
        return int(self.bias.shape[0]) // 4

    @property
    def state_size(self) -> int:
        """TF1 says 2 units here whatever the bands (line 386), and then reads this many columns."""
        return 2 * self.units * self.bands

    @property
    def output_size(self) -> int:
        return self.units * self.bands

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x [B, features], state [B, 2 units * bands]; output [B, units * bands]."""
        size = int(self.kernel.shape[0]) - 2 * self.units
        parts = ops.split(state, (self.units,) * (2 * self.bands), 1)
        below = parts[1] * 0.0
        outputs, new = [], []
        for band in range(self.bands):
            begin = band * self.frequency_skip
            part = ops.strided_slice(x, (None, begin), (None, begin + size), (1, 1))
            c, m = self._cell(ops, part, parts[2 * band], parts[2 * band + 1], below)
            below = m
            outputs.append(m)
            new += [c, m]
        return ops.concat(outputs, 1), ops.concat(new, 1)

    def _cell(self, ops: Any, x: Any, c: Any, m: Any, below: Any) -> tuple[Any, Any]:
        z = ops.matmul(ops.concat([x, m, below], 1), self.kernel) + self.bias
        i, j, f, o = ops.split(z, (self.units,) * 4, 1)
        f = ops.sigmoid(peek(f + self.forget_bias, self.w_f_diag, c))
        c = f * c + ops.sigmoid(peek(i, self.w_i_diag, c)) * ops.tanh(j)
        if self.cell_clip is not None:
            c = ops.clip(c, -self.cell_clip, self.cell_clip)
        return c, ops.sigmoid(peek(o, self.w_o_diag, c)) * ops.tanh(c)
