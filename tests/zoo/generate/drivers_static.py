"""``static_rnn`` and its kin (unrolled graphs), fused cells, ``raw_rnn``."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.contrib import rnn as contrib

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
STEPS = 5


@model("static_rnn of a BasicLSTMCell.", ["unrolled", "no lengths"])
def static_lstm(m: Model) -> None:
    """Five unrolled steps from a fed state; the outputs are stacked."""
    steps = tf.unstack(m.sequence(5, time=STEPS), STEPS, 1)
    cell = rnn.BasicLSTMCell(6)
    outputs, state = tf.nn.static_rnn(cell, steps, initial_state=m.states(cell.state_size))
    m.output(tf.stack(outputs, 1, name="outputs"), state)
    m.expect("LSTM", "LSTMCell", 6, forget_bias=1.0)


@model("static_rnn with sequence_length, GRU.", ["unrolled", "lengths by cond at each step"])
def static_gru_lengths(m: Model) -> None:
    """Each step holds a cond on the least and greatest length."""
    steps = tf.unstack(m.sequence(5, time=STEPS), axis=1)
    cell = rnn.GRUCell(6)
    state = m.states(cell.state_size)
    outputs, final = tf.nn.static_rnn(cell, steps, state, sequence_length=m.lengths())
    m.output(tf.stack(outputs, 1, name="outputs"), final)
    m.expect("GRU", "GRUCell", 6)


@model("static_rnn with sequence_length, peephole LSTM, zero state.", ["unrolled", "peepholes"])
def static_lstm_lengths(m: Model) -> None:
    """tf.split of a flat projection feeds the steps, in the style of the old tutorials."""
    x = m.sequence(5, time=STEPS)
    flat = tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, 5])
    hidden = tf.nn.relu(
        tf.matmul(flat, tf.get_variable("in_w", [5, 4])) + tf.get_variable("in_b", [4])
    )
    cell = rnn.LSTMCell(6, use_peepholes=True)
    steps = tf.split(hidden, STEPS, 0)
    outputs, state = tf.nn.static_rnn(cell, steps, dtype=tf.float32, sequence_length=m.lengths())
    m.output(outputs[0], outputs[-1], tf.stack(outputs, name="outputs"), state)
    m.expect("LSTM", "LSTMCell", 6, peepholes=True)


@model("static_rnn of three unequal layers.", ["unrolled", "several layers"])
def static_multi(m: Model) -> None:
    """LSTM, GRU and RNN layers unrolled together; only the last output is used."""
    steps = tf.unstack(m.sequence(5, time=STEPS), axis=1)
    cell = rnn.MultiRNNCell([rnn.BasicLSTMCell(6), rnn.GRUCell(5), rnn.BasicRNNCell(4)])
    outputs, state = tf.nn.static_rnn(cell, steps, dtype=tf.float32)
    m.output(tf.layers.dense(outputs[-1], 2, name="logits"), state)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("GRU", "GRUCell", 5)
    m.expect("RNN", "BasicRNNCell", 4)


@model("static_bidirectional_rnn with lengths, unequal units.", ["unrolled", "bidirectional"])
def static_bidirectional(m: Model) -> None:
    """The outputs are already concatenated."""
    steps = tf.unstack(m.sequence(5, time=STEPS), axis=1)
    outputs, fw, bw = tf.nn.static_bidirectional_rnn(
        rnn.LSTMCell(6), rnn.LSTMCell(4), steps, dtype=tf.float32, sequence_length=m.lengths()
    )
    m.output(tf.stack(outputs, 1, name="outputs"), fw, bw)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("LSTM", "LSTMCell", 4, direction="reverse")


@model("contrib stack_bidirectional_rnn, two layers, no lengths.", ["unrolled", "stacked"])
def stack_bidirectional_static(m: Model) -> None:
    """Each layer reads concat(fw, bw) of the layer below."""
    steps = tf.unstack(m.sequence(5, time=4), axis=1)
    outputs, fw, bw = contrib.stack_bidirectional_rnn(
        [rnn.GRUCell(4), rnn.GRUCell(3)], [rnn.GRUCell(4), rnn.GRUCell(3)], steps, dtype=tf.float32
    )
    m.output(tf.stack(outputs, 1, name="outputs"), fw, bw)
    for units in (4, 3):
        m.expect("GRU", "GRUCell", units)
        m.expect("GRU", "GRUCell", units, direction="reverse")


def fused_inputs(m: Model) -> tuple:
    """x [time, batch, 5], lengths and an (c, h) state for fused cells of 6 units."""
    x = m.sequence(5, time_major=True)
    m.no_empty_batch("TensorFlow 1.15.5 aborts in BlockLSTM (tensor.cc:830, a slice below 0)")
    return x, m.lengths(), (m.vector(6, name="c"), m.vector(6, name="h"))


@model("LSTMBlockFusedCell with lengths and a fed state.", ["the BlockLSTM op", "time-major"])
def block_fused(m: Model) -> None:
    """One op for all steps."""
    x, lengths, state = fused_inputs(m)
    cell = contrib.LSTMBlockFusedCell(6, forget_bias=0.3)
    m.output(*cell(x, initial_state=state, sequence_length=lengths))
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.3)


@model("LSTMBlockFusedCell with peepholes, no lengths.", ["BlockLSTM with peepholes"])
def block_fused_peephole(m: Model) -> None:
    """The sequence length is the number of steps."""
    x = m.sequence(5, time_major=True)
    m.output(*contrib.LSTMBlockFusedCell(6, use_peephole=True)(x, dtype=tf.float32))
    m.expect("LSTM", "LSTMCell", 6, peepholes=True)


@model("LSTMBlockFusedCell with cell_clip.", ["BlockLSTM with cell_clip"])
def block_fused_clip(m: Model) -> None:
    """The op's own clip of the cell state."""
    x, lengths, state = fused_inputs(m)
    cell = contrib.LSTMBlockFusedCell(6, cell_clip=0.4)
    m.output(*cell(x, initial_state=state, sequence_length=lengths))
    reason = "ONNX LSTM clips the inputs of its activations, not the cell state"
    m.expect("Scan", "LSTMCell", 6, reason=reason, cell_clip=0.4)


@model(
    "LSTMBlockFusedCell both ways by TimeReversedFusedRNN.",
    ["TimeReversedFusedRNN", "bidirectional"],
)
def block_fused_bidirectional(m: Model) -> None:
    """The usual fast bi-LSTM of TF 1.x taggers; lengths reverse each row by itself."""
    x, lengths, state = fused_inputs(m)
    forward = contrib.LSTMBlockFusedCell(6)
    backward = contrib.TimeReversedFusedRNN(contrib.LSTMBlockFusedCell(4))
    fw, fw_state = forward(x, initial_state=state, sequence_length=lengths, scope="fw")
    bw, bw_state = backward(x, dtype=tf.float32, sequence_length=lengths, scope="bw")
    m.output(tf.concat([fw, bw], -1, name="outputs"), fw_state, bw_state)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("LSTM", "LSTMCell", 4, direction="reverse")


@model("FusedRNNCellAdaptor over a GRU.", ["FusedRNNCellAdaptor", "dynamic_rnn inside"])
def fused_adaptor(m: Model) -> None:
    """A plain cell under the fused interface, reversed without lengths."""
    x = m.sequence(5, time_major=True)
    cell = contrib.FusedRNNCellAdaptor(rnn.GRUCell(6), use_dynamic_rnn=True)
    m.output(*contrib.TimeReversedFusedRNN(cell)(x, dtype=tf.float32))
    m.no_empty_batch("TensorFlow 1.15.5 dies of SIGFPE in ReverseV2 on an empty tensor")
    m.expect("GRU", "GRUCell", 6, direction="reverse")


@model("raw_rnn over a TensorArray with lengths.", ["raw_rnn", "stops when all rows are finished"])
def raw_rnn_lstm(m: Model) -> None:
    """As the documentation's example: outputs are as long as the longest row."""
    x = m.sequence(5, time_major=True)
    lengths = m.lengths()
    m.no_empty_batch("with no row everything is finished before the first step")
    cell = rnn.LSTMCell(6)
    array = tf.TensorArray(tf.float32, size=tf.shape(x)[0], name="inputs").unstack(x)

    def step(time, output, state, loop_state):  # type: ignore[no-untyped-def]
        start = output is None
        following = cell.zero_state(tf.shape(x)[1], tf.float32) if start else state
        finished = time >= lengths
        zeros = lambda: tf.zeros([tf.shape(x)[1], 5])  # noqa: E731
        read = tf.cond(tf.reduce_all(finished), zeros, lambda: array.read(time))
        read.set_shape([None, 5])
        return finished, read, following, output, None

    outputs, state, _ = tf.nn.raw_rnn(cell, step)
    m.output(tf.transpose(outputs.stack(), [1, 0, 2], name="outputs"), state)
    m.expect("LSTM", "LSTMCell", 6)


@model("raw_rnn that feeds its own output back.", ["raw_rnn", "own output as input"])
def raw_rnn_feedback(m: Model) -> None:
    """A sketch of a generator: six steps, each input is the dense image of the last output."""
    start = m.vector(4, name="start")
    cell = rnn.GRUCell(6)
    weights, bias = tf.get_variable("back_w", [6, 4]), tf.get_variable("back_b", [4])

    def step(time, output, state, loop_state):  # type: ignore[no-untyped-def]
        first = output is None
        following = cell.zero_state(tf.shape(start)[0], tf.float32) if first else state
        read = start if first else tf.tanh(tf.matmul(output, weights) + bias)
        finished = tf.fill([tf.shape(start)[0]], time >= 6)
        return finished, read, following, output, None

    outputs, state, _ = tf.nn.raw_rnn(cell, step)
    m.output(outputs.stack(), state)
    m.no_empty_batch("with no row everything is finished before the first step")
    reason = "the cell reads its own output through a dense layer"
    m.expect("Loop", "GRUCell", 6, reason=reason, also=["Scan"])


def numbered(m: Model, finished_of: Any) -> None:
    """raw_rnn over all of x; ``finished_of(time, T, batch)`` says which rows are finished."""
    x = m.sequence(5, time_major=True)
    total, batch = tf.shape(x)[0], tf.shape(x)[1]
    cell = rnn.GRUCell(6)
    state = m.vector(6, name="state")
    array = tf.TensorArray(tf.float32, size=total, name="inputs").unstack(x)

    def step(time, output, old, loop_state):  # type: ignore[no-untyped-def]
        finished = finished_of(time, total, batch)
        zeros = lambda: tf.zeros([batch, 5])  # noqa: E731
        read = tf.cond(tf.reduce_all(finished), zeros, lambda: array.read(time))
        read.set_shape([None, 5])
        return finished, read, state if output is None else old, output, None

    outputs, final, _ = tf.nn.raw_rnn(cell, step)
    m.output(tf.identity(outputs.stack(), "outputs"), tf.identity(final, "final"))
    m.no_empty_batch("with no row everything is finished before the first step")
    m.expect("GRU", "GRUCell", 6)


@model("raw_rnn that runs over all of its input.", ["raw_rnn", "all rows end at one number"])
def raw_rnn_all_steps(m: Model) -> None:
    """No lengths: every row is finished when the input is."""
    numbered(m, lambda time, total, batch: tf.fill([batch], time >= total))


@model("raw_rnn whose finished is one truth value.", ["raw_rnn", "scalar finished"])
def raw_rnn_scalar(m: Model) -> None:
    """``not time < T``, for all rows at once."""
    numbered(m, lambda time, total, batch: tf.logical_not(time < total))


@model("raw_rnn with lengths, three steps at most.", ["raw_rnn", "lengths and a number"])
def raw_rnn_capped(m: Model) -> None:
    """A row is finished behind its length, and all are behind step 2."""
    lengths = m.lengths()

    def finished(time, total, batch):  # type: ignore[no-untyped-def]
        return tf.logical_or(time >= lengths, tf.tile([time > 2], [batch]))

    numbered(m, finished)
