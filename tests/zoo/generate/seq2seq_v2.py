"""``dynamic_decode`` under control flow v2: TensorArrays that grow are TensorLists resized before a write past their end."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.contrib import seq2seq

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model
from tests.zoo.generate.seq2seq_contrib import BY_DATA, beams, decode, encoder, greedy, wrapped
from tests.zoo.generate.seq2seq_training import inputs, run

rnn = tf.nn.rnn_cell


@model("TrainingHelper under control flow v2.", ["While", "If", "dynamic_decode"],
       control_flow_v2=True)  # fmt: skip
def v2_training_decoder(m: Model) -> None:
    """impute_finished, from a fed state; the lists grow, and are as long as the longest row in the end."""
    helper, _ = inputs(m)
    cell = rnn.GRUCell(6)
    cell.build(tf.TensorShape([None, 4]))
    decoder = seq2seq.BasicDecoder(cell, helper, m.vector(6, name="state"))
    m.output(tf.identity(run(m, decoder, impute_finished=True), "final"))
    m.expect("GRU", "GRUCell", 6)


@model("Greedy decoding with Bahdanau attention under control flow v2.", ["While", "argmax fed back"],
       control_flow_v2=True)  # fmt: skip
def v2_greedy_attention(m: Model) -> None:
    """The encoder is native as under version 1; the decoder stops when every row has ended."""
    encoding = rnn.LSTMCell(6)
    encoding.build(tf.TensorShape([None, 5]))
    memory, state, lengths = encoder(m, encoding)
    batch = tf.shape(memory)[0]
    mechanism = seq2seq.BahdanauAttention(5, memory, lengths)
    cell, start = wrapped(m, mechanism, rnn.LSTMCell(6), batch, state, attention_layer_size=5)
    m.output(decode(m, cell, greedy(batch), start, maximum_iterations=8).cell_state)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("Loop", "AttentionWrapper", 6, reason="the argmax is fed back; " + BY_DATA)


@model("Beam search under control flow v2.", ["While", "GatherTree"],
       control_flow_v2=True)  # fmt: skip
def v2_beam(m: Model) -> None:
    """Three lists grow: scores, ids and parents."""
    encoding = rnn.GRUCell(6)
    encoding.build(tf.TensorShape([None, 5]))
    _, state, lengths = encoder(m, encoding)
    beams(m, rnn.GRUCell(6), seq2seq.tile_batch(state, 3), tf.shape(lengths)[0])
    m.expect("GRU", "GRUCell", 6)
    m.expect("Loop", "GRUCell", 6, reason="beam search reorders the states; " + BY_DATA)
