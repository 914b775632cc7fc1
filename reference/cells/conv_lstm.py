"""Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell: the LSTM whose products are convolutions.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:2067-2245``. Column order i, j, f, o on the
channel axis; padding SAME. With a skip connection the *state* h is the concatenation too, wider
than state_size says, so TF1 can run one step of it and no loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.cells.base import Dims, optional_weight, weight
from reference.errors import SemanticsError
from reference.states import LSTMStateTuple

GATES = ("i", "j", "f", "o")
"""The order of the kernel's output channels."""


@dataclass(frozen=True)
class ConvLSTMCell:
    """Any number of spatial axes.

    Raises:
        SemanticsError: a kernel whose rank does not fit ``input_shape``.
    """

    kernel: Any = weight()
    """[*window, input channels + output channels, 4 output channels]."""
    bias: Any = optional_weight()
    """[4 output channels], variable "biases"; absent with use_bias=False."""
    input_shape: tuple[int, ...] = ()
    """[*spatial, input channels]."""
    skip_connection: bool = False
    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        if len(self.kernel.shape) != len(self.input_shape) + 1:
            msg = f"input_shape {self.input_shape} has not the rank of a kernel of shape {tuple(self.kernel.shape)}"
            raise SemanticsError(msg)

    @property
    def channels(self) -> int:
        return int(self.kernel.shape[-1]) // 4

    @property
    def units(self) -> int:
        """The output channels."""
        return self.channels

    @property
    def state_size(self) -> LSTMStateTuple:
        size = Dims([*self.input_shape[:-1], self.channels])
        return LSTMStateTuple(size, size)

    @property
    def output_size(self) -> Dims:
        skipped = self.input_shape[-1] if self.skip_connection else 0
        return Dims([*self.input_shape[:-1], self.channels + skipped])

    @property
    def input_size(self) -> int:
        return self.input_shape[-1]

    def step(self, ops: Any, x: Any, state: LSTMStateTuple, /) -> tuple[Any, LSTMStateTuple]:
        """x [B, *spatial, input channels], state (c, h) of [B, *spatial, output channels]."""
        c, h = state
        axis = len(self.input_shape)
        ones = (1,) * (axis - 1)
        joined = ops.concat([x, h], axis)
        z = ops.conv(joined, self.kernel, strides=ones, padding="SAME", dilations=ones)
        if self.bias is not None:
            z = z + self.bias
        i, j, f, o = ops.split(z, (self.channels,) * 4, axis)
        c = ops.sigmoid(f + self.forget_bias) * c + ops.sigmoid(i) * ops.tanh(j)
        y = ops.tanh(c) * ops.sigmoid(o)
        if self.skip_connection:
            y = ops.concat([y, x], axis)
        return y, LSTMStateTuple(c, y)


@dataclass(frozen=True)
class Conv1DLSTMCell(ConvLSTMCell):
    """input_shape (width, channels)."""


@dataclass(frozen=True)
class Conv2DLSTMCell(ConvLSTMCell):
    """input_shape (height, width, channels)."""


@dataclass(frozen=True)
class Conv3DLSTMCell(ConvLSTMCell):
    """input_shape (depth, height, width, channels)."""
