"""HighwayWrapper: gates between the cell's input and its output.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1259-1339``. Input and output must have the
same features. Over a nest all leaves share one pair of variables, since TF1 gives them one name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference import states
from reference.cells.base import optional_weight, weight
from reference.wrappers.sizes import SizesOfCell


@dataclass(frozen=True)
class HighwayWrapper(SizesOfCell):
    """y = x carry + cell(x) transform; transform is 1 - carry where it has no weights."""

    cell: Any
    carry_w: Any = weight()
    """[features, features]."""
    carry_b: Any = weight()
    """[features]; a fresh TF1 wrapper starts it at carry_bias_init."""
    transform_w: Any = optional_weight()
    """With transform_b where couple_carry_transform_gates=False."""
    transform_b: Any = optional_weight()

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x and the output are nests of one structure, [B, features] each."""
        y, state = self.cell.step(ops, x, state)
        return states.map_structure(lambda a, b: self._mix(ops, a, b), x, y), state

    def _mix(self, ops: Any, x: Any, y: Any) -> Any:
        carry = ops.sigmoid(ops.matmul(x, self.carry_w) + self.carry_b)
        if self.transform_w is None:
            return x * carry + y * (1.0 - carry)
        transform = ops.sigmoid(ops.matmul(x, self.transform_w) + self.transform_b)
        return x * carry + y * transform
