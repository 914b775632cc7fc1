"""``tf.contrib.cudnn_rnn``'s layers on any device, from canonical weights.

Where TF1 kept one opaque vector and saved it in canonical pieces, here the pieces are the variables: the names in the checkpoint are the same, so
it restores. Source: TF 1.15.5 ``contrib/cudnn_rnn/python/layers/cudnn_rnn.py:51-616`` and ``ops/cudnn_rnn_ops.py:724-975``.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.block_cells import CudnnCompatibleGRUCell, CudnnCompatibleLSTMCell
from porting.tf1.cell_base import LSTMStateTuple
from porting.tf1.core_cells import BasicRNNCell
from porting.tf1.layer import InputSpec, Layer
from porting.tf1.runtime import static, tf

UNIDIRECTIONAL, BIDIRECTIONAL = "unidirectional", "bidirectional"


class _CudnnRNN(Layer):
    """``num_layers`` layers over a whole time-major sequence."""

    _rnn_mode = ""
    _has_c = False

    def __init__(
        self, num_layers: int, num_units: int, input_mode: str = "linear_input", direction: str = UNIDIRECTIONAL,
        dropout: Any = 0.0, seed: Any = None, dtype: Any = tf.float32, kernel_initializer: Any = None,
        bias_initializer: Any = None, name: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype=dtype, name=name)
        if direction not in (UNIDIRECTIONAL, BIDIRECTIONAL):
            msg = f"Invalid direction: {direction}, expecting {UNIDIRECTIONAL} or {BIDIRECTIONAL}"
            raise ValueError(msg)
        if input_mode not in ("linear_input", "skip_input", "auto_select"):
            msg = f"Invalid input_mode: {input_mode}, expecting linear_input, skip_input or auto_select"
            raise ValueError(msg)
        if tf.as_dtype(dtype) not in (tf.float16, tf.float32, tf.float64):
            msg = f"Only support float16, float32, float64, provided {dtype}"
            raise ValueError(msg)
        self.num_layers, self.num_units = num_layers, num_units
        self.input_mode, self.direction = input_mode, direction
        self._dropout, self._seed = dropout, seed
        self._kernel_initializer = kernel_initializer or tf.glorot_uniform_initializer(seed=seed)
        self._bias_initializer = bias_initializer or tf.constant_initializer(0.0)
        self._input_size: int | None = None
        self._cells: list[Any] = []

    @property
    def rnn_mode(self) -> str:
        return self._rnn_mode

    @property
    def num_dirs(self) -> int:
        return 1 if self.direction == UNIDIRECTIONAL else 2

    @property
    def input_size(self) -> int:
        """ValueError before the layer is built."""
        if self._input_size is None:
            msg = "'input_size' is unknown since layer has not been built."
            raise ValueError(msg)
        return self._input_size

    def state_shape(self, batch_size: Any) -> tuple[list[Any], ...]:
        """The shapes of h (and c)."""
        one = [self.num_layers * self.num_dirs, batch_size, self.num_units]
        return (one, list(one)) if self._has_c else (one,)

    def _cell(self) -> Any:
        raise NotImplementedError

    def _started(self, cell: Any, gates: int) -> Any:
        _start(
            cell, _Started(self._kernel_initializer, self.num_units, gates), self._bias_initializer
        )
        return cell

    def build(self, input_shape: Any) -> None:
        shape = tf.TensorShape(input_shape)
        if shape.ndims != 3:
            msg = f"Expecting input_shape with 3 dims, got {shape.ndims}"
            raise ValueError(msg)
        size = static(shape[-1])
        if size is None:
            msg = "The last dimension of the inputs to `CudnnRNN` should be defined. Found `None`."
            raise ValueError(msg)
        if self.input_mode == "skip_input" or (
            self.input_mode == "auto_select" and size == self.num_units
        ):
            msg = f"input_mode {self.input_mode!r} leaves out the input's weights, which canonical checkpoints cannot say: not covered"
            raise ValueError(msg)
        self._input_size = size
        self.input_spec = InputSpec(ndim=3, axes={-1: size})
        self._cells = [self._cell() for _ in range(self.num_layers * self.num_dirs)]
        self.built = True

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        before = {id(v) for v in tf.trainable_variables()}
        result = super().__call__(inputs, *args, **kwargs)
        for variable in tf.trainable_variables():
            if id(variable) not in before and variable.op.name.startswith(self.scope_name + "/"):
                self._remember(variable, trainable=True)
        return result

    def call(
        self, inputs: Any, initial_state: Any = None, sequence_lengths: Any = None, time_major: bool = True,
        training: Any = True,
    ) -> Any:  # fmt: skip
        """(outputs, (h, c)) or (outputs, (h,)); h and c are ``[num_layers * num_dirs, B, num_units]``.

        Raises:
            TypeError: ``initial_state`` is not a tuple.
        """
        if initial_state is not None and not isinstance(initial_state, tuple):
            msg = f"Invalid initial_state type: {initial_state}, expecting tuple."
            raise TypeError(msg)
        x = tf.convert_to_tensor(inputs, dtype=self.dtype)
        x = x if time_major else tf.transpose(x, [1, 0, 2])
        starts = self._starts(initial_state, tf.shape(x)[1])
        finals: list[Any] = []
        for layer in range(self.num_layers):
            if layer > 0:
                x = self._dropped(x, training)
            x, states = self._layer(layer, x, starts, sequence_lengths)
            finals += states
        x = x if time_major else tf.transpose(x, [1, 0, 2])
        if not self._has_c:
            return x, (tf.stack(finals),)
        return x, (tf.stack([s.h for s in finals]), tf.stack([s.c for s in finals]))

    def _starts(self, given: Any, batch: Any) -> list[Any]:
        count = self.num_layers * self.num_dirs
        if given is None:
            given = tuple(
                tf.zeros(tf.stack(shape), dtype=self.dtype) for shape in self.state_shape(batch)
            )
        parts = [tf.unstack(tf.convert_to_tensor(part, dtype=self.dtype), count) for part in given]
        for rows in parts:
            for row in rows:
                row.set_shape([None, self.num_units])
        if not self._has_c:
            return list(parts[0])
        return [LSTMStateTuple(c, h) for h, c in zip(*parts, strict=True)]

    def _dropped(self, x: Any, training: Any) -> Any:
        if isinstance(self._dropout, int | float) and self._dropout == 0:
            return x
        if isinstance(training, bool):
            return tf.nn.dropout(x, rate=self._dropout, seed=self._seed) if training else x
        return tf.cond(
            training, lambda: tf.nn.dropout(x, rate=self._dropout, seed=self._seed), lambda: x
        )

    def _layer(self, layer: int, x: Any, starts: list[Any], lengths: Any) -> tuple[Any, list[Any]]:
        first = layer * self.num_dirs
        reuse = tf.AUTO_REUSE
        if self.num_dirs == 1:
            with tf.variable_scope(f"rnn/multi_rnn_cell/cell_{layer}", reuse=reuse) as scope:
                y, state = tf.nn.dynamic_rnn(
                    self._cells[first], x, lengths, starts[first], time_major=True, scope=scope
                )
            return y, [state]
        with tf.variable_scope(
            f"stack_bidirectional_rnn/cell_{layer}/bidirectional_rnn", reuse=reuse
        ) as scope:
            both, states = tf.nn.bidirectional_dynamic_rnn(
                self._cells[first], self._cells[first + 1], x, lengths, starts[first], starts[first + 1],
                time_major=True, scope=scope,
            )  # fmt: skip
        return tf.concat(both, 2), list(states)


class _Started:
    """Canonical kernels, gate by gate as cuDNN's: [units, inputs] each, transposed and side by side."""

    def __init__(self, kernel: Any, units: int, gates: int) -> None:
        self.kernel, self.units, self.gates = kernel, units, gates

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
        rows, columns = (int(size) for size in shape)
        if rows <= self.units or columns != self.gates * self.units:
            return tf.transpose(self.kernel([columns, rows], dtype=dtype))
        parts = [
            tf.concat(
                [
                    self.kernel([self.units, rows - self.units], dtype=dtype),
                    self.kernel([self.units] * 2, dtype=dtype),
                ],
                1,
            )
            for _ in range(self.gates)
        ]
        return tf.transpose(tf.concat(parts, 0))


def _start(cell: Any, kernel: Any, bias: Any) -> None:
    """Make the cell's variables start as the layer says."""
    original = cell.add_weight

    def add(name: str, shape: Any, **kwargs: Any) -> Any:
        kwargs["initializer"] = kernel if name.endswith("kernel") else bias
        return original(name, shape, **kwargs)

    cell.add_weight = cell.add_variable = add


class CudnnLSTM(_CudnnRNN):
    """States are (h, c), h first."""

    _rnn_mode, _has_c = "lstm", True

    def _cell(self) -> Any:
        return self._started(CudnnCompatibleLSTMCell(self.num_units), 4)


class CudnnGRU(_CudnnRNN):
    """Resets after the product."""

    _rnn_mode = "gru"

    def _cell(self) -> Any:
        return self._started(CudnnCompatibleGRUCell(self.num_units), 2)


class CudnnRNNTanh(_CudnnRNN):
    _rnn_mode = "rnn_tanh"

    def _cell(self) -> Any:
        return self._started(BasicRNNCell(self.num_units), 1)


class CudnnRNNRelu(_CudnnRNN):
    _rnn_mode = "rnn_relu"

    def _cell(self) -> Any:
        return self._started(BasicRNNCell(self.num_units, activation=tf.nn.relu), 1)
