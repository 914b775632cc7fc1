"""Bidirectional and stacked dynamic drivers, and the dtypes ONNX Runtime's kernels lack."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.contrib import rnn as contrib

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
CRASH = "TensorFlow 1.15.5 dies of SIGFPE in ReverseV2 on an empty tensor"


def both(m: Model, form: str, cell: str, forward: int, backward: int, **parameters: Any) -> None:
    """Expect one recurrence each way."""
    m.expect(form, cell, forward, **parameters)
    m.expect(form, cell, backward, direction="reverse", **parameters)


@model("bidirectional_dynamic_rnn of two LSTMs, concatenated.", ["bidirectional", "no lengths"])
def bidirectional_lstm(m: Model) -> None:
    """Without lengths the reversal is a plain ReverseV2."""
    x = m.sequence(5)
    cells = rnn.BasicLSTMCell(6), rnn.BasicLSTMCell(6)
    outputs, states = tf.nn.bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32)
    m.output(tf.concat(outputs, 2, name="outputs"), states)
    m.no_empty_batch(CRASH)
    both(m, "LSTM", "LSTMCell", 6, 6)


@model("bidirectional_dynamic_rnn with lengths, states, unequal units.", ["ReverseSequence"],
       extras=["saved_model"])  # fmt: skip
def bidirectional_lstm_lengths(m: Model) -> None:
    """The pair of outputs is kept apart."""
    x, lengths = m.sequence(5), m.lengths()
    fw, bw = rnn.LSTMCell(6, forget_bias=0.3), rnn.LSTMCell(4, use_peepholes=True)
    result = tf.nn.bidirectional_dynamic_rnn(
        fw, bw, x, lengths, m.states(fw.state_size, name="fw"), m.states(bw.state_size, name="bw")
    )
    m.output(*result)
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.3)
    m.expect("LSTM", "LSTMCell", 4, direction="reverse", peepholes=True)


@model("bidirectional_dynamic_rnn of GRUs, time_major, int64 lengths.", ["time_major", "int64"])
def bidirectional_gru_time_major(m: Model) -> None:
    """ReverseSequence along axis 0."""
    x, lengths = m.sequence(5, time_major=True), m.lengths(dtype=tf.int64)
    cells = rnn.GRUCell(6), rnn.GRUCell(6)
    m.output(
        *tf.nn.bidirectional_dynamic_rnn(*cells, x, lengths, dtype=tf.float32, time_major=True)
    )
    both(m, "GRU", "GRUCell", 6, 6)


@model("bidirectional_dynamic_rnn over MultiRNNCells.", ["two layers each way, not stacked"])
def bidirectional_multi(m: Model) -> None:
    """Each direction is two layers deep; another network than the stacked driver."""
    x, lengths = m.sequence(5), m.lengths()
    fw, bw = (rnn.MultiRNNCell([rnn.LSTMCell(n) for n in (6, 4)]) for _ in range(2))
    m.output(*tf.nn.bidirectional_dynamic_rnn(fw, bw, x, lengths, dtype=tf.float32))
    both(m, "LSTM", "LSTMCell", 6, 6)
    both(m, "LSTM", "LSTMCell", 4, 4)


@model("stack_bidirectional_dynamic_rnn, two layers with lengths.", ["stacked"])
def stack_bidirectional_dynamic(m: Model) -> None:
    """A layer's input is concat(fw, bw) of the layer below."""
    x, lengths = m.sequence(5), m.lengths()
    fw, bw = ([rnn.LSTMCell(n) for n in (5, 3)] for _ in range(2))
    m.output(
        *contrib.stack_bidirectional_dynamic_rnn(
            fw, bw, x, dtype=tf.float32, sequence_length=lengths
        )
    )
    both(m, "LSTM", "LSTMCell", 5, 5)
    both(m, "LSTM", "LSTMCell", 3, 3)


@model("A backward-only LSTM by reverse_sequence around dynamic_rnn.", ["reverse by hand"])
def backward_only(m: Model) -> None:
    """Reversed in, reversed out, by length."""
    x, lengths = m.sequence(5), m.lengths()
    turned = tf.reverse_sequence(x, lengths, 1, 0)
    outputs, state = tf.nn.dynamic_rnn(rnn.LSTMCell(6), turned, lengths, dtype=tf.float32)
    m.output(tf.reverse_sequence(outputs, lengths, 1, 0, name="outputs"), state)
    m.expect("LSTM", "LSTMCell", 6, direction="reverse")


@model("A reversed input whose output is not turned back.", ["half a reversal"])
def backward_open(m: Model) -> None:
    """tf.reverse before the loop only: the outputs stay in reversed order."""
    x = m.sequence(5)
    m.no_empty_batch(CRASH)
    m.output(*tf.nn.dynamic_rnn(rnn.GRUCell(6), tf.reverse(x, [1]), dtype=tf.float32))
    m.expect("GRU", "GRUCell", 6, direction="reverse")


def double(name: str, cell: str, make: Any) -> None:
    """Register a float64 model under dynamic_rnn with lengths and a fed state."""

    @model(f"{cell} in float64.", ["float64"], name=name)
    def build(m: Model) -> None:
        x, lengths, built = m.sequence(5, dtype=tf.float64), m.lengths(), make()
        state = m.states(built.state_size, dtype=tf.float64)
        m.output(*tf.nn.dynamic_rnn(built, x, lengths, initial_state=state))
        m.expect("Scan", cell, 6, reason="ONNX Runtime's native kernels are float32 only")


double("lstm_float64", "LSTMCell", lambda: rnn.LSTMCell(6, use_peepholes=True))
double("gru_float64", "GRUCell", lambda: rnn.GRUCell(6))
double("rnn_float64", "BasicRNNCell", lambda: rnn.BasicRNNCell(6))


@model("BasicLSTMCell in float16.", ["float16"])
def lstm_float16(m: Model) -> None:
    """Half precision throughout."""
    x, lengths = m.sequence(5, dtype=tf.float16), m.lengths()
    m.output(*tf.nn.dynamic_rnn(rnn.BasicLSTMCell(6), x, lengths, dtype=tf.float16))
    reason = "ONNX Runtime's native kernels are float32 only"
    m.expect("Scan", "LSTMCell", 6, reason=reason)
