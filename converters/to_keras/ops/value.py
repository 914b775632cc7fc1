"""What an array is to :class:`KerasOps`: a held tensor with the vocabulary's operators.

A plain NumPy array cannot stand beside a ``KerasTensor`` in ``a + b`` (NumPy tries to convert the other side), and a held
NumPy array also says that its value is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.vocabulary.arrays import Arithmetic


class NeedsRunTimeError(Exception):
    """An operation needs sizes or values that a functional graph does not have before it runs."""


class Value(Arithmetic):
    """``data`` is a NumPy array (known), a backend tensor, or a ``KerasTensor``."""

    __slots__ = ("data", "offset")

    ops: Any = None
    """The interpreter; set once where it is defined."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.offset: tuple[Any, int] | None = None
        """(tensor, n) where it is known to be that tensor plus n: a slice between the two has n items."""

    @property
    def shape(self) -> tuple[int | None, ...]:
        return tuple(self.data.shape)


def known(x: Any, /) -> bool:
    """Whether x is a held NumPy array, a NumPy array or a Python number."""
    return isinstance(raw(x), np.ndarray | np.generic | int | float | bool)


def raw(x: Any, /) -> Any:
    """The tensor inside."""
    return x.data if isinstance(x, Value) else x
