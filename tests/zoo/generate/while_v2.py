"""Control flow v2: While and If with function bodies kept in the frozen graph's library."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.contrib import rnn as contrib

from tests.zoo.generate.handwritten import gates, gru_step, lstm_step
from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell


@model("dynamic_rnn of an LSTM under control flow v2.", ["While", "TensorList", "functions"],
       control_flow_v2=True)  # fmt: skip
def v2_lstm(m: Model) -> None:
    """With lengths and a fed state."""
    x, lengths, cell = m.sequence(5), m.lengths(), rnn.LSTMCell(6, forget_bias=0.3)
    cell.build(tf.TensorShape([None, 5]))
    state = m.states(cell.state_size)
    outputs, final = tf.nn.dynamic_rnn(cell, x, lengths, initial_state=state)
    m.output(tf.identity(outputs, "outputs"), tf.identity(final.c, "c"), tf.identity(final.h, "h"))
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.3)


@model("dynamic_rnn of two GRU layers under control flow v2.", ["While", "two layers"],
       control_flow_v2=True)  # fmt: skip
def v2_gru2(m: Model) -> None:
    """No lengths; time-major."""
    x = m.sequence(5, time_major=True)
    cells = [rnn.GRUCell(6), rnn.GRUCell(4)]
    for cell, depth in zip(cells, (5, 6)):
        with tf.variable_scope(f"layer_{depth}"):
            cell.build(tf.TensorShape([None, depth]))
    stacked = rnn.MultiRNNCell(cells)
    outputs, final = tf.nn.dynamic_rnn(stacked, x, dtype=tf.float32, time_major=True)
    m.output(tf.identity(outputs, "outputs"), *[tf.identity(s, "final") for s in final])
    m.expect("GRU", "GRUCell", 6)
    m.expect("GRU", "GRUCell", 4)


@model("bidirectional_dynamic_rnn under control flow v2.", ["two While ops", "ReverseSequence"],
       control_flow_v2=True)  # fmt: skip
def v2_bidirectional(m: Model) -> None:
    """Lengths; unequal units."""
    x, lengths = m.sequence(5), m.lengths()
    cells = rnn.LSTMCell(6), rnn.LSTMCell(4)
    for side, cell in zip(("fw", "bw"), cells):
        with tf.variable_scope(side):
            cell.build(tf.TensorShape([None, 5]))
    outputs, states = tf.nn.bidirectional_dynamic_rnn(*cells, x, lengths, dtype=tf.float32)
    m.output(tf.concat(outputs, 2, name="outputs"), *[tf.identity(s.h, "h") for s in states])
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("LSTM", "LSTMCell", 4, direction="reverse")


@model("tf.while_loop over a hand-written LSTM under control flow v2.", ["While by hand"],
       control_flow_v2=True)  # fmt: skip
def v2_while_lstm(m: Model) -> None:
    """TensorArrays become TensorLists."""
    x, g = m.sequence(5, time_major=True), gates("figo")
    time = tf.shape(x)[0]
    read = tf.TensorArray(tf.float32, time).unstack(x)

    def body(t, c, h, written):  # type: ignore[no-untyped-def]
        c, h = lstm_step(g, read.read(t), c, h)
        return t + 1, c, h, written.write(t, h)

    written = tf.TensorArray(tf.float32, time, element_shape=[None, 6])
    start = (tf.constant(0), m.vector(6, name="c"), m.vector(6, name="h"), written)
    loop = tf.while_loop(lambda t, *_: t < time, body, start)
    m.output(tf.identity(loop[3].stack(), "outputs"), tf.identity(loop[1]), tf.identity(loop[2]))
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.0)


@model("tf.scan over a GRU under control flow v2.", ["tf.scan", "While"], control_flow_v2=True)
def v2_scan_gru(m: Model) -> None:
    """The update gate is turned round."""
    x, g = m.sequence(5, time_major=True), gates("zrh")
    states = tf.scan(lambda h, v: gru_step(g, v, h), x, initializer=m.vector(6, name="h"))
    m.output(tf.identity(states, "outputs"))
    m.expect("GRU", "GRUCell", 6, linear_before_reset=0)


@model("A peephole LSTMBlockCell with cond around dropout, control flow v2.", ["If", "While"],
       control_flow_v2=True)  # fmt: skip
def v2_cond_dropout(m: Model) -> None:
    """is_training chooses the branch of an If op."""
    training = m.freeze(tf.placeholder(tf.bool, [], name="is_training"), False)
    x, lengths = m.sequence(5), m.lengths()
    dropped = tf.cond(training, lambda: tf.nn.dropout(x, rate=0.4, seed=3), lambda: tf.identity(x))
    dropped.set_shape([None, None, 5])
    cell = contrib.LSTMBlockCell(6, use_peephole=True)
    cell.build(tf.TensorShape([None, 5]))
    outputs, state = tf.nn.dynamic_rnn(cell, dropped, lengths, dtype=tf.float32)
    m.output(tf.identity(outputs, "outputs"), tf.identity(state.h, "h"))
    m.expect("LSTM", "LSTMCell", 6, peepholes=True)


@model("A StatelessWhile, as later versions of TensorFlow freeze it.", ["StatelessWhile"],
       control_flow_v2=True)  # fmt: skip
def v2_stateless(m: Model) -> None:
    """TF 1.15 writes While; convert_variables_to_constants_v2 and later versions drop the state."""
    x, lengths, cell = m.sequence(5), m.lengths(dtype=tf.int64), rnn.BasicLSTMCell(6)
    cell.build(tf.TensorShape([None, 5]))
    outputs, final = tf.nn.dynamic_rnn(cell, x, lengths, dtype=tf.float32)
    m.output(tf.identity(outputs, "outputs"), tf.identity(final.h, "h"))

    def stateless(graph):  # type: ignore[no-untyped-def]
        for node in graph.node:
            if node.op == "While":
                node.op = "StatelessWhile"

    m.rewrite = stateless
    m.expect("LSTM", "LSTMCell", 6)
