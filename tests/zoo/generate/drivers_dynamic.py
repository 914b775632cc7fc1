"""``dynamic_rnn`` in its many calls: lengths, majors, fed zero states, shared variables."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.zoo.generate.model import Case, Model, lengths_of
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell


def padded_x(rng: np.random.RandomState, case: Case, features: int, filler: float) -> tuple:
    """x [batch, time, features] holding ``filler`` past drawn lengths, and those lengths."""
    x = case.scale * rng.standard_normal((case.batch, case.time, features))
    lengths = lengths_of(case, rng)
    x[np.arange(case.time)[None, :] >= lengths[:, None]] = filler
    return x, lengths


@model("LSTM without sequence_length; the last output by a slice.", ["no lengths", "outputs[:, -1]"],
       extras=["saved_model", "checkpoint"])  # fmt: skip
def dynamic_no_lengths(m: Model) -> None:
    """The commonest tutorial model: the last output through a dense layer."""
    x = m.sequence(5)
    outputs, state = tf.nn.dynamic_rnn(rnn.BasicLSTMCell(6), x, dtype=tf.float32)
    weights, biases = tf.get_variable("out_w", [6, 3]), tf.get_variable("out_b", [3])
    logits = tf.matmul(outputs[:, -1, :], weights) + biases
    m.output(outputs, state, tf.nn.softmax(logits, name="prediction"))
    m.expect("LSTM", "LSTMCell", 6)


@model("LSTM, time_major, lengths, fed state.", ["time_major=True"])
def dynamic_time_major(m: Model) -> None:
    """x [time, batch, 5] and outputs [time, batch, 6]."""
    x = m.sequence(5, time_major=True)
    cell = rnn.LSTMCell(6, forget_bias=0.3)
    state = m.states(cell.state_size)
    m.output(*tf.nn.dynamic_rnn(cell, x, m.lengths(), initial_state=state, time_major=True))
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.3)


@model("The tensors of zero_state are fed.", ["zero_state tensors as inputs", "swap_memory"])
def zero_state_fed(m: Model) -> None:
    """Two layers; the batch size comes from tf.shape(x), the states are fed over fills."""
    x = m.sequence(5)
    cell = rnn.MultiRNNCell([rnn.BasicLSTMCell(n) for n in (6, 4)])
    state = m.feed_states(cell.zero_state(tf.shape(x)[0], tf.float32))
    m.output(*tf.nn.dynamic_rnn(cell, x, initial_state=state, swap_memory=True))
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("LSTM", "LSTMCell", 4)


@model("A static batch of 3 and a constant zero_state, fed.", ["static batch", "static T"])
def zero_state_fed_static(m: Model) -> None:
    """The PTB habit: shapes are static, the zero state is a constant that is fed."""
    x = m.sequence(5, batch=3, time=6)
    cell = rnn.GRUCell(6)
    state = m.feed_states(cell.zero_state(3, tf.float32))
    m.output(*tf.nn.dynamic_rnn(cell, x, initial_state=state))
    m.expect("GRU", "GRUCell", 6)


@model("GRU with int64 lengths.", ["int64 lengths"])
def lengths_int64(m: Model) -> None:
    """dynamic_rnn casts them to int32."""
    x = m.sequence(5)
    m.output(*tf.nn.dynamic_rnn(rnn.GRUCell(6), x, m.lengths(dtype=tf.int64), dtype=tf.float32))
    m.expect("GRU", "GRUCell", 6)


@model("Lengths from x by sign, reduce_max and reduce_sum.", ["lengths computed in the graph"])
def lengths_computed(m: Model) -> None:
    """A step is used where some feature is not 0; the last relevant output by a flat gather."""
    x = tf.placeholder(tf.float32, [None, None, 5], name="x")
    m.feed(x, lambda rng, case: padded_x(rng, case, 5, 0.0)[0])
    used = tf.sign(tf.reduce_max(tf.abs(x), 2))
    lengths = tf.cast(tf.reduce_sum(used, 1), tf.int32)
    outputs, state = tf.nn.dynamic_rnn(rnn.LSTMCell(6), x, lengths, dtype=tf.float32)
    batch, time = tf.shape(outputs)[0], tf.shape(outputs)[1]
    index = tf.range(0, batch) * time + tf.maximum(lengths - 1, 0)
    last = tf.gather(tf.reshape(outputs, [-1, 6]), index, name="last")
    m.output(outputs, state, lengths, last)
    m.expect("LSTM", "LSTMCell", 6)


@model("Lengths from padded ids, an embedding, two layers.", ["lengths from ids", "embedding"])
def lengths_from_ids(m: Model) -> None:
    """Id 0 is padding; int64 ids."""
    ids = m.ids(13, dtype=tf.int64, padded=True)
    lengths = tf.reduce_sum(tf.cast(tf.not_equal(ids, 0), tf.int32), axis=1)
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [13, 5]), ids)
    cell = rnn.MultiRNNCell([rnn.GRUCell(6), rnn.GRUCell(4)])
    m.output(*tf.nn.dynamic_rnn(cell, embedded, lengths, dtype=tf.float32))
    m.expect("GRU", "GRUCell", 6)
    m.expect("GRU", "GRUCell", 4)


@model("Lengths below 0 and beyond T.", ["lengths out of range count as 0 and as T"])
def lengths_out_of_range(m: Model) -> None:
    """TF1 clips them by comparing the time with each length."""
    x = m.sequence(5)
    lengths = tf.placeholder(tf.int32, [None], name="lengths")
    m.feed(lengths, lambda rng, case: lengths_of(case, rng) + rng.choice([-3, 0, 4], case.batch))
    cell = rnn.LSTMCell(6)
    m.output(*tf.nn.dynamic_rnn(cell, x, lengths, initial_state=m.states(cell.state_size)))
    m.expect("LSTM", "LSTMCell", 6)


@model("NaN in the padded part of x.", ["NaN past the length never reaches a result"])
def nan_padding(m: Model) -> None:
    """Masks by multiplication would leak the NaN."""
    x = tf.placeholder(tf.float32, [None, None, 5], name="x")
    lengths = tf.placeholder(tf.int32, [None], name="lengths")

    def draw(rng: np.random.RandomState, case: Case) -> tuple:
        shared = np.random.RandomState(int(1000 * case.scale) + 10 * case.batch + case.time)
        return padded_x(shared, case, 5, np.nan)

    m.feed(x, lambda rng, case: draw(rng, case)[0])
    m.feed(lengths, lambda rng, case: draw(rng, case)[1])
    cell = rnn.GRUCell(6)
    m.output(*tf.nn.dynamic_rnn(cell, x, lengths, initial_state=m.states(cell.state_size)))
    m.expect("GRU", "GRUCell", 6)


@model("Two loops over two inputs with one set of variables.", ["shared variables", "siamese"])
def siamese_lstm(m: Model) -> None:
    """Both sides by AUTO_REUSE; the result is the distance of the two final states."""
    finals = []
    for side in ("left", "right"):
        x = m.sequence(5, name=side)
        lengths = m.lengths(name=f"{side}_lengths")
        with tf.variable_scope("side", reuse=tf.AUTO_REUSE):
            cell = rnn.BasicLSTMCell(6, forget_bias=0.3)
            outputs, state = tf.nn.dynamic_rnn(cell, x, lengths, dtype=tf.float32)
        m.output(outputs, state)
        finals.append(state.h)
    m.output(tf.exp(-tf.reduce_sum(tf.abs(finals[0] - finals[1]), 1), name="similarity"))
    m.expect("LSTM", "LSTMCell", 6, count=2, forget_bias=0.3)


@model("One cell object, two loops, the state of one begins the other.", ["states handed on"])
def encoder_decoder_states(m: Model) -> None:
    """An encoder's final state is the decoder's initial state; variables apart."""
    x, y = m.sequence(5), m.sequence(3, name="y")
    _, state = tf.nn.dynamic_rnn(rnn.LSTMCell(6), x, m.lengths(), dtype=tf.float32, scope="enc")
    outputs, final = tf.nn.dynamic_rnn(rnn.LSTMCell(6), y, initial_state=state, scope="dec")
    m.output(state, outputs, final)
    m.expect("LSTM", "LSTMCell", 6, count=2)


@model("Variables named weights and biases, as before TF 1.2.", ["old variable names"],
       extras=["checkpoint"])  # fmt: skip
def old_names(m: Model) -> None:
    """A custom getter renames kernel and bias, as old checkpoints have them."""

    def rename(getter, name, *args, **kwargs):  # type: ignore[no-untyped-def]
        old = name.replace("/kernel", "/weights").replace("/bias", "/biases")
        return getter(old, *args, **kwargs)

    x = m.sequence(5)
    with tf.variable_scope("", custom_getter=rename):
        cell = rnn.MultiRNNCell([rnn.BasicLSTMCell(6), rnn.GRUCell(4)])
        m.output(*tf.nn.dynamic_rnn(cell, x, m.lengths(), dtype=tf.float32))
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("GRU", "GRUCell", 4)
