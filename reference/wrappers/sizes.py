"""The sizes of a wrapper that leaves them as they are."""

from __future__ import annotations

from typing import Any


class SizesInside:
    """State and output are the cell's."""

    cell: Any

    @property
    def state_size(self) -> Any:
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        return self.cell.output_size


class SizesOfCell(SizesInside):
    """So is the input."""

    @property
    def input_size(self) -> int | None:
        return getattr(self.cell, "input_size", None)
