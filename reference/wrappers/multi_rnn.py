"""MultiRNNCell: a stack; each layer's output is the next one's input.

Source: TF 1.15.5 ``python/ops/rnn_cell_impl.py:1198-1319``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.base import Dims, zero_state
from reference.errors import SemanticsError


@dataclass(frozen=True)
class MultiRNNCell:
    """``cells`` from the input upwards. The same cell object twice shares its weights.

    Raises:
        SemanticsError: no cell, or ``state_is_tuple=False`` over a cell whose state is a tuple.
    """

    cells: tuple[Any, ...]
    state_is_tuple: bool = True
    """False: the states of all layers side by side, [B, sum of sizes]."""

    def __post_init__(self) -> None:
        if not self.cells:
            msg = "cells: MultiRNNCell needs at least one cell, got none"
            raise SemanticsError(msg)
        sizes = [cell.state_size for cell in self.cells]
        if not self.state_is_tuple and any(isinstance(s, tuple | Dims) for s in sizes):
            msg = f"state_is_tuple=False needs cells whose state is one array [B, n], got sizes {sizes}"
            raise SemanticsError(msg)

    @property
    def state_size(self) -> Any:
        sizes = tuple(cell.state_size for cell in self.cells)
        return sizes if self.state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        return self.cells[-1].output_size

    @property
    def input_size(self) -> int | None:
        return getattr(self.cells[0], "input_size", None)

    def zero_state(self, ops: Any, batch: Any, dtype: str, /) -> Any:
        """Each cell's own zero state (line 1271)."""
        parts = [zero_state(ops, cell, batch, dtype) for cell in self.cells]
        return tuple(parts) if self.state_is_tuple else ops.concat(parts, 1)

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x for the lowest cell, one state per cell; the output is the top cell's."""
        if not self.state_is_tuple:
            state = ops.split(state, tuple(cell.state_size for cell in self.cells), 1)
        if len(state) != len(self.cells):
            msg = f"state: expected a tuple of {len(self.cells)} states, one per cell, got {len(state)}"
            raise SemanticsError(msg)
        new = []
        for cell, part in zip(self.cells, state, strict=True):
            x, part = cell.step(ops, x, part)
            new.append(part)
        return x, tuple(new) if self.state_is_tuple else ops.concat(new, 1)
