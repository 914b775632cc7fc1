"""``tf.contrib.seq2seq``: helpers, attention, greedy and beam decoding by ``dynamic_decode``."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
import tensorflow as tf
from tensorflow.contrib import seq2seq

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
SYMBOLS, END = 9, 1
BY_DATA = "the loop stops when every row is finished"
ATTENDS = "the cell reads attention over the encoder, and its own last attention"
EMPTY = "with no row everything is finished before the first step"


def encoder(m: Model, cell: Any) -> Tuple[tf.Tensor, Any, tf.Tensor]:
    """Source ids through an embedding and dynamic_rnn; gives outputs, state and lengths."""
    source = m.ids(SYMBOLS, name="source")
    lengths = m.feed(tf.placeholder(tf.int32, [None], name="source_lengths"), at_least_one)
    embedding = tf.get_variable("source_embedding", [SYMBOLS, 5])
    embedded = tf.nn.embedding_lookup(embedding, source)
    outputs, state = tf.nn.dynamic_rnn(cell, embedded, lengths, dtype=tf.float32, scope="encoder")
    m.no_empty_batch(EMPTY)
    return outputs, state, lengths


def at_least_one(rng: Any, case: Any) -> Any:
    """Lengths 1..T: attention over no word at all is NaN in TF1."""
    return rng.randint(1, case.time + 1, case.batch)


def teacher(m: Model) -> Any:
    """A TrainingHelper over target ids."""
    target = m.ids(SYMBOLS, name="target")
    lengths = m.feed(tf.placeholder(tf.int32, [None], name="target_lengths"), at_least_one)
    embedding = tf.get_variable("target_embedding", [SYMBOLS, 4])
    return seq2seq.TrainingHelper(tf.nn.embedding_lookup(embedding, target), lengths)


def greedy(batch: tf.Tensor) -> Any:
    """A GreedyEmbeddingHelper that starts at symbol 0 and ends at symbol 1."""
    embedding = tf.get_variable("target_embedding", [SYMBOLS, 4])
    return seq2seq.GreedyEmbeddingHelper(embedding, tf.fill([batch], 0), END)


def vary(m: Model) -> None:
    """Lively weights and a somewhat likelier end symbol: rows end at different steps."""
    m.lively()
    m.weights["logits/bias"] = lambda rng, shape: (
        rng.uniform(-0.3, 0.3, shape) + 0.5 * np.eye(SYMBOLS)[END]
    )


def decode(m: Model, cell: Any, helper: Any, state: Any, **options: Any) -> Any:
    """BasicDecoder with a dense output layer; its outputs, state and lengths are outputs."""
    vary(m)
    output_layer = tf.layers.Dense(SYMBOLS, name="logits")
    decoder = seq2seq.BasicDecoder(cell, helper, state, output_layer)
    outputs, final, lengths = seq2seq.dynamic_decode(decoder, **options)
    m.output(tf.identity(outputs.rnn_output, "scores"), tf.identity(outputs.sample_id, "tokens"))
    m.output(lengths)
    return final


@model("TrainingHelper and BasicDecoder, no attention.", ["dynamic_decode", "teacher forcing"])
def training_decoder(m: Model) -> None:
    """impute_finished=True zeroes what lies past the end."""
    _, state, _ = encoder(m, rnn.LSTMCell(6))
    m.output(decode(m, rnn.LSTMCell(6), teacher(m), state, impute_finished=True))
    m.expect("LSTM", "LSTMCell", 6, count=2)


@model("GreedyEmbeddingHelper, no attention.", ["argmax fed back", "maximum_iterations"])
def greedy_decoder(m: Model) -> None:
    """Stops at the end symbol or after 8 steps."""
    _, state, lengths = encoder(m, rnn.GRUCell(6))
    helper = greedy(tf.shape(lengths)[0])
    m.output(decode(m, rnn.GRUCell(6), helper, state, maximum_iterations=8))
    m.expect("GRU", "GRUCell", 6)
    m.expect("Loop", "GRUCell", 6, reason="the argmax is fed back; " + BY_DATA)


def wrapped(
    m: Model, mechanism: Any, cell: Any, batch: Any, state: Any = None, **options: Any
) -> Tuple:
    """AttentionWrapper and its zero state, with the cell's own state from the encoder."""
    wrapper = seq2seq.AttentionWrapper(cell, mechanism, **options)
    start = wrapper.zero_state(batch, tf.float32)
    return wrapper, start.clone(cell_state=state) if state is not None else start


@model(
    "Bahdanau attention, normalised, with its alignment history.", ["normed Bahdanau", "history"]
)
def attention_bahdanau(m: Model) -> None:
    """Teacher forced; the alignments [time, batch, source] are an output."""
    memory, state, lengths = encoder(m, rnn.LSTMCell(6))
    mechanism = seq2seq.BahdanauAttention(5, memory, lengths, normalize=True)
    wrapper, start = wrapped(m, mechanism, rnn.LSTMCell(6), tf.shape(memory)[0], state,
                             attention_layer_size=4, alignment_history=True)  # fmt: skip
    final = decode(m, wrapper, teacher(m), start)
    m.output(final.cell_state, tf.identity(final.alignment_history.stack(), "alignments"))
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("Scan", "AttentionWrapper", 6, reason=ATTENDS)


@model("Luong attention, scaled, greedy, output_attention=False.", ["scaled Luong", "argmax"])
def attention_luong(m: Model) -> None:
    """The wrapper's output is the cell's, not the attention."""
    memory, state, lengths = encoder(m, rnn.GRUCell(6))
    mechanism = seq2seq.LuongAttention(6, memory, lengths, scale=True)
    batch = tf.shape(memory)[0]
    wrapper, start = wrapped(m, mechanism, rnn.GRUCell(6), batch, state, output_attention=False)
    m.output(decode(m, wrapper, greedy(batch), start, maximum_iterations=8).cell_state)
    m.expect("GRU", "GRUCell", 6)
    m.expect("Loop", "AttentionWrapper", 6, reason=ATTENDS)


@model("Bahdanau monotonic attention, mode parallel.", ["monotonic attention", "cumprod"])
def attention_monotonic(m: Model) -> None:
    """Score noise 0; the attention depends on that of the step before."""
    memory, state, lengths = encoder(m, rnn.GRUCell(6))
    mechanism = seq2seq.BahdanauMonotonicAttention(5, memory, lengths, mode="parallel")
    wrapper, start = wrapped(m, mechanism, rnn.GRUCell(6), tf.shape(memory)[0], state)
    m.output(decode(m, wrapper, teacher(m), start).alignments)
    m.expect("GRU", "GRUCell", 6)
    m.expect("Scan", "AttentionWrapper", 6, reason=ATTENDS)


@model("Luong monotonic attention, mode hard.", ["monotonic attention", "hard"])
def attention_monotonic_hard(m: Model) -> None:
    """Hard decisions by a threshold on sigmoid(score)."""
    memory, state, lengths = encoder(m, rnn.LSTMCell(6))
    mechanism = seq2seq.LuongMonotonicAttention(6, memory, lengths, mode="hard", scale=True)
    wrapper, start = wrapped(m, mechanism, rnn.LSTMCell(6), tf.shape(memory)[0], state)
    m.output(decode(m, wrapper, teacher(m), start).cell_state)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("Scan", "AttentionWrapper", 6, reason=ATTENDS)


@model("Two attention mechanisms under tf.nn.dynamic_rnn.", ["two mechanisms", "dynamic_rnn"])
def attention_dynamic_rnn(m: Model) -> None:
    """An AttentionWrapper is a cell: here a plain dynamic_rnn drives it, with lengths."""
    memory, _, lengths = encoder(m, rnn.GRUCell(6))
    y = m.sequence(4, name="y")
    y_lengths = m.lengths(name="y_lengths")
    mechanisms = [
        seq2seq.LuongAttention(6, memory, lengths),
        seq2seq.BahdanauAttention(5, memory, lengths),
    ]
    wrapper, start = wrapped(
        m, mechanisms, rnn.LSTMCell(6), tf.shape(memory)[0], attention_layer_size=[3, 4]
    )
    outputs, final = tf.nn.dynamic_rnn(wrapper, y, y_lengths, initial_state=start, dtype=tf.float32)
    m.output(outputs, final.cell_state)
    m.expect("GRU", "GRUCell", 6)
    m.expect("Scan", "AttentionWrapper", 6, reason=ATTENDS)


def beams(m: Model, cell: Any, state: Any, batch: Any, **options: Any) -> None:
    """BeamSearchDecoder of width 3 for at most 7 steps; ids [batch, time, beam] and scores."""
    vary(m)
    embedding = tf.get_variable("target_embedding", [SYMBOLS, 4])
    decoder = seq2seq.BeamSearchDecoder(
        cell,
        embedding,
        tf.fill([batch], 0),
        END,
        state,
        3,
        tf.layers.Dense(SYMBOLS, name="logits"),
        **options,
    )
    outputs, final, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=7)
    m.output(tf.identity(outputs.predicted_ids, "tokens"), lengths)
    m.output(tf.identity(final.log_probs, "log_probs"))
    m.output(tf.identity(outputs.beam_search_decoder_output.scores, "scores"))


@model("BeamSearchDecoder without attention.", ["beam search", "GatherTree"])
def beam_decoder(m: Model) -> None:
    """The encoder's state is tiled by tile_batch."""
    _, state, lengths = encoder(m, rnn.GRUCell(6))
    beams(m, rnn.GRUCell(6), seq2seq.tile_batch(state, 3), tf.shape(lengths)[0])
    m.expect("GRU", "GRUCell", 6)
    m.expect("Loop", "GRUCell", 6, reason="beam search reorders the states; " + BY_DATA)


@model("BeamSearchDecoder over Luong attention, length penalty.", ["beam search", "attention"])
def beam_attention(m: Model) -> None:
    """Memory, lengths and state are all tiled."""
    memory, state, lengths = encoder(m, rnn.LSTMCell(6))
    batch = tf.shape(memory)[0]
    memory, state, tiled = (seq2seq.tile_batch(part, 3) for part in (memory, state, lengths))
    mechanism = seq2seq.LuongAttention(6, memory, tiled)
    wrapper, start = wrapped(
        m, mechanism, rnn.LSTMCell(6), batch * 3, state, attention_layer_size=5
    )
    beams(m, wrapper, start, batch, length_penalty_weight=0.6)
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("Loop", "AttentionWrapper", 6, reason="beam search reorders the states; " + BY_DATA)


@model("InferenceHelper: the output is the next input, fixed steps.", ["own output as input"])
def inference_helper(m: Model) -> None:
    """A forecaster: every step's dense output is fed back, until five steps are done."""
    start = m.vector(3, name="start")
    cell = rnn.GRUCell(6)
    helper = seq2seq.InferenceHelper(
        sample_fn=lambda outputs: outputs,
        sample_shape=[3],
        sample_dtype=tf.float32,
        start_inputs=start,
        end_fn=lambda sample: tf.fill([tf.shape(sample)[0]], False),
    )
    state = m.vector(6, name="state")
    decoder = seq2seq.BasicDecoder(cell, helper, state, tf.layers.Dense(3, name="forecast"))
    outputs, final, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=5)
    m.output(tf.identity(outputs.rnn_output, "forecast_all"), final)
    m.no_empty_batch(EMPTY)
    m.expect("Loop", "GRUCell", 6, reason="the cell reads its own output", also=["Scan"])
