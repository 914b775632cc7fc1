"""Train the tunes model with TensorFlow 1.15 and write it in three formats.

A character model written as such programs were written in 2017: two LSTM layers, a placeholder
for their stacked states, dropout by a fed ``keep_prob``. See README.md for the commands.
"""

import argparse
import json
import os
import shutil
import time

import numpy as np
import tensorflow as tf
from tunes_data import encode, make_vocabulary, read_tunes, transposed, windows

HERE = os.path.dirname(os.path.abspath(__file__))
UNITS, LAYERS, EMBEDDING = 128, 2, 32
OUTPUTS = ("logits", "probs", "final_state")


def build(vocabulary_size):
    """The model in the current graph; a dict of its named tensors.

    ids [batch, time] int32, lengths [batch] int32, initial_state [layers, 2, batch, units] (c, h),
    keep_prob scalar; logits and probs [batch, time, vocabulary], final_state as initial_state.
    """
    ids = tf.placeholder(tf.int32, [None, None], name="ids")
    lengths = tf.placeholder(tf.int32, [None], name="lengths")
    initial_state = tf.placeholder(tf.float32, [LAYERS, 2, None, UNITS], name="initial_state")
    keep_prob = tf.placeholder(tf.float32, [], name="keep_prob")

    embedding = tf.get_variable("embedding", [vocabulary_size, EMBEDDING])
    inputs = tf.nn.embedding_lookup(embedding, ids)

    def make_cell():
        cell = tf.nn.rnn_cell.BasicLSTMCell(UNITS)
        return tf.nn.rnn_cell.DropoutWrapper(
            cell, input_keep_prob=keep_prob, output_keep_prob=keep_prob
        )

    cell = tf.nn.rnn_cell.MultiRNNCell([make_cell() for _ in range(LAYERS)])
    states = tuple(
        tf.nn.rnn_cell.LSTMStateTuple(layer[0], layer[1])
        for layer in tf.unstack(initial_state, axis=0)
    )
    hidden, states = tf.nn.dynamic_rnn(cell, inputs, sequence_length=lengths, initial_state=states)

    weights = tf.get_variable("softmax_w", [UNITS, vocabulary_size])
    bias = tf.get_variable("softmax_b", [vocabulary_size])
    flat = tf.matmul(tf.reshape(hidden, [-1, UNITS]), weights) + bias
    shape = tf.shape(ids)
    logits = tf.reshape(flat, [shape[0], shape[1], vocabulary_size], name="logits")
    probs = tf.nn.softmax(logits, name="probs")
    final_state = tf.stack([tf.stack([state.c, state.h]) for state in states], name="final_state")
    return {
        "ids": ids,
        "lengths": lengths,
        "initial_state": initial_state,
        "keep_prob": keep_prob,
        "logits": logits,
        "probs": probs,
        "final_state": final_state,
    }


def build_training(model, peak_rate, total_steps):
    """Labels placeholder, mean cross entropy of the valid steps, and one Adam update."""
    labels = tf.placeholder(tf.int32, [None, None], name="labels")
    valid = tf.sequence_mask(model["lengths"], tf.shape(labels)[1], dtype=tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=model["logits"])
    loss = tf.reduce_sum(losses * valid) / tf.maximum(tf.reduce_sum(valid), 1.0)
    step = tf.train.get_or_create_global_step()
    rate = tf.train.polynomial_decay(peak_rate, step, total_steps, peak_rate / 20)
    variables = tf.trainable_variables()
    gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, variables), 5.0)
    update = tf.train.AdamOptimizer(rate).apply_gradients(zip(gradients, variables), step)
    return labels, loss, update


def train(coded, vocabulary_size, options):
    """The trained values by variable name. Prints the loss as it falls."""
    random = np.random.RandomState(options.seed)
    per_epoch = sum(1 for _ in windows(coded, options.rows, options.width, random))
    random = np.random.RandomState(options.seed)
    with tf.Graph().as_default():
        tf.set_random_seed(options.seed)
        model = build(vocabulary_size)
        labels, loss, update = build_training(model, 4e-3, per_epoch * options.epochs)
        with tf.Session(config=one_thread()) as session:
            session.run(tf.global_variables_initializer())
            began = time.time()
            for epoch in range(options.epochs):
                total, count = 0.0, 0
                for first, ids, targets, lengths in windows(
                    coded, options.rows, options.width, random
                ):
                    if first:
                        state = np.zeros((LAYERS, 2, options.rows, UNITS), np.float32)
                    feed = {
                        model["ids"]: ids,
                        labels: targets,
                        model["lengths"]: lengths,
                        model["initial_state"]: state,
                        model["keep_prob"]: options.keep_prob,
                    }
                    value, state, _ = session.run([loss, model["final_state"], update], feed)
                    total += value * lengths.sum()
                    count += lengths.sum()
                seconds = time.time() - began
                print("epoch %3d  loss %.4f  %4.0f s" % (epoch, total / count, seconds), flush=True)
            return {v.op.name: session.run(v) for v in tf.trainable_variables()}


def export(values, vocabulary_size, folder):
    """The three formats, from one graph without any training ops."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "checkpoint"))
    with tf.Graph().as_default() as graph, tf.Session(config=one_thread()) as session:
        model = build(vocabulary_size)
        saver = tf.train.Saver(tf.trainable_variables(), write_version=tf.train.SaverDef.V2)
        for variable in tf.trainable_variables():
            variable.load(values[variable.op.name], session)
        prefix = os.path.join(folder, "checkpoint", "tunes.ckpt")
        saver.save(session, prefix, write_state=False)  # the state file would name our folders
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(add_shapes=False), list(OUTPUTS)
        )
        with open(os.path.join(folder, "frozen.pb"), "wb") as file:
            file.write(frozen.SerializeToString(deterministic=True))
        tf.saved_model.simple_save(
            session,
            os.path.join(folder, "saved_model"),
            {k: t for k, t in model.items() if k not in OUTPUTS},
            {k: model[k] for k in OUTPUTS},
        )


def one_thread():
    """A session on one thread: sums in a fixed order, so a fixed seed gives fixed weights."""
    return tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)


def main():
    """Read, train, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=260)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--keep-prob", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=1903)
    options = parser.parse_args()
    tunes = [
        moved for tune in read_tunes(os.path.join(HERE, "tunes.abc")) for moved in transposed(tune)
    ]
    vocabulary = make_vocabulary(tunes)
    print(
        "%d tunes, %d characters, %d symbols" % (len(tunes), sum(map(len, tunes)), len(vocabulary))
    )
    with open(os.path.join(HERE, "vocabulary.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(vocabulary, indent=0, sort_keys=False) + "\n")
    coded = [encode(tune, vocabulary) for tune in tunes]
    values = train(coded, len(vocabulary), options)
    export(values, len(vocabulary), os.path.join(HERE, "model"))


if __name__ == "__main__":
    main()
