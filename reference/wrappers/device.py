"""DeviceWrapper: says where TF1 places the cell's ops. No number depends on it.

Source: TF 1.15.5 ``python/ops/rnn_cell_wrapper_impl.py:404-441``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.wrappers.sizes import SizesOfCell


@dataclass(frozen=True)
class DeviceWrapper(SizesOfCell):
    """The cell, and a device string that is kept for the record."""

    cell: Any
    device: str = ""

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """The cell's own step."""
        output: tuple[Any, Any] = self.cell.step(ops, x, state)
        return output
