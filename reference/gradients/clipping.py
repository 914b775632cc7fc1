"""tf.clip_by_value, tf.clip_by_norm, tf.clip_by_global_norm, tf.global_norm.

Source: TF 1.15.5 ``python/ops/clip_ops.py``. Rules that surprise: clip_by_norm divides by max(norm,
clip_norm), so a norm of 0 is safe; a None in the list of clip_by_global_norm stays None and counts
nothing; a norm that is not finite makes *every* gradient NaN, on purpose (lines 294-301).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.errors import SemanticsError


def clip_by_value(t: Any, low: Any, high: Any, /) -> Any:
    """max(min(t, high), low): where low > high, low wins (line 72)."""
    return np.maximum(np.minimum(t, np.asarray(high, t.dtype)), np.asarray(low, t.dtype))


def clip_by_norm(t: Any, clip_norm: float, /, axes: Sequence[int] | None = None) -> Any:
    """t * clip_norm / max(norm, clip_norm), the norm over ``axes`` or everything."""
    dims = None if axes is None else tuple(axes)
    norm = np.sqrt(np.sum(t * t, axis=dims, keepdims=True))
    limit = np.asarray(clip_norm, t.dtype)
    return t * limit / np.maximum(norm, limit)


def global_norm(tensors: Sequence[Any], /) -> Any:
    """sqrt of the sum of all squares; None counts nothing.

    Raises:
        SemanticsError: a lone array where a list is wanted; nothing but None.
    """
    _check(tensors)
    present = [t for t in tensors if t is not None]
    if not present:
        msg = "t_list holds no array, only None: there is no norm"
        raise SemanticsError(msg)
    halves = [np.sum(t * t) / 2 for t in present]
    return np.sqrt(np.sum(np.stack(halves)) * present[0].dtype.type(2))


def clip_by_global_norm(
    tensors: Sequence[Any], clip_norm: float, /, use_norm: Any = None
) -> tuple[list[Any], Any]:
    """(clipped, norm): each array times clip_norm / max(norm, clip_norm).

    Raises:
        SemanticsError: a lone array where a list is wanted.
    """
    _check(tensors)
    norm = global_norm(tensors) if use_norm is None else use_norm
    one = np.asarray(1, np.asarray(norm).dtype)
    limit = np.asarray(clip_norm, one.dtype)
    scale = limit * np.minimum(one / norm if norm else np.inf, one / limit)
    scale = scale if np.isfinite(norm) else one * np.nan
    return [None if t is None else t * scale.astype(t.dtype) for t in tensors], norm


def _check(tensors: Any) -> None:
    if isinstance(tensors, np.ndarray) or not isinstance(tensors, Sequence):
        msg = f"t_list must be a sequence of arrays, got {type(tensors).__name__}"
        raise SemanticsError(msg)
