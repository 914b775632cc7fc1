"""GRUBlockCell and GRUBlockCellV2: GRUCell as one op. They differ in variable names only.

Source: TF 1.15.5 ``contrib/rnn/python/ops/gru_ops.py:97-236``. Variables: ``w_ru b_ru w_c b_c`` in
the first, GRUCell's ``gates/kernel …`` in V2. The activation is tanh.
"""

from __future__ import annotations

from dataclasses import dataclass

from reference.cells.gru import GATES, GRUCell


@dataclass(frozen=True)
class GRUBlockCell(GRUCell):
    """``gate_kernel`` is w_ru, ``candidate_kernel`` w_c, and so for the biases."""


@dataclass(frozen=True)
class GRUBlockCellV2(GRUCell):
    """The same, with GRUCell's variable names."""


__all__ = ["GATES", "GRUBlockCell", "GRUBlockCellV2"]
