"""The normalisations that contrib's cells use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.base import weight

EPSILON = 1e-12
EPSILON_FLOAT16 = 1e-3


@dataclass(frozen=True)
class LayerNorm:
    """``tf.contrib.layers.layer_norm`` over the last axis (``contrib/layers/python/layers/layers.py:2204-2332``, v1.15.5)."""

    gamma: Any = weight()
    """[features]."""
    beta: Any = weight()
    epsilon: Any = None
    """Beside the variance; None is TF1's own: 1e-12, in float16 1e-3."""

    def __call__(self, ops: Any, x: Any, /) -> Any:
        """x [B, features]."""
        epsilon = self.epsilon
        if epsilon is None:
            epsilon = EPSILON_FLOAT16 if ops.dtype_of(x) == "float16" else EPSILON
        mean = ops.mean(x, (1,), keepdims=True)
        variance = ops.mean(ops.square(x - mean), (1,), keepdims=True)
        scale = ops.rsqrt(variance + epsilon) * self.gamma
        return x * scale + (self.beta - mean * scale)


def normalised(ops: Any, norm: LayerNorm | None, x: Any, /) -> Any:
    """x, through the norm where there is one."""
    return x if norm is None else norm(ops, x)


def weight_normalised(ops: Any, matrix: Any, gain: Any, /) -> Any:
    """Columns of length 1 times their gain: ``l2_normalize(w, axis=0) * g`` (``rnn_cell.py:2926``, v1.15.5)."""
    square = ops.sum(ops.square(matrix), (0,), keepdims=True)
    return matrix * ops.rsqrt(ops.maximum(square, square * 0.0 + 1e-12)) * gain
