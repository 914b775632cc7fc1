"""The training of generate.py in float64, and how far one float32 rounding a step leads it astray: Python 3.7, TensorFlow 1.15.5, ``python floors.py``.

FORMAT.md says what is in floors.npz.
"""

import os

import numpy as np
import tensorflow as tf

from generate import EVERY, HERE, RATES, classifier, initial, tagger, tunes

NUDGE = 2.0 ** -24
RUNS = 5


def narrow(value):
    """What float32 makes of it, in float64."""
    value = np.asarray(value)
    return value.astype(np.float32).astype(np.float64) if value.dtype.kind == "f" else value


def nudged(value, random):
    value = np.asarray(value)
    if random is None or value.dtype.kind != "f":
        return value
    return value * (1 + random.choice([-1.0, 1.0], value.shape) * NUDGE)


def build(make, kind):
    """The program with every float32 in it float64; generate.py draws the feeds and the weights in this order."""
    random = np.random.RandomState(1903)
    tf.float32, kept = tf.float64, tf.float32
    try:
        tf.get_variable_scope().set_dtype(tf.float64)
        _, loss, feeds = make(random)
        optimizer = (
            tf.train.GradientDescentOptimizer(float(narrow(RATES[kind])))
            if kind == "sgd"
            else tf.train.AdamOptimizer(*[float(narrow(v)) for v in (RATES[kind], 0.9, 0.999, 1e-8)])
        )
        update = optimizer.minimize(loss)
    finally:
        tf.float32 = kept
    variables = tf.trainable_variables()
    slots = [optimizer.get_slot(v, s) for s in optimizer.get_slot_names() for v in variables]
    if kind == "adam":
        # The powers of beta are rounded too, and 1 - beta ** step is small.
        slots += list(optimizer._get_beta_accumulators())
    return random, loss, update, variables, slots, {t: narrow(v) for t, v in feeds.items()}


def run(parts, start, seed):
    """Losses, first gradients and last weights; seed 0 is not nudged."""
    _, loss, update, variables, slots, feeds = parts
    random = np.random.RandomState(seed) if seed else None
    gradients = [tf.convert_to_tensor(g) for g in tf.gradients(loss, variables)]
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    found, losses = {}, []
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())
        for variable in variables:
            variable.load(nudged(narrow(start[variable.op.name]), random), session)
        fed = {t: nudged(v, random) for t, v in feeds.items()}
        for variable, value in zip(variables, session.run(gradients, fed)):
            found["gradient/" + variable.op.name] = value
        for _ in range(20):
            losses.append(session.run([loss, update], fed)[0])
            for variable in variables + slots if seed else []:
                variable.load(nudged(session.run(variable), random), session)
        for variable in variables:
            found["after/" + variable.op.name] = session.run(variable)
    found["losses"] = np.array(losses)
    return found


def floors(name, kind, make):
    with tf.Graph().as_default():
        parts = build(make, kind)
        assert all(v.dtype.base_dtype == tf.float64 for v in parts[3])
        start = initial(name, parts[0])
        runs = [run(parts, start, seed) for seed in range(RUNS)]
    out = {}
    for key, exact in runs[0].items():
        strays = max(np.abs(other[key] - exact).max() for other in runs[1:])
        floor = max(strays, 2.0 ** -23 * np.abs(exact).max())
        value = exact if key == "losses" or name != "tunes" else exact.reshape(-1)[::EVERY]
        out["/".join((name, kind, "exact", key))] = value
        out["/".join((name, kind, "floor", key))] = np.float64(floor)
        print(name, kind, key, floor, np.abs(exact).max())
    return out


if __name__ == "__main__":
    everything = {}
    for name, make in (("classifier", classifier), ("tagger", tagger), ("tunes", tunes)):
        for kind in sorted(RATES):
            everything.update(floors(name, kind, make))
    np.savez_compressed(os.path.join(HERE, "floors.npz"), **everything)
