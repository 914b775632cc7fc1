"""The input projection, out of the time loop: the same equation, cheaper.

``[x, h] W`` is ``x Wx + h Wh``, and the first term of all steps is one matrix product. No cell is
written twice for this: the interpreter below recognises *this step's input* by identity where an
equation concatenates it with a state or multiplies it with one of the cell's weights, and takes
that step's row of the product made beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.cells.base import weights
from reference.vocabulary.numpy_ops import NumpyOps

_HALF = np.float32(0.5)
_ONE = np.float32(1)


class HoistedOps(NumpyOps):
    """NumPy over a sequence known in advance. Call :meth:`at` before each step.

    Args:
        cell: whose weight matrices may be split into the rows of x and the rows of h.
        inputs: the whole sequence, ``[T, B, features]``.
    """

    def __init__(self, cell: Any, inputs: np.ndarray[Any, Any]) -> None:
        super().__init__()
        self._inputs = inputs
        self._matrices = {id(w): w for w in weights(cell).values() if np.ndim(w) == 2}
        self._projected: dict[int, Any] = {}
        self._lower: dict[int, Any] = {}
        self._joined: list[tuple[Any, Any]] = []
        self._t = 0
        self._x: Any = None

    def at(self, t: int, x: Any, /) -> None:
        """Step t begins; ``x`` is the very array the cell is about to get."""
        self._t, self._x = t, x
        self._joined.clear()

    def concat(self, xs: Sequence[Any], axis: int, /) -> Any:
        """As ever; and remembered, where it is this step's input joined with one other array."""
        if len(xs) == 2 and xs[0] is self._x and axis == 1:
            joined = np.concatenate(xs, 1)
            self._joined.append((joined, xs[1]))
            return joined
        return super().concat(xs, axis)

    def matmul(
        self, a: Any, b: Any, /, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> Any:
        """A product of the input with a weight is looked up instead."""
        if not (transpose_a or transpose_b) and self._matrices.get(id(b)) is b:
            if a is self._x:
                return self._project(b)[self._t]
            for joined, h in self._joined:
                if joined is a:
                    row = self._project(b)[self._t]
                    z = h @ self._lower[id(b)]
                    return np.add(z, row, out=z)
        return super().matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)

    def sigmoid(self, x: Any, /) -> Any:
        """float32: (1 + tanh(x / 2)) / 2, within 2^-24 of the quotient; else 1 / (1 + exp(-x)), whose tail is exact."""
        if x.dtype == np.float32:
            out = np.multiply(x, _HALF)
            np.tanh(out, out=out)
            out += _ONE
            return np.multiply(out, _HALF, out=out)
        out = np.negative(x)
        np.exp(out, out=out)
        out += 1
        return np.reciprocal(out, out=out)

    def tanh(self, x: Any, /) -> Any:
        """The loop around has already silenced IEEE warnings."""
        return np.tanh(x)

    def split(self, x: Any, sizes: Sequence[int], axis: int, /) -> tuple[Any, ...]:
        """Views, without the checks that the first step of the plain interpreter would make."""
        if axis != 1 or np.ndim(x) != 2 or sum(sizes) != x.shape[1]:
            return super().split(x, sizes, axis)
        parts, begin = [], 0
        for size in sizes:
            parts.append(x[:, begin : begin + size])
            begin += size
        return tuple(parts)

    def unstack(self, x: Any, axis: int, num: int, /) -> tuple[Any, ...]:
        """Views of the steps."""
        return tuple(x) if axis == 0 else super().unstack(x, axis, num)

    def _project(self, kernel: Any) -> Any:
        if id(kernel) not in self._projected:
            time, batch, features = self._inputs.shape
            flat = self._inputs.reshape(time * batch, features)
            self._projected[id(kernel)] = (flat @ kernel[:features]).reshape(
                time, batch, kernel.shape[1]
            )
            self._lower[id(kernel)] = np.ascontiguousarray(kernel[features:])
        return self._projected[id(kernel)]


def hoisted(ops: Any, cell: Any, inputs: Any, /) -> Any:
    """An interpreter with the input projection hoisted, or ``ops`` itself where that cannot be."""
    plain = type(ops) is NumpyOps and not ops.widen
    if plain and isinstance(inputs, np.ndarray) and inputs.ndim == 3 and inputs.shape[0] > 1:
        return HoistedOps(cell, np.ascontiguousarray(inputs))
    return ops
