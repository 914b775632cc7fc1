"""Gradients and 20 optimizer steps as TensorFlow 1.15.5 takes them: run with Python 3.7, ``python generate.py`` in this folder.

FORMAT.md says what is in the files. One thread, a fixed seed, no dropout.
"""

import os
import sys

import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
TUNES = os.path.join(HERE, "..", "..", "..", "examples", "irish_tunes")
cells = tf.nn.rnn_cell
ROWS, STEPS, EVERY = 4, 7, 997
LENGTHS = np.array([7, 0, 3, 1], np.int32)
RATES = {"sgd": 0.1, "adam": 0.003}


def masked_loss(logits, labels, lengths):
    valid = tf.sequence_mask(lengths, tf.shape(labels)[1], dtype=tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_sum(losses * valid) / tf.reduce_sum(valid)


def classifier(random):
    """x [B, T, 5] -> LSTM -> h -> dense: logits [B, 3]."""
    x = tf.placeholder(tf.float32, [None, None, 5], "x")
    lengths = tf.placeholder(tf.int32, [None], "lengths")
    labels = tf.placeholder(tf.int32, [None], "labels")
    cell = cells.BasicLSTMCell(6, forget_bias=0.7)
    _, state = tf.nn.dynamic_rnn(cell, x, lengths, dtype=tf.float32)
    logits = tf.layers.dense(state.h, 3, name="logits")
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    feeds = {
        x: random.standard_normal((ROWS, STEPS, 5)),
        lengths: LENGTHS,
        labels: random.randint(0, 3, ROWS),
    }
    return logits, loss, feeds


def tagger(random):
    """ids [B, T] -> embedding -> GRU both ways -> dense: logits [B, T, 4]."""
    ids = tf.placeholder(tf.int32, [None, None], "ids")
    lengths = tf.placeholder(tf.int32, [None], "lengths")
    labels = tf.placeholder(tf.int32, [None, None], "labels")
    table = tf.get_variable("embedding", [11, 5])
    pair, _ = tf.nn.bidirectional_dynamic_rnn(
        cells.GRUCell(4),
        cells.GRUCell(4),
        tf.nn.embedding_lookup(table, ids),
        lengths,
        dtype=tf.float32,
    )
    logits = tf.layers.dense(tf.concat(pair, 2), 4, name="logits")
    feeds = {
        ids: random.randint(0, 11, (ROWS, STEPS)),
        lengths: LENGTHS,
        labels: random.randint(0, 4, (ROWS, STEPS)),
    }
    return logits, masked_loss(logits, labels, lengths), feeds


def tunes(random):
    """The shipped model; its variables come from its checkpoint."""
    sys.path.insert(0, TUNES)
    from train_tf1 import build

    model = build(68)
    labels = tf.placeholder(tf.int32, [None, None], "labels")
    feeds = {
        model["ids"]: random.randint(0, 68, (ROWS, STEPS)),
        model["lengths"]: LENGTHS,
        model["initial_state"]: 0.5 * random.standard_normal((2, 2, ROWS, 128)),
        model["keep_prob"]: 1.0,
        labels: random.randint(0, 68, (ROWS, STEPS)),
    }
    return model["logits"], masked_loss(model["logits"], labels, model["lengths"]), feeds


def initial(name, random):
    variables = tf.trainable_variables()
    if name == "tunes":
        reader = tf.train.load_checkpoint(os.path.join(TUNES, "model", "checkpoint", "tunes.ckpt"))
        return {v.op.name: reader.get_tensor(v.op.name) for v in variables}
    return {v.op.name: 0.6 * random.standard_normal(v.shape.as_list()) for v in variables}


def shown(value, name):
    """All of a small array; every EVERY-th item of the tunes model's."""
    value = np.asarray(value, np.float32)
    return value.reshape(-1)[::EVERY] if name == "tunes" else value


def record(name, make):
    random = np.random.RandomState(1903)
    with tf.Graph().as_default() as graph:
        logits, loss, feeds = make(random)
        variables = tf.trainable_variables()
        gradients = [tf.convert_to_tensor(g) for g in tf.gradients(loss, variables)]
        updates = {
            "sgd": tf.train.GradientDescentOptimizer(RATES["sgd"]).minimize(loss),
            "adam": tf.train.AdamOptimizer(RATES["adam"]).minimize(loss),
        }
        start = initial(name, random)
        found = {"in/" + t.op.name: np.asarray(v).astype(t.dtype.as_numpy_dtype) for t, v in feeds.items()}
        config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        for kind, update in sorted(updates.items()):
            with tf.Session(config=config) as session:
                session.run(tf.global_variables_initializer())
                for variable in variables:
                    variable.load(start[variable.op.name], session)
                if kind == "adam":
                    for variable, value in zip(variables, session.run(gradients, feeds)):
                        found["gradient/" + variable.op.name] = shown(value, name)
                    if name != "tunes":
                        frozen = tf.graph_util.convert_variables_to_constants(
                            session, graph.as_graph_def(), [logits.op.name]
                        )
                        with open(os.path.join(HERE, name + ".pb"), "wb") as file:
                            file.write(frozen.SerializeToString(deterministic=True))
                found[kind + "/losses"] = np.array(
                    [session.run([loss, update], feeds)[0] for _ in range(20)], np.float32
                )
                for variable in variables:
                    value = session.run(variable)
                    found[kind + "/after/" + variable.op.name] = shown(value, name)
        found["logits"] = np.array(logits.name)
        np.savez_compressed(os.path.join(HERE, name + ".npz"), **found)
        print(name, sorted(k for k in found))


if __name__ == "__main__":
    for kind, make in (("classifier", classifier), ("tagger", tagger), ("tunes", tunes)):
        record(kind, make)
