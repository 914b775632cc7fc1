"""Habits of public projects' text models that the other families do not have."""

from __future__ import annotations

import tensorflow as tf

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
WORDS = 11


@model("static_rnn of [cell] * 2: two layers with one set of weights.", ["unrolled", "shared"])
def shared_layers(m: Model) -> None:
    """Since TF 1.2 the same cell object twice means the same kernel twice; states are fed."""
    ids = m.ids(WORDS, time=9)
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [WORDS, 6]), ids)
    steps = [tf.squeeze(step, [1]) for step in tf.split(embedded, 9, 1)]
    cell = rnn.MultiRNNCell([rnn.BasicLSTMCell(6)] * 2)
    outputs, state = tf.nn.static_rnn(cell, steps, initial_state=m.states(cell.state_size))
    flat = tf.reshape(tf.concat(outputs, 1), [-1, 6])
    m.output(tf.nn.softmax(tf.layers.dense(flat, WORDS)), state)
    m.expect("LSTM", "LSTMCell", 6, count=2)


@model("A copy distribution over a vocabulary that grows by a fed number.", ["scatter_nd", "zeros"])
def copy_distribution(m: Model) -> None:
    """Attention over the encoder is added to word probabilities padded by ``tf.zeros((3, new))``."""
    ids, lengths = m.ids(WORDS, batch=3), m.lengths()
    copied = m.ids(WORDS + 4, name="copied")
    new = m.feed(tf.placeholder(tf.int32, [], name="new_words"), lambda rng, case: 4 + case.time)
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [WORDS, 5]), ids)
    states, last = tf.nn.dynamic_rnn(rnn.GRUCell(6), embedded, lengths, dtype=tf.float32)
    scores = tf.reduce_sum(states * tf.expand_dims(last, 1), 2)
    attention = tf.nn.softmax(scores) * tf.sequence_mask(
        lengths, tf.shape(ids)[1], dtype=tf.float32
    )
    generate = tf.layers.dense(last, 1, tf.sigmoid)
    words = generate * tf.nn.softmax(tf.layers.dense(last, WORDS))
    padded = tf.concat([words, tf.zeros((3, new))], 1)
    rows = tf.tile(tf.expand_dims(tf.range(3), 1), [1, tf.shape(copied)[1]])
    places = tf.stack((rows, copied), 2)
    copies = tf.scatter_nd(places, (1 - generate) * attention, [3, WORDS + new])
    m.output(padded + copies)
    m.expect("GRU", "GRUCell", 6)


@model("A bare tf.squeeze with an open batch, then a reshape.", ["squeeze", "shared weights"])
def squeezed_sentences(m: Model) -> None:
    """With one row the squeeze drops the batch too; the reshape behind it brings it back."""
    ids = m.ids(WORDS, time=8)
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [WORDS, 5]), ids)
    vectors = []
    for part in tf.split(embedded, 2, axis=1):
        words = tf.reshape(tf.squeeze(part), (-1, 4, 5))
        with tf.variable_scope("words", reuse=tf.AUTO_REUSE):
            pair = tf.nn.bidirectional_dynamic_rnn(
                rnn.BasicLSTMCell(6), rnn.BasicLSTMCell(6), words, dtype=tf.float32
            )
        vectors.append(tf.reduce_max(tf.concat(pair[0], 2), 1))
    m.no_empty_batch("TensorFlow's reshape of nothing to -1 fails")
    m.output(tf.stack(vectors, 1))
    m.expect("LSTM", "LSTMCell", 6, count=2)
    m.expect("LSTM", "LSTMCell", 6, count=2, direction="reverse")


class Multiplicative(rnn.RNNCell):
    """Multiplicative integration: the products of input and state are multiplied (arXiv 1606.06630)."""

    def __init__(self, units: int, name: str) -> None:
        super().__init__(name=name)
        self.units = units

    @property
    def state_size(self) -> int:
        return 2 * self.units

    @property
    def output_size(self) -> int:
        return self.units

    def call(self, inputs: tf.Tensor, state: tf.Tensor) -> tuple:
        h, c = tf.split(state, 2, 1)
        both = tf.layers.dense(inputs, 4 * self.units, use_bias=False, name="w")
        both *= tf.layers.dense(h, 4 * self.units, use_bias=False, name="u")
        i, j, f, o = tf.split(both + tf.get_variable("bias", [4 * self.units]), 4, 1)
        c = c * tf.sigmoid(f) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        return h, tf.concat([h, c], 1)


@model("Two layers of a cell of one's own, each with its state in one piece.", ["custom", "packed"])
def custom_layers(m: Model) -> None:
    """MultiRNNCell of two unknown cells is two recurrences: the second's input product is hoisted."""
    cell = rnn.MultiRNNCell([Multiplicative(6, "one"), Multiplicative(4, "two")])
    outputs, state = tf.nn.dynamic_rnn(cell, m.sequence(5), m.lengths(), dtype=tf.float32)
    m.output(outputs, state)
    why = "no ONNX operator has this cell's equation"
    m.expect("Scan", "hand-written", 6, reason=why)
    m.expect("Scan", "hand-written", 4, reason=why)


class SwitchedDropout(rnn.DropoutWrapper):
    """Runs its cell with and without dropout and takes one by a tf.cond, as a SQuAD model does."""

    def __init__(self, cell: rnn.RNNCell, training: tf.Tensor) -> None:
        super().__init__(cell, input_keep_prob=0.8)
        self.training, self.plain = training, cell

    def __call__(self, inputs: tf.Tensor, state: tf.Tensor, scope: object = None) -> tuple:
        dropped, changed = super().__call__(inputs, state)
        outputs, new = self.plain(inputs, state)
        return (
            tf.cond(self.training, lambda: dropped, lambda: outputs),
            rnn.LSTMStateTuple(
                tf.cond(self.training, lambda: changed.c, lambda: new.c),
                tf.cond(self.training, lambda: changed.h, lambda: new.h),
            ),
        )


@model("A whole LSTM step with and without dropout, chosen by is_train.", ["dropout", "cond"])
def switched_dropout(m: Model) -> None:
    """Both steps run; the bool placeholder only sets dropout."""
    training = m.freeze(tf.placeholder(tf.bool, [], name="is_train"), False)
    cell = SwitchedDropout(rnn.BasicLSTMCell(6), training)
    outputs, state = tf.nn.dynamic_rnn(cell, m.sequence(5), m.lengths(), dtype=tf.float32)
    m.output(outputs, state)
    m.expect("LSTM", "LSTMCell", 6)


@model("static_bidirectional_rnn with lengths of LSTMs whose state is one piece.", ["unrolled", "packed"])
def static_packed(m: Model) -> None:
    """Two layers, ``state_is_tuple=False``; only the forward state of the last layer is used."""
    steps, lengths = tf.unstack(m.sequence(5, time=3), axis=1), m.lengths()
    for layer in range(2):
        with tf.variable_scope("layer%d" % layer):
            cells = [rnn.LSTMCell(4, state_is_tuple=False) for _ in range(2)]
            steps, state, _ = tf.nn.static_bidirectional_rnn(
                cells[0], cells[1], steps, dtype=tf.float32, sequence_length=lengths
            )
    m.output(tf.stack(steps, 1), state)
    m.expect("LSTM", "LSTMCell", 4, count=2)
    m.expect("LSTM", "LSTMCell", 4, count=2, direction="reverse")


@model("Bi-LSTM with crf_log_likelihood: branches for sentences of one word.", ["cond", "crf"])
def crf_likelihood(m: Model) -> None:
    """In ``tf.cond(T == 1, …)`` the rank of a gather_nd hangs on the size that is 1."""
    x, lengths = m.sequence(5), m.lengths()
    tags = m.ids(4, name="tags")
    pair, _ = tf.nn.bidirectional_dynamic_rnn(
        rnn.LSTMCell(4), rnn.LSTMCell(4), x, lengths, dtype=tf.float32
    )
    scores = tf.layers.dense(tf.concat(pair, 2), 4, name="logits")
    likelihood, transitions = tf.contrib.crf.crf_log_likelihood(scores, tags, lengths)
    best, score = tf.contrib.crf.crf_decode(scores, transitions, lengths)
    m.no_empty_batch("TensorFlow refuses it in crf")
    m.output(likelihood, best, score)
    m.expect("LSTM", "LSTMCell", 4)
    m.expect("LSTM", "LSTMCell", 4, direction="reverse")
    why = "no reference cell has this equation"
    m.expect("Scan", "hand-written", 4, reason=why, also=["Loop"], count=3)
