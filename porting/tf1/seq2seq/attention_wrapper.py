"""AttentionWrapper: a cell that reads a memory at every step.

Source: TF 1.15.5 ``contrib/seq2seq/python/ops/attention_wrapper.py:1934-1996, 2103-2538``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from porting.tf1.cell_base import RNNCell, assert_like_rnncell, zeros
from porting.tf1.layers import Dense
from porting.tf1.runtime import size_or_tensor, static, tf
from porting.tf1.seq2seq.attention import AttentionMechanism


class _State(NamedTuple):
    cell_state: Any
    attention: Any
    time: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any


class AttentionWrapperState(_State):
    """What goes from step to step; ``clone`` replaces parts and keeps their static shapes."""

    __slots__ = ()

    def clone(self, **kwargs: Any) -> AttentionWrapperState:
        """ValueError where a new part has another shape than the old one."""

        def same(old: Any, new: Any) -> Any:
            if isinstance(old, tf.Tensor) and isinstance(new, tf.Tensor):
                new.shape.assert_is_compatible_with(old.shape)
                new.set_shape(old.shape)
            return new

        made: AttentionWrapperState = tf.nest.map_structure(same, self, self._replace(**kwargs))
        return made


def compute_attention(
    mechanism: Any, cell_output: Any, state: Any, layer: Any, /
) -> tuple[Any, Any, Any]:
    """(attention, alignments, next state of the mechanism)."""
    alignments, following = mechanism(cell_output, state=state)
    context = tf.squeeze(tf.matmul(tf.expand_dims(alignments, 1), mechanism.values), [1])
    attention = context if layer is None else layer(tf.concat([cell_output, context], 1))
    return attention, alignments, following


class AttentionWrapper(RNNCell):
    """``cell`` on inputs with the last attention beside them."""

    def __init__(
        self, cell: Any, attention_mechanism: Any, attention_layer_size: Any = None,
        alignment_history: bool = False, cell_input_fn: Any = None, output_attention: bool = True,
        initial_cell_state: Any = None, name: Any = None, attention_layer: Any = None,
        attention_fn: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        assert_like_rnncell("cell", cell)
        self._is_multi = isinstance(attention_mechanism, list | tuple)
        mechanisms = tuple(attention_mechanism) if self._is_multi else (attention_mechanism,)
        for mechanism in mechanisms:
            if not isinstance(mechanism, AttentionMechanism):
                msg = f"attention_mechanism must be an AttentionMechanism or list of multiple AttentionMechanism instances, saw type: {type(mechanism).__name__}"
                raise TypeError(msg)
        if cell_input_fn is not None and not callable(cell_input_fn):
            msg = f"cell_input_fn must be callable, saw type: {type(cell_input_fn).__name__}"
            raise TypeError(msg)
        self._cell, self._attention_mechanisms = cell, mechanisms
        self._cell_input_fn = cell_input_fn or (lambda x, attention: tf.concat([x, attention], -1))
        self._attention_fn = attention_fn or compute_attention
        self._output_attention, self._alignment_history = output_attention, alignment_history
        self._attention_layers, self._attention_layer_size = self._layers(
            attention_layer_size, attention_layer
        )
        with tf.name_scope(name, "AttentionWrapperInit"):
            self._initial_cell_state = self._checked_start(initial_cell_state)

    def _layers(self, sizes: Any, layers: Any) -> tuple[Any, int]:
        mechanisms = self._attention_mechanisms
        if sizes is not None and layers is not None:
            msg = "Only one of attention_layer_size and attention_layer should be set"
            raise ValueError(msg)
        given = sizes if sizes is not None else layers
        if given is None:
            return None, sum(static(m.values.shape[-1]) or 0 for m in mechanisms)
        given = tuple(given) if isinstance(given, list | tuple) else (given,)
        if len(given) != len(mechanisms):
            word = "attention_layer_size" if sizes is not None else "attention_layer"
            msg = f"If provided, {word} must contain exactly one item per attention_mechanism, saw: {len(given)} vs {len(mechanisms)}"
            raise ValueError(msg)
        if sizes is not None:
            made = tuple(
                Dense(size, name="attention_layer", use_bias=False, dtype=m.dtype)
                for size, m in zip(given, mechanisms, strict=True)
            )
            return made, sum(given)
        widths = [
            static(
                layer.compute_output_shape(
                    [None, self._cell.output_size + static(m.values.shape[-1])]
                )[-1]
            )
            for layer, m in zip(given, mechanisms, strict=True)
        ]
        return given, sum(width or 0 for width in widths)

    def _checked_start(self, state: Any) -> Any:
        if state is None:
            return None
        batch = size_or_tensor(tf.nest.flatten(state)[-1], 0)
        where = f"When constructing AttentionWrapper {self.name}: the batch sizes of the memory (encoder output) and of initial_cell_state differ.  With BeamSearchDecoder, tile the initial state by tf.contrib.seq2seq.tile_batch."
        with tf.control_dependencies(self._batch_size_checks(batch, where)):
            return tf.nest.map_structure(
                lambda s: tf.identity(s, name="check_initial_cell_state"), state
            )

    def _batch_size_checks(self, batch: Any, message: str) -> list[Any]:
        return [
            tf.assert_equal(batch, m.batch_size, message=message)
            for m in self._attention_mechanisms
        ]

    def _item_or_tuple(self, items: Any) -> Any:
        found = tuple(items)
        return found if self._is_multi else found[0]

    @property
    def output_size(self) -> Any:
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> Any:
        mechanisms = self._attention_mechanisms
        return AttentionWrapperState(
            cell_state=self._cell.state_size, time=tf.TensorShape([]), attention=self._attention_layer_size,
            alignments=self._item_or_tuple(m.alignments_size for m in mechanisms),
            attention_state=self._item_or_tuple(m.state_size for m in mechanisms),
            alignment_history=self._item_or_tuple(
                m.alignments_size if self._alignment_history else () for m in mechanisms
            ),
        )  # fmt: skip

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        with tf.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            state = self._initial_cell_state
            if state is None:
                state = self._cell.get_initial_state(batch_size=batch_size, dtype=dtype)
            where = f"When calling zero_state of AttentionWrapper {self.name}: the batch sizes of the memory (encoder output) and of the request differ.  With BeamSearchDecoder, tile the encoder output by tf.contrib.seq2seq.tile_batch and ask for batch_size * beam_width."
            with tf.control_dependencies(self._batch_size_checks(batch_size, where)):
                state = tf.nest.map_structure(
                    lambda s: tf.identity(s, name="checked_cell_state"), state
                )
            mechanisms = self._attention_mechanisms
            first = [m.initial_alignments(batch_size, dtype) for m in mechanisms]
            return AttentionWrapperState(
                cell_state=state, time=tf.zeros([], dtype=tf.int32),
                attention=zeros(self._attention_layer_size, batch_size, dtype),
                alignments=self._item_or_tuple(first),
                attention_state=self._item_or_tuple(m.initial_state(batch_size, dtype) for m in mechanisms),
                alignment_history=self._item_or_tuple(self._history(a, dtype) for a in first),
            )  # fmt: skip

    def _history(self, alignments: Any, dtype: Any) -> Any:
        if not self._alignment_history:
            return ()
        return tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=alignments.shape)

    def call(self, inputs: Any, state: Any) -> Any:
        if not isinstance(state, AttentionWrapperState):
            msg = f"Expected state to be instance of AttentionWrapperState. Received type {type(state)} instead."
            raise TypeError(msg)
        output, cell_state = self._cell(
            self._cell_input_fn(inputs, state.attention), state.cell_state
        )
        where = f"When applying AttentionWrapper {self.name}: the batch sizes of the memory (encoder output) and of the query (decoder output) differ.  With BeamSearchDecoder, tile the memory by tf.contrib.seq2seq.tile_batch."
        with tf.control_dependencies(self._batch_size_checks(size_or_tensor(output, 0), where)):
            output = tf.identity(output, name="checked_cell_output")
        previous = state.attention_state if self._is_multi else [state.attention_state]
        histories = state.alignment_history if self._is_multi else [state.alignment_history]
        attentions, alignments, following, written = [], [], [], []
        for i, mechanism in enumerate(self._attention_mechanisms):
            layer = self._attention_layers[i] if self._attention_layers else None
            found = self._attention_fn(mechanism, output, previous[i], layer)
            attentions.append(found[0])
            alignments.append(found[1])
            following.append(found[2])
            written.append(
                histories[i].write(state.time, found[1]) if self._alignment_history else ()
            )
        attention = tf.concat(attentions, 1)
        new = AttentionWrapperState(
            time=state.time + 1, cell_state=cell_state, attention=attention,
            attention_state=self._item_or_tuple(following), alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(written),
        )  # fmt: skip
        return (attention if self._output_attention else output), new
