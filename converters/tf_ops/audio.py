"""TF's own audio front end: ``AudioSpectrogram`` and ``Mfcc`` (core/kernels/spectrogram.cc, mfcc*.cc, v1.15.5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.complex_numbers import waves
from converters.tf_ops.table import Array, known_dim, known_int, refusal, tf_op

FLOOR = 1e-12
"""kFilterbankFloor of mfcc.cc."""


@tf_op("AudioSpectrogram")
def spectrogram(ops: Any, node: Node, x: Array) -> Array:
    """x [samples, 1]; [1, frames, bins]: moduli (or their squares) of Hann windows padded to a power of two.

    TF's kernel begins a second channel with the samples left over from the first, and fails for most sizes.
    """
    window, stride = int(node.attr("window_size")), int(node.attr("stride"))
    if window < 2 or stride < 1:
        raise refusal(node, f"its window has {window} samples and its stride is {stride}")
    if known_dim(ops, node, x, 1) != 1:
        raise refusal(
            node, "it takes more than one channel, which TF mixes: name one channel's samples"
        )
    frames = max(0, 1 + (known_dim(ops, node, x, 0) - window) // stride)
    length = 1 << (window - 1).bit_length()
    places = stride * np.arange(frames)[:, None] + np.arange(window)
    cut = ops.gather(ops.transpose(x, [1, 0]), ops.constant(places.astype(np.int32)), axis=1)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    dtype = ops.dtype_of(x)
    cos, sin = (hann[:, None] * w for w in waves(length, window, length // 2 + 1))
    re, im = (ops.matmul(cut, ops.constant(w.astype(dtype))) for w in (cos, sin))
    squares = ops.square(re) + ops.square(im)
    return squares if node.attr("magnitude_squared", False) else ops.sqrt(squares)


@tf_op("Mfcc")
def mfcc(ops: Any, node: Node, squares: Array, rate: Array) -> Array:
    """squares [channels, frames, bins]; the logarithms of mel bands of its roots, through a cosine transform."""
    bins = known_dim(ops, node, squares, 2)
    bands, count = (
        int(node.attr(k, d)) for k, d in (("filterbank_channel_count", 40), ("dct_coefficient_count", 13))
    )  # fmt: skip
    if count > bands:
        raise refusal(node, f"it asks for {count} coefficients of {bands} bands")
    low = float(node.attr("lower_frequency_limit", 20.0))
    high = float(node.attr("upper_frequency_limit", 4000.0))
    matrix = mel_bands(bins, known_int(ops, node, rate, "sample rate"), bands, low, high)
    dtype = ops.dtype_of(squares)
    energy = ops.matmul(ops.sqrt(squares), ops.constant(matrix.astype(dtype)))
    logs = ops.log(ops.maximum(energy, ops.constant(np.asarray(FLOOR, dtype))))
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(count))
    return ops.matmul(logs, ops.constant((np.sqrt(2 / bands) * np.cos(angles)).astype(dtype)))


def mel_bands(bins: int, rate: int, bands: int, low: float, high: float) -> np.ndarray:
    """[bins, bands]: each bin's share of the band below it and of the one above."""

    def mel(frequency: Any) -> Any:
        return 1127.0 * np.log1p(frequency / 700.0)

    first, span = mel(low), mel(high) - mel(low)
    centres = first + span / (bands + 1) * np.arange(1, bands + 2)
    width = 0.5 * rate / (bins - 1)
    matrix = np.zeros((bins, bands))
    for k in range(int(1.5 + low / width), min(int(high / width), bins - 1) + 1):
        above = min(int(np.searchsorted(centres[:bands], mel(k * width), side="left")), bands)
        below = above - 1
        start = centres[below] if below >= 0 else first
        weight = (centres[above] - mel(k * width)) / (centres[above] - start)
        if below >= 0:
            matrix[k, below] += weight
        if above < bands:
            matrix[k, above] += 1 - weight
    return matrix
