"""Checkpoints as TF1 programs leave them, with recorded outputs: run with Python 3.7 and TensorFlow 1.15.5.

``python generate.py`` from the root of the repository writes into this folder. Each net lives in a scope of its own; weights are random, by
name; biases are never zero. FORMAT.md says what is in which file.
"""

from __future__ import annotations

import os
import zlib

import numpy as np
import tensorflow as tf
from tensorflow.contrib import cudnn_rnn
from tensorflow.contrib import rnn as contrib_rnn

HERE = os.path.dirname(os.path.abspath(__file__))
cells = tf.nn.rnn_cell
ROWS, STEPS, FEATURES = 3, 6, 4
LENGTHS = np.array([6, 0, 3], np.int32)


def random(name, shape):
    """Weights by name; the scale keeps a cell out of saturation."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)
    if name.endswith("moving_variance") or name.endswith("gamma"):
        return rng.uniform(0.5, 1.5, shape)
    if len(shape) < 2:
        return rng.uniform(0.1, 0.7, shape) * rng.choice([-1.0, 1.0], shape)
    return rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))


def dynamic(cell, x, lengths=None):
    return tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)


def tagger(ids, lengths):
    """Embedding, convolution, norm, both directions, two layers, projection."""
    table = tf.get_variable("embedding", [11, 4])
    x = tf.nn.embedding_lookup(table, ids)
    x = tf.layers.conv1d(x, 5, 3, padding="same", activation=tf.nn.relu)
    x = tf.layers.batch_normalization(x, training=False)
    pair, _ = tf.nn.bidirectional_dynamic_rnn(
        cells.LSTMCell(5), cells.LSTMCell(5), x, lengths, dtype=tf.float32
    )
    stack = cells.MultiRNNCell([cells.BasicLSTMCell(6, forget_bias=0.7) for _ in range(2)])
    y, _ = dynamic(stack, tf.concat(pair, 2), lengths)
    return tf.layers.dense(y, 7)


def singles(x):
    """One cell a scope."""
    made = {
        "gru": cells.GRUCell(4),
        "reset_after": cudnn_rnn.CudnnCompatibleGRUCell(5),
        "simple": cells.BasicRNNCell(5),
        "block": contrib_rnn.LSTMBlockCell(5),
        "gru_block": contrib_rnn.GRUBlockCell(5),
        "gru_block_v2": contrib_rnn.GRUBlockCellV2(5),
        "peephole": cells.LSTMCell(5, use_peepholes=True),
    }
    out = {}
    for name, cell in made.items():
        with tf.variable_scope(name):
            out[name] = dynamic(cell, x)[0]
    with tf.variable_scope("fused"):
        fused = contrib_rnn.LSTMBlockFusedCell(5)
        out["fused"] = tf.transpose(fused(tf.transpose(x, [1, 0, 2]), dtype=tf.float32)[0], [1, 0, 2])
    with tf.variable_scope("sliced", partitioner=tf.fixed_size_partitioner(2)):
        out["sliced"] = dynamic(cells.LSTMCell(5), x)[0]
    with tf.variable_scope("image"):
        out["image"] = tf.layers.conv2d(tf.expand_dims(x, -1), 3, [2, 3])
    return out


def cudnn(x):
    """What a CudnnLSTM saves, canonical: two layers, both directions."""
    with tf.variable_scope("canonical/cudnn_lstm"):
        fw, bw = ([cudnn_rnn.CudnnCompatibleLSTMCell(5) for _ in range(2)] for _ in "fb")
        return contrib_rnn.stack_bidirectional_dynamic_rnn(fw, bw, x, dtype=tf.float32)[0]


def opaque(values):
    """The same weights as cuDNN packs them (cudnn_rnn_ops.py:183-720): by layer and direction w_i w_f w_j w_o r_i r_f r_j r_o, then biases."""
    matrices, biases = [], []
    for layer, width in ((0, FEATURES), (1, 10)):
        for side in ("fw", "bw"):
            scope = (
                "canonical/cudnn_lstm/stack_bidirectional_rnn/cell_%d/bidirectional_rnn/%s/cudnn_compatible_lstm_cell/"
                % (layer, side)
            )
            i, j, f, o = np.split(values[scope + "kernel"], 4, 1)
            parts = [i, f, j, o]
            matrices += [g[:width].T for g in parts] + [g[width:].T for g in parts]
            i, j, f, o = np.split(values[scope + "bias"], 4)
            biases += [0.5 * g for g in (i, f, j, o)] * 2
    return np.concatenate([np.ravel(p) for p in matrices + biases]).astype(np.float32)


OLD = {
    "tagger/rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel": "RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Matrix",
    "tagger/rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias": "RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Bias",
    "tagger/rnn/multi_rnn_cell/cell_1/basic_lstm_cell/kernel": "RNN/MultiRNNCell/Cell1/BasicLSTMCell/Linear/Matrix",
    "tagger/rnn/multi_rnn_cell/cell_1/basic_lstm_cell/bias": "RNN/MultiRNNCell/Cell1/BasicLSTMCell/Linear/Bias",
    "gru/rnn/gru_cell/gates/kernel": "rnn/gru_cell/gates/weights",
    "gru/rnn/gru_cell/gates/bias": "rnn/gru_cell/gates/biases",
    "gru/rnn/gru_cell/candidate/kernel": "rnn/gru_cell/candidate/weights",
    "gru/rnn/gru_cell/candidate/bias": "rnn/gru_cell/candidate/biases",
    "tagger/dense/kernel": "softmax_w",
    "tagger/dense/bias": "softmax_b",
}


def main():
    rng = np.random.RandomState(7)
    tf.set_random_seed(7)
    ids = tf.placeholder(tf.int32, [None, STEPS], "ids")
    lengths = tf.placeholder(tf.int32, [None], "lengths")
    x = tf.placeholder(tf.float32, [ROWS, STEPS, FEATURES], "x")
    with tf.variable_scope("tagger"):
        out = {"tagger": tagger(ids, lengths)}
    out.update(singles(x))
    out["canonical"] = cudnn(x)
    weights = tf.trainable_variables()
    moving = [v for v in tf.global_variables() if "moving_" in v.op.name]
    packed = tf.get_variable("packed/cudnn_lstm/opaque_kernel", [1120], trainable=False)
    averages = tf.train.ExponentialMovingAverage(0.5)
    shadowed = [v for v in weights if v.op.name.startswith("simple/")]
    average = averages.apply(shadowed)
    small = [v for v in weights if v.op.name.startswith(("simple/", "gru/"))]
    train = tf.train.AdamOptimizer().minimize(
        tf.reduce_sum(out["simple"]) + tf.reduce_sum(out["gru"]), var_list=small
    )
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    feeds = {ids: rng.randint(0, 11, [ROWS, STEPS]), lengths: LENGTHS, x: rng.standard_normal([ROWS, STEPS, FEATURES])}
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())
        session.run([train, average], feeds)
        for variable in weights + moving:
            variable.load(random(variable.op.name, variable.shape.as_list()), session)
        for variable in shadowed:
            shadow = averages.average(variable)
            shadow.load(random(shadow.op.name, shadow.shape.as_list()), session)
        values = {v.op.name: session.run(v) for v in weights}
        packed.load(opaque(values), session)
        arrays = {"in:" + k.op.name: session.run(k, feeds) for k in feeds}
        arrays.update({"out:" + name: session.run(value, feeds) for name, value in out.items()})
        tf.train.Saver().save(session, os.path.join(HERE, "nets.ckpt"), write_meta_graph=False, write_state=False)
        named = {v.op.name: v for v in weights}
        old = tf.train.Saver({new: named[name] for name, new in OLD.items()}, write_version=tf.train.SaverDef.V1)
        old.save(session, os.path.join(HERE, "old.ckpt"), write_meta_graph=False, write_state=False)
        for variable in shadowed:
            variable.load(session.run(averages.average(variable)), session)
        arrays["out:simple_averages"] = session.run(out["simple"], feeds)
    np.savez(os.path.join(HERE, "outputs.npz"), **arrays)
    print("\n".join("%s %s" % (k, v.shape) for k, v in sorted(values.items())))


if __name__ == "__main__":
    main()
