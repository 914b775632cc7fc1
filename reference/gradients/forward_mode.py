"""Forward-mode differentiation as an interpreter: every array carries the derivatives in P directions beside its value.

It shares no rule with the tape, so the two check each other. It knows what the cells of real-time
recurrent learning need: products, sums, gates, clips, selects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.errors import SemanticsError
from reference.vocabulary.numpy_ops import NumpyOps

Array = np.ndarray[Any, Any]

SLOPES: dict[str, Callable[[Array, Array], Any]] = {
    "tanh": lambda x, y: 1 - y**2,
    "sigmoid": lambda x, y: y - y**2,
    "relu": lambda x, y: np.heaviside(x, 0),
    "softplus": lambda x, y: 1 - np.exp(-y),
    "softsign": lambda x, y: (1 - np.abs(y)) ** 2,
    "exp": lambda x, y: y,
    "square": lambda x, y: x + x,
    "negative": lambda x, y: np.full_like(x, -1),
}


class Dual:
    """``value`` of shape S, ``tangent`` of shape [P, *S]."""

    __slots__ = ("ops", "tangent", "value")
    __array_ufunc__ = None

    def __init__(self, ops: ForwardOps, value: Array, tangent: Array) -> None:
        self.ops, self.value, self.tangent = ops, value, tangent

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def __add__(self, other: Any) -> Any:
        return self.ops.add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.ops.add(self, -1.0 * other)

    def __rsub__(self, other: Any) -> Any:
        return self.ops.add(-1.0 * self, other)

    def __mul__(self, other: Any) -> Any:
        return self.ops.multiply(self, other)

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return -1.0 * self


class ForwardOps:
    """The interpreter, for P directions at once."""

    def __init__(self, directions: int) -> None:
        self.directions = directions
        self._numpy = NumpyOps()

    def lift(self, value: Any, tangent: Any = None, /) -> Dual:
        """An array with its tangent, zero if None."""
        v = np.asarray(value)
        zero = np.zeros((self.directions, *v.shape), v.dtype)
        return Dual(self, v, zero if tangent is None else np.asarray(tangent))

    def _pair(self, x: Any) -> Dual:
        return x if isinstance(x, Dual) else self.lift(np.asarray(x, np.float64))

    def dtype_of(self, x: Any, /) -> str:
        return str(x.dtype)

    def add(self, a: Any, b: Any, /) -> Dual:
        a, b = self._pair(a), self._pair(b)
        value = a.value + b.value
        shape = (self.directions, *value.shape)
        ta, tb = (_lined(d, value.ndim) for d in (a, b))
        return Dual(self, value, np.broadcast_to(ta, shape) + tb)

    def multiply(self, a: Any, b: Any, /) -> Dual:
        a, b = self._pair(a), self._pair(b)
        value = a.value * b.value
        ta, tb = (_lined(d, value.ndim) for d in (a, b))
        return Dual(self, value, ta * b.value + tb * a.value)

    def matmul(self, a: Any, b: Any, /) -> Dual:
        a, b = self._pair(a), self._pair(b)
        return Dual(self, a.value @ b.value, a.tangent @ b.value + a.value @ b.tangent)

    def concat(self, xs: Sequence[Any], axis: int, /) -> Dual:
        duals = [self._pair(x) for x in xs]
        value = np.concatenate([d.value for d in duals], axis)
        return Dual(self, value, np.concatenate([d.tangent for d in duals], axis + 1))

    def split(self, x: Any, sizes: Sequence[int], axis: int, /) -> tuple[Dual, ...]:
        d = self._pair(x)
        ends = np.cumsum(sizes)[:-1]
        parts = zip(np.split(d.value, ends, axis), np.split(d.tangent, ends, axis + 1), strict=True)
        return tuple(Dual(self, v, t) for v, t in parts)

    def clip(self, x: Any, low: float, high: float, /) -> Dual:
        d = self._pair(x)
        inside = (d.value >= low) & (d.value <= high)
        return Dual(self, np.clip(d.value, low, high), d.tangent * inside)

    def where(self, condition: Any, a: Any, b: Any, /) -> Dual:
        a, b = self._pair(a), self._pair(b)
        return Dual(
            self, np.where(condition, a.value, b.value), np.where(condition, a.tangent, b.tangent)
        )

    def constant(self, value: Any, /) -> Any:
        return value

    def __getattr__(self, name: str) -> Callable[[Any], Dual]:
        slope = SLOPES.get(name)
        if slope is None:
            msg = f"the operation {name!r} has no forward-mode rule"
            raise SemanticsError(msg)

        def operation(x: Any) -> Dual:
            d = self._pair(x)
            y = getattr(self._numpy, name)(d.value)
            return Dual(self, y, d.tangent * slope(d.value, y))

        return operation


def _lined(d: Dual, rank: int) -> Array:
    """The tangent with its own axes at the end, as broadcasting to ``rank`` axes wants them."""
    gap = rank - d.value.ndim
    return d.tangent.reshape(d.tangent.shape[:1] + (1,) * gap + d.value.shape)
