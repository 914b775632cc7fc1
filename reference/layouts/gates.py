"""Gate orders as data, and the one function that applies them.

Letters are TF1's: LSTM i (input), j (candidate), f (forget), o (output); GRU r (reset), u (update),
c (candidate). Keras and ONNX call the candidate c or h, and the update gate z; the meanings are
equal (the update gate keeps the old state in all four).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.errors import SemanticsError

Order = tuple[str, ...]

LSTM: dict[str, Order] = {
    "tf1": ("i", "j", "f", "o"),
    "block": ("i", "j", "f", "o"),
    "block_v2": ("i", "f", "j", "o"),
    "keras": ("i", "f", "j", "o"),
    "onnx": ("i", "o", "f", "j"),
    "cudnn": ("i", "f", "j", "o"),
}
"""TF1 is BasicLSTMCell, LSTMCell and their contrib kin; block is LSTMBlockCell and BlockLSTM."""

GRU: dict[str, Order] = {
    "tf1": ("r", "u", "c"),
    "keras": ("u", "r", "c"),
    "onnx": ("u", "r", "c"),
    "cudnn": ("r", "u", "c"),
}
"""TF1 keeps the candidate in a kernel of its own."""

PEEPHOLES: dict[str, Order] = {"tf1": ("i", "f", "o"), "onnx": ("i", "o", "f")}


def reorder(array: Any, source: Order, target: Order, /, axis: int = -1) -> Any:
    """The blocks along ``axis`` in another order.

    Raises:
        SemanticsError: the orders are not permutations of each other, or do not divide the axis.

    Example:
        >>> reorder(np.arange(4), ("i", "j", "f", "o"), ("i", "o", "f", "j")).tolist()
        [0, 3, 2, 1]
    """
    size = np.shape(array)[axis]
    if sorted(source) != sorted(target) or size % len(source):
        msg = f"cannot bring {size} columns from the order {source} to {target}"
        raise SemanticsError(msg)
    blocks = dict(zip(source, np.split(np.asarray(array), len(source), axis), strict=True))
    return np.concatenate([blocks[gate] for gate in target], axis)


def blocks(array: Any, order: Order, /, axis: int = -1) -> dict[str, Any]:
    """The blocks by gate."""
    return dict(zip(order, np.split(np.asarray(array), len(order), axis), strict=True))


def join(parts: dict[str, Any], order: Sequence[str], /, axis: int = -1) -> Any:
    """The blocks side by side."""
    return np.concatenate([parts[gate] for gate in order], axis)
