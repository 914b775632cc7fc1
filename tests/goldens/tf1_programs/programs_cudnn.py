"""Programs whose checkpoints are cuDNN's canonical ones. TF 1.15.5 has no cuDNN on a CPU: it records the documented twin (``twin``) of each layer."""
import numpy as np
import tensorflow as tf
from running import batch

LENGTHS = np.array([1, 5, 3], np.int32)


def twin(kind, layers, units, x, lengths, bidirectional):
    """The same network from cuDNN-compatible cells, as TF 1's own documentation gives it."""
    cells = {
        "CudnnLSTM": tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell, "CudnnGRU": tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell,
        "CudnnRNNTanh": tf.nn.rnn_cell.BasicRNNCell, "CudnnRNNRelu": lambda n: tf.nn.rnn_cell.BasicRNNCell(n, activation=tf.nn.relu)}
    with tf.variable_scope("layer"):
        if bidirectional:
            fw, bw = [[cells[kind](units) for _ in range(layers)] for _ in range(2)]
            y, a, b = tf.contrib.rnn.stack_bidirectional_dynamic_rnn(
                fw, bw, x, dtype=tf.float32, sequence_length=lengths, time_major=True)
            states = [s for pair in zip(a, b) for s in pair]
        else:
            cell = tf.nn.rnn_cell.MultiRNNCell([cells[kind](units) for _ in range(layers)])
            y, states = tf.nn.dynamic_rnn(cell, x, lengths, dtype=tf.float32, time_major=True)
    if kind == "CudnnLSTM":
        return y, (tf.stack([s.h for s in states]), tf.stack([s.c for s in states]))
    return y, (tf.stack(states),)


def layer(kind, layers, units, x, lengths, bidirectional):
    if not tf.test.is_gpu_available() and tf.__version__.startswith("1."):
        return twin(kind, layers, units, x, lengths, bidirectional)
    direction = "bidirectional" if bidirectional else "unidirectional"
    made = getattr(tf.contrib.cudnn_rnn, kind)(layers, units, direction=direction, name="layer")
    y, states = made(x, sequence_lengths=lengths, training=True)
    made(x, sequence_lengths=lengths)
    assert len(made.trainable_variables) == len(tf.trainable_variables())
    return y, states


def learn(kind, layers=2, units=3, lengths=None, bidirectional=False):
    x = tf.placeholder(tf.float32, [5, 3, 4])
    y, states = layer(kind, layers, units, x, lengths, bidirectional)
    flat = [y] + list(states)
    loss = tf.add_n([tf.reduce_mean(tf.square(t - 0.3)) for t in flat])
    return {"fetch": {"out%d" % i: t for i, t in enumerate(flat)}, "feeds": {x: batch(5, 3, 4)}, "loss": loss}


def program_lstm():
    return learn("CudnnLSTM")


def program_lstm_lengths_bidirectional():
    return learn("CudnnLSTM", lengths=LENGTHS, bidirectional=True)


def program_gru():
    return learn("CudnnGRU", lengths=LENGTHS)


def program_gru_bidirectional():
    return learn("CudnnGRU", bidirectional=True)


def program_tanh():
    return learn("CudnnRNNTanh", layers=1)


def program_relu():
    return learn("CudnnRNNRelu", bidirectional=True)
