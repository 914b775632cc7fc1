"""Whole encoder-decoder models over lists of steps.

Source: TF 1.15.5 ``contrib/legacy_seq2seq/python/ops/seq2seq.py:159-232, 301-536, 793-1050``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from porting.tf1.cell_base import RNNCell
from porting.tf1.contrib_wrappers import EmbeddingWrapper, OutputProjectionWrapper
from porting.tf1.legacy.decoders import (
    check_projection,
    embedding_attention_decoder,
    embedding_rnn_decoder,
    feed_argmax,
    rnn_decoder,
)
from porting.tf1.runtime import tf


def basic_rnn_seq2seq(
    encoder_inputs: Any, decoder_inputs: Any, cell: Any, dtype: Any = tf.float32, scope: Any = None
) -> Any:
    """Encoder and decoder with weights of their own."""
    with tf.variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = tf.nn.static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(
    encoder_inputs: Any, decoder_inputs: Any, cell: Any, loop_function: Any = None, dtype: Any = tf.float32,
    scope: Any = None,
) -> Any:  # fmt: skip
    """Encoder and decoder share their weights."""
    with tf.variable_scope("combined_tied_rnn_seq2seq"):
        scope = scope or "tied_rnn_seq2seq"
        _, state = tf.nn.static_rnn(cell, encoder_inputs, dtype=dtype, scope=scope)
        tf.get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function=loop_function, scope=scope)


def either(feed_previous: Any, decode: Callable[[bool], Any], count: int, like: Any) -> Any:
    """``decode`` with feeding or without, chosen when the graph runs; the second shares the first's variables."""

    def flat(feeding: bool) -> list[Any]:
        with tf.variable_scope(tf.get_variable_scope(), reuse=None if feeding else True):
            outputs, state = decode(feeding)
        return [*outputs, *tf.nest.flatten(state)]

    found = tf.cond(feed_previous, lambda: flat(True), lambda: flat(False))
    parts = found[count:]
    state = tf.nest.pack_sequence_as(like, parts) if isinstance(like, tuple | list) else parts[0]
    return found[:count], state


def embedding_rnn_seq2seq(
    encoder_inputs: Any, decoder_inputs: Any, cell: Any, num_encoder_symbols: int, num_decoder_symbols: int,
    embedding_size: int, output_projection: Any = None, feed_previous: Any = False, dtype: Any = None,
    scope: Any = None,
) -> Any:  # fmt: skip
    """Ids in, scores over ids out."""
    with tf.variable_scope(scope or "embedding_rnn_seq2seq") as opened:
        if dtype is not None:
            opened.set_dtype(dtype)
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        _, encoded = tf.nn.static_rnn(encoder, encoder_inputs, dtype=dtype or opened.dtype)
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)

        def decode(feeding: bool, **more: Any) -> Any:
            return embedding_rnn_decoder(
                decoder_inputs, encoded, cell, num_decoder_symbols, embedding_size, output_projection,
                feeding, **more,
            )  # fmt: skip

        if isinstance(feed_previous, bool):
            return decode(feed_previous)
        frozen = lambda feeding: decode(feeding, update_embedding_for_previous=False)  # noqa: E731
        return either(feed_previous, frozen, len(decoder_inputs), encoded)


def embedding_tied_rnn_seq2seq(
    encoder_inputs: Any, decoder_inputs: Any, cell: Any, num_symbols: int, embedding_size: int,
    num_decoder_symbols: Any = None, output_projection: Any = None, feed_previous: Any = False,
    dtype: Any = None, scope: Any = None,
) -> Any:  # fmt: skip
    """One embedding and one cell for both sides."""
    with tf.variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as opened:
        dtype = opened.dtype
        check_projection(output_projection, num_symbols, dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size], dtype=dtype)
        first = [tf.nn.embedding_lookup(embedding, ids) for ids in encoder_inputs]
        second = [tf.nn.embedding_lookup(embedding, ids) for ids in decoder_inputs]
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols or num_symbols)

        def decode(feeding: bool, update: bool = False) -> Any:
            loop = feed_argmax(embedding, output_projection, update) if feeding else None
            return tied_rnn_seq2seq(first, second, cell, loop_function=loop, dtype=dtype)

        if isinstance(feed_previous, bool):
            return decode(feed_previous, True)
        return either(feed_previous, decode, len(decoder_inputs), cell.zero_state(1, dtype))


def embedding_attention_seq2seq(
    encoder_inputs: Any, decoder_inputs: Any, cell: Any, num_encoder_symbols: int, num_decoder_symbols: int,
    embedding_size: int, num_heads: int = 1, output_projection: Any = None, feed_previous: Any = False,
    dtype: Any = None, scope: Any = None, initial_state_attention: bool = False,
) -> Any:  # fmt: skip
    """The decoder attends to the encoder's outputs."""
    with tf.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as opened:
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        outputs, encoded = tf.nn.static_rnn(encoder, encoder_inputs, dtype=opened.dtype)
        memory = tf.concat([tf.reshape(y, [-1, 1, cell.output_size]) for y in outputs], 1)
        size = None
        if output_projection is None:
            cell, size = OutputProjectionWrapper(cell, num_decoder_symbols), num_decoder_symbols

        def decode(feeding: bool, **more: Any) -> Any:
            return embedding_attention_decoder(
                decoder_inputs, encoded, memory, cell, num_decoder_symbols, embedding_size, num_heads, size,
                output_projection, feeding, initial_state_attention=initial_state_attention, **more,
            )  # fmt: skip

        if isinstance(feed_previous, bool):
            return decode(feed_previous)
        frozen = lambda feeding: decode(feeding, update_embedding_for_previous=False)  # noqa: E731
        return either(feed_previous, frozen, len(decoder_inputs), encoded)


def one2many_rnn_seq2seq(
    encoder_inputs: Any, decoder_inputs_dict: Any, enc_cell: Any, dec_cells_dict: Any,
    num_encoder_symbols: int, num_decoder_symbols_dict: Any, embedding_size: int,
    feed_previous: Any = False, dtype: Any = None, scope: Any = None,
) -> Any:  # fmt: skip
    """One encoder, several decoders: dicts of outputs and of states.

    Raises:
        TypeError: something that is not an RNNCell. ValueError: the dicts' keys differ.
    """
    for word, cell in (("enc_cell", enc_cell), *(("dec_cell", c) for c in dec_cells_dict.values())):
        if not isinstance(cell, RNNCell):
            msg = f"{word} is not an RNNCell: {type(cell)}"
            raise TypeError(msg)
    if set(dec_cells_dict) != set(decoder_inputs_dict):
        msg = f"keys of dec_cells_dict {sorted(dec_cells_dict)} != keys of decoder_inputs_dict {sorted(decoder_inputs_dict)}"
        raise ValueError(msg)
    outputs, states = {}, {}
    with tf.variable_scope(scope or "one2many_rnn_seq2seq", dtype=dtype) as opened:
        encoder = EmbeddingWrapper(enc_cell, num_encoder_symbols, embedding_size)
        _, encoded = tf.nn.static_rnn(encoder, encoder_inputs, dtype=opened.dtype)
        for name, inputs in decoder_inputs_dict.items():
            symbols = num_decoder_symbols_dict[name]
            with tf.variable_scope(f"one2many_decoder_{name}"):
                cell = OutputProjectionWrapper(dec_cells_dict[name], symbols)
                decode = _decoding(inputs, encoded, cell, symbols, embedding_size)
                if isinstance(feed_previous, bool):
                    outputs[name], states[name] = decode(feed_previous)
                else:
                    outputs[name], states[name] = either(
                        feed_previous, decode, len(inputs), encoded
                    )
    return outputs, states


def _decoding(
    inputs: Any, encoded: Any, cell: Any, symbols: int, size: int
) -> Callable[[bool], Any]:
    return lambda feeding: embedding_rnn_decoder(
        inputs, encoded, cell, symbols, size, feed_previous=feeding
    )
