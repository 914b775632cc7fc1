"""Runs the functions of keras_shapes.py, for the numbers that their Keras form must give."""
import numpy as np
import tensorflow as tf
import keras_shapes as shapes
from running import batch

LENGTHS = np.array([0, 5, 1, 3], np.int32)


def forward(function, *more):
    x = tf.placeholder(tf.float32, [None, 5, 3])
    return {"fetch": {"y": function(x, *more)}, "feeds": {x: batch(4, 5, 3)}}


def program_lstm_model():
    return forward(shapes.lstm_model)


def program_stacked():
    return forward(shapes.stacked, LENGTHS)


def program_stacked_loop():
    return forward(shapes.stacked_loop)


def program_both():
    return forward(shapes.both, LENGTHS)


def program_static():
    return forward(shapes.static)
