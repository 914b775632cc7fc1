"""Records every program with real TensorFlow 1.15.5: ``python record.py`` in an environment that has it.

For each ``programs_*.py`` two things are written beside it: ``NAME.npz`` (keys ``program|array``) and the checkpoint ``NAME.ckpt`` from which
every program starts (variables are named ``program/variable``).
"""

import importlib
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def record(tf, module_name):
    import running

    module = importlib.import_module(module_name)
    arrays, values = {}, {}
    for name in sorted(n for n in dir(module) if n.startswith("program_")):
        before, found = running.run(tf, name, getattr(module, name), None, save=True)
        values.update({name + "/" + key: value for key, value in before.items()})
        arrays.update({name + "|" + key: value for key, value in found.items()})
        print(module_name, name, len(found))
    np.savez_compressed(os.path.join(HERE, module_name + ".npz"), **arrays)
    with tf.Graph().as_default(), tf.Session() as session:
        saved = {key: tf.Variable(value) for key, value in values.items()}
        session.run(tf.global_variables_initializer())
        tf.train.Saver(saved).save(session, os.path.join(HERE, module_name + ".ckpt"), write_meta_graph=False, write_state=False)


if __name__ == "__main__":
    import tensorflow as tf

    assert tf.__version__.startswith("1.15"), tf.__version__
    chosen = sys.argv[1:] or sorted(f[:-3] for f in os.listdir(HERE) if f.startswith("programs_") and f.endswith(".py"))
    for module_name in chosen:
        record(tf, module_name)
