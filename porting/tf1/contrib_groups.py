"""``tf.contrib.rnn``'s GLSTMCell, NASCell and PhasedLSTMCell.

Variables as TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1466-1620, 1915-2064, 2248-2466`` makes them.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.cell_base import LayerRNNCell, features, linear, make, step, value
from porting.tf1.choices import Applied
from porting.tf1.contrib_lstm import PairCell
from porting.tf1.runtime import tf
from reference.cells.glstm import GLSTMCell as GLSTMEquation
from reference.cells.nas import NASCell as NASEquation
from reference.cells.phased_lstm import PhasedLSTMCell as PhasedEquation


class GLSTMCell(PairCell):
    """Groups of units that see a part of the input each."""

    def __init__(
        self, num_units: int, initializer: Any = None, num_proj: Any = None, number_of_groups: int = 1,
        forget_bias: Any = 1.0, activation: Any = tf.tanh, reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._num_units, self._num_proj, self._groups = num_units, num_proj, number_of_groups
        self._initializer, self._forget_bias, self._activation = (
            initializer,
            forget_bias,
            activation,
        )
        if num_units % number_of_groups != 0:
            msg = "num_units must be divisible by number_of_groups"
            raise ValueError(msg)
        if num_proj and num_proj % number_of_groups != 0:
            msg = "num_proj must be divisible by number_of_groups"
            raise ValueError(msg)

    def call(self, inputs: Any, state: Any) -> Any:
        n, groups, dtype = self._num_units, self._groups, inputs.dtype
        size = features(inputs.shape)
        if size % groups != 0:
            msg = f"input size ({size}) must be divisible by number_of_groups ({groups})"
            raise ValueError(msg)
        kernels = []
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            for g in range(groups):
                with tf.variable_scope(f"group{g}"):
                    rows = (size + self.output_size) // groups
                    kernels.append(value(linear(4 * n // groups, rows, dtype, bias=False)[0]))
            zeros = tf.constant_initializer(0.0)
            biases = [
                value(tf.get_variable(f"bias_{g}", [n], dtype=dtype, initializer=zeros))
                for g in "ijfo"
            ]
        proj = None
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                proj = value(linear(self._num_proj, n, dtype, bias=False)[0])
        equation = make(
            GLSTMEquation,
            tuple(kernels),
            *biases,
            proj,
            self._forget_bias,
            Applied(self._activation),
        )
        return step(equation, inputs, state)


class NASCell(PairCell, LayerRNNCell):
    def __init__(
        self,
        num_units: int,
        num_proj: Any = None,
        use_bias: bool = False,
        reuse: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(_reuse=reuse, **kwargs)
        self._num_units, self._num_proj, self._use_bias = num_units, num_proj, use_bias

    def __call__(
        self, inputs: Any, state: Any, scope: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        return LayerRNNCell.__call__(self, inputs, state, scope, *args, **kwargs)

    def build(self, inputs_shape: Any) -> None:
        n, size = self._num_units, features(inputs_shape)
        out = n if self._num_proj is None else self._num_proj
        self.recurrent_kernel = self.add_variable("recurrent_kernel", [out, 8 * n])
        self.kernel = self.add_variable("kernel", [size, 8 * n])
        if self._use_bias:
            self.bias = self.add_variable("bias", [8 * n], initializer=tf.zeros_initializer)
        if self._num_proj is not None:
            self.projection_weights = self.add_variable("projection_weights", [n, self._num_proj])
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        equation = make(NASEquation,
            value(self.kernel), value(self.recurrent_kernel), value(self.bias) if self._use_bias else None,
            None if self._num_proj is None else value(self.projection_weights),
        )  # fmt: skip
        return step(equation, inputs, state)


class PhasedLSTMCell(PairCell):
    """The input is (time [B, 1], features [B, m])."""

    def __init__(
        self, num_units: int, use_peepholes: bool = False, leak: float = 0.001, ratio_on: float = 0.1,
        trainable_ratio_on: bool = True, period_init_min: float = 1.0, period_init_max: float = 1000.0,
        reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._num_units, self._use_peepholes, self._leak = num_units, use_peepholes, leak
        self._ratio_on, self._trainable_ratio_on = ratio_on, trainable_ratio_on
        self._period = (period_init_min, period_init_max)

    def call(self, inputs: Any, state: Any) -> Any:
        n, x = self._num_units, inputs[1]
        rows = features(x.shape) + n
        seen = rows + (n if self._use_peepholes else 0)
        pairs: list[Any] = []
        for scope, size, count in (
            ("mask_gates", 2 * n, seen),
            ("new_input", n, rows),
            ("output_gate", n, seen),
        ):
            with tf.variable_scope(scope):
                pairs += [value(v) for v in linear(size, count, x.dtype)]
        period = tf.get_variable("period", [n], initializer=self._first_period)
        phase = tf.get_variable("phase", [n], initializer=self._first_phase(period))
        ratio_on = tf.get_variable(
            "ratio_on", [n], initializer=tf.constant_initializer(self._ratio_on),
            trainable=self._trainable_ratio_on,
        )  # fmt: skip
        equation = make(
            PhasedEquation, *pairs, value(period), value(phase), value(ratio_on), self._leak
        )
        return step(equation, inputs, state)

    def _first_period(self, shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
        """Uniform in the logarithm."""
        low, high = (tf.log(float(bound)) for bound in self._period)
        return tf.exp(tf.random_uniform(shape, low, high, dtype))

    def _first_phase(self, period: Any) -> Any:
        """Uniform in 0..period, of the period's own first value."""

        def draw(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
            return tf.random_uniform(shape, 0.0, 1.0, dtype) * period.initialized_value()

        return draw
