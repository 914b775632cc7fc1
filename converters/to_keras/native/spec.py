"""What a native layer is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Native:
    """A ``keras.layers`` class with its arguments and its weights in Keras' order."""

    layer: str
    """``"LSTM"``, ``"GRU"`` or ``"SimpleRNN"``."""
    units: int
    weights: tuple[np.ndarray, ...]
    """kernel [features, k units], recurrent_kernel [units, k units], bias."""
    options: Mapping[str, Any] = field(default_factory=dict)
    states: tuple[int, ...] = (0,)
    """The place of each Keras state among TF1's parts: Keras' LSTM has (h, c), TF1 (c, h)."""
    joined: bool = False
    """TF1 holds the parts side by side in one array (``state_is_tuple=False``)."""

    @property
    def dtype(self) -> str:
        return str(self.weights[0].dtype)


def columns(matrix: np.ndarray, order: Sequence[str], wanted: Sequence[str], /) -> np.ndarray:
    """The last axis, blocks of gates in ``order``, in the order ``wanted``.

    Example:
        >>> columns(np.array([1, 2, 3]), "abc", "cab").tolist()
        [3, 1, 2]
    """
    parts = dict(zip(order, np.split(matrix, len(order), axis=-1), strict=True))
    return np.concatenate([parts[gate] for gate in wanted], axis=-1)


def rows(kernel: np.ndarray, units: int, /) -> tuple[np.ndarray, np.ndarray]:
    """TF1's one kernel over [x; h] as two: [features, n], [units, n]."""
    features = kernel.shape[0] - units
    return np.ascontiguousarray(kernel[:features]), np.ascontiguousarray(kernel[features:])
