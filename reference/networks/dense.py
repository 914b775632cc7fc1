"""The layer between a recurrence and a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.activations import LINEAR, Activation
from reference.cells.base import weight


@dataclass(frozen=True)
class Dense:
    """act(x W + b) over the last axis."""

    kernel: Any = weight()
    """[features, units]."""
    bias: Any = weight()
    """[units]."""
    activation: Activation = LINEAR

    def __call__(self, ops: Any, x: Any, /) -> Any:
        """x [..., features] to [..., units]."""
        return self.activation(ops, ops.matmul(x, self.kernel) + self.bias)
