"""ResidualWrapper: the input is added to the output, leaf by leaf.

Source: TF 1.15.5 ``python/ops/rnn_cell_wrapper_impl.py:319-401``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reference import states
from reference.errors import SemanticsError
from reference.wrappers.sizes import SizesOfCell


@dataclass(frozen=True)
class ResidualWrapper(SizesOfCell):
    """output = x + cell(x)."""

    cell: Any
    residual_fn: Callable[[Any, Any], Any] | None = None
    """(inputs, outputs) to the wrapper's outputs; None adds them."""

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x and the output are nests of one structure and equal shapes; the state is not touched.

        Raises:
            SemanticsError: the structures differ, or a size known on both sides does.
        """
        y, state = self.cell.step(ops, x, state)
        if self.residual_fn is not None:
            return self.residual_fn(x, y), state
        if states.paths(x) != states.paths(y):
            msg = f"inputs {states.paths(x)} and cell output {states.paths(y)} must have one structure"
            raise SemanticsError(msg)
        return states.map_structure(lambda a, b: _add(ops, a, b), x, y), state


def _add(ops: Any, x: Any, y: Any) -> Any:
    ours, theirs = ops.dims_of(x), ops.dims_of(y)
    clash = any(
        a is not None and b is not None and a != b for a, b in zip(ours, theirs, strict=False)
    )
    if clash or len(ours) != len(theirs):
        msg = f"inputs of shape {ours} cannot be added to a cell output of shape {theirs}"
        raise SemanticsError(msg)
    return x + y
