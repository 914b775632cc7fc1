"""BidirectionalGridLSTMCell: a GridLSTM upwards through the frequencies and another downwards.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:966-1110``. Only frequency runs both ways, so
it still works in real time. The downward state's ``f00`` belongs to the *highest* band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.grid_lstm import GridLSTMCell, state_type


@dataclass(frozen=True)
class BidirectionalGridLSTMCell:
    """Two grids of one configuration; variables under ``fwd`` and ``bwd``."""

    fwd: GridLSTMCell
    bwd: GridLSTMCell
    backward_slice_offset: int = 0

    @property
    def units(self) -> int:
        return self.fwd.units

    @property
    def state_size(self) -> Any:
        blocks = self.fwd.num_frequency_blocks
        made = state_type("BidirectionalGridLSTMStateTuple", ("fwd_", "bwd_"), blocks)
        return made(*[self.units] * (4 * sum(blocks)))

    @property
    def output_size(self) -> int:
        return 2 * self.fwd.output_size

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x [B, features]; the state's parts are [B, units]; output: all of fwd, then all of bwd."""
        outputs: list[Any] = []
        new: list[Any] = []
        parts, at = list(state), 0
        for grid, offset in ((self.fwd, 0), (self.bwd, self.backward_slice_offset)):
            for block, count in enumerate(grid.num_frequency_blocks):
                bands = grid.bands(ops, x, block, offset)
                turned = bands if grid is self.fwd else bands[::-1]
                out, made = grid.compute(ops, block, turned, parts[at : at + 2 * count])
                outputs += out
                new += made
                at += 2 * count
        return ops.concat(outputs, 1), type(state)(*new)
