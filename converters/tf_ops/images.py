"""Images resized and cut into patches: NHWC."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.conv import spatial
from converters.tf_ops.table import (
    Array,
    Size,
    indices_along,
    items,
    known_dim,
    refusal,
    size,
    tf_op,
)


def number(ops: Any, value: Size, dtype: str = "float32") -> Array:
    """A size as a rank-0 array."""
    return (
        ops.constant(np.array(value, dtype)) if isinstance(value, int) else ops.cast(value, dtype)
    )


def scale_of(ops: Any, node: Node, have: Size, count: Size) -> Array:
    """The step from one pixel of the result to the next, in pixels of the source, float32.

    core/kernels/image_resizer_state.h, CalculateResizeScale, v1.15.5.
    """
    if bool(node.attr("align_corners", False)):
        if not isinstance(count, int):
            raise refusal(
                node, "aligned corners for a size that is not known before the model runs"
            )
        if count > 1:
            return ops.divide(ops.subtract(number(ops, have), 1.0), number(ops, count - 1))
    return ops.divide(number(ops, have), number(ops, count))


def positions(ops: Any, node: Node, have: Size, count: Size) -> Array:
    """Where each pixel of the result lies in the source, float32 [count]."""
    line = ops.cast(indices_along(ops, count, "int32"), "float32")
    scale = scale_of(ops, node, have, count)
    if not node.attr("half_pixel_centers", False):
        return ops.multiply(line, scale)
    return ops.subtract(ops.multiply(ops.add(line, 0.5), scale), 0.5)


@tf_op("ResizeNearestNeighbor")
def resize_nearest(ops: Any, node: Node, x: Array, wanted: Array) -> Array:
    """Rows and columns repeated (core/kernels/resize_nearest_neighbor_op.cc, v1.15.5)."""
    half = bool(node.attr("half_pixel_centers", False))
    for axis, count in zip((1, 2), items(ops, node, wanted), strict=True):
        have = size(ops, x, axis)
        if half:
            line = ops.cast(indices_along(ops, count, "int32"), "float32")
            places = ops.multiply(ops.add(line, 0.5), scale_of(ops, node, have, count))
        else:
            places = positions(ops, node, have, count)
        # roundf rounds halves away from zero.
        rounded = ops.add(places, 0.5) if node.attr("align_corners", False) else places
        last = ops.subtract(number(ops, have, "int32"), 1)
        x = ops.gather(x, ops.minimum(ops.cast(ops.floor(rounded), "int32"), last), axis=axis)
    return x


@tf_op("ResizeBilinear")
def resize_bilinear(ops: Any, node: Node, x: Array, wanted: Array) -> Array:
    """Rows and columns blended, columns first; float32 (core/kernels/resize_bilinear_op.cc, v1.15.5)."""
    dtype = "float32" if ops.dtype_of(x) != "float64" else "float64"
    x = ops.cast(x, dtype)
    counts = items(ops, node, wanted)
    for axis in (2, 1):
        count, have = counts[axis - 1], size(ops, x, axis)
        where = positions(ops, node, have, count)
        below = ops.floor(where)
        last = ops.subtract(number(ops, have, "int32"), 1)
        start = ops.cast(below, "int32")
        low = ops.maximum(start, 0)
        high = ops.minimum(ops.add(start, 1), last)
        part = ops.cast(ops.subtract(where, below), dtype)
        part = ops.reshape(part, [count, 1] if axis == 2 else [count, 1, 1])
        a, b = (ops.gather(x, rows, axis=axis) for rows in (low, high))
        x = ops.add(a, ops.multiply(ops.subtract(b, a), part))
    return x


@tf_op("ExtractImagePatches")
def extract_patches(ops: Any, node: Node, x: Array) -> Array:
    """The pixels under a window side by side: rows of the window, then its columns, then channels."""
    window, steps, rates = (spatial(node, key, 4, False) for key in ("ksizes", "strides", "rates"))
    reach = [(k - 1) * r + 1 for k, r in zip(window, rates, strict=True)]
    same, out, pads = node.text("padding") == "SAME", [], []
    for axis in range(2):
        have = known_dim(ops, node, x, axis + 1)
        count = -(-have // steps[axis]) if same else max((have - reach[axis]) // steps[axis] + 1, 0)
        total = max((count - 1) * steps[axis] + reach[axis] - have, 0) if same else 0
        out.append(count)
        pads.append((total // 2, total - total // 2))
    if not all(out):
        raise refusal(node, "the image is smaller than its window")
    wide = ops.pad(x, [(0, 0), *pads, (0, 0)])
    taps = []
    for i in range(window[0]):
        for j in range(window[1]):
            first = [i * rates[0], j * rates[1]]
            last = [f + (n - 1) * s + 1 for f, n, s in zip(first, out, steps, strict=True)]
            taps.append(ops.strided_slice(wide, [0, *first], [None, *last], [1, *steps]))
    return taps[0] if len(taps) == 1 else ops.concat(taps, 3)
