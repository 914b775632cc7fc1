"""LayerNormBasicLSTMCell: each gate normalised apart, and the new cell too; dropout on the candidate only.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1342-1463``. With norms there is no bias
variable at all. The *normalised* c is the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference import noise
from reference.activations import TANH, Activation
from reference.cells.base import PairState, optional_weight, weight
from reference.cells.norms import LayerNorm, normalised
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of the kernel's columns."""

DROPOUT = "dropout"


@dataclass(frozen=True)
class LayerNormBasicLSTMCell(PairState):
    """The norms' scopes are input, transform, forget, output and state.

    Raises:
        SemanticsError: a keep probability outside [0, 1].
    """

    kernel: Any = weight()
    """[features + units, 4 units]; rows are x then h."""
    bias: Any = optional_weight()
    """[4 units]; only where there are no norms."""
    norm_i: LayerNorm | None = None
    norm_j: LayerNorm | None = None
    norm_f: LayerNorm | None = None
    norm_o: LayerNorm | None = None
    norm_c: LayerNorm | None = None
    forget_bias: float = 1.0
    activation: Activation = TANH
    dropout_keep_prob: float = 1.0
    dropout_noise: Any = None
    """[B, units] of a step, or [T, B, units]."""

    def __post_init__(self) -> None:
        noise.check_keep("dropout_keep_prob", self.dropout_keep_prob)

    @property
    def units(self) -> int:
        return int(self.kernel.shape[1]) // 4

    @property
    def input_size(self) -> int:
        return int(self.kernel.shape[0]) - self.units

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x [B, features], state (c, h) of [B, units]; output is the new h."""
        c, h = state
        z = ops.matmul(ops.concat([x, h], 1), self.kernel)
        if self.bias is not None:
            z = z + self.bias
        i, j, f, o = ops.split(z, (self.units,) * 4, 1)
        norms = (self.norm_i, self.norm_j, self.norm_f, self.norm_o)
        i, j, f, o = (normalised(ops, n, g) for n, g in zip(norms, (i, j, f, o), strict=True))
        g = self._drop(ops, self.activation(ops, j))
        c = c * ops.sigmoid(f + self.forget_bias) + ops.sigmoid(i) * g
        c = normalised(ops, self.norm_c, c)
        h = self.activation(ops, c) * ops.sigmoid(o)
        return h, LSTMStateTuple(c, h)

    def _drop(self, ops: Any, g: Any) -> Any:
        if self.dropout_keep_prob == 1:
            return g
        if self.dropout_noise is None:
            raise noise.missing(DROPOUT, self.dropout_keep_prob)
        return noise.fresh(ops, g, self.dropout_noise, self.dropout_keep_prob)
