"""``tf.contrib.rnn``'s wrappers: projections, embedding, highway, attention to the own past.

Variables as TF 1.15.5 ``contrib/rnn/python/ops/core_rnn_cell.py:191-384`` and ``rnn_cell.py:1115-1339, 1849-1888`` make them.
"""

from __future__ import annotations

import math
from typing import Any

from porting.tf1.cell_base import (
    Inner,
    RNNCell,
    assert_like_rnncell,
    features,
    linear,
    make,
    step,
    value,
)
from porting.tf1.choices import Applied
from porting.tf1.runtime import tf
from reference.activations import LINEAR
from reference.wrappers.attention_cell import AttentionCellWrapper as AttentionEquation
from reference.wrappers.embedding import EmbeddingWrapper as EmbeddingEquation
from reference.wrappers.highway import HighwayWrapper as HighwayEquation
from reference.wrappers.projection import InputProjectionWrapper as InputEquation
from reference.wrappers.projection import OutputProjectionWrapper as OutputEquation


class _Around(RNNCell):
    """Sizes and zero states of the cell inside."""

    _cell: Any

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        with tf.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            return self._cell.zero_state(batch_size, dtype)


class _Done:
    """A step that was taken already."""

    def __init__(self, output: Any, state: Any) -> None:
        self.result = (output, state)

    def step(self, ops: Any, x: Any, state: Any, /) -> Any:
        return self.result


class EmbeddingWrapper(_Around):
    def __init__(
        self,
        cell: Any,
        embedding_classes: int,
        embedding_size: int,
        initializer: Any = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        assert_like_rnncell("cell", cell)
        if embedding_classes <= 0 or embedding_size <= 0:
            msg = f"Both embedding_classes and embedding_size must be > 0: {embedding_classes}, {embedding_size}."
            raise ValueError(msg)
        self._cell, self._initializer = cell, initializer
        self._shape = [embedding_classes, embedding_size]

    def call(self, inputs: Any, state: Any) -> Any:
        root = math.sqrt(3)
        with tf.device("/cpu:0"):
            first = self._initializer or tf.get_variable_scope().initializer
            first = first or tf.random_uniform_initializer(-root, root)
            dtype = (state[0] if isinstance(state, tuple) else state).dtype
            table = tf.get_variable("embedding", self._shape, initializer=first, dtype=dtype)
            return step(make(EmbeddingEquation, Inner(self._cell), value(table)), inputs, state)


class InputProjectionWrapper(_Around):
    def __init__(
        self,
        cell: Any,
        num_proj: int,
        activation: Any = None,
        input_size: Any = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        assert_like_rnncell("cell", cell)
        self._cell, self._num_proj = cell, num_proj
        self._activation = Applied(activation) if activation else LINEAR

    def call(self, inputs: Any, state: Any) -> Any:
        pair = [value(v) for v in linear(self._num_proj, features(inputs.shape), inputs.dtype)]
        return step(make(InputEquation, Inner(self._cell), *pair, self._activation), inputs, state)


class OutputProjectionWrapper(_Around):
    def __init__(
        self, cell: Any, output_size: int, activation: Any = None, reuse: Any = None
    ) -> None:
        super().__init__(_reuse=reuse)
        assert_like_rnncell("cell", cell)
        if output_size < 1:
            msg = f"Parameter output_size must be > 0: {output_size}."
            raise ValueError(msg)
        self._cell, self._output_size = cell, output_size
        self._activation = Applied(activation) if activation else LINEAR

    @property
    def output_size(self) -> Any:
        return self._output_size

    def call(self, inputs: Any, state: Any) -> Any:
        output, new = self._cell(inputs, state)  # first, so that its variables come first
        pair = [value(v) for v in linear(self._output_size, features(output.shape), output.dtype)]
        return step(
            make(OutputEquation, _Done(output, new), *pair, self._activation), inputs, state
        )


class HighwayWrapper(_Around):
    """Variables carry_w, carry_b (and transform_w, transform_b) in the scope of the caller."""

    def __init__(
        self, cell: Any, couple_carry_transform_gates: bool = True, carry_bias_init: float = 1.0
    ) -> None:
        super().__init__()
        self._cell = cell
        self._couple = couple_carry_transform_gates
        self._carry_bias_init = carry_bias_init

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        outputs, new = self._cell(inputs, state, scope=scope)
        tf.nest.assert_same_structure(inputs, outputs)
        tf.nest.map_structure(
            lambda x, y: x.shape.assert_is_compatible_with(y.shape), inputs, outputs
        )
        n = features(tf.nest.flatten(inputs)[0].shape)
        own = self._gate("carry", n, self._carry_bias_init)
        if not self._couple:
            own += self._gate("transform", n, -self._carry_bias_init)
        return step(make(HighwayEquation, _Done(outputs, new), *own), inputs, state)

    def _gate(self, name: str, n: int, start: float) -> list[Any]:
        first = tf.constant_initializer(start)
        return [
            value(tf.get_variable(f"{name}_w", [n, n])),
            value(tf.get_variable(f"{name}_b", [n], initializer=first)),
        ]


class AttentionCellWrapper(_Around):
    """The state is (cell state, attention, memory of the last outputs)."""

    def __init__(
        self, cell: Any, attn_length: int, attn_size: Any = None, attn_vec_size: Any = None,
        input_size: Any = None, state_is_tuple: bool = True, reuse: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(_reuse=reuse)
        assert_like_rnncell("cell", cell)
        if isinstance(cell.state_size, tuple | list) and not state_is_tuple:
            msg = f"Cell returns tuple of states, but the flag state_is_tuple is not set. State size is: {cell.state_size}"
            raise ValueError(msg)
        if attn_length <= 0:
            msg = f"attn_length should be greater than zero, got {attn_length}"
            raise ValueError(msg)
        self._cell, self._attn_length, self._input_size = cell, attn_length, input_size
        self._attn_size = cell.output_size if attn_size is None else attn_size
        self._attn_vec_size = attn_vec_size or self._attn_size
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        size = (self._cell.state_size, self._attn_size, self._attn_size * self._attn_length)
        return size if self._state_is_tuple else sum(size)

    @property
    def output_size(self) -> Any:
        return self._attn_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        return RNNCell.zero_state(self, batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> Any:
        size, vec, dtype = self._attn_size, self._attn_vec_size, inputs.dtype
        width = features(inputs.shape)
        joined = [value(v) for v in linear(self._input_size or width, width + size, dtype)]
        query_size = sum(tf.nest.flatten(self._cell.state_size))
        with tf.variable_scope("attention"):
            memory = tf.get_variable("attn_w", [1, 1, size, vec])
            score = tf.get_variable("attn_v", [vec])
            query = [value(v) for v in linear(vec, query_size, dtype)]
        with tf.variable_scope("attn_output_projection"):
            out = [value(v) for v in linear(size, self._cell.output_size + size, dtype)]
        equation = make(AttentionEquation,
            Inner(self._cell), *joined, value(memory), value(score), *query, *out, self._attn_length,
            self._state_is_tuple,
        )  # fmt: skip
        return step(equation, inputs, state)


class CompiledWrapper(_Around):
    """TF1 asked XLA to compile the cell; here the cell runs as it is, with the same numbers."""

    def __init__(self, cell: Any, compile_stateful: bool = False) -> None:
        super().__init__()
        self._cell = cell

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        return self._cell(inputs, state, scope=scope)
