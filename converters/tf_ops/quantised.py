"""Weights stored in 8, 16 or 32 bits: what the ``quantize_weights`` transform of a graph leaves in front of every kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import Array, known, refusal, tf_op

INTEGERS = {"quint8": "u1", "qint8": "i1", "quint16": "u2", "qint16": "i2", "qint32": "i4"}


@tf_op("Dequantize")
def dequantize(ops: Any, node: Node, x: Array, low: Array, high: Array) -> Array:
    """Whole numbers as float32, computed in float32 as TF does: core/kernels/dequantize_op.cc and quantization_utils.h, v1.15.5.

    Raises:
        NotConvertibleError: a value is not known, or the mode or the dtype is not TF's.
    """
    kind = INTEGERS.get(str(node.attr("T")))
    mode = node.text("mode", "MIN_COMBINED")
    if kind is None or mode not in MODES or (kind == "i4" and mode == "SCALED"):
        # SCALED gives the largest int32 the wrong sign in TF 1.15.5; nobody stores weights so.
        raise refusal(
            node, f"{mode} of {node.attr('T')} is no way to dequantize that is known here"
        )
    values = np.asarray(known(ops, node, x, "quantised values"))
    ends = [np.float32(known(ops, node, end, "range").reshape(())) for end in (low, high)]
    with np.errstate(all="ignore"):
        found = MODES[mode](values.astype(np.float32), np.iinfo(kind), *ends)
    return ops.constant(found.astype(np.float32))


def min_combined(
    x: np.ndarray, kind: np.iinfo[Any], low: np.float32, high: np.float32
) -> np.ndarray:
    """The range in equal steps, both ends included."""
    steps = np.float32(kind.max) - np.float32(kind.min)
    half = np.float32((float(kind.max) - kind.min + 1) / 2 if kind.min < 0 else 0)
    return np.asarray((x + half) * ((high - low) / steps) + low)


def min_first(x: np.ndarray, kind: np.iinfo[Any], low: np.float32, high: np.float32) -> np.ndarray:
    """The least value is rounded to a whole number of steps."""
    count = 2**kind.bits
    span = np.float32(float(high - low) * (count / (count - 1.0)))
    scale = np.float32(span / np.float32(count))
    ratio = low / scale
    whole = np.float32(np.copysign(np.floor(np.abs(ratio) + np.float32(0.5)), ratio))
    least = low if low == high else np.float32(whole * scale)
    return np.asarray((least - np.float32(kind.min) * scale) + x * scale)


def scaled(x: np.ndarray, kind: np.iinfo[Any], low: np.float32, high: np.float32) -> np.ndarray:
    """Zero stays zero."""
    factor = high / np.float32(kind.max)
    if kind.min < 0:
        factor = max(low / np.float32(kind.min), factor)
    return np.asarray(x * factor)


MODES = {"MIN_COMBINED": min_combined, "MIN_FIRST": min_first, "SCALED": scaled}
