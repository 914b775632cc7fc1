"""Products, convolutions and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.ops.elementwise import tensors
from converters.to_keras.ops.value import NeedsRunTimeError, Value, known, raw
from converters.to_keras.ops.values import ints, symbolic

kops = keras.ops


def _swap(x: Any) -> Any:
    rank = len(x.shape)
    order = (*range(rank - 2), rank - 1, rank - 2)
    return np.transpose(x, order) if known(x) else kops.transpose(x, order)


class Linear:
    """The vocabulary's ``Linear`` on Keras tensors, channels last."""

    def matmul(
        self, a: Any, b: Any, /, *, transpose_a: bool = False, transpose_b: bool = False
    ) -> Value:
        a, b = tensors(a, b)
        return Value(kops.matmul(_swap(a) if transpose_a else a, _swap(b) if transpose_b else b))

    def einsum(self, equation: str, /, *operands: Any) -> Value:
        return Value(kops.einsum(equation, *tensors(*operands)))

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
    ) -> Value:
        x, kernel = tensors(x, kernel)
        if not isinstance(padding, str):
            x = kops.pad(x, [(0, 0), *((int(a), int(b)) for a, b in padding), (0, 0)])
            padding = "VALID"
        options: dict[str, Any] = {
            "strides": _window(strides),
            "padding": padding.lower(),
            "data_format": "channels_last",
            "dilation_rate": _window(dilations),
        }
        if x.shape[0] in (None, 0) and not symbolic(x):
            # TensorFlow gives a convolution of no rows the wrong number of channels: run one row more.
            # (Joined, not padded: its optimiser melts a pad of the batch into the convolution, wrongly.)
            row = kops.zeros((1, *kops.shape(x)[1:]), x.dtype)
            more = kops.concatenate([x, row], axis=0)
            return Value(_conv(more, kernel, groups, options)[:-1])
        return Value(_conv(x, kernel, groups, options))

    def conv_transpose(
        self, x: Any, kernel: Any, output_shape: Any, /, *, strides: Sequence[int], padding: str
    ) -> Value:
        x, kernel = tensors(x, kernel)
        spatial = ints(output_shape)[1:-1]
        extra = []
        for size, given, stride, width in zip(
            x.shape[1:-1], spatial, strides, kernel.shape, strict=False
        ):
            if size is None or not isinstance(given, int):
                msg = "the output size of a transposed convolution is not known before the run"
                raise NeedsRunTimeError(msg)
            same = padding.upper() == "SAME"
            # Keras: (size - 1) stride + width - 2 (width // 2 if same) + output_padding.
            least = (size - 1) * stride + width - (2 * (width // 2) if same else 0)
            extra.append(given - least)
        return Value(
            kops.conv_transpose(
                x,
                kernel,
                strides=tuple(strides),
                padding=padding.lower(),
                output_padding=tuple(extra),
                data_format="channels_last",
            )
        )

    def pool(
        self, x: Any, /, *, kind: str, window: Sequence[int], strides: Sequence[int], padding: str
    ) -> Value:
        function = kops.max_pool if kind == "max" else kops.average_pool
        return Value(
            function(
                raw(x),
                pool_size=tuple(window),
                strides=tuple(strides),
                padding=padding.lower(),
                data_format="channels_last",
            )
        )


def _conv(x: Any, kernel: Any, groups: int, options: dict[str, Any]) -> Any:
    if groups > 1 and groups == x.shape[-1]:
        # TensorFlow's CPU kernel knows no groups; one group a channel is its depthwise form.
        *spatial, _, filters = kernel.shape
        shape = (*spatial, groups, filters // groups)
        kernel = kernel.reshape(shape) if known(kernel) else kops.reshape(kernel, shape)
        # A saved model gives tuples back as lists, which Keras' depthwise_conv cannot add to tuples.
        plain = {
            k: v[0] if isinstance(v, tuple) and len({*v}) == 1 else v for k, v in options.items()
        }
        return kops.depthwise_conv(x, kernel, **plain)
    return kops.conv(x, kernel, **options)


def _window(sizes: Sequence[int]) -> Any:
    return tuple(int(s) for s in sizes)
