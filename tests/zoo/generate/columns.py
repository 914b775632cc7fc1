"""Hand-written cells in the textbook's own convention: ``W x + U h`` with columns, or vectors without a batch."""

from __future__ import annotations

from typing import Any, List

import tensorflow as tf

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model


def many(letters: str, *shape: int) -> List[Any]:
    """A variable a letter."""
    return [tf.get_variable(letter, list(shape)) for letter in letters.split()]


@model("tf.scan over a GRU of columns [units, batch].", ["tf.scan", "W @ x"])
def scan_gru_columns(m: Model) -> None:
    """Biases are columns too; items are [features, batch]."""
    x = tf.transpose(m.sequence(5), [1, 2, 0])
    wz, wr, wc = many("wz wr wc", 6, 5)
    uz, ur, uc = many("uz ur uc", 6, 6)
    bz, br, bc = many("bz br bc", 6, 1)

    def step(h, v):  # type: ignore[no-untyped-def]
        z = tf.sigmoid(tf.matmul(wz, v) + tf.matmul(uz, h) + bz)
        r = tf.sigmoid(tf.matmul(wr, v) + tf.matmul(ur, h) + br)
        return (1 - z) * tf.tanh(tf.matmul(wc, v) + tf.matmul(uc, r * h) + bc) + z * h

    states = tf.scan(step, x, initializer=tf.transpose(m.vector(6, name="state")))
    m.output(tf.transpose(states, [2, 0, 1], name="outputs"), tf.identity(states[-1], "final"))
    m.expect("GRU", "GRUCell", 6, linear_before_reset=0)


@model("tf.scan over an LSTM of one column [units, 1].", ["tf.scan", "one sample", "W @ x"])
def scan_lstm_column(m: Model) -> None:
    """One row of the batch; each item is reshaped to a column."""
    x = m.sequence(5, batch=1)[0]
    kernels = many("wi wf wg wo", 6, 11)
    biases = many("bi bf bg bo", 6, 1)

    def step(state, v):  # type: ignore[no-untyped-def]
        h, c = state
        both = tf.concat([tf.reshape(v, [5, 1]), h], 0)
        i, f, g, o = [tf.matmul(w, both) + b for w, b in zip(kernels, biases)]
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    h, _ = tf.scan(step, x, initializer=(tf.zeros([6, 1]), tf.zeros([6, 1])))
    m.output(tf.identity(h, "outputs"))
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.0)


@model("tf.scan over an RNN whose state is a vector.", ["tf.scan", "no batch axis", "tensordot"])
def scan_rnn_vector(m: Model) -> None:
    """One sample; matrices stand behind the vectors."""
    x = m.sequence(5, batch=1)[0]
    (w,), (u,), (b,) = many("w", 5, 6), many("u", 6, 6), many("b", 6)
    step = lambda h, v: tf.tanh(tf.tensordot(v, w, 1) + tf.tensordot(h, u, 1) + b)  # noqa: E731
    states = tf.scan(step, x, initializer=tf.zeros([6]))
    m.output(tf.identity(states, "outputs"), tf.identity(states[-1], "final"))
    m.expect("RNN", "BasicRNNCell", 6)


@model("A while loop of rows whose products are of columns.", ["while_loop by hand", "W @ x"])
def while_columns(m: Model) -> None:
    """The states are [batch, units], and transposed for every product; a vector of lengths masks them."""
    x, lengths = m.sequence(5, time_major=True), m.lengths()
    (w,), (u,), (b,) = many("w", 24, 5), many("u", 24, 6), many("b", 24)
    time = tf.shape(x)[0]
    read = tf.TensorArray(tf.float32, time).unstack(x)

    def body(t, h, c, written):  # type: ignore[no-untyped-def]
        v = read.read(t)
        v.set_shape([None, 5])
        sums = tf.matmul(w, v, transpose_b=True) + tf.matmul(u, tf.transpose(h))
        i, f, g, o = tf.split(tf.transpose(sums) + b, 4, 1)
        new_c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        new_h = tf.sigmoid(o) * tf.tanh(new_c)
        past = t >= lengths
        shown = tf.where(past, tf.zeros_like(new_h), new_h)
        h, c = tf.where(past, h, new_h), tf.where(past, c, new_c)
        return t + 1, h, c, written.write(t, shown)

    start = (0, m.vector(6, name="h"), m.vector(6, name="c"), tf.TensorArray(tf.float32, time))
    loop = tf.while_loop(lambda t, *_: t < time, body, start)
    m.output(tf.identity(loop[3].stack(), "outputs"), tf.identity(loop[1]), tf.identity(loop[2]))
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.0)


def lstm_of(gates: Any, m: Model, x: Any) -> None:
    """tf.scan over an LSTM; ``gates(v, h)`` gives the sums of i, f, o, g."""

    def step(state, v):  # type: ignore[no-untyped-def]
        h, c = state
        i, f, o, g = gates(v, h)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    h, c = tf.scan(step, x, initializer=(m.vector(6, name="h"), m.vector(6, name="c")))
    m.output(tf.identity(h, "outputs"), tf.identity(c[-1], "last"))
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.0)


@model("An LSTM of four matrices in one array, batched products.", ["tf.scan", "[4, in, units]"])
def scan_gates_stacked(m: Model) -> None:
    """Inputs and states are tiled, one copy a gate."""
    x = m.sequence(5, time_major=True)
    (w,), (u,), (b,) = many("w", 4, 5, 6), many("u", 4, 6, 6), many("b", 4, 1, 6)
    four = lambda v: tf.tile(v[None], [4, 1, 1])  # noqa: E731
    lstm_of(lambda v, h: tf.unstack(tf.matmul(four(v), w) + tf.matmul(four(h), u) + b), m, x)


@model("An LSTM of four matrices in one array, by einsum.", ["tf.scan", "einsum"])
def scan_gates_einsum(m: Model) -> None:
    """``bf,gfu->gbu``."""
    x = m.sequence(5, time_major=True)
    (w,), (u,), (b,) = many("w", 4, 5, 6), many("u", 4, 6, 6), many("b", 4, 1, 6)
    product = lambda v, k: tf.einsum("bf,gfu->gbu", v, k)  # noqa: E731
    lstm_of(lambda v, h: tf.unstack(product(v, w) + product(h, u) + b), m, x)


@model("An LSTM whose bias is a row for a column of ones.", ["tf.scan", "ones column"])
def scan_ones_column(m: Model) -> None:
    """``concat([x, h, 1]) @ K``."""
    x = m.sequence(5, time_major=True)
    (k,) = many("k", 12, 24)

    def gates(v, h):  # type: ignore[no-untyped-def]
        return tf.split(tf.matmul(tf.concat([v, h, tf.ones([tf.shape(v)[0], 1])], 1), k), 4, 1)

    lstm_of(gates, m, x)
