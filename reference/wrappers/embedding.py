"""EmbeddingWrapper: ids in, the cell on their vectors.

Source: TF 1.15.5 ``contrib/rnn/python/ops/core_rnn_cell.py:191-268``. The ids are flattened, so a
step may give [B] or [B, 1]. static_rnn takes rank 1, dynamic_rnn wants [B, T, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.base import weight
from reference.wrappers.sizes import SizesInside


@dataclass(frozen=True)
class EmbeddingWrapper(SizesInside):
    """``embedding`` is looked up with every step's ids."""

    cell: Any
    embedding: Any = weight()
    """[classes, size]."""

    def step(self, ops: Any, ids: Any, state: Any, /) -> tuple[Any, Any]:
        """ids: integers [B] or [B, 1].

        Raises:
            SemanticsError: under NumPy, an id outside 0..classes - 1, as on TF1's CPU.
        """
        vectors = ops.gather(self.embedding, ops.reshape(ids, (-1,)))
        result: tuple[Any, Any] = self.cell.step(ops, vectors, state)
        return result
