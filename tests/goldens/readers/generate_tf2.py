"""Writes the one golden that TensorFlow 2 wrote: a SavedModel with an object graph.

Run with TensorFlow 2.21, in this folder: ``python generate_tf2.py``.
"""

import os
import shutil

import numpy as np
import tensorflow as tf

os.chdir(os.path.dirname(os.path.abspath(__file__)))
RANDOM = np.random.RandomState(21)


class Model(tf.Module):
    """Two variables of the same name, so that names alone cannot tell them apart."""

    def __init__(self):
        super().__init__()
        self.first = tf.Variable(RANDOM.randn(3, 3).astype(np.float32), name="kernel")
        self.second = tf.Variable(RANDOM.randn(3, 3).astype(np.float32), name="kernel")

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 3], tf.float32, name="x")])
    def serve(self, x):
        state = tf.zeros_like(x[:, 0])
        for step in tf.range(4):
            state = tf.tanh(tf.matmul(x[:, step], self.first) + tf.matmul(state, self.second))
        return {"y": state}


def main():
    model = Model()
    shutil.rmtree("tf2", ignore_errors=True)
    tf.saved_model.save(model, "tf2", signatures={"serving_default": model.serve})
    shutil.rmtree("tf2/assets", ignore_errors=True)
    np.savez_compressed("tf2.npz", first=model.first.numpy(), second=model.second.numpy())


main()
