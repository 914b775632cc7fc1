"""Cells people wrote as RNNCell subclasses: a DNC, a layer-norm drawing decoder; stripped graphs."""

from __future__ import annotations

from typing import Any, Tuple

import tensorflow as tf
from tensorflow.python.tools import optimize_for_inference_lib

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
SLOTS, WIDTH, UNITS = 5, 4, 6


class DNCCell(rnn.RNNCell):
    """One write head, one read head: content addressing, allocation by usage, temporal links."""

    def __init__(self) -> None:
        super().__init__(name="dnc")
        self._controller = rnn.BasicLSTMCell(UNITS)

    @property
    def state_size(self) -> Tuple:
        """Controller state, memory, usage, write and read weights, precedence, links, read vector."""
        slots, memory = tf.TensorShape([SLOTS]), tf.TensorShape([SLOTS, WIDTH])
        links = tf.TensorShape([SLOTS, SLOTS])
        return (self._controller.state_size, memory, slots, slots, slots, slots, links, WIDTH)

    @property
    def output_size(self) -> int:
        """Three columns."""
        return 3

    def call(self, inputs: tf.Tensor, state: Tuple) -> Tuple:
        """One step: controller, write, read, output."""
        control, memory, usage, w_write, w_read, precedence, links, read = state
        hidden, control = self._controller(tf.concat([inputs, read], 1), control)
        interface = tf.layers.dense(hidden, 4 * WIDTH + 8, name="interface")
        key_w, key_r, erase, add, rest = tf.split(interface, [WIDTH] * 4 + [8], 1)
        gates = tf.sigmoid(rest[:, :3])
        strengths = 1 + tf.nn.softplus(rest[:, 3:5])
        modes = tf.nn.softmax(rest[:, 5:8])
        usage = (usage + w_write - usage * w_write) * (1 - gates[:, 0:1] * w_read)
        content = address(memory, key_w, strengths[:, 0:1])
        w_write = gates[:, 2:3] * mix(gates[:, 1:2], allocation(usage), content)
        column = tf.expand_dims(w_write, 2)
        erased = memory * (1 - column * tf.expand_dims(tf.sigmoid(erase), 1))
        memory = erased + column * tf.expand_dims(tf.tanh(add), 1)
        kept = 1 - column - tf.expand_dims(w_write, 1)
        links = (kept * links + column * tf.expand_dims(precedence, 1)) * (1 - tf.eye(SLOTS))
        precedence = (1 - tf.reduce_sum(w_write, 1, keepdims=True)) * precedence + w_write
        old = tf.expand_dims(w_read, 2)
        forward = tf.squeeze(tf.matmul(links, old), 2)
        backward = tf.squeeze(tf.matmul(links, old, transpose_a=True), 2)
        found = address(memory, key_r, strengths[:, 1:2])
        w_read = modes[:, 0:1] * backward + modes[:, 1:2] * found + modes[:, 2:3] * forward
        read = tf.reduce_sum(memory * tf.expand_dims(w_read, 2), 1)
        output = tf.layers.dense(tf.concat([hidden, read], 1), 3, name="output")
        return output, (control, memory, usage, w_write, w_read, precedence, links, read)


def mix(gate: tf.Tensor, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """gate * first + (1 - gate) * second."""
    return gate * first + (1 - gate) * second


def address(memory: tf.Tensor, key: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Softmax over slots of the scaled cosine similarity."""
    unit = tf.nn.l2_normalize(memory, 2, epsilon=1e-6)
    direction = tf.expand_dims(tf.nn.l2_normalize(key, 1, epsilon=1e-6), 2)
    return tf.nn.softmax(strength * tf.squeeze(tf.matmul(unit, direction), 2))


def allocation(usage: tf.Tensor) -> tf.Tensor:
    """Slots by rising usage, each weighed by the product of the usages before it."""
    lowest, order = tf.nn.top_k(-usage, SLOTS)
    sorted_usage = -lowest
    weights = (1 - sorted_usage) * tf.cumprod(sorted_usage, 1, exclusive=True)
    return tf.reduce_sum(tf.expand_dims(weights, 2) * tf.one_hot(order, SLOTS), 1)


@model("A differentiable neural computer.", ["top_k and cumprod in a cell", "state of eight parts"])
def dnc(m: Model) -> None:
    """Usage, memory and links start from fed values inside (0, 1), so that no two usages tie."""
    cell = DNCCell()
    x, lengths = m.sequence(4), m.lengths()
    state = m.states(cell.state_size)
    start = tf.nest.map_structure(lambda s: 0.2 * tf.sigmoid(s), state[1:])
    m.output(*tf.nn.dynamic_rnn(cell, x, lengths, initial_state=(state[0],) + tuple(start)))
    m.expect("Scan", "DNCCell", UNITS, reason="the cell reads and writes a memory matrix")


class DrawingCell(rnn.RNNCell):
    """An LSTM whose four gates are normalised at once and whose new c is normalised for h."""

    @property
    def state_size(self) -> int:
        """c and h side by side."""
        return 2 * UNITS

    @property
    def output_size(self) -> int:
        """The hidden units."""
        return UNITS

    def call(self, inputs: tf.Tensor, state: tf.Tensor) -> Tuple:
        """One step; gates i, j, f, o."""
        c, h = tf.split(state, 2, 1)
        joined = tf.concat([inputs, h], 1)
        kernel = tf.get_variable("W_full", [joined.shape[1], 4 * UNITS])
        product = tf.reshape(tf.matmul(joined, kernel), [-1, 4, UNITS])
        i, j, f, o = tf.unstack(normalise(product, [4, UNITS], "ln_all"), axis=1)
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(normalise(c, [UNITS], "ln_c")) * tf.sigmoid(o)
        return h, tf.concat([c, h], 1)


def normalise(x: tf.Tensor, shape: Any, scope: str) -> tf.Tensor:
    """(x - mean) / sqrt(var + 1e-3) * gamma + beta over the last axis."""
    with tf.variable_scope(scope):
        gamma, beta = tf.get_variable("gamma", shape), tf.get_variable("beta", shape)
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), -1, keepdims=True)
    return (x - mean) * tf.rsqrt(variance + 1e-3) * gamma + beta


@model(
    "Drawing decoder: layer-norm LSTM and a mixture density head.",
    ["hand-written layer norm", "MDN"],
)
def sketch_decoder(m: Model) -> None:
    """Pen strokes [batch, time, 5] beside a latent z that is repeated at each step."""
    strokes, lengths = m.sequence(5, name="strokes"), m.lengths()
    z = m.vector(3, name="z")
    start = tf.tanh(tf.layers.dense(z, 2 * UNITS, name="start"))
    repeated = tf.tile(tf.expand_dims(z, 1), [1, tf.shape(strokes)[1], 1])
    x = tf.concat([strokes, repeated], 2)
    outputs, state = tf.nn.dynamic_rnn(DrawingCell(), x, lengths, initial_state=start)
    head = tf.layers.dense(tf.reshape(outputs, [-1, UNITS]), 15, name="head")
    pen, mixture = head[:, :3], head[:, 3:]
    pi, mu1, mu2, s1, s2, rho = tf.split(mixture, 6, 1)
    m.output(outputs, state, tf.nn.softmax(pi), mu1, mu2, tf.exp(s1), tf.exp(s2), tf.tanh(rho))
    m.output(tf.nn.softmax(pen, name="pen"))
    m.expect("Scan", "DrawingCell", UNITS, reason="ONNX LSTM has no layer normalisation")


@model(
    "remove_training_nodes over a GRU graph.", ["Identity nodes spliced out", "names with slashes"]
)
def stripped_identities(m: Model) -> None:
    """Inputs live in a name scope; the Identity of every weight is gone."""
    with tf.name_scope("inputs"):
        x, lengths = m.sequence(5), m.lengths()
    outputs, state = tf.nn.dynamic_rnn(rnn.GRUCell(6), x, lengths, dtype=tf.float32)
    m.output(outputs, state)
    kept = [tensor.op.name for tensor in m.outputs]
    m.rewrite = lambda graph: graph.CopyFrom(tf.graph_util.remove_training_nodes(graph, kept))
    m.expect("GRU", "GRUCell", 6)


@model("optimize_for_inference over a bi-LSTM graph.", ["batch norm folded", "graph rewritten"])
def optimised_for_inference(m: Model) -> None:
    """The tool that people ran before deployment."""
    x, lengths = m.sequence(5), m.lengths()
    cells = rnn.LSTMCell(6), rnn.LSTMCell(4)
    outputs, states = tf.nn.bidirectional_dynamic_rnn(*cells, x, lengths, dtype=tf.float32)
    m.output(tf.concat(outputs, 2, name="outputs"), states[0].h, states[1].h)

    def optimise(graph: Any) -> None:
        fed = [(t.op.name, t.dtype.as_datatype_enum) for t in m.inputs]
        results = [t.op.name for t in m.outputs]
        better = optimize_for_inference_lib.optimize_for_inference(
            graph, [name for name, _ in fed], results, [kind for _, kind in fed]
        )
        graph.CopyFrom(better)

    m.rewrite = optimise
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("LSTM", "LSTMCell", 4, direction="reverse")
