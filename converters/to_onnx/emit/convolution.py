"""Convolution and pooling: channels last in the vocabulary, channels first in ONNX, so a transpose on either side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.to_onnx import sizes
from converters.to_onnx.emit import emits
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Size


def first(e: Any, x: Any) -> Any:
    """[N, *spatial, C] to [N, C, *spatial]."""
    rank = len(x.shape)
    return e.transpose(x, (0, rank - 1, *range(1, rank - 1)))


def last(e: Any, x: Any) -> Any:
    """[N, C, *spatial] to [N, *spatial, C]."""
    rank = len(x.shape)
    return e.transpose(x, (0, *range(2, rank), 1))


def _kernel(e: Any, kernel: Any) -> Any:
    """[*spatial, C, F] to [F, C, *spatial]."""
    rank = len(kernel.shape)
    return e.transpose(kernel, (rank - 1, rank - 2, *range(rank - 2)))


def _placed(
    e: Any, x: Any, padding: Any, reach: Sequence[int], strides: Sequence[int]
) -> dict[str, Any]:
    """The attributes that say where the window goes."""
    if isinstance(padding, str):
        if padding == "VALID":
            return {}
        # ONNX's SAME_UPPER is TF's SAME: ceil(size / stride) windows, the odd item of padding after.
        return {"auto_pad": "SAME_UPPER"}
    return {"pads": [before for before, _ in padding] + [after for _, after in padding]}


def _explicit(x: Any, padding: Any, reach: Sequence[int], strides: Sequence[int]) -> Any:
    """SAME as pairs where the sizes, or strides of 1, tell; else as it is."""
    if padding != "SAME":
        return padding
    pairs = []
    for size, window, stride in zip(x.shape[1:-1], reach, strides, strict=True):
        if stride == 1:
            total = window - 1
        elif isinstance(size, Size):
            return padding
        else:
            total = max((-(-size // stride) - 1) * stride + window - size, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def _channels_first(out: Fact) -> Fact:
    assert out.shape is not None
    return Fact(out.dtype, (out.shape[0], out.shape[-1], *out.shape[1:-1]))


@emits("conv")
def conv(
    e: Any,
    out: Fact,
    x: Any,
    kernel: Any,
    *,
    strides: tuple[int, ...],
    padding: Any,
    dilations: tuple[int, ...],
    groups: int,
) -> Any:
    window = e.dims_of(kernel)[:-2]
    if None in window:
        msg = f"{e.build.prefix}: a convolution whose kernel has no known size"
        raise NotConvertibleError(msg)
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilations, strict=True)]
    padding = _explicit(x, padding, reach, strides)
    attrs = {
        "strides": list(strides),
        "dilations": list(dilations),
        "group": groups,
        "kernel_shape": list(window),
        **_placed(e, x, padding, reach, strides),
    }
    name = e.compute("Conv", out.dtype, first(e, x), _kernel(e, kernel), **attrs)
    return last(e, e.wrap(name, _channels_first(out)))


@emits("conv_transpose")
def conv_transpose(
    e: Any, out: Fact, x: Any, kernel: Any, target: Any, *, strides: tuple[int, ...], padding: str
) -> Any:
    """The full result, then the part that the forward convolution's padding leaves."""
    window = e.dims_of(kernel)[:-2]
    spatial = None if out.shape is None else out.shape[1:-1]
    if None in window or spatial is None or any(isinstance(size, Size) for size in spatial):
        msg = f"{e.build.prefix}: a transposed convolution to a size not known at conversion"
        raise NotConvertibleError(msg)
    begin, extra = [], []
    for size, k, stride, given in zip(spatial, window, strides, x.shape[1:-1], strict=True):
        total = max((-(-size // stride) - 1) * stride + k - size, 0) if padding == "SAME" else 0
        full = (given - 1) * stride + k
        begin.append(total // 2)
        extra.append(max(total // 2 + size - full, 0))
    rank = len(kernel.shape)
    weight = e.transpose(kernel, (rank - 1, rank - 2, *range(rank - 2)))
    attrs = {"strides": list(strides), "kernel_shape": list(window), "output_padding": extra}
    name = e.compute("ConvTranspose", out.dtype, first(e, x), weight, **attrs)
    ends = [b + size for b, size in zip(begin, spatial, strict=True)]
    axes = list(range(2, 2 + len(begin)))
    cut = e.node("Slice", name, e.axes(begin), e.axes(ends), e.axes(axes))
    return last(e, e.wrap(cut, _channels_first(out)))


@emits("pool")
def pool(
    e: Any,
    out: Fact,
    x: Any,
    *,
    kind: str,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
) -> Any:
    """Padding never counts: MaxPool's is minus infinity, AveragePool leaves it out."""
    placed = _placed(e, x, _explicit(x, padding, window, strides), window, strides)
    op = "MaxPool" if kind == "max" else "AveragePool"
    attrs = {"kernel_shape": list(window), "strides": list(strides), **placed}
    if kind == "mean":
        attrs["count_include_pad"] = 0
    name = e.compute(op, out.dtype, first(e, x), **attrs)
    return last(e, e.wrap(name, _channels_first(out)))


__all__ = ["conv", "conv_transpose", "first", "last", "pool", "sizes"]
