"""Habits of public projects' text models that the other families do not have."""

from __future__ import annotations

import tensorflow as tf

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
WORDS = 11


@model("static_rnn of [cell] * 2: two layers with one set of weights.", ["unrolled", "shared"])
def shared_layers(m: Model) -> None:
    """Since TF 1.2 the same cell object twice means the same kernel twice; states are fed."""
    ids = m.ids(WORDS, time=9)
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [WORDS, 6]), ids)
    steps = [tf.squeeze(step, [1]) for step in tf.split(embedded, 9, 1)]
    cell = rnn.MultiRNNCell([rnn.BasicLSTMCell(6)] * 2)
    outputs, state = tf.nn.static_rnn(cell, steps, initial_state=m.states(cell.state_size))
    flat = tf.reshape(tf.concat(outputs, 1), [-1, 6])
    m.output(tf.nn.softmax(tf.layers.dense(flat, WORDS)), state)
    m.expect("LSTM", "LSTMCell", 6, count=2)


@model("A copy distribution over a vocabulary that grows by a fed number.", ["scatter_nd", "zeros"])
def copy_distribution(m: Model) -> None:
    """Attention over the encoder is added to word probabilities padded by ``tf.zeros((3, new))``."""
    ids, lengths = m.ids(WORDS, batch=3), m.lengths()
    copied = m.ids(WORDS + 4, name="copied")
    new = m.feed(tf.placeholder(tf.int32, [], name="new_words"), lambda rng, case: 4 + case.time)
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [WORDS, 5]), ids)
    states, last = tf.nn.dynamic_rnn(rnn.GRUCell(6), embedded, lengths, dtype=tf.float32)
    scores = tf.reduce_sum(states * tf.expand_dims(last, 1), 2)
    attention = tf.nn.softmax(scores) * tf.sequence_mask(
        lengths, tf.shape(ids)[1], dtype=tf.float32
    )
    generate = tf.layers.dense(last, 1, tf.sigmoid)
    words = generate * tf.nn.softmax(tf.layers.dense(last, WORDS))
    padded = tf.concat([words, tf.zeros((3, new))], 1)
    rows = tf.tile(tf.expand_dims(tf.range(3), 1), [1, tf.shape(copied)[1]])
    places = tf.stack((rows, copied), 2)
    copies = tf.scatter_nd(places, (1 - generate) * attention, [3, WORDS + new])
    m.output(padded + copies)
    m.expect("GRU", "GRUCell", 6)
