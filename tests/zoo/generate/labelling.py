"""CTC and CRF decoding, taggers, classifiers, OCR and speech models."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.contrib import crf
from tensorflow.contrib import rnn as contrib

from tests.zoo.generate.model import Case, Model, lengths_of
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
VITERBI = "Viterbi steps over integers, no ONNX operator has this equation"
REVERSE_CRASH = "ReverseV2 on an empty tensor kills TensorFlow 1.15.5"


def both(m: Model, units: int, form: str = "LSTM", cell: str = "LSTMCell") -> None:
    """Expect one recurrence each way."""
    m.expect(form, cell, units)
    m.expect(form, cell, units, direction="reverse")


@model("A bi-LSTM over features with ctc_greedy_decoder.", ["CTCGreedyDecoder", "sparse results"])
def ctc_greedy(m: Model) -> None:
    """Logits are time-major; the decoded sparse tensor's three parts are outputs."""
    x, lengths = m.sequence(5), m.lengths()
    cells = rnn.LSTMCell(6), rnn.LSTMCell(6)
    outputs, _ = tf.nn.bidirectional_dynamic_rnn(*cells, x, lengths, dtype=tf.float32)
    logits = tf.transpose(tf.layers.dense(tf.concat(outputs, 2), 4, name="logits"), [1, 0, 2])
    decoded, scores = tf.nn.ctc_greedy_decoder(logits, lengths)
    m.output(logits, decoded[0].indices, decoded[0].values, decoded[0].dense_shape, scores)
    m.output(tf.sparse_tensor_to_dense(decoded[0], default_value=-1, name="dense"))
    m.no_empty_batch("kept simple")
    both(m, 6)


@model("A GRU with ctc_beam_search_decoder.", ["CTCBeamSearchDecoder", "top paths"])
def ctc_beam(m: Model) -> None:
    """Beam 8, the two best paths; TF refuses length 0 ("Less leaves … than requested")."""
    x = m.sequence(5)
    lengths = m.feed(
        tf.placeholder(tf.int32, [None], name="lengths"),
        lambda rng, case: np.maximum(lengths_of(case, rng), 1),
    )
    outputs, _ = tf.nn.dynamic_rnn(rnn.GRUCell(6), x, lengths, dtype=tf.float32)
    logits = tf.transpose(tf.layers.dense(outputs, 4, name="logits"), [1, 0, 2])
    decoded, scores = tf.nn.ctc_beam_search_decoder(
        logits, lengths, beam_width=8, top_paths=2, merge_repeated=False
    )
    m.output(logits, scores, [tf.sparse_tensor_to_dense(d, default_value=-1) for d in decoded])
    m.no_empty_batch("kept simple")
    m.expect("GRU", "GRUCell", 6)


@model("crf_decode over the logits of a dense layer.", ["Viterbi forward and backward"])
def crf_only(m: Model) -> None:
    """Tags and scores; the recurrences are those of the CRF itself."""
    x, lengths = m.sequence(4), m.lengths()
    tags, score = crf.crf_decode(x, tf.get_variable("transitions", [4, 4]), lengths)
    m.output(tags, score)
    m.no_empty_batch("kept simple")
    m.expect("Scan", "CrfDecodeForwardRnnCell", 4, reason=VITERBI)
    m.expect("Scan", "CrfDecodeBackwardRnnCell", 4, direction="reverse", reason=VITERBI)


@model("Bi-LSTM-CRF tagger over padded word ids.", ["embedding", "bi-LSTM", "crf_decode"])
def tagger_crf(m: Model) -> None:
    """The named-entity tagger of TF 1.x: lengths from ids, dropout by placeholder, a CRF."""
    ids = m.ids(17, padded=True, name="words")
    keep = m.freeze(tf.placeholder(tf.float32, [], name="dropout_keep"), 1.0)
    lengths = tf.reduce_sum(tf.sign(tf.abs(ids)), 1, name="lengths")
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [17, 5]), ids)
    embedded = tf.nn.dropout(embedded, keep)
    cells = contrib.CoupledInputForgetGateLSTMCell(6), contrib.CoupledInputForgetGateLSTMCell(6)
    outputs, _ = tf.nn.bidirectional_dynamic_rnn(*cells, embedded, lengths, dtype=tf.float32)
    hidden = tf.tanh(tf.layers.dense(tf.concat(outputs, -1), 6, name="hidden"))
    logits = tf.layers.dense(hidden, 4, name="logits")
    m.output(logits, *crf.crf_decode(logits, tf.get_variable("transitions", [4, 4]), lengths))
    m.no_empty_batch("kept simple")
    reason = "the coupling is i = 1 - f; ONNX input_forget has f = 1 - i"
    for direction in ("forward", "reverse"):
        m.expect("Scan", "CoupledInputForgetGateLSTMCell", 6, direction=direction, reason=reason,
                 also=["LSTM"])  # fmt: skip
    m.expect("Scan", "CrfDecodeForwardRnnCell", 4, reason=VITERBI)
    m.expect("Scan", "CrfDecodeBackwardRnnCell", 4, direction="reverse", reason=VITERBI)


@model("Tagger with a character bi-LSTM inside a word bi-LSTM.", ["reshape to words", "two levels"])
def tagger_chars(m: Model) -> None:
    """Characters [batch, words, 5] are reshaped to rows; their final states join the words."""
    words = m.ids(11, name="words", padded=True)
    chars = tf.placeholder(tf.int32, [None, None, 5], name="chars")
    m.feed(chars, lambda rng, case: rng.randint(0, 9, (case.batch, case.time, 5)))
    char_lengths = tf.placeholder(tf.int32, [None, None], name="char_lengths")
    m.feed(char_lengths, lambda rng, case: rng.randint(0, 6, (case.batch, case.time)))
    lengths = tf.reduce_sum(tf.cast(words > 0, tf.int32), 1)
    embedded = tf.nn.embedding_lookup(tf.get_variable("char_embedding", [9, 3]), chars)
    shape = tf.shape(embedded)
    rows = tf.reshape(embedded, [-1, shape[2], 3])
    row_lengths = tf.reshape(char_lengths, [-1])
    pair = rnn.LSTMCell(3), rnn.LSTMCell(3)
    _, (fw, bw) = tf.nn.bidirectional_dynamic_rnn(
        *pair, rows, row_lengths, dtype=tf.float32, scope="chars"
    )
    spelled = tf.reshape(tf.concat([fw.h, bw.h], -1), [-1, shape[1], 6])
    looked = tf.nn.embedding_lookup(tf.get_variable("word_embedding", [11, 4]), words)
    joined = tf.concat([looked, spelled], -1)
    pair = rnn.LSTMCell(5), rnn.LSTMCell(5)
    outputs, _ = tf.nn.bidirectional_dynamic_rnn(
        *pair, joined, lengths, dtype=tf.float32, scope="words"
    )
    logits = tf.layers.dense(tf.concat(outputs, -1), 4, name="logits")
    m.output(logits, tf.argmax(logits, -1, name="tags"))
    m.no_empty_batch("the reshape to -1 rows is ambiguous")
    both(m, 3)
    both(m, 5)


@model("CRNN text reader: convolutions, two bi-LSTMs, CTC greedy.", ["Conv2D", "MaxPool", "CTC"])
def crnn_ocr(m: Model) -> None:
    """Images [batch, 8, 4 * time, 1] become time steps; batch norm at inference."""
    image = tf.placeholder(tf.float32, [None, 8, None, 1], name="image")
    m.feed(image, lambda rng, case: rng.uniform(size=(case.batch, 8, 4 * case.time, 1)))
    net = tf.layers.conv2d(image, 4, 3, padding="same", activation=tf.nn.relu, name="conv1")
    net = tf.layers.max_pooling2d(net, 2, 2)
    net = tf.layers.conv2d(net, 6, 3, padding="same", name="conv2")
    net = tf.nn.relu(tf.layers.batch_normalization(net, training=False, name="norm"))
    net = tf.layers.max_pooling2d(net, [4, 2], [4, 2])
    x = tf.squeeze(net, [1], name="columns")
    lengths = tf.fill([tf.shape(x)[0]], tf.shape(x)[1])
    outputs, _, _ = contrib.stack_bidirectional_dynamic_rnn(
        [rnn.BasicLSTMCell(6), rnn.BasicLSTMCell(5)],
        [rnn.BasicLSTMCell(6), rnn.BasicLSTMCell(5)],
        x,
        dtype=tf.float32,
        sequence_length=lengths,
    )
    logits = tf.transpose(tf.layers.dense(outputs, 5, name="logits"), [1, 0, 2])
    m.lively(3.0)
    m.weights["logits/bias"] = lambda rng, shape: np.array([0.1, -0.2, 0.15, 0.05, -0.9])
    decoded, _ = tf.nn.ctc_greedy_decoder(logits, lengths, merge_repeated=True)
    m.output(logits, tf.sparse_tensor_to_dense(decoded[0], default_value=-1, name="text"))
    m.no_empty_batch("kept simple")
    both(m, 6)
    both(m, 5)


@model(
    "Speech: clipped-relu layers, time-major bi-LSTM, CTC beam.",
    ["min(relu, 20)", "context window"],
)
def speech_ctc(m: Model) -> None:
    """The DeepSpeech shape: dense layers over flat rows, one bi-LSTM, beam search."""
    x, lengths = m.sequence(8, name="features"), m.lengths()
    batch = tf.shape(x)[0]
    flat = tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, 8])
    for index, width in enumerate((7, 6)):
        hidden = tf.layers.dense(flat, width, name=f"dense{index}")
        flat = tf.minimum(tf.nn.relu(hidden), 20.0)
    steps = tf.reshape(flat, [-1, batch, 6])
    cells = rnn.BasicLSTMCell(6, forget_bias=1.0), rnn.BasicLSTMCell(6, forget_bias=1.0)
    outputs, states = tf.nn.bidirectional_dynamic_rnn(
        *cells, steps, lengths, dtype=tf.float32, time_major=True
    )
    rows = tf.reshape(tf.concat(outputs, 2), [-1, 12])
    logits = tf.reshape(tf.layers.dense(rows, 4, name="last"), [-1, batch, 4], name="logits")
    decoded, scores = tf.nn.ctc_beam_search_decoder(logits, lengths, 6, 1, merge_repeated=False)
    m.output(logits, states, scores, tf.sparse_tensor_to_dense(decoded[0], default_value=-1))
    m.no_empty_batch("the reshape to -1 rows is ambiguous")
    both(m, 6)


@model("Sequence classifier: last relevant output by gather_nd.", ["gather_nd", "softmax"],
       extras=["saved_model"])  # fmt: skip
def classifier_gather_nd(m: Model) -> None:
    """Embedding, two GRU layers, the output at length - 1, a dense layer."""
    ids = m.ids(13, dtype=tf.int64)
    lengths = m.feed(
        tf.placeholder(tf.int32, [None], name="lengths"),
        lambda rng, case: np.maximum(lengths_of(case, rng), 1),
    )
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [13, 5]), ids)
    cell = rnn.MultiRNNCell([rnn.GRUCell(6), rnn.GRUCell(6)])
    outputs, _ = tf.nn.dynamic_rnn(cell, embedded, lengths, dtype=tf.float32)
    index = tf.stack([tf.range(tf.shape(lengths)[0]), lengths - 1], axis=1)
    last = tf.gather_nd(outputs, index, name="last")
    logits = tf.layers.dense(last, 3, name="logits")
    m.lively()
    m.weights["logits/bias"] = lambda rng, shape: np.array([0.3, -1.5, 0.2])
    m.output(outputs, last, tf.nn.softmax(logits, name="probabilities"), tf.argmax(logits, 1))
    m.expect("GRU", "GRUCell", 6, count=2)


@model("Hierarchical attention over words and sentences.", ["attention pooling", "reshape"])
def hierarchical_attention(m: Model) -> None:
    """Documents [batch, sentences, 4 words]; bi-GRUs and softmax pooling at both levels."""
    ids = tf.placeholder(tf.int32, [None, None, 4], name="document")
    m.feed(ids, lambda rng, case: rng.randint(0, 12, (case.batch, case.time, 4)))
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [12, 5]), ids)
    rows = tf.reshape(embedded, [-1, 4, 5])

    def level(x: tf.Tensor, scope: str, units: int) -> tf.Tensor:
        with tf.variable_scope(scope):
            cells = rnn.GRUCell(units), rnn.GRUCell(units)
            both_ways, _ = tf.nn.bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32)
            hidden = tf.concat(both_ways, 2)
            projected = tf.layers.dense(hidden, 5, tf.tanh, name="project")
            scores = tf.reduce_sum(projected * tf.get_variable("context", [5]), 2, keepdims=True)
            return tf.reduce_sum(hidden * tf.nn.softmax(scores, 1), 1)

    sentences = tf.reshape(level(rows, "word", 4), [-1, tf.shape(ids)[1], 8])
    m.output(sentences, tf.layers.dense(level(sentences, "sentence", 3), 3, name="logits"))
    m.no_empty_batch(REVERSE_CRASH)
    both(m, 4, "GRU", "GRUCell")
    both(m, 3, "GRU", "GRUCell")


WORDS = ["the", "old", "port", "stays", "right", "café"]


@model(
    "Words by a hash table, embedding, LSTM, tags back as strings.", ["string input", "HashTableV2"]
)
def string_tagger(m: Model) -> None:
    """Unknown words go to the default id; tags come back by index_to_string."""
    words = tf.placeholder(tf.string, [None, None], name="words")

    def draw(rng: np.random.RandomState, case: Case) -> Any:
        chosen = rng.randint(0, len(WORDS) + 1, (case.batch, case.time))
        return np.array([word.encode() for word in WORDS + ["unheard"]])[chosen]

    m.feed(words, draw)
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(WORDS, list(range(len(WORDS))), tf.string, tf.int64),
        len(WORDS),
    )
    embedding = tf.get_variable("embedding", [len(WORDS) + 1, 5])
    embedded = tf.nn.embedding_lookup(embedding, table.lookup(words))
    outputs, _ = tf.nn.dynamic_rnn(rnn.LSTMCell(6), embedded, dtype=tf.float32)
    logits = tf.layers.dense(outputs, 3, name="logits")
    tags = tf.contrib.lookup.index_to_string_table_from_tensor(["NOUN", "VERB", "OTHER"])
    m.output(logits, tags.lookup(tf.argmax(logits, 2)))
    m.init_nodes = [op.name for op in tf.get_collection(tf.GraphKeys.TABLE_INITIALIZERS)]
    m.no_empty_batch("kept simple")
    m.expect("LSTM", "LSTMCell", 6)
