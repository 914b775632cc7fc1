"""What :class:`OnnxOps` computes with: the name of an ONNX value, and what is known of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.arrays import Operators


class Value(Operators):
    """An array of the vocabulary's ONNX interpreter.

    ``rows`` is the whole sequence ``[T, …]`` of which this value is one step's item: what depends on such items
    alone is computed for all steps at once, outside the loop. ``parts`` is a pair of values whose sum this is, the first with ``rows``.
    """

    __slots__ = ("fact", "frame", "joined", "label", "name", "ops", "parts", "rows")

    def __init__(self, ops: Any, fact: Fact, name: str | None = None, label: str = "") -> None:
        self.ops = ops
        self.fact = fact
        self.name = name
        """None for a constant (or a sequence's item) that nothing has read yet."""
        self.label = label
        """A name to give a constant."""
        self.rows: Value | None = None
        self.frame: Any = None
        """The loop being written whose item this is."""
        self.parts: tuple[Value, Value] | None = None
        self.joined: tuple[tuple[Value, ...], int] | None = None
        """The arrays whose concat along the axis this is."""

    def __repr__(self) -> str:
        return f"Value({self.name!r}, {self.fact.dtype}, {self.fact.shape})"


def narrowed(value: np.ndarray, dtype: str, /) -> np.ndarray:
    """In a narrower float, finite numbers stay finite: a mask's -1e9 becomes the lowest number, not minus infinity."""
    if dtype != "float16" or value.dtype == np.float16:
        return value.astype(dtype, copy=False)
    limit = float(np.finfo(np.float16).max)
    return np.where(np.isfinite(value), np.clip(value, -limit, limit), value).astype(np.float16)
