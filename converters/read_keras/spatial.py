"""Convolutions, pooling, padding, cropping and upsampling, over one or two spatial axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.read_keras.core import biased
from converters.read_keras.layers import Call, layer
from converters.read_keras.values import Nest, Value


def _pair(value: Any, count: int) -> list[int]:
    """A setting per spatial axis."""
    items = list(value) if isinstance(value, list | tuple) else [value] * count
    return [int(v) for v in items]


def _last(call: Call, x: Value) -> tuple[Value, bool]:
    """x with its channels last, and whether they were first."""
    first = call.config("data_format", "channels_last") == "channels_first"
    return (call.build.transpose(x, [0, *range(2, x.rank), 1]) if first else x), first


def _back(call: Call, x: Value, first: bool) -> Value:
    return call.build.transpose(x, [0, x.rank - 1, *range(1, x.rank - 1)]) if first else x


def _padded(call: Call, x: Value, kernel: list[int], dilation: list[int]) -> tuple[Value, bytes]:
    """TF's padding; a causal one is written out."""
    padding = call.config("padding", "valid")
    if padding != "causal":
        return x, str(padding).upper().encode()
    widths = np.zeros((x.rank, 2), np.int32)
    widths[1, 0] = dilation[0] * (kernel[0] - 1)
    return call.build("Pad", x, widths), b"VALID"


def _convolved(
    call: Call,
    x: Value,
    kernel: Value,
    op: str,
    count: int,
    padding: bytes,
    attrs: dict[str, list[int]],
) -> Value:
    """Conv2D or DepthwiseConv2dNative; one spatial axis becomes the second of two."""
    b = call.build
    full = {key: (1, *[1] * (2 - count), *value, 1) for key, value in attrs.items()}
    wide = x if count == 2 else b.expand(x, 1)
    weights = kernel if count == 2 else b.expand(kernel, 0)
    y = b(op, wide, weights, padding=padding, data_format=b"NHWC", **full)
    return y if count == 2 else b.squeeze(y, 1)


@layer("Conv1D", "Conv2D")
def conv(call: Call) -> Nest:
    """Cross-correlation; the kernel's channels tell the groups."""
    x, first = _last(call, call.x)
    count = x.rank - 2
    call.read.add("groups")
    if call.config("lora_rank") or call.config("quantization_config"):
        msg = "quantised and LoRA layers are not read"
        raise call.refused(msg)
    [kernel, *_] = call.weights(
        (None,) * (count + 2), *[(None,)] * bool(call.config("use_bias", True))
    )
    dilation = _pair(call.config("dilation_rate", 1), count)
    attrs = {"strides": _pair(call.config("strides", 1), count), "dilations": dilation}
    x, padding = _padded(call, x, list(kernel.shape[:count]), dilation)
    y = _convolved(call, x, call.weight(0), "Conv2D", count, padding, attrs)
    return _back(call, biased(call, y, 1), first)


@layer("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
def depthwise(call: Call) -> Nest:
    """A convolution of each channel alone; a separable one mixes them after."""
    x, first = _last(call, call.x)
    count = x.rank - 2
    separable = call.layer.kind.startswith("Separable")
    kernels = 2 if separable else 1
    found = call.weights(
        *[(None,) * (count + 2)] * kernels, *[(None,)] * bool(call.config("use_bias", True))
    )
    dilation = _pair(call.config("dilation_rate", 1), count)
    strides = _pair(call.config("strides", 1), count)
    if len(set(strides)) > 1:
        msg = "unequal strides are not described"
        raise call.refused(msg)
    x, padding = _padded(call, x, list(found[0].shape[:count]), dilation)
    attrs = {"strides": strides, "dilations": dilation}
    y = _convolved(call, x, call.weight(0), "DepthwiseConv2dNative", count, padding, attrs)
    if separable:
        plain = {"strides": [1] * count, "dilations": [1] * count}
        y = _convolved(call, y, call.weight(1), "Conv2D", count, b"VALID", plain)
    return _back(call, biased(call, y, kernels), first)


@layer("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")
def pool(call: Call) -> Nest:
    """Padding never counts."""
    b = call.build
    x, first = _last(call, call.x)
    count = x.rank - 2
    window = _pair(call.config("pool_size"), count)
    strides = call.config("strides")
    moves = window if strides is None else _pair(strides, count)
    padding = str(call.config("padding", "valid")).upper().encode()
    full = {k: (1, *[1] * (2 - count), *v, 1) for k, v in (("ksize", window), ("strides", moves))}
    wide = x if count == 2 else b.expand(x, 1)
    y = b(
        "MaxPool" if call.layer.kind.startswith("Max") else "AvgPool",
        wide,
        padding=padding,
        data_format=b"NHWC",
        **full,
    )
    return _back(call, y if count == 2 else b.squeeze(y, 1), first)


def _edges(value: Any, count: int) -> list[tuple[int, int]]:
    """(before, after) per spatial axis: Keras takes a number, a number per axis, or pairs."""
    if isinstance(value, int):
        return [(value, value)] * count
    if count == 1:
        return [(int(value[0]), int(value[1]))]
    return [(int(v), int(v)) if isinstance(v, int) else (int(v[0]), int(v[1])) for v in value]


@layer("ZeroPadding1D", "ZeroPadding2D")
def zero_padding(call: Call) -> Nest:
    x, first = _last(call, call.x)
    edges = _edges(call.config("padding"), x.rank - 2)
    return _back(call, call.build("Pad", x, np.array([(0, 0), *edges, (0, 0)], np.int32)), first)


@layer("Cropping1D", "Cropping2D")
def cropping(call: Call) -> Nest:
    x, first = _last(call, call.x)
    edges = _edges(call.config("cropping"), x.rank - 2)
    begin = np.array([0, *(before for before, _ in edges)], np.int32)
    end = np.array([0, *(-after for _, after in edges)], np.int32)
    open_ends = sum(1 << i for i, n in enumerate(end) if n == 0)
    y = call.build(
        "StridedSlice", x, begin, end, np.ones_like(begin), begin_mask=1, end_mask=open_ends
    )
    return _back(call, y, first)


@layer("UpSampling1D", "UpSampling2D")
def upsampling(call: Call) -> Nest:
    """Each place repeated."""
    b = call.build
    x, first = _last(call, call.x)
    if call.config("interpolation", "nearest") != "nearest":
        msg = "only the nearest interpolation is described"
        raise call.refused(msg)
    for axis, factor in enumerate(_pair(call.config("size"), x.rank - 2), 1):
        x = repeated(call, x, axis, factor)
    del b
    return _back(call, x, first)


def repeated(call: Call, x: Value, axis: int, factor: int) -> Value:
    """Each item along ``axis`` ``factor`` times."""
    b = call.build
    sizes = [b.size(x, a) for a in range(x.rank)]
    multiples = np.ones(x.rank + 1, np.int32)
    multiples[axis + 1] = factor
    tiled = b("Tile", b.expand(x, axis + 1), multiples)
    size = sizes[axis]
    sizes[axis] = size * factor if isinstance(size, int) else -1
    return b.reshape(tiled, sizes)
