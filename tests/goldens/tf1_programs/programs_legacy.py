"""Programs on tf.contrib.legacy_seq2seq and tf.contrib.layers."""
import numpy as np
import tensorflow as tf
from tensorflow.contrib import layers
from tensorflow.contrib import legacy_seq2seq
from running import batch

IDS = np.array([[1, 2, 3], [2, 2, 1], [4, 3, 2], [5, 4, 0]], np.int32)


def steps(count=3, size=3):
    return [tf.constant(batch(4, size) * (0.5 + i)) for i in range(count)]


def ids(count=3):
    return [tf.constant(IDS[:, i % 3]) for i in range(count)]


def learn(outputs, state):
    flat = tf.nest.flatten([outputs, state])
    loss = tf.add_n([tf.reduce_mean(tf.square(t - 0.3)) for t in flat])
    return {"fetch": {"out%d" % i: t for i, t in enumerate(flat)}, "loss": loss}


def program_basic():
    return learn(*legacy_seq2seq.basic_rnn_seq2seq(steps(), steps(2), tf.nn.rnn_cell.GRUCell(4)))


def program_tied():
    return learn(*legacy_seq2seq.tied_rnn_seq2seq(steps(), steps(2), tf.nn.rnn_cell.BasicLSTMCell(4)))


def program_decoder_loop():
    cell = tf.nn.rnn_cell.GRUCell(3)
    return learn(*legacy_seq2seq.rnn_decoder(steps(), tf.ones([4, 3]) * 0.2, cell, loop_function=lambda prev, i: prev * 0.5))


def program_embedding():
    return learn(*legacy_seq2seq.embedding_rnn_seq2seq(ids(), ids(2), tf.nn.rnn_cell.GRUCell(4), 6, 7, 3))


def program_embedding_fed():
    return learn(*legacy_seq2seq.embedding_rnn_seq2seq(ids(), ids(2), tf.nn.rnn_cell.BasicLSTMCell(4), 6, 7, 3, feed_previous=True))


def program_embedding_switch():
    feed = tf.placeholder_with_default(True, [])
    return learn(*legacy_seq2seq.embedding_rnn_seq2seq(ids(), ids(2), tf.nn.rnn_cell.BasicLSTMCell(4), 6, 7, 3, feed_previous=feed))


def program_embedding_tied():
    return learn(*legacy_seq2seq.embedding_tied_rnn_seq2seq(ids(), ids(2), tf.nn.rnn_cell.GRUCell(4), 7, 3, feed_previous=True))


def program_embedding_tied_switch():
    feed = tf.placeholder_with_default(False, [])
    return learn(*legacy_seq2seq.embedding_tied_rnn_seq2seq(ids(), ids(2), tf.nn.rnn_cell.GRUCell(4), 7, 3, feed_previous=feed))


def program_attention():
    return learn(*legacy_seq2seq.embedding_attention_seq2seq(ids(), ids(2), tf.nn.rnn_cell.GRUCell(4), 6, 7, 3, num_heads=2))


def program_attention_initial():
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(4), tf.nn.rnn_cell.GRUCell(4)])
    return learn(*legacy_seq2seq.embedding_attention_seq2seq(ids(), ids(2), cell, 6, 7, 3, initial_state_attention=True))


def program_attention_switch():
    feed = tf.placeholder_with_default(True, [])
    w, b = tf.get_variable("proj_w", [4, 7]), tf.get_variable("proj_b", [7])
    return learn(*legacy_seq2seq.embedding_attention_seq2seq(
        ids(), ids(2), tf.nn.rnn_cell.GRUCell(4), 6, 7, 3, output_projection=(w, b), feed_previous=feed))


def program_one2many():
    cells = {"a": tf.nn.rnn_cell.GRUCell(4)}
    outputs, states = legacy_seq2seq.one2many_rnn_seq2seq(
        ids(), {"a": ids(2)}, tf.nn.rnn_cell.GRUCell(4), cells, 6, {"a": 7}, 3)
    return learn(outputs["a"], states["a"])


def program_buckets():
    weights = [tf.constant(np.abs(batch(4))) for _ in range(3)]

    def model(x, y):
        return legacy_seq2seq.embedding_rnn_seq2seq(x, y, tf.nn.rnn_cell.GRUCell(4), 6, 6, 3)

    outputs, losses = legacy_seq2seq.model_with_buckets(ids(4), ids(3), ids(3), weights, [(2, 2), (4, 3)], model)
    return {"fetch": {"a": losses[0], "b": losses[1], "y": outputs[1][2]}, "loss": losses[1]}


def program_losses():
    logits = [tf.constant(batch(4, 6) * i) for i in (1, 2)]
    weights = [tf.constant(np.abs(batch(4))) for _ in range(2)]
    return {"fetch": {
        "a": legacy_seq2seq.sequence_loss_by_example(logits, ids(2), weights),
        "b": legacy_seq2seq.sequence_loss_by_example(logits, ids(2), weights, average_across_timesteps=False),
        "c": legacy_seq2seq.sequence_loss(logits, ids(2), weights),
        "d": legacy_seq2seq.sequence_loss(logits, ids(2), weights, average_across_batch=False)}}


def program_layers():
    x = tf.constant(batch(4, 5, 3))
    y = layers.fully_connected(x, 4, normalizer_fn=layers.layer_norm, weights_regularizer=layers.l2_regularizer(0.1))
    y = layers.linear(layers.flatten(y), 3, scope="last")
    e = layers.embed_sequence(tf.constant(IDS), 6, 3)
    loss = tf.reduce_mean(tf.square(y)) + tf.reduce_mean(tf.square(e)) + tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
    n = layers.layer_norm(tf.constant(batch(4, 3)), begin_norm_axis=1)
    return {"fetch": {"y": y, "e": e, "n": n, "h": layers.one_hot_encoding(IDS, 6)}, "loss": loss + tf.reduce_mean(tf.square(n - 0.3))}
