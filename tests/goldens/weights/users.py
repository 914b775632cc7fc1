"""Checkpoints of TF1 programs as people wrote them, by old releases too: ``python users.py 1.0.1`` in that environment (Python 2.7 or 3).

Writes ``users_VERSION.ckpt`` and ``users_VERSION.npz`` into this folder; each net lives in a scope of its own.
"""

from __future__ import absolute_import, division, print_function

import os
import sys
import zlib

import numpy as np
import tensorflow as tf

RNN = tf.contrib.rnn
HERE = os.path.dirname(os.path.abspath(__file__))
AVERAGE = "/ExponentialMovingAverage"


def run(cell, x):
    return tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)[0]


def language_model(ids):
    """Three layers as wide as the embedding: any of the kernels fits any of the layers."""
    table = tf.get_variable("embedding", [10, 5])
    cell = RNN.MultiRNNCell([RNN.BasicLSTMCell(5) for _ in range(3)])
    flat = tf.reshape(run(cell, tf.nn.embedding_lookup(table, ids)), [-1, 5])
    logits = tf.matmul(flat, tf.get_variable("softmax_w", [5, 10]))
    return tf.reshape(logits + tf.get_variable("softmax_b", [10]), [3, 6, 10])


def encoder_decoder(x):
    """Both directions, a GRU, a plain RNN and a dense layer, in scopes of a program's own."""
    with tf.variable_scope("encoder"):
        pair, _ = tf.nn.bidirectional_dynamic_rnn(
            RNN.LSTMCell(4), RNN.LSTMCell(4), x, tf.fill([3], 6), dtype=tf.float32
        )
    with tf.variable_scope("decoder"):
        made = run(RNN.BasicRNNCell(6), run(RNN.GRUCell(6), tf.concat(pair, 2)))
    return tf.layers.dense(made, 3, name="projection")


def classifier(x):
    """An unrolled GRU, and a product by hand."""
    made, _ = RNN.static_rnn(RNN.GRUCell(4), tf.unstack(x, 6, 1), dtype=tf.float32)
    return tf.matmul(made[-1], tf.get_variable("W", [4, 2])) + tf.get_variable("b", [2])


def build(ids, x):
    made = {}
    for scope, net, given in (
        ("lm", language_model, ids), ("model", encoder_decoder, x), ("static", classifier, x),
        ("ema", lambda x: run(RNN.LSTMCell(4), x), x),
    ):  # fmt: skip
        with tf.variable_scope(scope):
            made[scope] = net(given)
    with tf.variable_scope("parts", partitioner=tf.fixed_size_partitioner(3)):
        table = tf.get_variable("table", [10, 5])
        for strategy in ("mod", "div"):
            made[strategy] = tf.nn.embedding_lookup(table, ids, partition_strategy=strategy)
    return made


def fill(session, variable):
    random = np.random.RandomState(zlib.crc32(variable.op.name.encode()) & 0x7FFFFFFF)
    shape = variable.get_shape().as_list()
    scale = 1 / np.sqrt(shape[0]) if len(shape) > 1 else 0.5
    session.run(tf.assign(variable, (random.randn(*shape) * scale).astype("float32")))


def main(version):
    assert tf.__version__ == version, tf.__version__
    ids = tf.placeholder(tf.int32, [3, 6], "ids")
    x = tf.placeholder(tf.float32, [3, 6, 5], "x")
    made = build(ids, x)
    weights = tf.trainable_variables()
    averaged = [v for v in weights if v.op.name.startswith("ema/")]
    tf.train.ExponentialMovingAverage(0.9).apply(averaged)
    tf.train.AdamOptimizer().minimize(tf.reduce_sum(made["ema"]) + tf.reduce_sum(made["static"]))
    shadows = {v.op.name: v for v in tf.global_variables() if v.op.name.endswith(AVERAGE)}
    random = np.random.RandomState(3)
    feeds = {ids: random.randint(0, 10, (3, 6)), x: random.randn(3, 6, 5).astype("float32")}
    arrays = {"in:ids": feeds[ids], "in:x": feeds[x]}
    base = os.path.join(HERE, "users_" + version)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for variable in weights + list(shadows.values()):
            fill(session, variable)
        arrays.update({"out:" + name: session.run(value, feeds) for name, value in made.items()})
        tf.train.Saver().save(session, base + ".ckpt", write_meta_graph=False)
        for variable in averaged:
            shadow = [v for n, v in shadows.items() if n.endswith(variable.op.name + AVERAGE)]
            session.run(tf.assign(variable, shadow[0]))
        arrays["out:averaged"] = session.run(made["ema"], feeds)
    os.remove(os.path.join(HERE, "checkpoint"))
    np.savez(base + ".npz", **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
