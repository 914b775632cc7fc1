"""Static decoders over lists of steps.

Source: TF 1.15.5 ``contrib/legacy_seq2seq/python/ops/seq2seq.py:82-157, 233-300, 537-792``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from porting.tf1.cell_base import _linear, features, value
from porting.tf1.runtime import size_or_tensor, static, tf


def feed_argmax(
    embedding: Any, output_projection: Any = None, update_embedding: bool = True
) -> Callable[[Any, Any], Any]:
    """A loop function: the embedding of the last output's argmax."""

    def loop_function(previous: Any, _: Any) -> Any:
        if output_projection is not None:
            previous = tf.nn.xw_plus_b(previous, output_projection[0], output_projection[1])
        embedded = tf.nn.embedding_lookup(embedding, tf.argmax(previous, 1))
        return embedded if update_embedding else tf.stop_gradient(embedded)

    return loop_function


def check_projection(projection: Any, symbols: int, dtype: Any) -> None:
    """ValueError where weights or biases do not end in ``symbols``."""
    if projection is None:
        return
    weights = tf.convert_to_tensor(projection[0], dtype=dtype)
    weights.shape.assert_is_compatible_with([None, symbols])
    tf.convert_to_tensor(projection[1], dtype=dtype).shape.assert_is_compatible_with([symbols])


def rnn_decoder(
    decoder_inputs: Any, initial_state: Any, cell: Any, loop_function: Any = None, scope: Any = None
) -> Any:
    """(outputs, state); with a loop function every output makes the next input."""
    with tf.variable_scope(scope or "rnn_decoder"):
        state, outputs, previous = initial_state, [], None
        for i, x in enumerate(decoder_inputs):
            if loop_function is not None and previous is not None:
                with tf.variable_scope("loop_function", reuse=True):
                    x = loop_function(previous, i)
            if i > 0:
                tf.get_variable_scope().reuse_variables()
            output, state = cell(x, state)
            outputs.append(output)
            previous = output if loop_function is not None else None
    return outputs, state


def embedding_rnn_decoder(
    decoder_inputs: Any, initial_state: Any, cell: Any, num_symbols: int, embedding_size: int,
    output_projection: Any = None, feed_previous: bool = False, update_embedding_for_previous: bool = True,
    scope: Any = None,
) -> Any:  # fmt: skip
    """rnn_decoder on the embeddings of ids."""
    with tf.variable_scope(scope or "embedding_rnn_decoder") as opened:
        check_projection(output_projection, num_symbols, opened.dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop = (
            feed_argmax(embedding, output_projection, update_embedding_for_previous)
            if feed_previous
            else None
        )
        embedded = (tf.nn.embedding_lookup(embedding, ids) for ids in decoder_inputs)
        return rnn_decoder(embedded, initial_state, cell, loop_function=loop)


class _Attention:
    """Heads that read the attention states with the decoder's state as query."""

    def __init__(self, states: Any, heads: int, dtype: Any) -> None:
        self.size, self.dtype = features(states.shape), dtype
        self.length = size_or_tensor(states, 1)
        self.hidden = tf.reshape(states, tf.stack([-1, self.length, 1, self.size]))
        self.keys, self.v = [], []
        for a in range(heads):
            k = tf.get_variable(f"AttnW_{a}", [1, 1, self.size, self.size], dtype=dtype)
            self.keys.append(tf.nn.conv2d(self.hidden, value(k), [1, 1, 1, 1], "SAME"))
            self.v.append(value(tf.get_variable(f"AttnV_{a}", [self.size], dtype=dtype)))

    def __call__(self, query: Any) -> list[Any]:
        query = tf.concat(tf.nest.flatten(query), 1) if isinstance(query, tuple | list) else query
        found = []
        for a, (keys, v) in enumerate(zip(self.keys, self.v, strict=True)):
            with tf.variable_scope(f"Attention_{a}"):
                y = tf.cast(
                    tf.reshape(_linear(query, self.size, True), [-1, 1, 1, self.size]), self.dtype
                )
                scores = tf.reduce_sum(v * tf.tanh(keys + y), [2, 3])
                weights = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), self.dtype)
                weights = tf.reshape(weights, tf.stack([-1, self.length, 1, 1]))
                found.append(
                    tf.reshape(tf.reduce_sum(weights * self.hidden, [1, 2]), [-1, self.size])
                )
        return found


def attention_decoder(
    decoder_inputs: Any, initial_state: Any, attention_states: Any, cell: Any, output_size: Any = None,
    num_heads: int = 1, loop_function: Any = None, dtype: Any = None, scope: Any = None,
    initial_state_attention: bool = False,
) -> Any:  # fmt: skip
    """(outputs, state); attention_states [B, length, size].

    Raises:
        ValueError: no inputs, no heads, sizes that are not static.
    """
    if not decoder_inputs:
        msg = "Must provide at least 1 input to attention decoder."
        raise ValueError(msg)
    if num_heads < 1:
        msg = "With less than 1 heads, use a non-attention decoder."
        raise ValueError(msg)
    if static(attention_states.shape[2]) is None:
        msg = f"Shape[2] of attention_states must be known: {attention_states.shape}"
        raise ValueError(msg)
    output_size = cell.output_size if output_size is None else output_size
    with tf.variable_scope(scope or "attention_decoder", dtype=dtype) as opened:
        attend = _Attention(attention_states, num_heads, opened.dtype)
        empty = tf.zeros(
            tf.stack([tf.shape(decoder_inputs[0])[0], attend.size]), dtype=opened.dtype
        )
        empty.set_shape([None, attend.size])
        attended = attend(initial_state) if initial_state_attention else [empty] * num_heads
        state, outputs, previous = initial_state, [], None
        for i, x in enumerate(decoder_inputs):
            if i > 0:
                tf.get_variable_scope().reuse_variables()
            if loop_function is not None and previous is not None:
                with tf.variable_scope("loop_function", reuse=True):
                    x = loop_function(previous, i)
            joined = [tf.cast(part, opened.dtype) for part in (x, *attended)]
            output, state = cell(_linear(joined, features(x.shape), True), state)
            with tf.variable_scope(
                tf.get_variable_scope(), reuse=True if i == 0 and initial_state_attention else None
            ):
                attended = attend(state)
            with tf.variable_scope("AttnOutputProjection"):
                output = _linear([tf.cast(output, opened.dtype), *attended], output_size, True)
            outputs.append(output)
            previous = output if loop_function is not None else None
    return outputs, state


def embedding_attention_decoder(
    decoder_inputs: Any, initial_state: Any, attention_states: Any, cell: Any, num_symbols: int,
    embedding_size: int, num_heads: int = 1, output_size: Any = None, output_projection: Any = None,
    feed_previous: bool = False, update_embedding_for_previous: bool = True, dtype: Any = None,
    scope: Any = None, initial_state_attention: bool = False,
) -> Any:  # fmt: skip
    """attention_decoder on the embeddings of ids."""
    output_size = cell.output_size if output_size is None else output_size
    if output_projection is not None:
        biases = tf.convert_to_tensor(output_projection[1], dtype=dtype)
        biases.shape.assert_is_compatible_with([num_symbols])
    with tf.variable_scope(scope or "embedding_attention_decoder", dtype=dtype):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop = (
            feed_argmax(embedding, output_projection, update_embedding_for_previous)
            if feed_previous
            else None
        )
        embedded = [tf.nn.embedding_lookup(embedding, ids) for ids in decoder_inputs]
        return attention_decoder(
            embedded, initial_state, attention_states, cell, output_size, num_heads, loop,
            initial_state_attention=initial_state_attention,
        )  # fmt: skip
