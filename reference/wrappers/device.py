"""DeviceWrapper: says where TF1 places the cell's ops. No number depends on it.

Source: TF 1.15.5 ``python/ops/rnn_cell_wrapper_impl.py:404-441``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DeviceWrapper:
    """The cell, and a device string that is kept for the record."""

    cell: Any
    device: str = ""

    @property
    def state_size(self) -> Any:
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        return self.cell.output_size

    @property
    def input_size(self) -> int | None:
        return getattr(self.cell, "input_size", None)

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """The cell's own step."""
        output: tuple[Any, Any] = self.cell.step(ops, x, state)
        return output
