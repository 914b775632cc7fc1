"""BeamSearchDecoder.

Source: TF 1.15.5 ``contrib/seq2seq/python/ops/beam_search_decoder.py:52-78, 235-737, 928-1290``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from porting.tf1.cell_base import assert_like_rnncell
from porting.tf1.runtime import constant_value, size_or_tensor, static, tf
from porting.tf1.seq2seq.attention_wrapper import AttentionWrapperState
from porting.tf1.seq2seq.beam import gather_beams, gather_state, gather_tree, gather_tree_from_array
from porting.tf1.seq2seq.decoder import Decoder, check_output_layer, rnn_output_size
from porting.tf1.seq2seq.helper import lookup


class BeamSearchDecoderState(NamedTuple):
    cell_state: Any
    log_probs: Any
    finished: Any
    lengths: Any
    accumulated_attention_probs: Any


class BeamSearchDecoderOutput(NamedTuple):
    scores: Any
    predicted_ids: Any
    parent_ids: Any


class FinalBeamSearchDecoderOutput(NamedTuple):
    predicted_ids: Any
    beam_search_decoder_output: Any


class BeamSearchDecoder(Decoder):
    """The ``beam_width`` best continuations of each row."""

    def __init__(
        self, cell: Any, embedding: Any, start_tokens: Any, end_token: Any, initial_state: Any,
        beam_width: int, output_layer: Any = None, length_penalty_weight: Any = 0.0,
        coverage_penalty_weight: Any = 0.0, reorder_tensor_arrays: bool = True,
    ) -> None:  # fmt: skip
        assert_like_rnncell("cell", cell)
        check_output_layer(output_layer)
        self._cell, self._output_layer, self._beam_width = cell, output_layer, beam_width
        self._reorder = reorder_tensor_arrays
        self._length_weight, self._coverage_weight = length_penalty_weight, coverage_penalty_weight
        self._embedding_fn = lookup(embedding)
        tokens = tf.convert_to_tensor(start_tokens, dtype=tf.int32, name="start_tokens")
        self._end_token = tf.convert_to_tensor(end_token, dtype=tf.int32, name="end_token")
        if tokens.shape.ndims != 1:
            msg = "start_tokens must be a vector"
            raise ValueError(msg)
        if self._end_token.shape.ndims != 0:
            msg = "end_token must be a scalar"
            raise ValueError(msg)
        self._batch_size = tf.size(start_tokens)
        self._initial_cell_state = tf.nest.map_structure(self._split, initial_state)
        self._start_tokens = tf.tile(tf.expand_dims(tokens, 1), [1, beam_width])
        self._start_inputs = self._embedding_fn(self._start_tokens)
        first = tf.zeros([self._batch_size], dtype=tf.int32)
        self._finished = tf.one_hot(
            first, beam_width, on_value=False, off_value=True, dtype=tf.bool
        )

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    @property
    def tracks_own_finished(self) -> bool:
        return True

    @property
    def output_size(self) -> Any:
        size = tf.TensorShape([self._beam_width])
        return BeamSearchDecoderOutput(size, size, size)

    @property
    def output_dtype(self) -> Any:
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        size = rnn_output_size(self._cell, self._output_layer)
        scores = tf.nest.map_structure(lambda _: dtype, size)
        return BeamSearchDecoderOutput(scores, tf.int32, tf.int32)

    def initialize(self, name: Any = None) -> Any:
        """(finished, inputs, state): only the first beam of each row is alive."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        first = tf.zeros([self._batch_size], dtype=tf.int32)
        numpy = dtype.as_numpy_dtype
        log_probs = tf.one_hot(
            first, self._beam_width, on_value=numpy(0.0), off_value=numpy(-np.inf), dtype=dtype
        )
        attended = attention_probs(self._initial_cell_state, self._coverage_weight)
        state = BeamSearchDecoderState(
            self._initial_cell_state, log_probs, self._finished,
            tf.zeros([self._batch_size, self._beam_width], dtype=tf.int64),
            () if attended is None else attended,
        )  # fmt: skip
        return self._finished, self._start_inputs, state

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> Any:
        """The beams followed back from their ends."""
        longest = tf.cast(tf.reduce_max(final_state.lengths, axis=1), tf.int32)
        ids = gather_tree(outputs.predicted_ids, outputs.parent_ids, longest, self._end_token)
        if self._reorder:
            cell_state = tf.nest.map_structure(
                lambda t: self._sorted(t, outputs.parent_ids, final_state.lengths),
                final_state.cell_state,
            )
            final_state = final_state._replace(cell_state=cell_state)
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

    def _sorted(self, t: Any, parents: Any, lengths: Any) -> Any:
        """A TensorArray of the state along the final beams, where its items are [B * W, …] or [B, W, …]."""
        if not isinstance(t, tf.TensorArray) or not t.element_shape.ndims:
            return t
        rows, batch, width = (
            static(t.element_shape[0]),
            constant_value(self._batch_size),
            self._beam_width,
        )
        second = static(t.element_shape[1]) if t.element_shape.ndims > 1 else None
        known = rows is not None and batch is not None
        # TF1's own check refuses [B * W, n] where n is static, and leaves such arrays unsorted (line 196).
        inner = second is not None and (rows, second) != (batch, width)
        if known and (rows != batch * width or inner):
            return t
        return gather_tree_from_array(t.stack(), parents, lengths)

    def _split(self, x: Any) -> Any:
        """[B * W, …] to [B, W, …]."""
        if isinstance(x, tf.TensorArray) or not x.shape.ndims:
            return x
        batch, width = constant_value(self._batch_size), self._beam_width
        rows = static(x.shape[0])
        if None not in (rows, batch) and rows != batch * width:
            msg = f"a state part of shape {x.shape} does not hold batch * beam_width = {batch} * {width} rows.  Perhaps you forgot to create a zero_state with batch_size=encoder_batch_size * beam_width?"
            raise ValueError(msg)
        made = tf.reshape(x, tf.concat([[self._batch_size, width], tf.shape(x)[1:]], 0))
        made.set_shape(tf.TensorShape([batch, width]).concatenate(x.shape[1:]))
        return made

    def _merge(self, x: Any) -> Any:
        """[B, W, …] to [B * W, …]."""
        if isinstance(x, tf.TensorArray) or x.shape.ndims < 2:
            return x
        batch = constant_value(self._batch_size)
        rows = None if batch is None else batch * self._beam_width
        made = tf.reshape(x, tf.concat([[self._batch_size * self._beam_width], tf.shape(x)[2:]], 0))
        made.set_shape(tf.TensorShape([rows]).concatenate(x.shape[2:]))
        return made

    def step(self, time: Any, inputs: Any, state: Any, name: Any = None) -> Any:
        with tf.name_scope(name, "BeamSearchDecoderStep", (time, inputs, state)):
            inputs = tf.nest.map_structure(self._merge, inputs)
            cell_state = tf.nest.map_structure(self._merge, state.cell_state)
            outputs, following = self._cell(inputs, cell_state)
            outputs = tf.nest.map_structure(self._split, outputs)
            following = tf.nest.map_structure(self._split, following)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            output, new = self._best(outputs, following, state)
            inputs = tf.cond(
                tf.reduce_all(new.finished), lambda: self._start_inputs,
                lambda: self._embedding_fn(output.predicted_ids),
            )  # fmt: skip
        return output, new, inputs, new.finished

    def _best(self, logits: Any, following: Any, state: Any) -> Any:
        """The best ``beam_width`` of all words after all beams."""
        batch, width, end = self._batch_size, self._beam_width, self._end_token
        words = size_or_tensor(logits, -1)
        live = tf.logical_not(state.finished)
        log_probs = _ended(tf.nn.log_softmax(logits), end, state.finished)
        total = tf.expand_dims(state.log_probs, 2) + log_probs
        longer = tf.one_hot(
            tf.fill([batch, width], end),
            words,
            on_value=np.int64(0),
            off_value=np.int64(1),
            dtype=tf.int64,
        )
        longer *= tf.expand_dims(tf.cast(live, tf.int64), 2)
        attended = attention_probs(following, self._coverage_weight)
        if attended is not None:
            attended *= tf.expand_dims(tf.cast(live, tf.float32), 2)
            attended = state.accumulated_attention_probs + attended
        lengths = longer + tf.expand_dims(state.lengths, 2)
        scores = self._scores(total, lengths, state.finished, attended)
        best, words_at = tf.nn.top_k(tf.reshape(scores, [batch, -1]), k=width)
        for found in (best, words_at):
            found.set_shape([constant_value(batch), width])
        parents = tf.floordiv(words_at, words)
        ids = tf.floormod(words_at, words)
        was_finished = gather_beams(parents, state.finished, batch, width, [-1])
        new = BeamSearchDecoderState(
            tf.nest.map_structure(lambda x: gather_state(parents, x, batch, width), following),
            gather_beams(words_at, total, batch, width * words, [-1]),
            tf.logical_or(was_finished, tf.equal(ids, end)),
            gather_beams(parents, state.lengths, batch, width, [-1])
            + tf.cast(tf.logical_not(was_finished), tf.int64),
            () if attended is None else gather_beams(parents, attended, batch, width, [batch * width, -1]),
        )  # fmt: skip
        return BeamSearchDecoderOutput(best, ids, parents), new

    def _scores(self, log_probs: Any, lengths: Any, finished: Any, attended: Any) -> Any:
        """Log probabilities over the length penalty, plus the coverage penalty of finished beams."""
        scores = log_probs / tf.cast(length_penalty(lengths, self._length_weight), log_probs.dtype)
        weight = tf.convert_to_tensor(self._coverage_weight, name="coverage_penalty_weight")
        if weight.shape.ndims != 0:
            msg = f"coverage_penalty_weight should be a scalar, but saw shape: {weight.shape}"
            raise ValueError(msg)
        if constant_value(weight) == 0.0 or attended is None:
            return scores
        attended = tf.where(tf.equal(attended, 0.0), tf.ones_like(attended), attended)
        penalty = tf.reduce_sum(tf.log(tf.minimum(attended, 1.0)), 2) * tf.cast(
            finished, tf.float32
        )
        return scores + tf.expand_dims(penalty * weight, 2)


def length_penalty(lengths: Any, weight: Any, /) -> Any:
    """((5 + length) / 6) ** weight; 1 where the weight is 0."""
    weight = tf.convert_to_tensor(weight, name="penalty_factor")
    known = constant_value(weight)
    if known is not None and known == 0:
        return 1.0
    return (5.0 + tf.cast(lengths, tf.float32)) ** weight / (5.0 + 1.0) ** weight


def _ended(log_probs: Any, end: Any, finished: Any) -> Any:
    """A finished beam goes on with ``end`` only, at no cost."""
    words, dtype = tf.shape(log_probs)[2], log_probs.dtype
    numpy = dtype.as_numpy_dtype
    row = tf.one_hot(end, words, dtype=dtype, on_value=numpy(0.0), off_value=numpy(dtype.min))
    return tf.where_v2(tf.expand_dims(finished, 2), tf.reshape(row, [1, 1, -1]), log_probs)


def attention_probs(state: Any, weight: Any, /) -> Any:
    """The alignments of a state, averaged over mechanisms and layers; None where no coverage is asked for.

    Raises:
        ValueError: coverage is asked for and no cell attends.
    """
    if isinstance(weight, int | float) and weight == 0.0:
        return None
    parts = (
        [state]
        if isinstance(state, AttentionWrapperState)
        else state
        if isinstance(state, tuple)
        else []
    )
    found = [_mean(p.alignments) for p in parts if isinstance(p, AttentionWrapperState)]
    if not found:
        msg = "coverage_penalty_weight must be 0.0 if no cell is attentional."
        raise ValueError(msg)
    return _mean(tuple(found)) if len(found) > 1 else found[0]


def _mean(alignments: Any) -> Any:
    return (
        tf.reduce_mean(tf.stack(alignments, -1), -1)
        if isinstance(alignments, tuple)
        else alignments
    )
