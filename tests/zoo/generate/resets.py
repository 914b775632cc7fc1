"""Agents' cores: the state is set back where an episode ended, in the middle of the unroll; and other unrolled steps that become one."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.contrib import rnn as contrib

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
STEPS = 12
RESETS = "where an episode ended the state is set back, which no operator does in the middle of a sequence"


def ended(m: Model, dtype: Any, name: str) -> tf.Tensor:
    """[time, batch]: whether an episode ended before each step."""
    tensor = tf.placeholder(dtype, [STEPS, None], name=name)
    return m.feed(tensor, lambda rng, case: rng.rand(STEPS, case.batch) < 0.3)


@model("An agent's core: where(done, zero state, state) before each of 12 steps.", ["unrolled", "resets"])
def agent_resets(m: Model) -> None:
    """LSTMBlockCell over tf.unstack, as distributed agents train."""
    x, done = m.sequence(5, time_major=True, time=STEPS), ended(m, tf.bool, "done")
    cell = contrib.LSTMBlockCell(6)
    start, state, outputs = cell.zero_state(tf.shape(x)[1], tf.float32), m.states(cell.state_size), []
    for item, over in zip(tf.unstack(x), tf.unstack(done)):
        state = type(state)(*[tf.where(over, a, b) for a, b in zip(start, state)])
        output, state = cell(item, state)
        outputs.append(output)
    m.output(tf.stack(outputs, name="outputs"), tf.identity(state[0], "c"), tf.identity(state[1], "h"))
    m.expect("Scan", "LSTMCell", 6, reason=RESETS)


@model("A policy's LSTM by hand: the state times 1 - mask before each of 12 steps.", ["unrolled", "resets"])
def policy_masks(m: Model) -> None:
    """One packed state; one matrix for x, one for h."""
    x, mask = m.sequence(5, time_major=True, time=STEPS), ended(m, tf.float32, "mask")
    wx, wh = tf.get_variable("wx", [5, 24]), tf.get_variable("wh", [6, 24])
    bias, outputs = tf.get_variable("b", [24]), []
    c, h = tf.split(m.vector(12, name="state"), 2, 1)
    for item, over in zip(tf.unstack(x), tf.unstack(1 - mask[:, :, None])):
        c, h = c * over, h * over
        i, f, o, u = tf.split(tf.matmul(item, wx) + tf.matmul(h, wh) + bias, 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(u)
        h = tf.sigmoid(o) * tf.tanh(c)
        outputs.append(h)
    m.output(tf.stack(outputs, name="outputs"), tf.concat([c, h], 1, name="final"))
    m.expect("Scan", "LSTMCell", 6, reason=RESETS)


@model("static_rnn of a NASCell: x has products of its own.", ["unrolled", "NASCell"])
def nas_static(m: Model) -> None:
    """The products of x are of no step before they are rolled."""
    x, cell = m.sequence(5, time=10), contrib.NASCell(6)
    outputs, state = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)
    m.output(tf.stack(outputs, 1, name="outputs"), tf.identity(state[0], "c"))
    m.expect("Scan", "NASCell", 6, reason="ONNX has no operator for NASCell")
