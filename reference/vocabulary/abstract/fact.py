"""What can be known of an array before it is computed: dtype, symbolic shape, sometimes the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Dim = Any
"""An ``int``, or a symbolic size (:class:`reference.vocabulary.abstract.sizes.Size`): a polynomial in named unknowns."""


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """``shape`` is None where the rank is unknown. ``value`` is None, or the known value: an array of ``dtype``, or an
    object array whose items are :data:`Dim` (a shape vector with symbolic sizes)."""

    dtype: str
    shape: tuple[Dim, ...] | None = None
    value: np.ndarray | None = None

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)
