"""Gradient rules of the operations that move, reduce or convolve."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference.gradients.rules import Add, Pull, rule


@rule("reshape", "expand_dims", "squeeze")
def reshape(result: Any, args: Any, kwargs: Any) -> Pull:
    shape = np.shape(args[0])
    return lambda g, parents, add: add(parents[0], g.reshape(shape))


@rule("transpose")
def transpose(result: Any, args: Any, kwargs: Any) -> Pull:
    inverse = np.argsort(args[1])
    return lambda g, parents, add: add(parents[0], g.transpose(inverse))


@rule("strided_slice")
def strided_slice(result: Any, args: Any, kwargs: Any) -> Pull:
    _, begin, end, strides = args
    index = tuple(slice(b, e, s) for b, e, s in zip(begin, end, strides, strict=True))
    return lambda g, parents, add: add(parents[0], g, index)


@rule("pad")
def pad(result: Any, args: Any, kwargs: Any) -> Pull:
    x, paddings = args
    index = tuple(slice(a, a + n) for (a, _), n in zip(paddings, x.shape, strict=True))
    return lambda g, parents, add: add(parents[0], g[index])


@rule("reverse")
def reverse(result: Any, args: Any, kwargs: Any) -> Pull:
    return lambda g, parents, add: add(parents[0], np.flip(g, args[1]))


@rule("reverse_sequence")
def reverse_sequence(result: Any, args: Any, kwargs: Any) -> Pull:
    """A row's reversal is its own inverse."""
    from reference.vocabulary.numpy_ops import NumpyOps

    lengths = args[1]
    back = NumpyOps().reverse_sequence
    return lambda g, parents, add: add(parents[0], back(g, lengths, **kwargs))


@rule("cast")
def cast(result: Any, args: Any, kwargs: Any) -> Pull | None:
    dtype = args[0].dtype
    if dtype.kind != "f" or np.asarray(result).dtype.kind != "f":
        return None
    return lambda g, parents, add: add(parents[0], g.astype(dtype))


@rule("gather")
def gather(result: Any, args: Any, kwargs: Any) -> Pull:
    """Along axis 0, as an embedding is looked up."""
    x, indices = args
    if kwargs.get("axis", 0) or kwargs.get("batch_dims", 0):
        msg = "the gradient of gather is there for axis 0 without batch dims"
        raise NotImplementedError(msg)

    def pull(g: Any, parents: Any, add: Add) -> None:
        total = np.zeros_like(x)
        np.add.at(total, indices, g)
        add(parents[0], total)

    return pull


def _spread(g: Any, x: Any, axes: Any, keepdims: bool) -> Any:
    if not keepdims and axes is not None:
        g = np.expand_dims(g, tuple(a % x.ndim for a in axes))
    return np.broadcast_to(g, x.shape)


@rule("sum")
def reduction(result: Any, args: Any, kwargs: Any) -> Pull:
    x, axes = args[:2]
    keep = kwargs.get("keepdims", False)
    return lambda g, parents, add: add(parents[0], _spread(g, x, axes, keep))


@rule("mean")
def mean(result: Any, args: Any, kwargs: Any) -> Pull:
    x, axes = args[:2]
    keep = kwargs.get("keepdims", False)
    count = x.dtype.type(x.size / max(np.asarray(result).size, 1))
    return lambda g, parents, add: add(parents[0], _spread(g, x, axes, keep) / count)


@rule("softmax")
def softmax(result: Any, args: Any, kwargs: Any) -> Pull:
    axis = args[1]

    def pull(g: Any, parents: Any, add: Add) -> None:
        add(parents[0], result * (g - (g * result).sum(axis=axis, keepdims=True)))

    return pull


@rule("log_softmax")
def log_softmax(result: Any, args: Any, kwargs: Any) -> Pull:
    axis = args[1]

    def pull(g: Any, parents: Any, add: Add) -> None:
        add(parents[0], g - np.exp(result) * g.sum(axis=axis, keepdims=True))

    return pull


@rule("conv")
def conv(result: Any, args: Any, kwargs: Any) -> Pull:
    """Stride 1, padding SAME, no dilation and no groups: what the cells use."""
    x, kernel = args
    window = kernel.shape[:-2]
    plain = all(s == 1 for s in (*kwargs["strides"], *kwargs["dilations"], kwargs.get("groups", 1)))
    if not plain or kwargs["padding"] != "SAME":
        msg = "the gradient of conv is there for stride 1 and padding SAME"
        raise NotImplementedError(msg)
    # TF's SAME puts the smaller half in front.
    pads = [(0, 0), *(((w - 1) // 2, w - 1 - (w - 1) // 2) for w in window), (0, 0)]
    padded = np.pad(x, pads)
    spatial = x.shape[1:-1]
    offsets = list(np.ndindex(*window))
    slices = [
        (slice(None), *(slice(o, o + n) for o, n in zip(offset, spatial, strict=True)))
        for offset in offsets
    ]

    def pull(g: Any, parents: Any, add: Add) -> None:
        dx, dk = np.zeros_like(padded), np.zeros_like(kernel)
        rows = math.prod(g.shape[:-1])
        flat = g.reshape(rows, -1)
        for offset, index in zip(offsets, slices, strict=True):
            dx[index] += g @ kernel[offset].T
            dk[offset] = padded[index].reshape(rows, -1).T @ flat
        add(parents[0], dx[tuple(slice(a, a + n) for (a, _), n in zip(pads, x.shape, strict=True))])
        add(parents[1], dk)

    return pull
