"""Products and convolutions. Everything ends in one BLAS call where that is possible."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from reference.errors import SemanticsError
from reference.vocabulary.numpy_ops.base import Array, Base, ints

Pads = list[tuple[int, int]]


def window_pads(
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
) -> Pads:
    """Padding before and after each spatial axis.

    SAME is TF's: output ``ceil(size / stride)``, the odd one after
    (core/framework/common_shape_fns.cc, GetWindowedOutputSizeVerboseV2, v1.15.5).
    """
    if not isinstance(padding, str):
        return [(int(before), int(after)) for before, after in padding]
    if padding == "VALID":
        return [(0, 0)] * len(sizes)
    if padding != "SAME":
        msg = f"padding {padding!r} is neither SAME nor VALID"
        raise SemanticsError(msg)
    totals = [
        max((-(-size // stride) - 1) * stride + reach - size, 0)
        for size, reach, stride in zip(sizes, window, strides, strict=True)
    ]
    return [(total // 2, total - total // 2) for total in totals]


def padded(x: Array, pads: Pads, value: Any) -> Array:
    """``x`` [N, *spatial, C] with its spatial axes padded."""
    if not any(before or after for before, after in pads):
        return x
    return np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=value)


def taps(
    x: Array, window: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For each position in the window: the strided view [N, *out, C] it sees."""
    out = out_sizes(x.shape[1:-1], window, strides, dilations)
    for offset in itertools.product(*map(range, window)):
        cuts = [
            slice(o * d, o * d + (n - 1) * s + 1, s) if n else slice(0, 0)
            for o, d, n, s in zip(offset, dilations, out, strides, strict=True)
        ]
        yield offset, x[(slice(None), *cuts)]


def out_sizes(
    sizes: Sequence[int], window: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[int, ...]:
    """Sizes after a VALID window."""
    return tuple(
        max((size - (k - 1) * d - 1) // s + 1, 0)
        for size, k, s, d in zip(sizes, window, strides, dilations, strict=True)
    )


class LinearOps(Base):
    """:class:`protocol.Linear`."""

    def matmul(
        self, a: Any, b: Any, /, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> Array:
        """Over the last two axes."""
        left, right = self.pair(a, b)
        left = np.swapaxes(left, -1, -2) if transpose_a else left
        right = np.swapaxes(right, -1, -2) if transpose_b else right
        if left.shape[-1] != right.shape[-2]:
            msg = f"matmul of shapes {left.shape} and {right.shape}"
            raise SemanticsError(msg)
        with np.errstate(all="ignore"):
            return np.asarray(np.matmul(left, right))

    def einsum(self, equation: str, /, *operands: Any) -> Array:
        """Einstein's summation."""
        arrays = [self.array(x) for x in operands]
        with np.errstate(all="ignore"):
            return np.asarray(np.einsum(equation, *arrays, optimize=len(arrays) > 1))

    def conv(
        self,
        x: Any,
        kernel: Any,
        /,
        *,
        strides: Sequence[int],
        padding: str | Sequence[tuple[int, int]],
        dilations: Sequence[int],
        groups: int = 1,
    ) -> Array:
        """Cross-correlation; columns are gathered per tap, then one product per group."""
        value, weight = self.pair(x, kernel)
        window = weight.shape[:-2]
        reach = [(k - 1) * d + 1 for k, d in zip(window, dilations, strict=True)]
        pads = window_pads(value.shape[1:-1], reach, strides, padding)
        value = padded(value, pads, 0)
        rows = value.shape[:1] + out_sizes(value.shape[1:-1], window, strides, dilations)
        seen = [view for _, view in taps(value, window, strides, dilations)]
        columns = np.stack(seen, axis=-2) if seen else np.zeros((*rows, 0, value.shape[-1]))
        flat = columns.reshape(math.prod(rows), len(seen), value.shape[-1])
        out = grouped(flat, weight.reshape(len(seen), *weight.shape[-2:]), groups)
        return out.reshape(*rows, weight.shape[-1])

    def conv_transpose(
        self, x: Any, kernel: Any, output_shape: Any, /, *, strides: Sequence[int], padding: str
    ) -> Array:
        """Each tap's product is added where the forward convolution read it."""
        value, weight = self.pair(x, kernel)
        shape, window = ints(output_shape), weight.shape[:-2]
        ones = [1] * len(window)
        pads = window_pads(shape[1:-1], window, strides, padding)
        full = [n + before + after for n, (before, after) in zip(shape[1:-1], pads, strict=True)]
        if value.shape[1:-1] != out_sizes(full, window, strides, ones):
            msg = f"no convolution of an output of shape {shape} has shape {value.shape}"
            raise SemanticsError(msg)
        total = np.zeros((shape[0], *full, shape[-1]), value.dtype)
        with np.errstate(all="ignore"):
            for offset, view in taps(total, window, strides, ones):
                view += value @ weight[offset].T
        crop = [slice(before, before + n) for n, (before, _) in zip(shape[1:-1], pads, strict=True)]
        return total[(slice(None), *crop)]

    def pool(
        self, x: Any, /, *, kind: str, window: Sequence[int], strides: Sequence[int], padding: str
    ) -> Array:
        """Largest or mean item under the window; padding never counts."""
        value = self.array(x)
        pads = window_pads(value.shape[1:-1], window, strides, padding)
        ones = [1] * len(window)
        if kind == "max":
            low = -np.inf if value.dtype.kind == "f" else np.iinfo(value.dtype).min
            views = (v for _, v in taps(padded(value, pads, low), window, strides, ones))
            out = next(views).copy()
            for view in views:
                np.maximum(out, view, out=out)
            return out
        if kind != "mean":
            msg = f"pool of kind {kind!r}: only max and mean"
            raise SemanticsError(msg)
        inside = np.ones((1, *value.shape[1:-1], 1), value.dtype)
        return sums(padded(value, pads, 0), window, strides) / sums(
            padded(inside, pads, 0), window, strides
        )


def sums(x: Array, window: Sequence[int], strides: Sequence[int]) -> Array:
    """Sum of what each window sees."""
    views = (view for _, view in taps(x, window, strides, [1] * len(window)))
    out = next(views).copy()
    for view in views:
        out += view
    return out


def grouped(columns: Array, weight: Array, groups: int) -> Array:
    """columns [rows, taps, C] with weight [taps, C / groups, F]: [rows, F]."""
    rows, count, channels = columns.shape
    inner, filters = weight.shape[1:]
    if inner * groups != channels or filters % groups:
        msg = (
            f"kernel for {inner} x {groups} channels, {filters} filters; {channels} channels given"
        )
        raise SemanticsError(msg)
    with np.errstate(all="ignore"):
        if inner == 1 and groups > 1:
            each = weight.reshape(count, groups, filters // groups)
            out: Array = np.einsum("rtc,tcm->rcm", columns, each)
            return out.reshape(rows, filters)
        parts = [
            columns[:, :, g * inner : (g + 1) * inner].reshape(rows, count * inner)
            @ part.reshape(count * inner, -1)
            for g, part in enumerate(np.split(weight, groups, axis=2))
        ]
    return parts[0] if groups == 1 else np.concatenate(parts, axis=1)
