"""What an array is to :class:`KerasOps`: a held tensor with the vocabulary's operators.

A plain NumPy array cannot stand beside a ``KerasTensor`` in ``a + b`` (NumPy tries to convert the other side), and a held
NumPy array also says that its value is known.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np


class NeedsRunTimeError(Exception):
    """An operation needs sizes or values that a functional graph does not have before it runs."""


class Value:
    """``data`` is a NumPy array (known), a backend tensor, or a ``KerasTensor``."""

    __slots__ = ("data",)

    ops: ClassVar[Any] = None
    """The interpreter; set once where it is defined."""

    def __init__(self, data: Any) -> None:
        self.data = data

    @property
    def shape(self) -> tuple[int | None, ...]:
        return tuple(self.data.shape)

    def __add__(self, other: Any) -> Any:
        return self.ops.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return self.ops.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return self.ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.ops.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return self.ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.ops.divide(other, self)

    def __neg__(self) -> Any:
        return self.ops.negative(self)


def known(x: Any, /) -> bool:
    """Whether x is a held NumPy array, a NumPy array or a Python number."""
    return isinstance(raw(x), np.ndarray | np.generic | int | float | bool)


def raw(x: Any, /) -> Any:
    """The tensor inside."""
    return x.data if isinstance(x, Value) else x
