"""The fused cells: LSTMBlockCell, GRUBlockCell(V2), LSTMBlockFusedCell, and the cuDNN-compatible cells.

Source: TF 1.15.5 ``contrib/rnn/python/ops/lstm_ops.py:290-667``, ``gru_ops.py:97-236``, ``contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py:62-180``.
A step runs the reference equation; a whole sequence the BlockLSTM op, which current TensorFlow still has with its gradient.
"""

from __future__ import annotations

from typing import Any

from porting.tf1 import block_gradients
from porting.tf1.cell_base import LSTMStateTuple, features, make, step, value
from porting.tf1.choices import Applied
from porting.tf1.core_cells import EquationCell, GRUCell, UnitsCell
from porting.tf1.layer import InputSpec, Layer
from porting.tf1.runtime import size_or_tensor, static, tf
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell as CudnnGRUEquation
from reference.cells.gru_block import GRUBlockCell as GRUBlockEquation
from reference.cells.lstm_block import LSTMBlockCell as LSTMBlockEquation


class LSTMBlockCell(EquationCell):
    """Variables kernel, bias, w_i_diag, w_f_diag, w_o_diag below ``lstm_cell``."""

    def __init__(
        self, num_units: int, forget_bias: Any = 1.0, cell_clip: Any = None, use_peephole: bool = False,
        dtype: Any = None, reuse: Any = None, name: Any = "lstm_cell",
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, dtype=dtype, name=name)
        self._num_units, self._forget_bias = num_units, forget_bias
        self._use_peephole, self._cell_clip = use_peephole, cell_clip
        self.input_spec = InputSpec(ndim=2)

    @property
    def state_size(self) -> Any:
        return LSTMStateTuple(self._num_units, self._num_units)

    @property
    def output_size(self) -> Any:
        return self._num_units

    def build(self, inputs_shape: Any) -> None:
        self._weights = block_variables(
            self, features(inputs_shape), self._num_units, self._use_peephole
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        if len(state) != 2:
            msg = "Expecting state to be a tuple with length 2."
            raise ValueError(msg)
        if self._use_peephole or (self._cell_clip or 0) > 0:
            return self._fused_step(inputs, *state)
        return step(self.equation(), inputs, LSTMStateTuple(*state))

    def _fused_step(self, x: Any, c: Any, h: Any) -> Any:
        """TF's own op: its gradient passes through the clip, which the equation's does not."""
        none = tf.zeros([self._num_units], dtype=self.dtype)
        peep = {f"wc{g}": value(self._weights.get(f"w_{g}_diag", none)) for g in "ifo"}
        graph = tf.get_default_graph()
        with graph.gradient_override_map({"LSTMBlockCell": block_gradients.LSTM_BLOCK}):
            result = tf.raw_ops.LSTMBlockCell(
                x=x, cs_prev=c, h_prev=h, w=value(self._weights["kernel"]), b=value(self._weights["bias"]),
                **peep, forget_bias=self._forget_bias,
                cell_clip=-1 if self._cell_clip is None else self._cell_clip,
                use_peephole=self._use_peephole,
            )  # fmt: skip
        return result.h, LSTMStateTuple(result.cs, result.h)

    def equation(self) -> Any:
        weights = {name: value(variable) for name, variable in self._weights.items()}
        return make(
            LSTMBlockEquation, **weights, forget_bias=self._forget_bias, cell_clip=self._cell_clip
        )


def block_variables(layer: Any, size: int, units: int, peephole: bool, /) -> dict[str, Any]:
    """kernel, bias and, with peepholes, three diagonals."""
    zeros = tf.constant_initializer(0.0)
    made = {
        "kernel": layer.add_variable("kernel", [size + units, 4 * units]),
        "bias": layer.add_variable("bias", [4 * units], initializer=zeros),
    }
    if peephole:
        made |= {
            name: layer.add_variable(name, [units]) for name in ("w_i_diag", "w_f_diag", "w_o_diag")
        }
    return made


class CudnnCompatibleLSTMCell(LSTMBlockCell):
    """LSTMBlockCell with the forget bias inside the bias."""

    def __init__(self, num_units: int, reuse: Any = None) -> None:
        super().__init__(num_units, forget_bias=0, reuse=reuse, name="cudnn_compatible_lstm_cell")


class CudnnCompatibleGRUCell(GRUCell):
    """Resets after the product; two candidate projections."""

    def __init__(self, num_units: int, reuse: Any = None, kernel_initializer: Any = None) -> None:
        super().__init__(num_units, reuse=reuse, kernel_initializer=kernel_initializer)

    def build(self, inputs_shape: Any) -> None:
        n, size, first = self._num_units, features(inputs_shape), self._kernel_initializer
        ones = self._bias_initializer or tf.constant_initializer(1.0)
        none = self._bias_initializer or tf.zeros_initializer()
        inp, hid = "candidate/input_projection", "candidate/hidden_projection"
        self._parts = [
            self.add_variable("gates/kernel", [size + n, 2 * n], initializer=first),
            self.add_variable("gates/bias", [2 * n], initializer=ones),
            self.add_variable(f"{inp}/kernel", [size, n], initializer=first),
            self.add_variable(f"{hid}/kernel", [n, n], initializer=first),
            self.add_variable(f"{inp}/bias", [n], initializer=none),
            self.add_variable(f"{hid}/bias", [n], initializer=none),
        ]
        self.built = True

    def equation(self) -> Any:
        return make(
            CudnnGRUEquation, *(value(part) for part in self._parts), Applied(self._activation)
        )


class GRUBlockCell(UnitsCell):
    """Variables w_ru, b_ru (ones), w_c, b_c below ``gru_cell``."""

    _names = ("w_ru", "b_ru", "w_c", "b_c")

    def __init__(
        self,
        num_units: Any = None,
        cell_size: Any = None,
        reuse: Any = None,
        name: Any = "gru_cell",
    ) -> None:
        super().__init__(_reuse=reuse, name=name)
        if (cell_size is None) == (num_units is None):
            msg = "Exactly one of num_units or cell_size must be provided."
            raise ValueError(msg)
        self._num_units = cell_size if num_units is None else num_units
        self.input_spec = InputSpec(ndim=2)

    def build(self, inputs_shape: Any) -> None:
        n = self._num_units
        rows = features(inputs_shape) + n
        w_ru, b_ru, w_c, b_c = self._names
        one, zero = tf.constant_initializer(1.0), tf.constant_initializer(0.0)
        self._parts = [
            self.add_variable(w_ru, [rows, 2 * n]),
            self.add_variable(b_ru, [2 * n], initializer=one),
            self.add_variable(w_c, [rows, n]),
            self.add_variable(b_c, [n], initializer=zero),
        ]
        self.built = True

    def call(self, inputs: Any, h_prev: Any) -> Any:
        size = static(h_prev.shape[1])
        if size != self._num_units:
            msg = f"Shape of h_prev[1] incorrect: cell_size {self._num_units} vs {size}"
            raise ValueError(msg)
        return step(self.equation(), inputs, h_prev)

    def equation(self) -> Any:
        return make(GRUBlockEquation, *(value(part) for part in self._parts))


class GRUBlockCellV2(GRUBlockCell):
    """With GRUCell's variable names."""

    _names = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")


class LSTMBlockWrapper(Layer):
    """A whole time-major sequence at once; subclasses give ``num_units`` and ``_call_cell``."""

    @property
    def num_units(self) -> int:
        raise NotImplementedError

    def _call_cell(self, inputs: Any, c: Any, h: Any, dtype: Any, sequence_length: Any) -> Any:
        raise NotImplementedError

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """A list of steps is stacked before the layer sees it, and the outputs are a list again."""
        listed = isinstance(inputs, list)
        outputs, state = super().__call__(tf.stack(inputs) if listed else inputs, *args, **kwargs)
        return (tf.unstack(outputs) if listed else outputs), state

    def call(
        self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None
    ) -> Any:
        """inputs ``[T, B, features]``; (outputs, LSTMStateTuple)."""
        if not static(inputs.shape.with_rank(3)[2]):
            msg = f"Expecting inputs_shape[2] to be set: {inputs.shape}"
            raise ValueError(msg)
        batch, time = size_or_tensor(inputs, 1), size_or_tensor(inputs, 0)
        c, h, dtype = self._start(initial_state, dtype, batch)
        if sequence_length is not None:
            sequence_length = tf.convert_to_tensor(sequence_length)
        cells, outputs = self._call_cell(inputs, c, h, dtype, sequence_length)
        if sequence_length is None:
            return outputs, LSTMStateTuple(cells[-1], outputs[-1])
        mask = tf.transpose(tf.sequence_mask(sequence_length, time, dtype=dtype), [1, 0])
        outputs *= tf.expand_dims(mask, -1)
        rows = tf.stack([sequence_length, tf.range(batch, dtype=sequence_length.dtype)], axis=1)
        final = [
            tf.gather_nd(tf.concat([tf.expand_dims(first, 0), rest], 0), rows)
            for first, rest in ((c, cells), (h, outputs))
        ]
        return outputs, LSTMStateTuple(*final)

    def _start(self, initial_state: Any, dtype: Any, batch: Any) -> tuple[Any, Any, Any]:
        if initial_state is None:
            if dtype is None:
                msg = "Either initial_state or dtype needs to be specified"
                raise ValueError(msg)
            zero = tf.zeros(tf.stack([batch, self.num_units]), dtype=dtype)
            return zero, zero, dtype
        if len(initial_state) != 2:
            msg = "Expecting initial_state to be a tuple with length 2 or None"
            raise ValueError(msg)
        c, h = (tf.convert_to_tensor(part) for part in initial_state)
        return c, h, c.dtype if dtype is None else dtype


class LSTMBlockFusedCell(LSTMBlockWrapper):
    """Variables as LSTMBlockCell's, below ``lstm_fused_cell``."""

    def __init__(
        self, num_units: int, forget_bias: Any = 1.0, cell_clip: Any = None, use_peephole: bool = False,
        reuse: Any = None, dtype: Any = None, name: Any = "lstm_fused_cell",
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._num_units, self._forget_bias = num_units, forget_bias
        self._cell_clip = -1 if cell_clip is None else cell_clip
        self._use_peephole = use_peephole
        self.input_spec = InputSpec(ndim=3)

    @property
    def num_units(self) -> int:
        return self._num_units

    def build(self, input_shape: Any) -> None:
        size = features(input_shape)
        self._weights = block_variables(self, size, self._num_units, self._use_peephole)
        self.built = True

    def _call_cell(self, inputs: Any, c: Any, h: Any, dtype: Any, sequence_length: Any) -> Any:
        none = tf.zeros([self._num_units], dtype=dtype)
        peep = [value(self._weights.get(f"w_{g}_diag", none)) for g in "ifo"]
        longest = (
            size_or_tensor(inputs, 0) if sequence_length is None else tf.reduce_max(sequence_length)
        )
        result = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(longest, tf.int64), x=inputs, cs_prev=c, h_prev=h,
            w=value(self._weights["kernel"]), wci=peep[0], wcf=peep[1], wco=peep[2],
            b=value(self._weights["bias"]), forget_bias=self._forget_bias, cell_clip=self._cell_clip,
            use_peephole=self._use_peephole,
        )  # fmt: skip
        return result.cs, result.h
