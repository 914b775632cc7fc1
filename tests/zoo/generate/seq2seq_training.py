"""``dynamic_decode`` under a TrainingHelper: no data decide when it stops but the lengths, so every cell of it is a recurrence over its inputs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.contrib import seq2seq

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model
from tests.zoo.generate.seq2seq_contrib import ATTENDS, EMPTY, SYMBOLS, decode, encoder, wrapped

rnn = tf.nn.rnn_cell


def inputs(m: Model, *, time_major: bool = False) -> Any:
    """A TrainingHelper over float inputs with lengths 0..T, and the number of rows."""
    x = m.sequence(4, time_major=time_major)
    lengths = m.lengths()
    m.no_empty_batch(EMPTY)
    helper = seq2seq.TrainingHelper(x, lengths, time_major=time_major)
    return helper, tf.shape(lengths)[0]


def run(m: Model, decoder: Any, **options: Any) -> Any:
    """Its outputs, tokens and lengths are outputs; gives the final state."""
    m.lively()
    outputs, final, lengths = seq2seq.dynamic_decode(decoder, **options)
    m.output(tf.identity(outputs.rnn_output, "scores"), tf.identity(outputs.sample_id, "tokens"))
    m.output(lengths)
    return final


@model("TrainingHelper without impute_finished.", ["dynamic_decode", "no masks"])
def training_unmasked(m: Model) -> None:
    """Every row runs to the longest one's end: states and outputs go on past a row's own."""
    helper, batch = inputs(m)
    cell = rnn.GRUCell(6)
    state = m.vector(6, name="state")
    layer = tf.layers.Dense(SYMBOLS, name="logits")
    m.output(run(m, seq2seq.BasicDecoder(cell, helper, state, layer)))
    m.expect("GRU", "GRUCell", 6)


@model("TrainingHelper, time-major, two layers, at most 5 steps.", ["maximum_iterations", "two layers"])  # fmt: skip
def training_few_steps(m: Model) -> None:
    """The outputs are as long as the longest row, but no longer than 5; final lengths too."""
    helper, batch = inputs(m, time_major=True)
    cell = rnn.MultiRNNCell([rnn.LSTMCell(6), rnn.GRUCell(5)])
    start = cell.zero_state(batch, tf.float32)
    decoder = seq2seq.BasicDecoder(cell, helper, start)
    final = run(m, decoder, impute_finished=True, maximum_iterations=5, output_time_major=True)
    m.output(final)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("GRU", "GRUCell", 5)


@model("TrainingHelper with a fed maximum of steps.", ["maximum_iterations", "no output layer"])
def training_fed_maximum(m: Model) -> None:
    """The maximum is a number that is fed; it may be the smaller one or the larger."""
    helper, batch = inputs(m)
    most = m.feed(tf.placeholder(tf.int32, [], name="most"), lambda rng, case: (case.time + 2) // 2)
    start = rnn.LSTMStateTuple(m.vector(6, name="c"), m.vector(6, name="h"))
    decoder = seq2seq.BasicDecoder(rnn.LSTMCell(6, use_peepholes=True), helper, start)
    m.output(run(m, decoder, maximum_iterations=most))
    m.expect("LSTM", "LSTMCell", 6, use_peepholes=True)


@model("TrainingHelper over Luong attention, impute_finished.", ["dynamic_decode", "Luong"])
def training_attention(m: Model) -> None:
    """The number of steps is the longest row's; attention is read in each, so it is a Scan."""
    memory, state, lengths = encoder(m, rnn.LSTMCell(6))
    helper, batch = inputs(m)
    mechanism = seq2seq.LuongAttention(6, memory, lengths)
    cell, start = wrapped(m, mechanism, rnn.LSTMCell(6), batch, state, attention_layer_size=5)
    m.output(decode(m, cell, helper, start, impute_finished=True).cell_state)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("Scan", "AttentionWrapper", 6, reason=ATTENDS)
