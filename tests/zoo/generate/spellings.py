"""One LSTM, GRU or RNN in the many spellings of tutorials: what counts, what is read where, what the outputs are kept in."""

from __future__ import annotations

from typing import Tuple

import tensorflow as tf

from tests.zoo.generate.handwritten import FEATURES, UNITS, gates, gru_step, linear, lstm_step
from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

Weights = Tuple[tf.Variable, tf.Variable, tf.Variable]


def fused() -> Weights:
    """Wx, Wh and b of four gates side by side."""
    names, rows = ("Wx", "Wh", "b"), ([FEATURES, 4 * UNITS], [UNITS, 4 * UNITS], [4 * UNITS])
    return tuple(tf.get_variable(name, shape) for name, shape in zip(names, rows))


def columns(x: tf.Tensor, c: tf.Tensor, h: tf.Tensor, weights: Weights) -> Tuple:
    """The gates i, f, o, g cut out of one product by z[:, k * n : (k + 1) * n]; gives (c, h)."""
    z = tf.matmul(x, weights[0]) + tf.matmul(h, weights[1]) + weights[2]
    i, f, o, g = (z[:, k * UNITS : (k + 1) * UNITS] for k in range(4))
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return c, tf.sigmoid(o) * tf.tanh(c)


def start_of(x: tf.Tensor) -> tf.Tensor:
    """Zeros [batch, units] for x [batch, time, features]."""
    return tf.zeros([tf.shape(x)[0], UNITS])


@model("tf.scan over a tuple (c, h), of which the last c is read.", ["tf.scan", "tuple state"])
def scan_tuple(m: Model) -> None:
    """c of every step is stacked, and only its last item used."""
    x, weights = m.sequence(FEATURES, time_major=True), fused()
    start = (m.vector(UNITS, name="c"), m.vector(UNITS, name="h"))
    c, h = tf.scan(lambda s, v: columns(v, s[0], s[1], weights), x, initializer=start)
    m.output(h, tf.identity(c[-1], "last_c"))
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


@model("tf.scan over a stack of h and c.", ["tf.scan", "stacked state", "states[:, 0]"])
def scan_stacked(m: Model) -> None:
    """The state is one array [2, batch, units]; of the results only h is read."""
    x, g = m.sequence(FEATURES, time_major=True), gates("ifog")

    def step(state: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        h, c = tf.unstack(state)
        c, h = lstm_step(g, v, c, h)
        return tf.stack([h, c])

    states = tf.scan(step, x, initializer=tf.zeros([2, tf.shape(x)[1], UNITS]))
    m.output(tf.transpose(states[:, 0], [1, 0, 2], name="outputs"))
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


@model("tf.scan over x and tf.sequence_mask, selecting.", ["tf.scan", "mask as an element"])
def scan_masked(m: Model) -> None:
    """Past its length a row keeps its states, and the outputs repeat them."""
    x, lengths, weights = m.sequence(FEATURES, time_major=True), m.lengths(), fused()
    mask = tf.transpose(tf.sequence_mask(lengths, tf.shape(x)[0]))

    def step(state: Tuple, item: Tuple) -> Tuple:
        c, h = columns(item[0], state[0], state[1], weights)
        inside = tf.tile(item[1][:, None], [1, UNITS])
        return tf.where(inside, c, state[0]), tf.where(inside, h, state[1])

    start = (m.vector(UNITS, name="c"), m.vector(UNITS, name="h"))
    c, h = tf.scan(step, (x, mask), initializer=start)
    m.output(h, tf.identity(c[-1], "last_c"))
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


@model("tf.scan whose state holds the step's softmax.", ["tf.scan", "dense layer inside"])
def scan_softmax(m: Model) -> None:
    """The third state is read by no step."""
    x, weights = m.sequence(FEATURES, time_major=True), fused()
    w, b = tf.get_variable("Wo", [UNITS, 3]), tf.get_variable("bo", [3])

    def step(state: Tuple, v: tf.Tensor) -> Tuple:
        c, h = columns(v, state[0], state[1], weights)
        return c, h, tf.nn.softmax(tf.matmul(h, w) + b)

    start = tuple(tf.zeros([tf.shape(x)[1], n]) for n in (UNITS, UNITS, 3))
    m.output(tf.identity(tf.scan(step, x, initializer=start)[2], "chances"))
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


@model("tf.while_loop that reads x[:, t] and writes a growing TensorArray.", ["x[:, t, :]"])
def while_slices(m: Model) -> None:
    """The first thing people write."""
    x, weights = m.sequence(FEATURES), fused()

    def body(t, c, h, written):  # type: ignore[no-untyped-def]
        c, h = columns(x[:, t, :], c, h, weights)
        return t + 1, c, h, written.write(t, h)

    written = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    start = (0, start_of(x), start_of(x), written)
    loop = tf.while_loop(lambda t, *_: t < tf.shape(x)[1], body, start)
    m.output(tf.transpose(loop[3].stack(), [1, 0, 2], name="outputs"), loop[2])
    m.no_empty_batch("kept simple")
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


@model("tf.while_loop whose outputs are concatenated step by step.", ["concat as a list"])
def while_concat(m: Model) -> None:
    """shape_invariants let the array of outputs grow."""
    x, g = m.sequence(FEATURES), gates("zrh")

    def body(t, h, outputs):  # type: ignore[no-untyped-def]
        h = gru_step(g, tf.gather(x, t, axis=1), h)
        return t + 1, h, tf.concat([outputs, h[:, None]], 1)

    start = (tf.constant(0), start_of(x), tf.zeros([tf.shape(x)[0], 0, UNITS]))
    shapes = tuple(map(tf.TensorShape, ([], [None, UNITS], [None, None, UNITS])))
    going = lambda t, *_: t < tf.shape(x)[1]  # noqa: E731
    loop = tf.while_loop(going, body, start, shape_invariants=shapes)
    m.output(tf.identity(loop[2], "outputs"), loop[1])
    m.no_empty_batch("kept simple")
    m.expect("GRU", "GRUCell", UNITS, linear_before_reset=0)


@model("tf.while_loop that counts down.", ["counter goes down", "t >= 0"])
def while_down(m: Model) -> None:
    """From the last item to the first; results in their places."""
    x, g = m.sequence(FEATURES), gates("h")
    time = tf.shape(x)[1]
    read = tf.TensorArray(tf.float32, time).unstack(tf.transpose(x, [1, 0, 2]))

    def body(t, h, written):  # type: ignore[no-untyped-def]
        h = tf.tanh(linear(g["h"], read.read(t), h))
        return t - 1, h, written.write(t, h)

    start = (time - 1, m.vector(UNITS, name="h"), tf.TensorArray(tf.float32, time))
    loop = tf.while_loop(lambda t, *_: t >= 0, body, start)
    m.output(loop[2].stack(name="outputs"), loop[1])
    m.no_empty_batch("kept simple")
    m.expect("RNN", "BasicRNNCell", UNITS, direction="reverse")


@model("tf.while_loop from 1 to T over a reversed x, int64.", ["t <= T", "x[:, T - t]"])
def while_from_one(m: Model) -> None:
    """The counter starts at 1 and is an int64."""
    x, weights = m.sequence(FEATURES), fused()
    time = tf.shape(x, out_type=tf.int64)[1]

    def body(t, c, h):  # type: ignore[no-untyped-def]
        c, h = columns(x[:, time - t], c, h, weights)
        return t + 1, c, h

    start = (tf.constant(1, tf.int64), start_of(x), start_of(x))
    loop = tf.while_loop(lambda t, *_: t <= time, body, start)
    m.output(loop[1], loop[2])
    m.no_empty_batch("kept simple")
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0, direction="reverse")


@model("A Python loop over column slices, of which the last h is read.", ["unrolled by hand"])
def unrolled_columns(m: Model) -> None:
    """Steps by tf.slice and reshape; c and h start as one tensor of zeros."""
    x, weights = m.sequence(FEATURES, time=5), fused()
    c = h = start_of(x)
    for t in range(5):
        step = tf.reshape(tf.slice(x, [0, t, 0], [-1, 1, FEATURES]), [-1, FEATURES])
        c, h = columns(step, c, h, weights)
    m.output(tf.nn.softmax(tf.matmul(h, tf.get_variable("Wo", [UNITS, 3])), name="chances"))
    m.no_empty_batch("kept simple")
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


@model("A Python loop that selects by t < lengths.", ["unrolled by hand", "mask by select"])
def unrolled_masked(m: Model) -> None:
    """Past its length a row keeps its state, and the output repeats it."""
    x, lengths, g = m.sequence(FEATURES, time=5), m.lengths(), gates("h")
    h, outputs = m.vector(UNITS, name="h"), []
    for t in range(5):
        inside = tf.tile(tf.expand_dims(t < lengths, 1), [1, UNITS])
        h = tf.where(inside, tf.tanh(linear(g["h"], x[:, t], h)), h)
        outputs.append(h)
    m.output(tf.stack(outputs, 1, name="outputs"))
    m.no_empty_batch("kept simple")
    m.expect("RNN", "BasicRNNCell", UNITS)
