"""The operators every symbolic array has: ``+ - * /`` and unary ``-``, handed to its interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim

UNRANKED = "the rank of an array is not known at conversion"


class Arithmetic:
    """``+ - * /`` and unary ``-``, handed to the array's interpreter, ``ops``."""

    __slots__ = ()

    ops: Any

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


class Operators(Arithmetic):
    """For arrays with ``.ops`` (their interpreter) and ``.fact``."""

    __slots__ = ()
    __array_ufunc__ = None  # a NumPy array on the left leaves the arithmetic to us

    fact: Fact

    @property
    def shape(self) -> tuple[Dim, ...]:
        """Sizes, symbolic where unknown; NotConvertibleError where the rank is unknown."""
        if self.fact.shape is None:
            raise NotConvertibleError(UNRANKED)
        return self.fact.shape

    @property
    def dtype(self) -> str:
        return self.fact.dtype


def concrete(fact: Fact) -> np.ndarray | None:
    """The value where it is known as plain numbers (not as symbolic sizes)."""
    value = fact.value
    if value is None or (value.dtype == object and fact.dtype != "string"):
        return None
    return value
