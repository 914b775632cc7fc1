"""The LSTMs of ``tf.contrib.rnn`` that are RNNCells: coupled, layer norm, weight norm.

Variables as TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py`` makes them: by ``get_variable`` in ``call``, in this order.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.cell_base import (
    LSTMStateTuple,
    RNNCell,
    features,
    linear,
    make,
    step,
    value,
)
from porting.tf1.choices import Applied
from porting.tf1.runtime import tf
from reference.cells.coupled_lstm import CoupledInputForgetGateLSTMCell as CoupledEquation
from reference.cells.layer_norm_basic_lstm import LayerNormBasicLSTMCell as LayerNormBasicEquation
from reference.cells.layer_norm_lstm import LayerNormLSTMCell as LayerNormEquation
from reference.cells.norms import LayerNorm
from reference.cells.weight_norm_lstm import WeightNormLSTMCell as WeightNormEquation


class PairCell(RNNCell):
    """The state is (c [B, num_units], h [B, num_proj or num_units])."""

    _num_units: int
    _num_proj: int | None = None
    _state_is_tuple = True

    @property
    def output_size(self) -> Any:
        return self._num_proj or self._num_units

    @property
    def state_size(self) -> Any:
        if not self._state_is_tuple:
            return self._num_units + self.output_size
        return LSTMStateTuple(self._num_units, self.output_size)

    def _rows(self, inputs: Any) -> int:
        return features(inputs.shape) + (self._num_proj or self._num_units)

    def _diagonals(self, names: str, dtype: Any, template: str) -> dict[str, Any]:
        """The peephole variables, in the order of ``names``."""
        n = self._num_units
        return {
            f"w_{g.lower()}_diag": value(
                tf.get_variable(template.format(g), shape=[n], dtype=dtype)
            )
            for g in names
        }


def sharded(name: str, shape: list[int], dtype: Any, shards: int, /) -> Any:
    """Variables ``name_0``, ``name_1``, … side by side on rows.

    Raises:
        ValueError: more shards than rows.
    """
    if shards > shape[0]:
        msg = f"Too many shards: shape={shape}, num_shards={shards}"
        raise ValueError(msg)
    each, more = divmod(shape[0], shards)
    parts = [
        tf.get_variable(f"{name}_{i}", [each + (i < more), *shape[1:]], dtype=dtype)
        for i in range(shards)
    ]
    return value(parts[0]) if shards == 1 else tf.concat([value(part) for part in parts], 0)


def norm(scope: str, size: int, gain: float, shift: float, dtype: Any = tf.float32, /) -> LayerNorm:
    """Variables gamma and beta below ``scope``."""
    with tf.variable_scope(scope):
        gamma = tf.get_variable(
            "gamma", [size], initializer=tf.constant_initializer(gain), dtype=dtype
        )
        beta = tf.get_variable(
            "beta", [size], initializer=tf.constant_initializer(shift), dtype=dtype
        )
    return LayerNorm(value(gamma), value(beta))


class CoupledInputForgetGateLSTMCell(PairCell):
    def __init__(
        self, num_units: int, use_peepholes: bool = False, initializer: Any = None, num_proj: Any = None,
        proj_clip: Any = None, num_unit_shards: int = 1, num_proj_shards: int = 1, forget_bias: Any = 1.0,
        state_is_tuple: bool = True, activation: Any = tf.tanh, reuse: Any = None, layer_norm: bool = False,
        norm_gain: float = 1.0, norm_shift: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._num_units, self._num_proj, self._proj_clip = num_units, num_proj, proj_clip
        self._use_peepholes = use_peepholes
        self._num_unit_shards, self._num_proj_shards = num_unit_shards, num_proj_shards
        self._forget_bias, self._activation = forget_bias, activation
        self._state_is_tuple = state_is_tuple
        self._layer_norm, self._norm_gain, self._norm_shift = layer_norm, norm_gain, norm_shift
        # TF1 keeps ``initializer`` and never uses it (rnn_cell.py:168).

    def call(self, inputs: Any, state: Any) -> Any:
        n, dtype = self._num_units, inputs.dtype
        kernel = sharded("W", [self._rows(inputs), 3 * n], dtype, self._num_unit_shards)
        bias = tf.get_variable("B", [3 * n], initializer=tf.zeros_initializer(), dtype=dtype)
        gain, shift = self._norm_gain, self._norm_shift
        norms: dict[str, Any] = {}
        if self._layer_norm:
            gates = (("j", "transform"), ("f", "forget"), ("o", "output"))
            norms = {f"norm_{g}": norm(scope, n, gain, shift) for g, scope in gates}
        peep = self._diagonals("FO", dtype, "W_{}_diag") if self._use_peepholes else {}
        if self._layer_norm:
            norms["norm_c"] = norm("state", n, gain, shift)
        proj = None
        if self._num_proj is not None:
            proj = sharded("W_P", [n, self._num_proj], dtype, self._num_proj_shards)
        equation = make(CoupledEquation,
            kernel, value(bias), **peep, proj_kernel=proj, **norms, proj_clip=self._proj_clip,
            forget_bias=self._forget_bias, activation=Applied(self._activation),
            state_is_tuple=self._state_is_tuple,
        )  # fmt: skip
        return step(equation, inputs, state)


class _DroppedBasic(LayerNormBasicEquation):
    """The equation with TensorFlow's own dropout of the candidate; ``dropout_noise`` holds the seed."""

    def _drop(self, ops: Any, g: Any) -> Any:
        keep, seed = self.dropout_noise
        if isinstance(keep, float) and keep >= 1:
            return g
        return tf.nn.dropout(g, rate=1 - keep, seed=seed)


class LayerNormBasicLSTMCell(PairCell):
    def __init__(
        self, num_units: int, forget_bias: Any = 1.0, input_size: Any = None, activation: Any = tf.tanh,
        layer_norm: bool = True, norm_gain: float = 1.0, norm_shift: float = 0.0,
        dropout_keep_prob: Any = 1.0, dropout_prob_seed: Any = None, reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._activation, self._forget_bias = activation, forget_bias
        self._keep_prob, self._seed = dropout_keep_prob, dropout_prob_seed
        self._layer_norm, self._norm_gain, self._norm_shift = layer_norm, norm_gain, norm_shift

    def call(self, inputs: Any, state: Any) -> Any:
        n, dtype = self._num_units, inputs.dtype
        kernel = tf.get_variable("kernel", [self._rows(inputs), 4 * n], dtype=dtype)
        bias, norms = None, {}
        if self._layer_norm:
            scopes = zip("ijfoc", ("input", "transform", "forget", "output", "state"), strict=True)
            norms = {
                f"norm_{g}": norm(scope, n, self._norm_gain, self._norm_shift, dtype)
                for g, scope in scopes
            }
        else:
            bias = value(tf.get_variable("bias", [4 * n], dtype=dtype))
        equation = make(_DroppedBasic,
            value(kernel), bias, **norms, forget_bias=self._forget_bias,
            activation=Applied(self._activation), dropout_noise=(self._keep_prob, self._seed),
        )  # fmt: skip
        return step(equation, inputs, state)


class LayerNormLSTMCell(PairCell):
    def __init__(
        self, num_units: int, use_peepholes: bool = False, cell_clip: Any = None, initializer: Any = None,
        num_proj: Any = None, proj_clip: Any = None, forget_bias: Any = 1.0, activation: Any = None,
        layer_norm: bool = False, norm_gain: float = 1.0, norm_shift: float = 0.0, reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._num_units, self._num_proj = num_units, num_proj
        self._use_peepholes, self._initializer = use_peepholes, initializer
        self._cell_clip, self._proj_clip = cell_clip, proj_clip
        self._forget_bias, self._activation = forget_bias, activation or tf.tanh
        self._layer_norm, self._norm_gain, self._norm_shift = layer_norm, norm_gain, norm_shift

    def call(self, inputs: Any, state: Any) -> Any:
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            equation = self._equation(inputs)
        return step(equation, inputs, state)

    def _equation(self, inputs: Any) -> Any:
        n, dtype = self._num_units, inputs.dtype
        gain, shift = self._norm_gain, self._norm_shift
        kernel, bias = linear(4 * n, self._rows(inputs), dtype)
        norms: dict[str, Any] = {}
        if self._layer_norm:
            scopes = zip("ijfo", ("input", "transform", "forget", "output"), strict=True)
            norms = {f"norm_{g}": norm(scope, n, gain, shift) for g, scope in scopes}
        peep = self._diagonals("fio", dtype, "w_{}_diag") if self._use_peepholes else {}
        if self._layer_norm:
            norms["norm_c"] = norm("state", n, gain, shift)
        proj = None
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                proj = value(linear(self._num_proj, n, dtype, bias=False)[0])
        return make(LayerNormEquation,
            value(kernel), value(bias), **peep, proj_kernel=proj, **norms, forget_bias=self._forget_bias,
            cell_clip=self._cell_clip, proj_clip=self._proj_clip, activation=Applied(self._activation),
        )  # fmt: skip


class WeightNormLSTMCell(PairCell):
    """Variables below ``wn_lstm_cell``, twice, since TF1 opens that scope twice."""

    def __init__(
        self, num_units: int, norm: bool = True, use_peepholes: bool = False, cell_clip: Any = None,
        initializer: Any = None, num_proj: Any = None, proj_clip: Any = None, forget_bias: Any = 1,
        activation: Any = None, reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._scope = "wn_lstm_cell"
        self._num_units, self._num_proj, self._norm = num_units, num_proj, norm
        self._initializer, self._use_peepholes = initializer, use_peepholes
        self._cell_clip, self._proj_clip = cell_clip, proj_clip
        self._activation, self._forget_bias = activation or tf.tanh, forget_bias

    def call(self, inputs: Any, state: Any) -> Any:
        with tf.variable_scope("wn_lstm_cell", initializer=self._initializer):
            equation = self._equation(inputs)
        return step(equation, inputs, state)

    def _equation(self, inputs: Any) -> Any:
        n, dtype = self._num_units, inputs.dtype
        kernel = tf.get_variable("kernel", [self._rows(inputs), 4 * n], dtype=dtype)
        gains = [self._gain(f"norm_{i}", 4 * n, dtype) for i in range(2)]
        with tf.variable_scope(tf.get_variable_scope()) as inner:
            inner.set_partitioner(None)
            zeros = tf.constant_initializer(0.0)
            bias = tf.get_variable("bias", [4 * n], dtype=dtype, initializer=zeros)
        peep = self._diagonals("fio", dtype, "w_{}_diag") if self._use_peepholes else {}
        proj = proj_norm = None
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                proj = value(tf.get_variable("kernel", [n, self._num_proj], dtype=dtype))
                proj_norm = self._gain("norm_0", self._num_proj, dtype)
        return make(WeightNormEquation,
            value(kernel), value(bias), *gains, **peep, proj_kernel=proj, proj_norm=proj_norm,
            forget_bias=self._forget_bias, cell_clip=self._cell_clip, proj_clip=self._proj_clip,
            activation=Applied(self._activation),
        )  # fmt: skip

    def _gain(self, name: str, size: int, dtype: Any) -> Any:
        return value(tf.get_variable(name, [size], dtype=dtype)) if self._norm else None
