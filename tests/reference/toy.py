"""The closed-form cell of the driver tests: which step and which item is plain to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ToyCell:
    """output = 100 state + x, state + 1."""

    size: int = 3

    @property
    def state_size(self) -> int:
        return self.size

    @property
    def output_size(self) -> int:
        return self.size

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """All exact in small integers."""
        return state * 100.0 + x, state + 1.0
