"""PhasedLSTMCell: an LSTM that opens for a part of each unit's own period.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1915-2064``. The input is a pair (time, x).
There is no forget bias; the peepholes are full rows of the matrices; the modulus has gradient 1 in
its argument and none in the period (line 1969). The time may be float64 in a float32 cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.base import PairState, stop_gradient, weight
from reference.states import LSTMStateTuple


@dataclass(frozen=True)
class PhasedLSTMCell(PairState):
    """Scopes mask_gates, new_input and output_gate; the rows of c are there with ``use_peepholes``."""

    mask_kernel: Any = weight()
    """[features + units (+ units), 2 units]; rows x, h (, c); columns i, f."""
    mask_bias: Any = weight()
    input_kernel: Any = weight()
    """[features + units, units]."""
    input_bias: Any = weight()
    output_kernel: Any = weight()
    """[features + units (+ units), units]; rows x, h (, the new c)."""
    output_bias: Any = weight()
    period: Any = weight()
    """[units]."""
    phase: Any = weight()
    ratio_on: Any = weight()
    leak: float = 0.001

    @property
    def units(self) -> int:
        return int(self.input_bias.shape[0])

    @property
    def use_peepholes(self) -> bool:
        return bool(self.mask_kernel.shape[0] != self.input_kernel.shape[0])

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x = (time [B, 1], features [B, m]), state (c, h) of [B, units]."""
        time, x = x
        c, h = state
        seen = [x, h, c] if self.use_peepholes else [x, h]
        z = ops.sigmoid(ops.matmul(ops.concat(seen, 1), self.mask_kernel) + self.mask_bias)
        i, f = ops.split(z, (self.units,) * 2, 1)
        j = ops.tanh(ops.matmul(ops.concat([x, h], 1), self.input_kernel) + self.input_bias)
        c_new = c * f + i * j
        seen = [x, h, c_new] if self.use_peepholes else [x, h]
        o = ops.sigmoid(ops.matmul(ops.concat(seen, 1), self.output_kernel) + self.output_bias)
        h_new = ops.tanh(c_new) * o
        k = self._openness(ops, time, ops.dtype_of(c))
        c = k * c_new + (1.0 - k) * c
        h = k * h_new + (1.0 - k) * h
        return h, LSTMStateTuple(c, h)

    def _openness(self, ops: Any, time: Any, dtype: str) -> Any:
        """k [B, units]: up, down, then leaking."""
        clock = ops.dtype_of(time)
        period = ops.cast(self.period, clock)
        shifted = time - ops.cast(self.phase, clock)
        cycle = stop_gradient(ops, ops.floor_mod(shifted, period) - shifted) + shifted
        ratio = ops.cast(cycle / period, dtype)
        up = ratio * 2.0 / self.ratio_on
        k = ops.where(ops.less(ratio, self.ratio_on), 2.0 - up, ratio * self.leak)
        return ops.where(ops.less(ratio, self.ratio_on * 0.5), up, k)
