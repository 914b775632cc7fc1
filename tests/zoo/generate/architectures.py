"""Whole networks in the style people wrote for TF 1.x: language, forecasting, control, drawing."""

from __future__ import annotations

from typing import Any, List, Tuple

import tensorflow as tf
from tensorflow.contrib import rnn as contrib
from tensorflow.contrib import seq2seq

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell


def ptb(m: Model, make: Any) -> None:
    """Embedding, two layers unrolled over 5 steps with fed zero states, softmax."""
    ids = m.ids(14, batch=2, time=5, name="input_data")
    embedded = tf.nn.embedding_lookup(tf.get_variable("embedding", [14, 6]), ids)
    cell = rnn.MultiRNNCell([make(), make()])
    state = m.feed_states(cell.zero_state(2, tf.float32))
    outputs, final = tf.nn.static_rnn(cell, tf.unstack(embedded, 5, 1), initial_state=state)
    flat = tf.reshape(tf.concat(outputs, 1), [-1, 6])
    logits = tf.nn.xw_plus_b(
        flat, tf.get_variable("softmax_w", [6, 14]), tf.get_variable("softmax_b", [14])
    )
    m.output(tf.reshape(logits, [2, 5, 14], name="logits"), final)


@model("The PTB language model, basic mode.", ["unrolled", "two layers", "fed zero states"])
def ptb_basic(m: Model) -> None:
    """BasicLSTMCell with forget_bias 0, as in the tutorial."""
    ptb(m, lambda: rnn.BasicLSTMCell(6, forget_bias=0.0, state_is_tuple=True))
    m.expect("LSTM", "LSTMCell", 6, count=2, forget_bias=0.0)


@model("The PTB language model, block mode.", ["unrolled LSTMBlockCell ops"])
def ptb_block(m: Model) -> None:
    """LSTMBlockCell with forget_bias 0."""
    ptb(m, lambda: contrib.LSTMBlockCell(6, forget_bias=0.0))
    m.expect("LSTM", "LSTMCell", 6, count=2, forget_bias=0.0)


@model(
    "Char-RNN sampling step: one step, states in and out.", ["T = 1", "states fed back by the user"]
)
def char_rnn_step(m: Model) -> None:
    """ids [1, 1]; the user loops outside of the graph."""
    ids = m.ids(9, batch=1, time=1)
    one_hot = tf.one_hot(ids, 9)
    cell = rnn.MultiRNNCell([rnn.LSTMCell(6), rnn.LSTMCell(6)])
    state = m.feed_states(cell.zero_state(1, tf.float32))
    outputs, final = tf.nn.dynamic_rnn(cell, one_hot, initial_state=state)
    logits = tf.layers.dense(tf.reshape(outputs, [-1, 6]), 9, name="logits")
    m.output(tf.nn.softmax(logits / 0.7, name="probabilities"), final)
    m.expect("LSTM", "LSTMCell", 6, count=2)


@model(
    "ELMo-like: projected LSTMs both ways with clips and residuals.",
    ["num_proj", "cell_clip", "residual"],
)
def elmo_like(m: Model) -> None:
    """Two projected layers each way, the second in a ResidualWrapper; a softmax mix of layers."""
    ids, lengths = m.ids(12, dtype=tf.int64), m.lengths()
    x = tf.nn.embedding_lookup(tf.get_variable("embedding", [12, 4]), ids)
    turned = tf.reverse_sequence(x, lengths, 1, 0)
    layers: List[List[tf.Tensor]] = [[], []]
    for way, start in (("forward", x), ("backward", turned)):
        net = start
        for depth in range(2):
            cell = rnn.LSTMCell(7, num_proj=4, cell_clip=3.0, proj_clip=0.7, use_peepholes=False)
            used = rnn.ResidualWrapper(cell) if depth else cell
            scope = f"{way}_{depth}"
            net, state = tf.nn.dynamic_rnn(used, net, lengths, dtype=tf.float32, scope=scope)
            back = way == "backward"
            layers[depth].append(tf.reverse_sequence(net, lengths, 1, 0) if back else net)
            m.output(state)
            m.expect("Scan", "LSTMCell", 7, direction="reverse" if back else "forward",
                     reason="ONNX LSTM has no projection", num_proj=4, cell_clip=3.0)  # fmt: skip
    mix = tf.nn.softmax(tf.get_variable("mix_w", [3]))
    both = [tf.concat([x, x], 2)] + [tf.concat(pair, 2) for pair in layers]
    mixed = tf.add_n([mix[k] * both[k] for k in range(3)])
    m.output(tf.multiply(tf.get_variable("mix_gain", []), mixed, name="elmo"))


def encoder(m: Model, scope: str) -> Tuple[tf.Tensor, Any, tf.Tensor]:
    """A bi-LSTM encoder whose states are concatenated, as in the NMT tutorials."""
    ids = m.ids(11, name="source")
    lengths = tf.placeholder(tf.int32, [None], name="source_lengths")
    m.feed(lengths, lambda rng, case: rng.randint(1, case.time + 1, case.batch))
    x = tf.nn.embedding_lookup(tf.get_variable(f"{scope}_embedding", [11, 5]), ids)
    cells = rnn.LSTMCell(3), rnn.LSTMCell(3)
    outputs, (fw, bw) = tf.nn.bidirectional_dynamic_rnn(*cells, x, lengths, dtype=tf.float32)
    state = rnn.LSTMStateTuple(tf.concat([fw.c, bw.c], 1), tf.concat([fw.h, bw.h], 1))
    m.expect("LSTM", "LSTMCell", 3)
    m.expect("LSTM", "LSTMCell", 3, direction="reverse")
    return tf.concat(outputs, 2), state, lengths


@model(
    "Translation: bi-LSTM encoder, Bahdanau attention, beam search.",
    ["beam search", "attention", "GatherTree"],
)
def translation_beam(m: Model) -> None:
    """The decoder is two layers deep; only the first takes the encoder's state."""
    memory, state, lengths = encoder(m, "source")
    batch = tf.shape(memory)[0]
    memory, state, tiled = (seq2seq.tile_batch(part, 3) for part in (memory, state, lengths))
    mechanism = seq2seq.BahdanauAttention(4, memory, tiled, normalize=True)
    cell = rnn.MultiRNNCell([rnn.LSTMCell(6), rnn.ResidualWrapper(rnn.LSTMCell(6))])
    wrapper = seq2seq.AttentionWrapper(cell, mechanism, attention_layer_size=5)
    zero = wrapper.zero_state(batch * 3, tf.float32)
    start = zero.clone(cell_state=(state, zero.cell_state[1]))
    decoder = seq2seq.BeamSearchDecoder(
        wrapper, tf.get_variable("target_embedding", [10, 4]), tf.fill([batch], 1), 2, start, 3,
        tf.layers.Dense(10, use_bias=False, name="logits"), length_penalty_weight=1.0,
    )  # fmt: skip
    m.lively()
    limit = 2 * tf.reduce_max(lengths)
    outputs, final, steps = seq2seq.dynamic_decode(decoder, maximum_iterations=limit)
    m.output(tf.transpose(outputs.predicted_ids, [0, 2, 1], name="translations"), steps)
    m.output(tf.identity(final.log_probs, "log_probs"))
    m.no_empty_batch("with no row everything is finished before the first step")
    m.expect("Loop", "AttentionWrapper", [6, 6], reason="beam search with attention, stops by data")


@model(
    "Encoder-decoder forecaster, hand-rolled feedback.",
    ["unrolled feedback", "own output as input"],
)
def forecaster(m: Model) -> None:
    """A GRU reads the past; four unrolled steps each read the last forecast."""
    x = m.sequence(2)
    _, state = tf.nn.dynamic_rnn(rnn.GRUCell(6), x, m.lengths(), dtype=tf.float32, scope="past")
    cell, last, steps = rnn.GRUCell(6), x[:, -1, :], []
    for _ in range(4):
        with tf.variable_scope("future", reuse=tf.AUTO_REUSE):
            output, state = cell(last, state)
            last = tf.layers.dense(output, 2, name="value")
        steps.append(last)
    m.output(tf.stack(steps, 1, name="forecast"), state)
    m.expect("GRU", "GRUCell", 6)
    m.expect(
        "unrolled", "GRUCell", 6, also=["Scan", "Loop"], reason="the cell reads its own output"
    )


@model(
    "GRU over batch-normalised inputs, dense head.", ["batch norm at inference", "fused and not"]
)
def gru_batch_norm(m: Model) -> None:
    """is_training is frozen to False; moving statistics are random."""
    training = m.freeze(tf.placeholder(tf.bool, [], name="is_training"), False, by_user=True)
    x = m.sequence(5)
    normed = tf.layers.batch_normalization(x, training=training, name="norm_in")
    cell = rnn.GRUCell(6)
    outputs, state = tf.nn.dynamic_rnn(cell, normed, m.lengths(), dtype=tf.float32)
    after = tf.contrib.layers.batch_norm(state, is_training=False, scale=True, scope="norm_out")
    m.output(outputs, state, tf.layers.dense(after, 1, tf.sigmoid, name="score"))
    m.expect("GRU", "GRUCell", 6)


@model(
    "DRQN: convolutions, then an LSTM; batch and trace length are fed.",
    ["rank-0 inputs", "reshape"],
)
def drqn(m: Model) -> None:
    """Frames come as one flat list; two scalars say how to fold them."""
    frames = tf.placeholder(tf.float32, [None, 48], name="frames")
    m.feed(frames, lambda rng, case: rng.uniform(size=(case.batch * case.time, 48)))
    batch = tf.placeholder(tf.int32, [], name="batch_size")
    length = tf.placeholder(tf.int32, [], name="trace_length")
    m.feed(batch, lambda rng, case: case.batch)
    m.feed(length, lambda rng, case: case.time)
    image = tf.reshape(frames, [-1, 4, 4, 3])
    net = tf.layers.conv2d(
        image, 5, 3, strides=1, padding="valid", activation=tf.nn.relu, name="conv"
    )
    folded = tf.reshape(tf.layers.flatten(net), [batch, length, 20])
    cell = rnn.BasicLSTMCell(6)
    state = m.feed_states(cell.zero_state(batch, tf.float32))
    for leaf in state:
        leaf.set_shape([None, 6])
    outputs, final = tf.nn.dynamic_rnn(cell, folded, initial_state=state)
    advantage, value = tf.split(tf.reshape(outputs, [-1, 6]), 2, 1)
    a, v = tf.layers.dense(advantage, 3, name="a"), tf.layers.dense(value, 1, name="v")
    q = tf.add(v, a - tf.reduce_mean(a, 1, keepdims=True), name="q")
    m.output(q, tf.argmax(q, 1, name="action"), final)
    m.no_empty_batch("the convolution is left alone here")
    m.expect("LSTM", "LSTMCell", 6)


@model(
    "A3C-LSTM policy: the steps are the batch.", ["expand_dims as batch of 1", "state placeholders"]
)
def a3c_lstm(m: Model) -> None:
    """Observations [steps, 5] become one row; the state is fed as c_in and h_in."""
    observed = tf.placeholder(tf.float32, [None, 5], name="observed")
    m.feed(observed, lambda rng, case: rng.standard_normal((case.time, 5)))
    m.batch = 1
    hidden = tf.layers.dense(observed, 6, tf.nn.elu, name="hidden")
    state = rnn.LSTMStateTuple(m.vector(6, name="c_in"), m.vector(6, name="h_in"))
    steps = tf.shape(observed)[:1]
    outputs, final = tf.nn.dynamic_rnn(
        rnn.BasicLSTMCell(6), tf.expand_dims(hidden, [0]), steps, initial_state=state
    )
    flat = tf.reshape(outputs, [-1, 6])
    policy = tf.nn.softmax(tf.layers.dense(flat, 3, name="policy"), name="pi")
    m.output(policy, tf.layers.dense(flat, 1, name="value"), final.c[:1, :], final.h[:1, :])
    m.expect("LSTM", "LSTMCell", 6)


@model("CBHG-like: highway layers, then a bi-GRU.", ["Conv1D bank", "highway", "MaxPool", "bi-GRU"])
def cbhg_like(m: Model) -> None:
    """The text encoder of Tacotron, small."""
    x, lengths = m.sequence(5), m.lengths()
    bank = [tf.layers.conv1d(x, 4, k, padding="same", activation=tf.nn.relu) for k in (1, 2, 3)]
    pooled = tf.layers.max_pooling1d(tf.concat(bank, -1), 2, 1, padding="same")
    net = tf.layers.conv1d(pooled, 5, 3, padding="same", name="project") + x
    for depth in range(2):
        h = tf.layers.dense(net, 5, tf.nn.relu, name=f"h{depth}")
        t = tf.layers.dense(net, 5, tf.nn.sigmoid, name=f"t{depth}")
        net = h * t + net * (1.0 - t)
    cells = rnn.GRUCell(6), rnn.GRUCell(6)
    outputs, states = tf.nn.bidirectional_dynamic_rnn(*cells, net, lengths, dtype=tf.float32)
    m.output(tf.concat(outputs, 2, name="outputs"), states)
    m.no_empty_batch("the convolutions are left alone here")
    m.expect("GRU", "GRUCell", 6)
    m.expect("GRU", "GRUCell", 6, direction="reverse")


@model(
    "Video clips: convolutions per frame, a two-layer LSTM, mean pooling.", ["fold time into batch"]
)
def video_classifier(m: Model) -> None:
    """Frames [batch, time, 4, 4, 2]; masked mean over valid steps."""
    x, lengths = m.sequence((4, 4, 2), name="clip"), m.lengths()
    shape = tf.shape(x)
    net = tf.layers.conv2d(tf.reshape(x, [-1, 4, 4, 2]), 3, 3, activation=tf.nn.relu, name="conv")
    steps = tf.reshape(net, [shape[0], shape[1], 12])
    cell = rnn.MultiRNNCell([rnn.LSTMCell(6), rnn.LSTMCell(5)])
    outputs, _ = tf.nn.dynamic_rnn(cell, steps, lengths, dtype=tf.float32)
    mask = tf.expand_dims(tf.sequence_mask(lengths, shape[1], tf.float32), 2)
    mean = tf.reduce_sum(outputs * mask, 1) / tf.maximum(tf.reduce_sum(mask, 1), 1.0)
    m.output(outputs, tf.layers.dense(mean, 3, name="logits"))
    m.no_empty_batch("the convolution is left alone here")
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("LSTM", "LSTMCell", 5)
