"""Constants, casts and the promotion rules every other part of ``NumpyOps`` leans on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reference.errors import SemanticsError

Array = npt.NDArray[Any]

NARROW: Final = frozenset({np.dtype(np.float16), np.dtype(np.float32)})
"""What the float64 twin widens."""


def ints(values: Any, /) -> tuple[int, ...]:
    """A ``shape``-like argument (ints, rank-0 arrays, or one integer array) as Python ints."""
    if isinstance(values, np.ndarray):
        return tuple(int(v) for v in values.reshape(-1))
    return tuple(int(v) for v in values)


def edges(values: Any, /) -> tuple[int | None, ...]:
    """As :func:`ints`, keeping None ("from the edge")."""
    if isinstance(values, np.ndarray):
        return ints(values)
    return tuple(None if v is None else int(v) for v in values)


def positive_axis(axis: int, rank: int, /) -> int:
    """``axis`` counted from the front.

    Raises:
        SemanticsError: it lies outside ``-rank..rank-1``.
    """
    if not -rank <= axis < rank:
        msg = f"axis {axis} does not exist in an array of rank {rank}"
        raise SemanticsError(msg)
    return axis % rank


def positive_axes(axes: Iterable[int] | None, rank: int, /) -> tuple[int, ...]:
    """Each axis counted from the front; None means all of them."""
    if axes is None:
        return tuple(range(rank))
    return tuple(positive_axis(int(axis), rank) for axis in axes)


class Base:
    """Values, and how arguments become arrays.

    With ``widen`` every float16 and float32 that enters, or would be made, is float64.
    """

    def __init__(self, *, widen: bool = False) -> None:
        self.widen = widen

    # -- arguments ----------------------------------------------------------------------------
    def array(self, x: Any, /) -> Array:
        """``x`` as an array, widened where this is the twin."""
        value = x if isinstance(x, np.ndarray) else np.asarray(x)
        if self.widen and value.dtype in NARROW:
            return value.astype(np.float64)
        return value

    def pair(self, a: Any, b: Any, /) -> tuple[Array, Array]:
        """Two operands of one dtype; a Python scalar takes the other's.

        Raises:
            SemanticsError: the dtypes differ.
        """
        if type(a) in (bool, int, float) and type(b) not in (bool, int, float):
            right = self.array(b)
            return self.scalar(a, right.dtype), right
        left = self.array(a)
        if type(b) in (bool, int, float):
            return left, self.scalar(b, left.dtype)
        right = self.array(b)
        if left.dtype != right.dtype:
            msg = f"operands of dtypes {left.dtype} and {right.dtype}: cast one of them first"
            raise SemanticsError(msg)
        return left, right

    def scalar(self, value: float, dtype: np.dtype[Any], /) -> Array:
        """A Python scalar in an array's dtype; a fraction in an integer dtype is refused."""
        if dtype.kind in "iub" and value != int(value):
            msg = f"{value} has no place in an array of {dtype}"
            raise SemanticsError(msg)
        return np.asarray(value, dtype)

    def float_dtype(self, dtype: str, /) -> np.dtype[Any]:
        """The dtype called ``dtype``, in this interpreter."""
        if dtype == "string":
            return np.dtype(object)
        try:
            wanted = np.dtype(dtype)
        except TypeError:
            msg = f"dtype {dtype!r} is not computed with here"
            raise SemanticsError(msg) from None
        return np.dtype(np.float64) if self.widen and wanted in NARROW else wanted

    # -- protocol.Values ----------------------------------------------------------------------
    def constant(self, value: Any, /) -> Array:
        """A literal array."""
        return self.array(value)

    def dtype_of(self, x: Any, /) -> str:
        """NumPy's name of the dtype; ``"string"`` for objects and byte strings."""
        dtype = self.array(x).dtype
        return "string" if dtype.kind in "OSU" else dtype.name

    def rank_of(self, x: Any, /) -> int:
        """Number of axes."""
        return int(np.ndim(x))

    def dims_of(self, x: Any, /) -> tuple[int | None, ...]:
        """All the sizes."""
        return tuple(np.shape(x))

    def static(self, x: Any, /) -> Array | None:
        """The value itself."""
        return self.array(x)

    def cast(self, x: Any, dtype: str, /) -> Array:
        """Floats to integers truncate; to bool: whether it is not zero."""
        value = self.array(x)
        wanted = self.float_dtype(dtype)
        if value.dtype == wanted:
            return value
        with np.errstate(all="ignore"):
            return value.astype(wanted)


def unary(function: Callable[[Array], Any], /) -> Callable[[Any, Any], Array]:
    """A method of one operand; IEEE results come without warnings."""

    def method(self: Base, x: Any, /) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(function(self.array(x)))

    return method


def binary(function: Callable[[Array, Array], Any], /) -> Callable[[Any, Any, Any], Array]:
    """A method of two operands of one dtype."""

    def method(self: Base, a: Any, b: Any, /) -> Array:
        left, right = self.pair(a, b)
        with np.errstate(all="ignore"):
            return np.asarray(function(left, right))

    return method
