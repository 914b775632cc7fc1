"""AttentionCellWrapper: the cell attends to its own last outputs.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1115-1256``. The query is the *whole new
state*, c and h side by side; the attention of this step enters the input of the next; and the
memory is a window of the last ``attn_length`` *outputs* (after the output projection).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference import states
from reference.cells.base import weight
from reference.errors import SemanticsError


@dataclass(frozen=True)
class AttentionCellWrapper:
    """The state is (cell state, attention [B, size], memory [B, length * size]).

    Raises:
        SemanticsError: ``state_is_tuple=False`` over a cell whose state is a tuple; a length below 1.
    """

    cell: Any
    kernel: Any = weight()
    """[features + size, cell input]; the input with the attention."""
    bias: Any = weight()
    attn_w: Any = weight()
    """``attention/attn_w`` [1, 1, size, vec]."""
    attn_v: Any = weight()
    """``attention/attn_v`` [vec]."""
    query_kernel: Any = weight()
    """``attention/kernel`` [whole state, vec]."""
    query_bias: Any = weight()
    output_kernel: Any = weight()
    """``attn_output_projection/kernel`` [cell output + size, size]."""
    output_bias: Any = weight()
    attn_length: int = 1
    state_is_tuple: bool = True

    def __post_init__(self) -> None:
        if self.attn_length <= 0:
            msg = f"attn_length must be above zero, got {self.attn_length}"
            raise SemanticsError(msg)
        if not self.state_is_tuple and isinstance(self.cell.state_size, tuple):
            msg = f"state_is_tuple=False needs a cell whose state is one array, got {self.cell.state_size}"
            raise SemanticsError(msg)

    @property
    def size(self) -> int:
        return int(self.output_bias.shape[0])

    @property
    def state_size(self) -> Any:
        sizes = (self.cell.state_size, self.size, self.size * self.attn_length)
        return sizes if self.state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> int:
        return self.size

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.size

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x [B, features]; output [B, size]."""
        if not self.state_is_tuple:
            sizes = (self.cell.state_size, self.size, self.size * self.attn_length)
            state = ops.split(state, sizes, 1)
        inner, attention, memory = state
        x = ops.matmul(ops.concat([x, attention], 1), self.kernel) + self.bias
        y, inner = self.cell.step(ops, x, inner)
        query = ops.concat(states.flatten(inner), 1) if self.state_is_tuple else inner
        attention = self._attend(ops, query, memory)
        y = ops.matmul(ops.concat([y, attention], 1), self.output_kernel) + self.output_bias
        kept = ops.strided_slice(memory, (None, self.size), (None, None), (1, 1))
        new = (inner, attention, ops.concat([kept, y], 1))
        return y, new if self.state_is_tuple else ops.concat(list(new), 1)

    def _attend(self, ops: Any, query: Any, memory: Any) -> Any:
        """The memory's slots [B, length, size], weighted by their likeness to the query."""
        vec = int(self.attn_v.shape[0])
        slots = ops.reshape(memory, (-1, self.attn_length, 1, self.size))
        ones = (1, 1)
        seen = ops.conv(slots, self.attn_w, strides=ones, padding="SAME", dilations=ones)
        y = ops.matmul(query, self.query_kernel) + self.query_bias
        y = ops.reshape(y, (-1, 1, 1, vec))
        scores = ops.softmax(ops.sum(self.attn_v * ops.tanh(seen + y), (2, 3)), 1)
        weights = ops.reshape(scores, (-1, self.attn_length, 1, 1))
        return ops.sum(weights * slots, (1, 2))
