"""TimeFreqLSTMCell, GridLSTMCell, BidirectionalGridLSTMCell: cells over bands of the input.

Variables as TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:325-1112`` makes them: W_f_0_0, B_f_0, W_F_diag_freqf_0, …
"""

from __future__ import annotations

from typing import Any

from porting.tf1.cell_base import RNNCell, features, make, step, value
from porting.tf1.contrib_lstm import sharded
from porting.tf1.runtime import tf
from reference.cells.bidirectional_grid_lstm import BidirectionalGridLSTMCell as BothEquation
from reference.cells.grid_lstm import AxisWeights, GridBlock, state_type
from reference.cells.grid_lstm import GridLSTMCell as GridEquation
from reference.cells.time_freq_lstm import TimeFreqLSTMCell as TimeFreqEquation


class TimeFreqLSTMCell(RNNCell):
    """State and output sizes are TF1's, which count one band whatever the input holds."""

    def __init__(
        self, num_units: int, use_peepholes: bool = False, cell_clip: Any = None, initializer: Any = None,
        num_unit_shards: int = 1, forget_bias: Any = 1.0, feature_size: Any = None, frequency_skip: int = 1,
        reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        self._num_units, self._use_peepholes, self._cell_clip = num_units, use_peepholes, cell_clip
        self._num_unit_shards, self._forget_bias = num_unit_shards, forget_bias
        self._feature_size, self._frequency_skip = feature_size, frequency_skip

    @property
    def state_size(self) -> Any:
        return 2 * self._num_units

    @property
    def output_size(self) -> Any:
        return self._num_units

    def call(self, inputs: Any, state: Any) -> Any:
        n, dtype, size = self._num_units, inputs.dtype, self._feature_size
        bands = int((features(inputs.shape) - size) / self._frequency_skip) + 1
        kernel = sharded("W", [size + 2 * n, 4 * n], dtype, self._num_unit_shards)
        bias = tf.get_variable("B", shape=[4 * n], initializer=tf.zeros_initializer(), dtype=dtype)
        peep = {}
        if self._use_peepholes:
            peep = {
                f"w_{g.lower()}_diag": value(tf.get_variable(f"W_{g}_diag", shape=[n], dtype=dtype))
                for g in "FIO"
            }
        equation = make(TimeFreqEquation,
            kernel, value(bias), **peep, bands=bands, frequency_skip=self._frequency_skip,
            forget_bias=self._forget_bias, cell_clip=self._cell_clip,
        )  # fmt: skip
        return step(equation, inputs, state)


class GridLSTMCell(RNNCell):
    def __init__(
        self, num_units: int, use_peepholes: bool = False, share_time_frequency_weights: bool = False,
        cell_clip: Any = None, initializer: Any = None, num_unit_shards: int = 1, forget_bias: Any = 1.0,
        feature_size: Any = None, frequency_skip: Any = None, num_frequency_blocks: Any = None,
        start_freqindex_list: Any = None, end_freqindex_list: Any = None,
        couple_input_forget_gates: bool = False, state_is_tuple: bool = True, reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        if num_frequency_blocks is None:
            msg = "Must specify num_frequency_blocks"
            raise ValueError(msg)
        self._num_units, self._use_peepholes, self._cell_clip = num_units, use_peepholes, cell_clip
        self._share, self._couple = share_time_frequency_weights, couple_input_forget_gates
        self._num_unit_shards, self._forget_bias = num_unit_shards, forget_bias
        self._feature_size, self._frequency_skip = feature_size, frequency_skip
        self._counts = tuple(int(count) for count in num_frequency_blocks)
        self._starts, self._ends = start_freqindex_list, end_freqindex_list
        self._state_is_tuple = state_is_tuple

    @property
    def _total(self) -> int:
        return sum(self._counts)

    @property
    def state_tuple_type(self) -> Any:
        return (
            state_type("GridLSTMStateTuple", ("",), self._counts) if self._state_is_tuple else None
        )

    @property
    def state_size(self) -> Any:
        if not self._state_is_tuple:
            return 2 * self._num_units * self._total
        return self.state_tuple_type(*[self._num_units] * (2 * self._total))

    @property
    def output_size(self) -> Any:
        return 2 * self._num_units * self._total

    def call(self, inputs: Any, state: Any) -> Any:
        return step(self._grid(inputs, self._state_is_tuple), inputs, state)

    def _grid(self, inputs: Any, tupled: bool) -> Any:
        self._check_bands(features(inputs.shape))
        blocks = tuple(self._block(b, inputs.dtype) for b in range(len(self._counts)))
        return make(GridEquation,
            blocks, self._counts, tuple(self._starts or [0]), self._frequency_skip, self._forget_bias,
            self._cell_clip, self._couple, tupled,
        )  # fmt: skip

    def _block(self, block: int, dtype: Any) -> GridBlock:
        n, gates = self._num_units, 3 if self._couple else 4
        shape = [self._feature_size + 2 * n, gates * n]
        pairs = []
        for letter in "f" if self._share else "ft":
            kernel = sharded(f"W_{letter}_{block}", shape, dtype, self._num_unit_shards)
            zeros = tf.zeros_initializer()
            bias = tf.get_variable(
                f"B_{letter}_{block}", [gates * n], initializer=zeros, dtype=dtype
            )
            pairs.append((kernel, value(bias)))
        axes = [
            AxisWeights(*pair, **self._peep("freq" if i == 0 else "time", block, dtype))
            for i, pair in enumerate(pairs)
        ]
        return GridBlock(*axes)

    def _peep(self, kind: str, block: int, dtype: Any) -> dict[str, Any]:
        if not self._use_peepholes:
            return {}
        return {
            f"{g.lower()}_{axis}": value(
                tf.get_variable(
                    f"W_{g}_diag_{kind}{axis[0]}_{block}", shape=[self._num_units], dtype=dtype
                )
            )
            for g in ("IO" if self._couple else "FIO")
            for axis in ("freq", "time")
        }

    def _check_bands(self, size: int) -> None:
        """ValueError unless every block holds as many bands as was said."""
        if not self._starts:
            if len(self._counts) != 1:
                msg = f"Length of num_frequency_blocks is not 1, but instead is {len(self._counts)}"
                raise ValueError(msg)
            widths = [size]
        else:
            if not len(self._starts) == len(self._ends or []) == len(self._counts):
                msg = f"Lengths of start_freqindex_list, end_freqindex_list and num_frequency_blocks differ: {self._starts}, {self._ends}, {self._counts}"
                raise ValueError(msg)
            widths = [end - start for start, end in zip(self._starts, self._ends, strict=True)]
        for width, count in zip(widths, self._counts, strict=True):
            found = int((width - self._feature_size) / self._frequency_skip) + 1
            if found != count:
                msg = f"Invalid num_frequency_blocks, requires {count} but gets {found}, please check the input size and filter config are correct."
                raise ValueError(msg)


class BidirectionalGridLSTMCell(GridLSTMCell):
    """A grid from low bands up below ``fwd``, one from high bands down below ``bwd``."""

    def __init__(
        self, num_units: int, use_peepholes: bool = False, share_time_frequency_weights: bool = False,
        cell_clip: Any = None, initializer: Any = None, num_unit_shards: int = 1, forget_bias: Any = 1.0,
        feature_size: Any = None, frequency_skip: Any = None, num_frequency_blocks: Any = None,
        start_freqindex_list: Any = None, end_freqindex_list: Any = None,
        couple_input_forget_gates: bool = False, backward_slice_offset: Any = 0, reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            num_units, use_peepholes, share_time_frequency_weights, cell_clip, initializer, num_unit_shards,
            forget_bias, feature_size, frequency_skip, num_frequency_blocks, start_freqindex_list,
            end_freqindex_list, couple_input_forget_gates, True, reuse,
        )  # fmt: skip
        self._offset = int(backward_slice_offset)

    @property
    def state_tuple_type(self) -> Any:
        return state_type("BidirectionalGridLSTMStateTuple", ("fwd_", "bwd_"), self._counts)

    @property
    def state_size(self) -> Any:
        return self.state_tuple_type(*[self._num_units] * (4 * self._total))

    @property
    def output_size(self) -> Any:
        return 4 * self._num_units * self._total

    def call(self, inputs: Any, state: Any) -> Any:
        grids = []
        for scope in ("fwd", "bwd"):
            with tf.variable_scope(scope):
                grids.append(self._grid(inputs, True))
        return step(make(BothEquation, *grids, self._offset), inputs, state)
