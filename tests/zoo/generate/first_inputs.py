"""Decoders whose first input is none of the targets: a GO symbol, then what a teacher forces, known before the loop runs."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.contrib import seq2seq

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
EMPTY = "with no row everything is finished before the first step"


@model("raw_rnn: a GO vector, then all inputs, two layers.", ["raw_rnn", "one step more than inputs"])
def raw_rnn_go(m: Model) -> None:
    """A row of length n takes n + 1 steps; the last one's next input is never read."""
    x, lengths = m.sequence(5, time_major=True), m.lengths()
    total, batch = tf.shape(x)[0], tf.shape(x)[1]
    go = tf.get_variable("go", [5])
    cell = rnn.MultiRNNCell([rnn.LSTMCell(6), rnn.GRUCell(4)])
    start = m.states(cell.state_size)
    array = tf.TensorArray(tf.float32, size=total, name="inputs").unstack(x)

    def step(time, output, state, loop_state):  # type: ignore[no-untyped-def]
        first = output is None
        finished = time >= lengths + 1
        zeros = lambda: tf.zeros([batch, 5])  # noqa: E731
        late = lambda: tf.cond(tf.reduce_all(finished), zeros, lambda: array.read(time - 1))  # noqa: E731
        read = tf.tile(go[None], [batch, 1]) if first else late()
        read.set_shape([None, 5])
        return finished, read, start if first else state, output, None

    outputs, final, _ = tf.nn.raw_rnn(cell, step)
    m.output(tf.identity(outputs.stack(), "outputs"), tf.identity(final[0].c, "c"))
    m.output(tf.identity(final[1], "h"))
    m.no_empty_batch(EMPTY)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("GRU", "GRUCell", 4)


@model("A CustomHelper: zeros, then the targets.", ["CustomHelper", "teacher forcing"])
def training_zeros_first(m: Model) -> None:
    """As speech synthesis trains its decoder: step t reads frame t - 1."""
    x, lengths = m.sequence(5), m.lengths()
    batch = tf.shape(x)[0]

    def first():  # type: ignore[no-untyped-def]
        return tf.tile([False], [batch]), tf.zeros([batch, 5])

    def following(time, outputs, state, sample_ids):  # type: ignore[no-untyped-def]
        return time + 1 >= lengths, x[:, time, :], state

    nothing = lambda time, outputs, state: tf.zeros([batch], tf.int32)  # noqa: E731
    helper = seq2seq.CustomHelper(first, nothing, following)
    decoder = seq2seq.BasicDecoder(rnn.GRUCell(6), helper, m.vector(6, name="state"))
    outputs, final, ends = seq2seq.dynamic_decode(decoder, maximum_iterations=20)
    m.output(tf.identity(outputs.rnn_output, "outputs"), tf.identity(final, "final"))
    m.output(tf.identity(ends, "ends"))
    m.no_empty_batch(EMPTY)
    m.expect("GRU", "GRUCell", 6)


@model("A while loop that carries the ids of two steps.", ["two delays", "embedding in the loop"])
def while_two_ids(m: Model) -> None:
    """The first ids are constants; the last ones carried are outputs."""
    ids, lengths = m.ids(9, name="ids"), m.lengths()
    batch, total = tf.shape(ids)[0], tf.shape(ids)[1]
    table = tf.get_variable("embedding", [9, 5])
    cell = rnn.GRUCell(6)
    cell.build(tf.TensorShape([None, 5]))
    targets = tf.TensorArray(tf.int32, size=total, clear_after_read=False)
    targets = targets.unstack(tf.transpose(ids))

    def body(t, now, before, h, written):  # type: ignore[no-untyped-def]
        x = tf.nn.embedding_lookup(table, now) + 0.5 * tf.nn.embedding_lookup(table, before)
        y, new = cell(x, h)
        past = t >= lengths
        new, y = tf.where(past, h, new), tf.where(past, tf.zeros_like(y), y)
        following = targets.read(t)
        following.set_shape([None])
        return t + 1, following, now, new, written.write(t, y)

    start = (0, tf.fill([batch], 2), tf.fill([batch], 3), m.vector(6, name="state"))
    written = tf.TensorArray(tf.float32, size=total)
    loop = tf.while_loop(lambda t, *_: t < total, body, (*start, written))
    m.output(tf.identity(loop[4].stack(), "outputs"), tf.identity(loop[3], "final"))
    m.output(tf.identity(loop[1], "now"), tf.identity(loop[2], "before"))
    m.expect("GRU", "GRUCell", 6)
