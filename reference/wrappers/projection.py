"""InputProjectionWrapper and OutputProjectionWrapper: a dense layer before or after the cell.

Source: TF 1.15.5 ``contrib/rnn/python/ops/core_rnn_cell.py:271-384``. The output projection changes
what comes out and not what goes on: the state keeps the cell's own h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import LINEAR, Activation
from reference.cells.base import weight
from reference.wrappers.sizes import SizesInside, SizesOfCell


@dataclass(frozen=True)
class InputProjectionWrapper(SizesInside):
    """cell(act(x W + b))."""

    cell: Any
    kernel: Any = weight()
    """[features, num_proj]."""
    bias: Any = weight()
    """[num_proj]."""
    activation: Activation = LINEAR

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0])

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x [B, features]."""
        projected = self.activation(ops, ops.matmul(x, self.kernel) + self.bias)
        result: tuple[Any, Any] = self.cell.step(ops, projected, state)
        return result


@dataclass(frozen=True)
class OutputProjectionWrapper(SizesOfCell):
    """act(cell(x) W + b)."""

    cell: Any
    kernel: Any = weight()
    """[cell output, output]."""
    bias: Any = weight()
    """[output]."""
    activation: Activation = LINEAR

    @property
    def output_size(self) -> int:
        return int(self.bias.shape[0])

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """The state is the cell's."""
        y, state = self.cell.step(ops, x, state)
        return self.activation(ops, ops.matmul(y, self.kernel) + self.bias), state
