"""Recurrences people wrote themselves: tf.scan, tf.while_loop, Python loops, map_fn, nesting."""

from __future__ import annotations

from typing import Any, Dict, Sequence, Tuple

import tensorflow as tf

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

UNITS, FEATURES = 6, 5


def gates(names: Sequence[str], features: int = FEATURES, units: int = UNITS) -> Dict[str, Tuple]:
    """For each gate its own W [features, units], U [units, units] and b [units]."""
    return {
        name: (
            tf.get_variable(f"W_{name}", [features, units]),
            tf.get_variable(f"U_{name}", [units, units]),
            tf.get_variable(f"b_{name}", [units]),
        )
        for name in names
    }


def linear(gate: Tuple, x: tf.Tensor, h: tf.Tensor) -> tf.Tensor:
    """x W + h U + b."""
    return tf.matmul(x, gate[0]) + tf.matmul(h, gate[1]) + gate[2]


def lstm_step(g: Dict[str, Tuple], x: tf.Tensor, c: tf.Tensor, h: tf.Tensor) -> Tuple:
    """The textbook LSTM without forget_bias; gives (c, h)."""
    keep = tf.sigmoid(linear(g["f"], x, h))
    new = tf.sigmoid(linear(g["i"], x, h)) * tf.tanh(linear(g["g"], x, h))
    c = keep * c + new
    return c, tf.sigmoid(linear(g["o"], x, h)) * tf.tanh(c)


def gru_step(g: Dict[str, Tuple], x: tf.Tensor, h: tf.Tensor) -> tf.Tensor:
    """h' = (1 - z) h + z h~, the other way round than GRUCell; reset before the product."""
    z, r = tf.sigmoid(linear(g["z"], x, h)), tf.sigmoid(linear(g["r"], x, h))
    return (1 - z) * h + z * tf.tanh(linear(g["h"], x, r * h))


@model(
    "tf.scan over an LSTM with eight gate matrices.", ["tf.scan", "gates apart", "order o, g, f, i"]
)
def scan_lstm(m: Model) -> None:
    """State (c, h) stacked as [2, batch, units], as in many blog posts."""
    x, g = m.sequence(FEATURES, time_major=True), gates("ogfi")
    start = tf.stack([m.vector(UNITS, name="c"), m.vector(UNITS, name="h")])
    states = tf.scan(lambda s, v: tf.stack(lstm_step(g, v, s[0], s[1])), x, initializer=start)
    m.output(tf.transpose(states[:, 1], [1, 0, 2], name="outputs"), states)
    m.no_empty_batch("kept simple")
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


@model("tf.scan over a GRU whose update gate is turned round.", ["tf.scan", "1 - z on the state"])
def scan_gru(m: Model) -> None:
    """x is transposed inside the graph."""
    x, g = tf.transpose(m.sequence(FEATURES), [1, 0, 2]), gates("zrh")
    states = tf.scan(lambda h, v: gru_step(g, v, h), x, initializer=m.vector(UNITS, name="h"))
    m.output(tf.transpose(states, [1, 0, 2], name="outputs"), states[-1])
    m.expect("GRU", "GRUCell", UNITS, linear_before_reset=0)


@model("tf.scan over a plain tanh RNN with its input projected before.", ["projection hoisted"])
def scan_rnn_hoisted(m: Model) -> None:
    """x W + b for all steps at once, then h U inside."""
    x = m.sequence(FEATURES, time_major=True)
    w, u, b = gates("h")["h"]
    projected = tf.tensordot(x, w, 1) + b
    start = m.vector(UNITS, name="h")
    states = tf.scan(lambda h, v: tf.tanh(v + tf.matmul(h, u)), projected, initializer=start)
    m.output(states)
    m.expect("RNN", "BasicRNNCell", UNITS)


@model("tf.scan(reverse=True) over a relu RNN.", ["tf.scan backwards"])
def scan_reverse(m: Model) -> None:
    """Runs from the last step to the first, results in their places."""
    x, g = m.sequence(FEATURES, time_major=True), gates("h")
    start = m.vector(UNITS, name="h")
    m.output(
        tf.scan(lambda h, v: tf.nn.relu(linear(g["h"], v, h)), x, initializer=start, reverse=True)
    )
    m.expect("RNN", "BasicRNNCell", UNITS, direction="reverse", activation="relu")


@model("tf.while_loop with TensorArrays over an LSTM.", ["while_loop by hand", "TensorArray"])
def while_lstm(m: Model) -> None:
    """One kernel over [h, x] (h first), gates split in the order f, i, o, g."""
    x = m.sequence(FEATURES)
    kernel = tf.get_variable("kernel", [UNITS + FEATURES, 4 * UNITS])
    bias = tf.get_variable("bias", [4 * UNITS])
    time = tf.shape(x)[1]
    read = tf.TensorArray(tf.float32, time).unstack(tf.transpose(x, [1, 0, 2]))

    def body(t, c, h, written):  # type: ignore[no-untyped-def]
        merged = tf.matmul(tf.concat([h, read.read(t)], 1), kernel) + bias
        f, i, o, g = tf.split(merged, 4, 1)
        c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.tanh(c) * tf.sigmoid(o)
        return t + 1, c, h, written.write(t, h)

    start = (tf.constant(0), m.vector(UNITS, name="c"), m.vector(UNITS, name="h"))
    loop = tf.while_loop(lambda t, *_: t < time, body, start + (tf.TensorArray(tf.float32, time),))
    m.output(tf.transpose(loop[3].stack(), [1, 0, 2], name="outputs"), loop[1], loop[2])
    m.no_empty_batch("kept simple")
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=1.0)


@model("tf.while_loop over a GRU whose mask multiplies.", ["mask by arithmetic", "0/1 float mask"])
def while_gru_masked(m: Model) -> None:
    """h = mask * new + (1 - mask) * old at every step; the outputs are not zeroed."""
    x, lengths, g = m.sequence(FEATURES), m.lengths(), gates("rzh")
    time = tf.shape(x)[1]
    mask = tf.expand_dims(tf.sequence_mask(lengths, time, tf.float32), 2)

    def body(t, h, written):  # type: ignore[no-untyped-def]
        keep = mask[:, t]
        h = keep * gru_step(g, x[:, t], h) + (1.0 - keep) * h
        return t + 1, h, written.write(t, h)

    loop = tf.while_loop(
        lambda t, *_: t < time,
        body,
        (0, m.vector(UNITS, name="h"), tf.TensorArray(tf.float32, time)),
    )
    m.output(loop[2].stack(name="outputs"), loop[1])
    m.no_empty_batch("kept simple")
    reason = "the mask is arithmetic on data and the outputs of padded steps are the carried state"
    m.expect("Scan", "GRUCell", UNITS, reason=reason, also=["GRU"])


@model(
    "A Python loop over an LSTM, separate gates, order g, o, i, f.",
    ["unrolled by hand", "odd order"],
)
def unrolled_lstm(m: Model) -> None:
    """Four steps sliced from x; the products of x and h are added, not concatenated."""
    x, g = m.sequence(FEATURES, time=4), gates("goif")
    c, h, outputs = m.vector(UNITS, name="c"), m.vector(UNITS, name="h"), []
    for t in range(4):
        c, h = lstm_step(g, x[:, t, :], c, h)
        outputs.append(h)
    m.output(tf.stack(outputs, 1, name="outputs"), c, h)
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


@model("A Python loop over a reset-after GRU.", ["unrolled by hand", "linear_before_reset"])
def unrolled_gru_reset_after(m: Model) -> None:
    """r * (h U + c): the reset gate multiplies the product and its own bias."""
    x, g = m.sequence(FEATURES, time=4), gates("zrh")
    inner = tf.get_variable("c_h", [UNITS])
    h, outputs = m.vector(UNITS, name="h"), []
    for step in tf.unstack(x, axis=1):
        z, r = tf.sigmoid(linear(g["z"], step, h)), tf.sigmoid(linear(g["r"], step, h))
        w, u, b = g["h"]
        new = tf.tanh(tf.matmul(step, w) + b + r * (tf.matmul(h, u) + inner))
        h = z * h + (1 - z) * new
        outputs.append(h)
    m.output(tf.stack(outputs, 1, name="outputs"))
    m.expect("GRU", "CudnnCompatibleGRUCell", UNITS, linear_before_reset=1)


@model("A Python loop over two cell calls with reuse_variables.", ["unrolled by hand", "reuse"])
def unrolled_cell_reuse(m: Model) -> None:
    """The style of the first PTB tutorial: cell(inputs[:, t, :], state) with reuse_variables()."""
    x = m.sequence(FEATURES, batch=2, time=4)
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(n, 0.0) for n in (6, 5)])
    state = m.feed_states(cell.zero_state(2, tf.float32))
    outputs = []
    with tf.variable_scope("RNN"):
        for t in range(4):
            if t:
                tf.get_variable_scope().reuse_variables()
            output, state = cell(x[:, t, :], state)
            outputs.append(output)
    m.output(tf.reshape(tf.concat(outputs, 1), [-1, 5], name="output"), state)
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.0)
    m.expect("LSTM", "LSTMCell", 5, forget_bias=0.0)


@model("tf.map_fn over time steps, then an LSTM.", ["tf.map_fn is a loop without a state"])
def map_fn_lstm(m: Model) -> None:
    """A dense layer mapped over the steps, before dynamic_rnn."""
    x = m.sequence(FEATURES, time_major=True)
    w, b = tf.get_variable("W", [FEATURES, 4]), tf.get_variable("b", [4])
    mapped = tf.map_fn(lambda v: tf.nn.relu(tf.matmul(v, w) + b), x)
    mapped.set_shape([None, None, 4])
    cell = tf.nn.rnn_cell.LSTMCell(UNITS)
    m.output(*tf.nn.dynamic_rnn(cell, mapped, m.lengths(), dtype=tf.float32, time_major=True))
    m.no_empty_batch("kept simple")
    m.expect("Scan", "map_fn", 4, reason="a loop without a state", also=["Loop"])
    m.expect("LSTM", "LSTMCell", UNITS)


@model("dynamic_rnn inside tf.map_fn: sentences of documents.", ["nested loops"])
def nested_loops(m: Model) -> None:
    """x [batch, sentences = time, 4 words, 5]; an inner GRU per document, an outer LSTM."""
    x = m.sequence((4, FEATURES), name="x")
    cell = tf.nn.rnn_cell.GRUCell(UNITS)

    def sentence(words: tf.Tensor) -> tf.Tensor:
        with tf.variable_scope("words", reuse=tf.AUTO_REUSE):
            return tf.nn.dynamic_rnn(cell, words, dtype=tf.float32)[1]

    vectors = tf.map_fn(sentence, x)
    vectors.set_shape([None, None, UNITS])
    outer = tf.nn.rnn_cell.LSTMCell(4)
    m.output(vectors, *tf.nn.dynamic_rnn(outer, vectors, m.lengths(), dtype=tf.float32))
    m.no_empty_batch("kept simple")
    m.expect("Loop", "map_fn", UNITS, reason="a loop whose body holds a loop", also=["Scan"])
    m.expect("GRU", "GRUCell", UNITS)
    m.expect("LSTM", "LSTMCell", 4)


@model(
    "An inner while loop inside each step of an outer one.",
    ["nested loops by hand", "ponder steps"],
)
def nested_while(m: Model) -> None:
    """Each step refines h three times by a loop of its own."""
    x, g = m.sequence(FEATURES), gates("h")
    time = tf.shape(x)[1]

    def refine(v: tf.Tensor, h: tf.Tensor) -> tf.Tensor:
        inner = lambda k, s: (k + 1, 0.5 * s + 0.5 * tf.tanh(linear(g["h"], v, s)))  # noqa: E731
        return tf.while_loop(lambda k, s: k < 3, inner, (0, h))[1]

    start = (0, m.vector(UNITS, name="h"))
    loop = tf.while_loop(lambda t, h: t < time, lambda t, h: (t + 1, refine(x[:, t], h)), start)
    m.output(loop[1])
    m.expect("Loop", "hand-written", UNITS, reason="a loop whose body holds a loop", also=["Scan"])


@model("A while loop that stops when the state settles.", ["data-dependent stop"])
def while_until_settled(m: Model) -> None:
    """h = tanh(x W + h U + b) until the greatest change is below 0.05, at most 20 times."""
    x, g = m.vector(FEATURES, name="x"), gates("h")

    def body(k: Any, h: tf.Tensor, change: tf.Tensor) -> Tuple:
        new = tf.tanh(linear(g["h"], x, h))
        return k + 1, new, tf.reduce_max(tf.abs(new - h))

    def going(k: Any, h: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
        return tf.logical_and(k < 20, change > 0.05)

    m.output(*tf.while_loop(going, body, (0, m.vector(UNITS, name="h"), tf.constant(1.0))))
    m.no_empty_batch("the maximum of nothing is -inf")
    m.expect("Loop", "hand-written", UNITS, reason="the loop stops by data")


@model("tf.scan over a stacked LSTM, read in pieces of all kinds.", ["tf.scan", "states[-1]", "tf.gather"])
def scan_stacked_pieces(m: Model) -> None:
    """Of c only the last is read: by the last item of the stack, transposed, looked up, split."""
    x, g = m.sequence(FEATURES, time_major=True), gates("ogfi")
    start = tf.stack([m.vector(UNITS, name="c"), m.vector(UNITS, name="h")])
    states = tf.scan(lambda s, v: tf.stack(lstm_step(g, v, s[0], s[1])), x, initializer=start)
    m.output(tf.identity(states[-1], "last"))
    m.output(tf.identity(tf.transpose(states, [1, 2, 0, 3])[1], "by_transpose"))
    m.output(tf.identity(tf.gather(states, 1, axis=1)[1:], "by_gather"))
    m.output(tf.squeeze(tf.slice(states, [0, 1, 0, 0], [-1, 1, -1, 2]), [1], name="by_slice"))
    m.output(tf.squeeze(tf.split(states, 2, 1)[1], [1], name="by_split"))
    m.no_empty_batch("kept simple")
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)
