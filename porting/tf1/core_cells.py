"""``tf.nn.rnn_cell``: BasicRNNCell, GRUCell, BasicLSTMCell, LSTMCell and MultiRNNCell.

Variables as TF 1.15.5 ``python/ops/rnn_cell_impl.py:390-1319`` makes them; the steps are the equations of :mod:`reference.cells`.
"""

from __future__ import annotations

from typing import Any

from porting.tf1 import choices
from porting.tf1.cell_base import (
    LayerRNNCell,
    LSTMStateTuple,
    RNNCell,
    check_dtype,
    check_float,
    features,
    make,
    step,
    value,
)
from porting.tf1.choices import Applied
from porting.tf1.layer import InputSpec, Layer
from porting.tf1.runtime import tf
from reference.cells.basic_lstm import BasicLSTMCell as BasicLSTMEquation
from reference.cells.basic_rnn import BasicRNNCell as BasicRNNEquation
from reference.cells.gru import GRUCell as GRUEquation
from reference.cells.lstm import LSTMCell as LSTMEquation


class EquationCell(LayerRNNCell):
    """A LayerRNNCell whose step is ``equation()``'s."""

    def equation(self) -> Any:
        raise NotImplementedError

    def call(self, inputs: Any, state: Any) -> Any:
        check_float(inputs, state)
        return step(self.equation(), inputs, state)


class UnitsCell(EquationCell):
    """Output and state are one array ``[B, num_units]``."""

    _num_units: int

    @property
    def state_size(self) -> Any:
        return self._num_units

    @property
    def output_size(self) -> Any:
        return self._num_units


class BasicRNNCell(UnitsCell):
    """Variables kernel [m + n, n], bias [n] (zeros)."""

    def __init__(
        self, num_units: int, activation: Any = None, reuse: Any = None, name: Any = None,
        dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        check_dtype(self.dtype)
        self.input_spec = InputSpec(ndim=2)
        self._num_units = num_units
        self._activation = choices.activation(activation)

    def build(self, inputs_shape: Any) -> None:
        n = self._num_units
        check_dtype(self.dtype)
        self._kernel = self.add_variable("kernel", [features(inputs_shape) + n, n])
        self._bias = self.add_variable("bias", [n], initializer=tf.zeros_initializer())
        self.built = True

    def equation(self) -> Any:
        return make(
            BasicRNNEquation, value(self._kernel), value(self._bias), Applied(self._activation)
        )


class GRUCell(UnitsCell):
    """Variables gates/kernel, gates/bias (ones), candidate/kernel, candidate/bias."""

    def __init__(
        self, num_units: int, activation: Any = None, reuse: Any = None, kernel_initializer: Any = None,
        bias_initializer: Any = None, name: Any = None, dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        check_dtype(self.dtype)
        self.input_spec = InputSpec(ndim=2)
        self._num_units = num_units
        self._activation = choices.activation(activation)
        self._kernel_initializer = choices.initializer(kernel_initializer)
        self._bias_initializer = choices.initializer(bias_initializer)

    def build(self, inputs_shape: Any) -> None:
        n = self._num_units
        rows = features(inputs_shape) + n
        check_dtype(self.dtype)
        ones = self._bias_initializer or tf.constant_initializer(1.0)
        none = self._bias_initializer or tf.zeros_initializer()
        kernel = self._kernel_initializer
        self._gate_kernel = self.add_variable("gates/kernel", [rows, 2 * n], initializer=kernel)
        self._gate_bias = self.add_variable("gates/bias", [2 * n], initializer=ones)
        self._candidate_kernel = self.add_variable(
            "candidate/kernel", [rows, n], initializer=kernel
        )
        self._candidate_bias = self.add_variable("candidate/bias", [n], initializer=none)
        self.built = True

    def equation(self) -> Any:
        return make(GRUEquation,
            value(self._gate_kernel), value(self._gate_bias), value(self._candidate_kernel),
            value(self._candidate_bias), Applied(self._activation),
        )  # fmt: skip


class BasicLSTMCell(EquationCell):
    """Variables kernel [m + n, 4 n], bias [4 n] (zeros; the forget bias is added at run time)."""

    def __init__(
        self, num_units: int, forget_bias: Any = 1.0, state_is_tuple: bool = True, activation: Any = None,
        reuse: Any = None, name: Any = None, dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        check_dtype(self.dtype)
        self.input_spec = InputSpec(ndim=2)
        self._num_units = num_units
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = choices.activation(activation)

    @property
    def state_size(self) -> Any:
        n = self._num_units
        return LSTMStateTuple(n, n) if self._state_is_tuple else 2 * n

    @property
    def output_size(self) -> Any:
        return self._num_units

    def build(self, inputs_shape: Any) -> None:
        n = self._num_units
        check_dtype(self.dtype)
        self._kernel = self.add_variable("kernel", [features(inputs_shape) + n, 4 * n])
        self._bias = self.add_variable("bias", [4 * n], initializer=tf.zeros_initializer())
        self.built = True

    def equation(self) -> Any:
        return make(BasicLSTMEquation,
            value(self._kernel), value(self._bias), self._forget_bias, Applied(self._activation),
            self._state_is_tuple,
        )  # fmt: skip


class LSTMCell(EquationCell):
    """Variables kernel, bias, w_f_diag, w_i_diag, w_o_diag (peepholes), projection/kernel."""

    def __init__(
        self, num_units: int, use_peepholes: bool = False, cell_clip: Any = None, initializer: Any = None,
        num_proj: Any = None, proj_clip: Any = None, num_unit_shards: Any = None, num_proj_shards: Any = None,
        forget_bias: Any = 1.0, state_is_tuple: bool = True, activation: Any = None, reuse: Any = None,
        name: Any = None, dtype: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        check_dtype(self.dtype)
        self.input_spec = InputSpec(ndim=2)
        self._num_units, self._num_proj = num_units, num_proj
        self._use_peepholes = use_peepholes
        self._cell_clip, self._proj_clip = cell_clip, proj_clip
        self._initializer = choices.initializer(initializer)
        self._num_unit_shards, self._num_proj_shards = num_unit_shards, num_proj_shards
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = choices.activation(activation)

    @property
    def state_size(self) -> Any:
        n, out = self._num_units, self.output_size
        return LSTMStateTuple(n, out) if self._state_is_tuple else n + out

    @property
    def output_size(self) -> Any:
        return self._num_proj or self._num_units

    def build(self, inputs_shape: Any) -> None:
        n, first = self._num_units, self._initializer
        rows = features(inputs_shape) + (n if self._num_proj is None else self._num_proj)
        check_dtype(self.dtype)
        self._kernel = self.add_variable(
            "kernel", [rows, 4 * n], initializer=first, partitioner=_shards(self._num_unit_shards)
        )
        self._bias = self.add_variable("bias", [4 * n], initializer=tf.zeros_initializer())
        if self._use_peepholes:
            self._w_f_diag = self.add_variable("w_f_diag", [n], initializer=first)
            self._w_i_diag = self.add_variable("w_i_diag", [n], initializer=first)
            self._w_o_diag = self.add_variable("w_o_diag", [n], initializer=first)
        if self._num_proj is not None:
            self._proj_kernel = self.add_variable(
                "projection/kernel", [n, self._num_proj], initializer=first,
                partitioner=_shards(self._num_proj_shards),
            )  # fmt: skip
        self.built = True

    def equation(self) -> Any:
        peep = ("w_i_diag", "w_f_diag", "w_o_diag") if self._use_peepholes else ()
        return make(LSTMEquation,
            value(self._kernel), value(self._bias),
            **{name: value(getattr(self, f"_{name}")) for name in peep},
            proj_kernel=None if self._num_proj is None else value(self._proj_kernel),
            forget_bias=self._forget_bias, cell_clip=self._cell_clip, proj_clip=self._proj_clip,
            activation=Applied(self._activation), state_is_tuple=self._state_is_tuple,
        )  # fmt: skip


def _shards(count: int | None) -> Any:
    return None if count is None else tf.fixed_size_partitioner(count)


class MultiRNNCell(RNNCell):
    """A stack; layer i lives in the scope ``cell_i``."""

    def __init__(self, cells: Any, state_is_tuple: bool = True) -> None:
        super().__init__()
        if not cells:
            msg = "Must specify at least one cell for MultiRNNCell."
            raise ValueError(msg)
        if not isinstance(cells, list | tuple):
            msg = f"cells must be a list or tuple, but saw: {cells}."
            raise TypeError(msg)
        self._cells = cells
        self._state_is_tuple = state_is_tuple
        sizes = [cell.state_size for cell in cells]
        if not state_is_tuple and any(isinstance(size, tuple | list | dict) for size in sizes):
            msg = f"Some cells return tuples of states, but the flag state_is_tuple is not set.  State sizes are: {sizes}"
            raise ValueError(msg)

    @property
    def state_size(self) -> Any:
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        return self._cells[-1].output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        if not self._state_is_tuple:
            return super().zero_state(batch_size, dtype)
        with tf.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            return tuple(cell.zero_state(batch_size, dtype) for cell in self._cells)

    @property
    def trainable_weights(self) -> list[Any]:
        layers = [cell for cell in self._cells if isinstance(cell, Layer)]
        return [w for cell in layers for w in cell.trainable_weights] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        layers = [cell for cell in self._cells if isinstance(cell, Layer)]
        frozen = [w for cell in layers for w in cell.non_trainable_weights]
        return (
            frozen if self.trainable else [w for c in layers for w in c.trainable_weights] + frozen
        )

    def call(self, inputs: Any, state: Any) -> Any:
        if self._state_is_tuple and not isinstance(state, tuple | list):
            msg = f"Expected state to be a tuple of length {len(self.state_size)}, but received: {state}"
            raise ValueError(msg)
        if not self._state_is_tuple:
            state = tf.split(state, [cell.state_size for cell in self._cells], 1)
        new = []
        for i, cell in enumerate(self._cells):
            with tf.variable_scope(f"cell_{i}"):
                inputs, part = cell(inputs, state[i])
                new.append(part)
        return inputs, tuple(new) if self._state_is_tuple else tf.concat(new, 1)
