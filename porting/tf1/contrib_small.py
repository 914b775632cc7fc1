"""The cells of ``tf.contrib.rnn`` with one or two matrices: UGRNN, intersection, SRU, independent, minimal, chaos free.

Variables as TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:1622-4006`` makes them.
"""

from __future__ import annotations

from typing import Any

from porting.tf1 import choices
from porting.tf1.cell_base import (
    LayerRNNCell,
    LSTMStateTuple,
    RNNCell,
    features,
    linear,
    make,
    step,
    value,
)
from porting.tf1.choices import Applied
from porting.tf1.core_cells import UnitsCell
from porting.tf1.layer import InputSpec
from porting.tf1.runtime import tf
from reference.cells.cfn import CFNCell as CFNEquation
from reference.cells.ind_rnn import IndRNNCell as IndRNNEquation
from reference.cells.indy_gru import IndyGRUCell as IndyGRUEquation
from reference.cells.indy_lstm import IndyLSTMCell as IndyLSTMEquation
from reference.cells.intersection import IntersectionRNNCell as IntersectionEquation
from reference.cells.minimal_rnn import MinimalRNNCell as MinimalRNNEquation
from reference.cells.sru import SRUCell as SRUEquation
from reference.cells.ugrnn import UGRNNCell as UGRNNEquation


class _Units(RNNCell):
    _num_units: int

    @property
    def state_size(self) -> Any:
        return self._num_units

    @property
    def output_size(self) -> Any:
        return self._num_units


class UGRNNCell(_Units):
    def __init__(
        self, num_units: int, initializer: Any = None, forget_bias: Any = 1.0, activation: Any = tf.tanh,
        reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._num_units, self._initializer = num_units, initializer
        self._forget_bias, self._activation = forget_bias, activation

    def call(self, inputs: Any, state: Any) -> Any:
        n = self._num_units
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            kernel, bias = linear(2 * n, features(inputs.shape) + n, inputs.dtype)
        equation = make(
            UGRNNEquation, value(kernel), value(bias), self._forget_bias, Applied(self._activation)
        )
        return step(equation, inputs, state)


class IntersectionRNNCell(_Units):
    def __init__(
        self, num_units: int, num_in_proj: Any = None, initializer: Any = None, forget_bias: Any = 1.0,
        y_activation: Any = tf.nn.relu, reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._num_units, self._num_input_proj, self._initializer = (
            num_units,
            num_in_proj,
            initializer,
        )
        self._forget_bias, self._y_activation = forget_bias, y_activation

    def call(self, inputs: Any, state: Any) -> Any:
        n, size, inner = self._num_units, features(inputs.shape), (None, None)
        if size != n and not self._num_input_proj:
            msg = "Must have input size == output size for Intersection RNN. To fix, num_in_proj should be set to num_units at cell init."
            raise ValueError(msg)
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            if size != n:
                with tf.variable_scope("in_projection"):
                    inner = tuple(value(v) for v in linear(n, size, inputs.dtype))
            kernel, bias = linear(4 * n, 2 * n, inputs.dtype)
        equation = make(
            IntersectionEquation,
            value(kernel),
            value(bias),
            *inner,
            self._forget_bias,
            Applied(self._y_activation),
        )
        return step(equation, inputs, state)


class _Flat(UnitsCell):
    """An equation cell that takes an activation function (no names) and rank-2 input."""

    def __init__(
        self, num_units: int, activation: Any, reuse: Any, name: Any, **kwargs: Any
    ) -> None:
        LayerRNNCell.__init__(self, _reuse=reuse, name=name, **kwargs)
        self.input_spec = InputSpec(ndim=2)
        self._num_units = num_units
        self._activation = activation or tf.tanh

    def call(self, inputs: Any, state: Any) -> Any:
        return step(self.equation(), inputs, state)

    def _spread(self) -> Any:
        return tf.random_uniform_initializer(minval=-1, maxval=1)

    def _or_zeros(self) -> Any:
        given = getattr(self, "_bias_initializer", None)
        return tf.zeros_initializer() if given is None else given


class SRUCell(_Flat):
    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        name: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, **kwargs)

    def build(self, inputs_shape: Any) -> None:
        n = self._num_units
        self._kernel = self.add_variable("kernel", [features(inputs_shape), 4 * n])
        self._bias = self.add_variable("bias", [2 * n], initializer=tf.zeros_initializer)

    def equation(self) -> Any:
        return make(SRUEquation, value(self._kernel), value(self._bias), Applied(self._activation))


class IndRNNCell(_Flat):
    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        name: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype=dtype)

    def build(self, inputs_shape: Any) -> None:
        n = self._num_units
        self._kernel_w = self.add_variable("kernel_w", [features(inputs_shape), n])
        self._kernel_u = self.add_variable("kernel_u", [1, n], initializer=self._spread())
        self._bias = self.add_variable("bias", [n], initializer=self._or_zeros())

    def equation(self) -> Any:
        parts = (value(v) for v in (self._kernel_w, self._kernel_u, self._bias))
        return make(IndRNNEquation, *parts, Applied(self._activation))


class IndyGRUCell(_Flat):
    def __init__(
        self, num_units: int, activation: Any = None, reuse: Any = None, kernel_initializer: Any = None,
        bias_initializer: Any = None, name: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(num_units, activation, reuse, name, dtype=dtype)
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    def build(self, inputs_shape: Any) -> None:
        n, size, first = self._num_units, features(inputs_shape), self._kernel_initializer
        given = self._bias_initializer
        ones = tf.constant_initializer(1.0) if given is None else given
        self._parts = [
            self.add_variable("gates/kernel_w", [size, 2 * n], initializer=first),
            self.add_variable("gates/kernel_u", [1, 2 * n], initializer=self._spread()),
            self.add_variable("gates/bias", [2 * n], initializer=ones),
            self.add_variable("candidate/kernel", [size, n], initializer=first),
            self.add_variable("candidate/kernel_u", [1, n], initializer=self._spread()),
            self.add_variable("candidate/bias", [n], initializer=self._or_zeros()),
        ]

    def equation(self) -> Any:
        return make(
            IndyGRUEquation, *(value(part) for part in self._parts), Applied(self._activation)
        )


class IndyLSTMCell(_Flat):
    def __init__(
        self, num_units: int, forget_bias: Any = 1.0, activation: Any = None, reuse: Any = None,
        kernel_initializer: Any = None, bias_initializer: Any = None, name: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(num_units, activation, reuse, name, dtype=dtype)
        self._forget_bias = forget_bias
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    @property
    def state_size(self) -> Any:
        return LSTMStateTuple(self._num_units, self._num_units)

    def build(self, inputs_shape: Any) -> None:
        n, first = self._num_units, self._kernel_initializer
        self._kernel_w = self.add_variable(
            "kernel_w", [features(inputs_shape), 4 * n], initializer=first
        )
        self._kernel_u = self.add_variable("kernel_u", [1, 4 * n], initializer=self._spread())
        self._bias = self.add_variable("bias", [4 * n], initializer=self._or_zeros())

    def equation(self) -> Any:
        parts = (value(v) for v in (self._kernel_w, self._kernel_u, self._bias))
        return make(IndyLSTMEquation, *parts, self._forget_bias, Applied(self._activation))


class _Named(UnitsCell):
    """MinimalRNN and CFN take Keras names for activation and initializers."""

    def __init__(
        self, units: int, activation: Any = "tanh", kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "ones", name: Any = None, dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        LayerRNNCell.__init__(self, name=name, dtype=dtype, **kwargs)
        self.input_spec = InputSpec(ndim=2)
        self.units = self._num_units = units
        self.activation = choices.activation(activation, lambda x: x)
        self.kernel_initializer = choices.initializer(kernel_initializer)
        self.bias_initializer = choices.initializer(bias_initializer)

    def call(self, inputs: Any, state: Any) -> Any:
        return step(self.equation(), inputs, state)


class MinimalRNNCell(_Named):
    def build(self, inputs_shape: Any) -> None:
        n = self.units
        shape = [features(inputs_shape) + 2 * n, n]
        self.kernel = self.add_weight("kernel", shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight("bias", [n], initializer=self.bias_initializer)

    def equation(self) -> Any:
        return make(
            MinimalRNNEquation, value(self.kernel), value(self.bias), Applied(self.activation)
        )


class CFNCell(_Named):
    def build(self, inputs_shape: Any) -> None:
        n, first = self.units, self.kernel_initializer
        self.kernel = self.add_weight("kernel", [features(inputs_shape), 3 * n], initializer=first)
        self.recurrent_kernel = self.add_weight("recurrent_kernel", [n, 2 * n], initializer=first)
        self.bias = self.add_weight("bias", [2 * n], initializer=self.bias_initializer)

    def equation(self) -> Any:
        parts = (value(v) for v in (self.kernel, self.recurrent_kernel, self.bias))
        return make(CFNEquation, *parts, Applied(self.activation))
