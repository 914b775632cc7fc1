"""Model functions in TensorFlow 1's style, of the shapes that `rewrite --to keras` knows."""
import tensorflow as tf
from tensorflow.contrib import rnn


def lstm_model(x):
    cell = tf.nn.rnn_cell.BasicLSTMCell(4)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)  # keep me
    return outputs[:, -1]


def stacked(x, lengths):
    # two layers
    cell = rnn.MultiRNNCell([rnn.GRUCell(4), rnn.LSTMCell(3, forget_bias=0.5)])
    outputs, state = tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)
    return outputs


def stacked_loop(x):
    cells = [rnn.BasicRNNCell(4, activation=tf.nn.relu) for _ in range(2)]
    cell = rnn.MultiRNNCell(cells)
    outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32, scope="deep")
    last = tf.gather(tf.transpose(outputs, [1, 0, 2]), int(outputs.get_shape()[1]) - 1)
    return last


def both(x, lengths):
    fw = tf.nn.rnn_cell.LSTMCell(3)
    bw = tf.nn.rnn_cell.LSTMCell(3)
    outputs, _ = tf.nn.bidirectional_dynamic_rnn(fw, bw, x, sequence_length=lengths, dtype=tf.float32)
    return tf.concat(outputs, 2)


def static(x):
    steps = tf.unstack(x, 5, 1)
    cell = tf.nn.rnn_cell.GRUCell(4, name="g")
    outputs, _ = tf.nn.static_rnn(cell, steps, dtype=tf.float32)
    return outputs[-1]

