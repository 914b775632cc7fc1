"""ConvLSTMCell in one, two and three dimensions, and NTMCell.

Variables as TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:2067-2246, 3422-3762`` makes them.
"""

from __future__ import annotations

import math
from typing import Any

from porting.tf1.cell_base import (
    Inner,
    LayerRNNCell,
    LSTMStateTuple,
    RNNCell,
    assert_like_rnncell,
    features,
    make,
    step,
    value,
)
from porting.tf1.runtime import tf
from reference.cells.conv_lstm import ConvLSTMCell as ConvEquation
from reference.cells.ntm import NTMCell as NTMEquation
from reference.cells.ntm import NTMControllerState


class ConvLSTMCell(RNNCell):
    """Variables kernel [*window, in + out, 4 out] and biases [4 out]."""

    def __init__(
        self, conv_ndims: int, input_shape: Any, output_channels: int, kernel_shape: Any, use_bias: bool = True,
        skip_connection: bool = False, forget_bias: Any = 1.0, initializers: Any = None,
        name: Any = "conv_lstm_cell",
    ) -> None:  # fmt: skip
        super().__init__(name=name)
        if conv_ndims != len(input_shape) - 1:
            msg = f"Invalid input_shape {input_shape} for conv_ndims={conv_ndims}."
            raise ValueError(msg)
        self._input_shape, self._kernel_shape = list(input_shape), list(kernel_shape)
        self._channels, self._use_bias = output_channels, use_bias
        self._skip_connection, self._forget_bias = skip_connection, forget_bias

    @property
    def output_size(self) -> Any:
        skipped = self._input_shape[-1] if self._skip_connection else 0
        return tf.TensorShape([*self._input_shape[:-1], self._channels + skipped])

    @property
    def state_size(self) -> Any:
        size = tf.TensorShape([*self._input_shape[:-1], self._channels])
        return LSTMStateTuple(size, size)

    def call(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        dtype, out = inputs.dtype, 4 * self._channels
        depth = features(inputs.shape) + features(state[1].shape)
        kernel = tf.get_variable("kernel", [*self._kernel_shape, depth, out], dtype=dtype)
        bias = None
        if self._use_bias:
            zeros = tf.constant_initializer(0.0)
            bias = value(tf.get_variable("biases", [out], dtype=dtype, initializer=zeros))
        equation = make(
            ConvEquation,
            value(kernel),
            bias,
            tuple(self._input_shape),
            self._skip_connection,
            self._forget_bias,
        )
        return step(equation, inputs, LSTMStateTuple(*state))


class Conv1DLSTMCell(ConvLSTMCell):
    def __init__(self, name: Any = "conv_1d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=1, name=name, **kwargs)


class Conv2DLSTMCell(ConvLSTMCell):
    def __init__(self, name: Any = "conv_2d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=2, name=name, **kwargs)


class Conv3DLSTMCell(ConvLSTMCell):
    def __init__(self, name: Any = "conv_3d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=3, name=name, **kwargs)


class NTMCell(LayerRNNCell):
    """A neural Turing machine around ``controller``; the state counts its own steps."""

    def __init__(
        self, controller: Any, memory_size: int, memory_vector_dim: int, read_head_num: int, write_head_num: int,
        shift_range: int = 1, output_dim: Any = None, clip_value: float = 20, dtype: Any = tf.float32,
        name: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype=dtype, name=name)
        assert_like_rnncell("NTM RNN controller cell", controller)
        self.controller, self.output_dim = controller, output_dim
        self.memory_size, self.memory_vector_dim = memory_size, memory_vector_dim
        self.read_head_num, self.write_head_num = read_head_num, write_head_num
        self.shift_range, self.clip_value = shift_range, clip_value

    @property
    def state_size(self) -> Any:
        size, vector = self.memory_size, self.memory_vector_dim
        return NTMControllerState(
            self.controller.state_size, [vector] * self.read_head_num,
            [size] * (self.read_head_num + self.write_head_num), tf.TensorShape([size * vector]),
            tf.TensorShape([]),
        )  # fmt: skip

    @property
    def output_size(self) -> Any:
        return self.output_dim

    def build(self, inputs_shape: Any) -> None:
        if self.output_dim is None:
            self.output_dim = features(inputs_shape)
        size, vector, reads = self.memory_size, self.memory_vector_dim, self.read_head_num
        heads, hidden = reads + self.write_head_num, self.controller.output_size
        parameters = (vector + 2 * self.shift_range + 4) * heads + 2 * vector * self.write_head_num
        zeros = tf.constant_initializer(0.0)
        glorot = tf.glorot_uniform_initializer()
        seen = hidden + vector * reads
        self._kernels = [
            self.add_variable(
                "parameters_kernel", [hidden, parameters], initializer=_normal(hidden)
            ),
            self.add_variable("parameters_bias", [parameters], initializer=zeros),
            self.add_variable("output_kernel", [seen, self.output_dim], initializer=_normal(seen)),
            self.add_variable("output_bias", [self.output_dim], initializer=zeros),
        ]
        self._first_reads = [
            self.add_variable(f"initial_read_vector_{i}", [1, vector], initializer=glorot)
            for i in range(reads)
        ]
        self._first_addresses = [
            self.add_variable(f"initial_address_weights_{i}", [1, size], initializer=glorot)
            for i in range(heads)
        ]
        small = tf.constant_initializer(1e-6)
        self._memory = self.add_variable("memory", [size, vector], initializer=small)
        self.built = True

    def call(self, x: Any, prev_state: Any) -> Any:
        equation = make(NTMEquation,
            Inner(self.controller), *(value(v) for v in self._kernels),
            tuple(value(v) for v in self._first_reads), tuple(value(v) for v in self._first_addresses),
            value(self._memory), self.shift_range, float(self.clip_value),
        )  # fmt: skip
        state = prev_state._replace(time=tf.convert_to_tensor(prev_state.time))
        return step(equation, x, state)

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        size, vector = self.memory_size, self.memory_vector_dim
        heads = self.read_head_num + self.write_head_num
        return NTMControllerState(
            self.controller.zero_state(batch_size, dtype),
            [tf.zeros([batch_size, vector]) for _ in range(self.read_head_num)],
            [tf.zeros([batch_size, size]) for _ in range(heads)],
            tf.zeros([batch_size, size, vector]), 0,
        )  # fmt: skip


def _normal(rows: int) -> Any:
    return tf.truncated_normal_initializer(stddev=1.0 / math.sqrt(rows))
