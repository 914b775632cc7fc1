"""Frozen graphs whose placeholders carry no shape, written and run by old TensorFlow (Python 2.7 and 3).

    python tests/goldens/old_tf/generate.py FOLDER     in each old environment

Up to TensorFlow 1.1 a placeholder's shape is written as a scalar's unless all its sizes are known; of any release,
``tf.placeholder(tf.float32)`` with ``set_shape`` leaves none in the file. See FORMAT.md.
"""

from __future__ import absolute_import, division, print_function

import importlib
import io
import os
import sys
import zlib

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import graph_util

sys.path.insert(0, "porting")  # alone: the package around it is for Python 3.11
RECORDER = importlib.import_module("record_tf1")
OLD = tuple(map(int, tf.__version__.split(".")[:2])) < (1, 2)
RNN = tf.contrib.rnn
MODELS = {}


def model(function):
    """Register a model by the name of its function; it returns its outputs."""
    MODELS[function.__name__] = function
    return function


def unshaped(dtype, shape, name):
    """A placeholder of which Python alone knows the shape; the old releases lose it by themselves."""
    if OLD:
        return tf.placeholder(dtype, shape, name)
    found = tf.placeholder(dtype, name=name)
    found.set_shape(shape)
    return found


@model
def char_rnn():
    """Two LSTM layers over characters, dropout around each, all positions multiplied at once."""
    ids = unshaped(tf.int32, [None, None], "ids")
    keep = tf.placeholder(tf.float32, name="keep_prob")
    table = tf.get_variable("embedding", [11, 6])
    cells = [
        RNN.DropoutWrapper(RNN.BasicLSTMCell(8), output_keep_prob=keep) for _ in range(2)
    ]
    made, _ = tf.nn.dynamic_rnn(
        RNN.MultiRNNCell(cells), tf.nn.embedding_lookup(table, ids), dtype=tf.float32
    )
    flat = tf.matmul(tf.reshape(made, [-1, 8]), tf.get_variable("w", [8, 11]))
    logits = flat + tf.get_variable("b", [11])
    shape = tf.shape(ids)
    return [tf.reshape(logits, tf.stack([shape[0], shape[1], 11]), name="logits")]


@model
def tagger():
    """A bidirectional LSTM with peepholes and lengths, and a dense layer on rank 3."""
    x = unshaped(tf.float32, [None, None, 5], "x")
    lengths = unshaped(tf.int64, [None], "lengths")
    (one, other), states = tf.nn.bidirectional_dynamic_rnn(
        RNN.LSTMCell(4, use_peepholes=True), RNN.LSTMCell(3), x, lengths, dtype=tf.float32
    )
    scores = tf.layers.dense(tf.concat([one, other], 2), 7, name="scores")
    return [tf.identity(scores, "tags"), tf.identity(states[1].h, "last")]


@model
def classifier():
    """An unrolled GRU over a fixed number of steps."""
    x = unshaped(tf.float32, [None, 6, 5], "x")
    steps = tf.unstack(x, 6, 1)
    made, state = RNN.static_rnn(RNN.GRUCell(7), steps, dtype=tf.float32)
    scores = tf.matmul(made[-1], tf.get_variable("w", [7, 3])) + tf.get_variable("b", [3])
    return [tf.nn.softmax(scores, name="scores"), tf.identity(state, "state")]


@model
def stepper():
    """One step of an LSTM whose states are fed."""
    x = unshaped(tf.float32, [None, 5], "x")
    c, h = (unshaped(tf.float32, [None, 6], name) for name in ("c_in", "h_in"))
    out, state = RNN.BasicLSTMCell(6, forget_bias=0.5)(x, RNN.LSTMStateTuple(c, h))
    return [tf.identity(out, "out"), tf.identity(state.c, "c_out")]


@model
def convolved():
    """A convolution over time, one of its axes put in and taken out again, under a GRU; the mean over all steps."""
    x = unshaped(tf.float32, [None, None, 5], "x")
    kernel = tf.get_variable("kernel", [1, 3, 5, 6])
    made = tf.nn.conv2d(tf.expand_dims(x, 1), kernel, [1, 1, 1, 1], "SAME")
    made = tf.nn.relu(tf.nn.bias_add(tf.squeeze(made, [1]), tf.get_variable("b", [6])))
    out, _ = tf.nn.dynamic_rnn(RNN.GRUCell(4), made, dtype=tf.float32)
    return [tf.reduce_mean(out, 1, name="mean")]


@model
def polymorphic():
    """A dense layer for any rank, under an LSTM; the mean over whatever is left of the last step."""
    x = tf.placeholder(tf.float32, name="x")
    sizes = tf.concat([tf.shape(x)[:-1], [6]], 0)
    flat = tf.matmul(tf.reshape(x, [-1, 5]), tf.get_variable("w", [5, 6]))
    made = tf.reshape(flat, sizes)
    made.set_shape([None, None, 6])
    out, _ = tf.nn.dynamic_rnn(RNN.LSTMCell(4), made, dtype=tf.float32)
    last = tf.squeeze(out[:, -1:])
    mean = tf.reduce_mean(last, tf.range(0, tf.rank(last)), name="mean")
    return [tf.identity(out, "out"), mean]


@model
def contracted():
    """tf.tensordot of a tensor whose rank nothing tells: it finds the axes itself as it runs."""
    x = tf.placeholder(tf.float32, name="x")
    made = tf.tensordot(x, tf.get_variable("w", [5, 6]), [[2], [0]])
    made.set_shape([None, None, 6])
    out, _ = tf.nn.dynamic_rnn(RNN.GRUCell(4), made, dtype=tf.float32)
    return [tf.identity(out, "out")]


def fill(session):
    """Random weights, biases too, by the names of their variables."""
    for variable in tf.global_variables():
        random = np.random.RandomState(zlib.crc32(variable.op.name.encode()) & 0xFFFFFFFF)
        shape = variable.get_shape().as_list()
        scale = 0.6 if len(shape) < 2 else 1 / np.sqrt(shape[-2])
        session.run(tf.assign(variable, (random.randn(*shape) * scale).astype("float32")))


def write(folder, name):
    """The frozen graph and what this TensorFlow answers; the recorder draws the inputs by itself."""
    samples = os.path.join(folder, name + ".npz")
    if os.path.exists(samples):
        os.remove(samples)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        outputs = [tensor.op.name for tensor in MODELS[name]()]
        fill(session)
        frozen = graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), outputs
        )
        named = [output + ":0" for output in outputs]
        if name == "stepper":  # of the features that are joined, the graph knows only the sum
            RECORDER.record(session, outputs=named, path=samples, cases=4)
        elif name in ("contracted", "polymorphic"):
            kept = RECORDER.Recorder(session, ["x:0"], named)
            for rows in (3, 1, 2):
                random = np.random.RandomState(rows)
                kept.run({"x:0": random.randn(rows, 7, 5).astype("float32")})
            kept.save(samples)
    path = os.path.join(folder, name + ".pb")
    with io.open(path, "wb") as stream:
        stream.write(frozen.SerializeToString())
    if not os.path.exists(samples):
        status = RECORDER.main([path, "-o", samples, "--outputs", ",".join(named), "--cases", "4"])
        if status:
            raise SystemExit(status)


if __name__ == "__main__":
    if not os.path.isdir(sys.argv[1]):
        os.makedirs(sys.argv[1])
    for chosen in sys.argv[2:] or sorted(MODELS):
        write(sys.argv[1], chosen)
