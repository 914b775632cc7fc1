"""``tf.contrib.legacy_seq2seq``: lists of step tensors, everything unrolled."""

from __future__ import annotations

from typing import List

import tensorflow as tf
from tensorflow.contrib import legacy_seq2seq as legacy

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
SYMBOLS = 9


def float_steps(m: Model, name: str, steps: int, size: int) -> List[tf.Tensor]:
    """One placeholder [batch, size] a step."""
    m.time = 1
    return [m.vector(size, name=f"{name}{k}") for k in range(steps)]


def id_steps(m: Model, name: str, steps: int) -> List[tf.Tensor]:
    """One int32 placeholder [batch] a step."""
    m.time = 1
    steps_of = [tf.placeholder(tf.int32, [None], name=f"{name}{k}") for k in range(steps)]
    for step in steps_of:
        m.feed(step, lambda rng, case: rng.randint(0, SYMBOLS, case.batch))
    return steps_of


@model("basic_rnn_seq2seq of an LSTM.", ["unrolled", "encoder and decoder"])
def legacy_basic(m: Model) -> None:
    """The decoder is fed its true inputs, from the encoder's state."""
    encoder, decoder = float_steps(m, "encoder", 4, 5), float_steps(m, "decoder", 3, 5)
    outputs, state = legacy.basic_rnn_seq2seq(encoder, decoder, rnn.BasicLSTMCell(6))
    m.output(outputs, state)
    m.expect("LSTM", "LSTMCell", 6, count=2)


@model("tied_rnn_seq2seq of a GRU.", ["unrolled", "one set of variables for both"])
def legacy_tied(m: Model) -> None:
    """Encoder and decoder share their weights."""
    encoder, decoder = float_steps(m, "encoder", 4, 5), float_steps(m, "decoder", 3, 5)
    m.output(*legacy.tied_rnn_seq2seq(encoder, decoder, rnn.GRUCell(6)))
    m.expect("GRU", "GRUCell", 6, count=2)


@model("tied_rnn_seq2seq with a loop_function.", ["unrolled", "own output as input"])
def legacy_tied_loop(m: Model) -> None:
    """Each decoder input is the projected last output."""
    encoder, decoder = float_steps(m, "encoder", 3, 5), float_steps(m, "decoder", 4, 5)
    w, b = tf.get_variable("back_w", [6, 5]), tf.get_variable("back_b", [5])
    feed = lambda previous, _: tf.matmul(previous, w) + b  # noqa: E731
    outputs, state = legacy.tied_rnn_seq2seq(encoder, decoder[:1] * 4, rnn.LSTMCell(6), feed)
    m.inputs, m.makers = m.inputs[:4], m.makers[:4]
    m.output(outputs, state)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect(
        "unrolled", "LSTMCell", 6, also=["Scan", "Loop"], reason="the cell reads its own output"
    )


@model("embedding_rnn_seq2seq, greedy.", ["unrolled", "argmax fed back", "output projection"])
def legacy_embedding_greedy(m: Model) -> None:
    """feed_previous=True: the embedding of the argmax of the last logits."""
    encoder, decoder = id_steps(m, "encoder", 4), id_steps(m, "decoder", 1)
    outputs, state = legacy.embedding_rnn_seq2seq(
        encoder, decoder * 4, rnn.GRUCell(6), SYMBOLS, SYMBOLS, 5, feed_previous=True
    )
    m.output(outputs, state)
    m.output(tf.argmax(tf.stack(outputs, 1), 2, name="tokens"))
    m.expect("GRU", "GRUCell", 6)
    m.expect("unrolled", "GRUCell", 6, also=["Scan", "Loop"], reason="the argmax is fed back")


@model("embedding_attention_seq2seq, teacher forced, two layers.", ["unrolled", "attention"])
def legacy_attention(m: Model) -> None:
    """Two GRU layers, one attention head read at each step."""
    encoder, decoder = id_steps(m, "encoder", 3), id_steps(m, "decoder", 2)
    cell = rnn.MultiRNNCell([rnn.GRUCell(6), rnn.GRUCell(4)])
    outputs, state = legacy.embedding_attention_seq2seq(encoder, decoder, cell, SYMBOLS, SYMBOLS, 5)
    m.output(outputs, state)
    m.expect("GRU", "GRUCell", 6)
    m.expect("GRU", "GRUCell", 4)
    m.expect(
        "unrolled", "MultiRNNCell", [6, 4], also=["Scan", "Loop"], reason="attention is fed back"
    )


@model("embedding_attention_seq2seq, greedy, two heads.", ["unrolled", "attention", "argmax"])
def legacy_attention_greedy(m: Model) -> None:
    """The translate tutorial at inference time, with feed_previous by a frozen placeholder."""
    previous = m.freeze(tf.placeholder(tf.bool, [], name="feed_previous"), True, by_user=True)
    encoder, decoder = id_steps(m, "encoder", 3), id_steps(m, "decoder", 2)
    outputs, state = legacy.embedding_attention_seq2seq(
        encoder, decoder, rnn.LSTMCell(6), SYMBOLS, SYMBOLS, 5, num_heads=2, feed_previous=previous
    )
    m.output(outputs, state)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("unrolled", "LSTMCell", 6, also=["Scan", "Loop"], reason="attention is fed back")
