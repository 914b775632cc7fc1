"""Cells that public TF 1.x projects write out by hand: norms, gates without a reset, highways, convolutions."""

from __future__ import annotations

from typing import Any, Callable, Tuple

import tensorflow as tf
from tensorflow.contrib import rnn as contrib

from tests.zoo.generate.cells_core import dynamic
from tests.zoo.generate.custom_cells import linear
from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
UNITS = 6
NO_NORM = "ONNX LSTM has no layer normalisation"
NO_EQUATION = "no ONNX operator has this cell's equation"

Step = Callable[[tf.Tensor, Any], Tuple[tf.Tensor, Any]]


class Written(rnn.RNNCell):
    """A cell that is one function of the input and the state."""

    def __init__(self, step: Step, state_size: Any, output_size: Any = UNITS) -> None:
        super().__init__()
        self._step, self._sizes = step, (state_size, output_size)

    @property
    def state_size(self) -> Any:
        """As given."""
        return self._sizes[0]

    @property
    def output_size(self) -> Any:
        """As given."""
        return self._sizes[1]

    def call(self, inputs: tf.Tensor, state: Any) -> Tuple:
        """One step."""
        return self._step(inputs, state)


def normed(x: tf.Tensor, name: str, epsilon: float = 1e-5) -> tf.Tensor:
    """Layer norm as people write it: the deviation divides."""
    width = [x.shape[1]]
    mean, variance = tf.nn.moments(x, [1], keep_dims=True)
    scaled = (x - mean) / tf.sqrt(variance + epsilon)
    return scaled * tf.get_variable(f"{name}_g", width) + tf.get_variable(f"{name}_b", width)


PAIR = rnn.LSTMStateTuple(UNITS, UNITS)


@model(
    "LayerNormBasicLSTMCell by hand: a matrix pair a gate, the deviation divides, epsilon 1e-5.",
    ["the layer-norm cell in another spelling"],
)
def layer_norm_by_hand(m: Model) -> None:
    """Each gate's sum and the new c are normalised, c before it is stored."""

    def step(x: tf.Tensor, state: Any) -> Tuple:
        c, h = state
        i, j, f, o = (
            normed(linear(x, UNITS, f"x{k}", bias=False) + linear(h, UNITS, f"h{k}", bias=False), k)
            for k in "ijfo"
        )
        c = normed(tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(j), "c")
        h = tf.sigmoid(o) * tf.tanh(c)
        return h, rnn.LSTMStateTuple(c, h)

    dynamic(m, Written(step, PAIR))
    m.expect("Scan", "LayerNormBasicLSTMCell", UNITS, reason=NO_NORM, forget_bias=1.0)


@model(
    "LSTM whose two products are normalised apart, all gates at once, with resets at episode ends.",
    ["norm over four gates", "norm of the read c, not of the kept one", "unrolled", "reset mask"],
)
def layer_norm_apart(m: Model) -> None:
    """As agents have it: where an episode ended, the step begins from zeros."""
    x, ended = m.sequence(5, batch=3, time=4), tf.placeholder(tf.float32, [3, 4], name="ended")
    m.feed(ended, lambda rng, case: rng.uniform(size=(3, 4)) < 0.3)
    state = m.vector(2 * UNITS, name="state")
    c, h = tf.split(state, 2, 1)
    outputs = []
    for step, over in zip(tf.unstack(x, axis=1), tf.split(ended, 4, 1)):
        c, h = c * (1 - over), h * (1 - over)
        with tf.variable_scope("cell", reuse=tf.AUTO_REUSE):
            from_x = normed(linear(step, 4 * UNITS, "x", bias=False), "norm_x")
            from_h = normed(linear(h, 4 * UNITS, "h", bias=False), "norm_h")
            i, f, o, u = tf.split(from_x + from_h + tf.get_variable("b", [4 * UNITS]), 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(u)
            h = tf.sigmoid(o) * tf.tanh(normed(c, "norm_c"))
        outputs.append(h)
    m.output(tf.stack(outputs, 1, name="outputs"), tf.concat([c, h], 1, name="last"))
    m.expect("unrolled", "hand-written", UNITS, also=["Scan"], reason=NO_NORM)


@model("Minimal gated unit.", ["one gate both resets and updates"])
def minimal_gated_unit(m: Model) -> None:
    """h = (1 - f) h + f c, and c reads f h: a GRU whose gates share their weights."""

    def step(x: tf.Tensor, h: tf.Tensor) -> Tuple:
        f = tf.sigmoid(linear(tf.concat([x, h], 1), UNITS, "f"))
        c = tf.tanh(linear(tf.concat([x, f * h], 1), UNITS, "c"))
        h = (1 - f) * h + f * c
        return h, h

    dynamic(m, Written(step, UNITS))
    m.expect("GRU", "GRUCell", UNITS, linear_before_reset=0)


@model("GRU without a reset gate.", ["UGRNN with its gate the other way round"])
def gru_without_reset(m: Model) -> None:
    """h = (1 - z) h + z c."""

    def step(x: tf.Tensor, h: tf.Tensor) -> Tuple:
        z = tf.sigmoid(linear(x, UNITS, "z") + linear(h, UNITS, "y", bias=False))
        c = tf.tanh(linear(x, UNITS, "c") + linear(h, UNITS, "d", bias=False))
        h = (1 - z) * h + z * c
        return h, h

    dynamic(m, Written(step, UNITS))
    m.expect("Scan", "UGRNNCell", UNITS, reason=NO_EQUATION)


@model("Recurrent highway network of depth 2.", ["two transforms of the state in one step"])
def recurrent_highway(m: Model) -> None:
    """s = t (u - s) + s, twice; the input enters the first only."""

    def step(x: tf.Tensor, s: tf.Tensor) -> Tuple:
        for depth in range(2):
            u, t = linear(s, UNITS, f"u{depth}"), linear(s, UNITS, f"t{depth}")
            if not depth:
                u += linear(x, UNITS, "xu", bias=False)
                t += linear(x, UNITS, "xt", bias=False)
            s = tf.sigmoid(t) * (tf.tanh(u) - s) + s
        return s, s

    dynamic(m, Written(step, UNITS))
    m.expect("Scan", "hand-written", UNITS, reason=NO_EQUATION)


@model(
    "Structurally constrained network.",
    ["a slow linear state beside a fast one", "output apart"],
)
def slow_context(m: Model) -> None:
    """The slow state is an IndRNN with one number as its diagonal; the fast one is Elman's, and reads it."""

    def step(x: tf.Tensor, state: Any) -> Tuple:
        slow, h = state
        slow = 0.05 * linear(x, 4, "b", bias=False) + 0.95 * slow
        h = tf.sigmoid(linear(tf.concat([slow, x, h], 1), UNITS, "h"))
        return linear(h, 3, "u", bias=False) + linear(slow, 3, "v", bias=False), (slow, h)

    dynamic(m, Written(step, (4, UNITS), 3))
    diagonal = "the recurrent weights are a diagonal, not a matrix"
    m.expect("Scan", "IndRNNCell", 4, also=["RNN"], reason=diagonal)
    m.expect("RNN", "BasicRNNCell", UNITS, activation="sigmoid")


@model("Convolutional GRU.", ["convolutions as gates", "the reset state is convolved"])
def conv_gru(m: Model) -> None:
    """Gates r and u from one convolution, the candidate from another."""

    def conv(x: tf.Tensor, width: int, name: str) -> tf.Tensor:
        kernel = tf.get_variable(f"{name}_w", [3, 3, x.shape[3], width])
        product = tf.nn.convolution(x, kernel, "SAME")
        return product + tf.get_variable(f"{name}_bias", [width])

    def step(x: tf.Tensor, h: tf.Tensor) -> Tuple:
        r, u = tf.split(tf.sigmoid(conv(tf.concat([x, h], 3), 6, "gates")), 2, 3)
        c = tf.tanh(conv(tf.concat([x, r * h], 3), 3, "candidate"))
        h = u * h + (1 - u) * c
        return h, h

    shape = tf.TensorShape([3, 4, 3])
    dynamic(m, Written(step, shape, shape), features=(3, 4, 2))
    m.expect("Scan", "hand-written", 3, reason="ONNX's recurrent operators do not convolve")


@model("ConvLSTMCell under static_rnn.", ["convolutions unrolled"])
def static_conv_lstm(m: Model) -> None:
    """Three copies of a step; the kernel is one."""
    x = m.sequence((3, 4, 2), batch=2, time=3)
    cell = contrib.ConvLSTMCell(2, [3, 4, 2], 3, [3, 3])
    outputs, state = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)
    m.output(tf.stack(outputs, 1, name="outputs"), state)
    m.expect(
        "Scan", "ConvLSTMCell", 3, also=["unrolled"],
        reason="ONNX's recurrent operators do not convolve",
    )  # fmt: skip


@model(
    "SRUCell, GRUCell, IndyLSTMCell and LayerNormBasicLSTMCell stacked.",
    ["four cells in one loop"],
)
def mixed_contrib(m: Model) -> None:
    """The SRU's output is not its state, and the GRU reads it."""
    upper = [contrib.IndyLSTMCell(5), contrib.LayerNormBasicLSTMCell(3)]
    dynamic(m, rnn.MultiRNNCell([contrib.SRUCell(6), rnn.GRUCell(4), *upper]))
    m.expect("Scan", "SRUCell", 6, reason=NO_EQUATION)
    m.expect("GRU", "GRUCell", 4, linear_before_reset=0)
    m.expect(
        "Scan", "IndyLSTMCell", 5, also=["LSTM"],
        reason="the recurrent weights are a diagonal, not a matrix",
    )  # fmt: skip
    m.expect("Scan", "LayerNormBasicLSTMCell", 3, reason=NO_NORM)


@model(
    "tf.scan over a hand-written SRU.",
    ["a state that no step reads", "f c + (1 - f) z distributed"],
)
def sru_by_hand(m: Model) -> None:
    """c = f c + z - f z; h is handed on as a state, as tf.scan wants it."""
    x = m.sequence(5, time_major=True)
    w, bias = tf.get_variable("w", [5, 4 * UNITS]), tf.get_variable("bias", [2 * UNITS])

    def step(state: Tuple, v: tf.Tensor) -> Tuple:
        c, _ = state
        z, f, r, skip = tf.split(tf.matmul(v, w), 4, 1)
        f, r = tf.sigmoid(f + bias[:UNITS]), tf.sigmoid(r + bias[UNITS:])
        c = f * c + z - f * z
        return c, r * tf.tanh(c) + (1 - r) * skip

    c, h = tf.scan(step, x, (m.vector(UNITS, name="c"), tf.zeros([tf.shape(x)[1], UNITS])))
    m.output(h, tf.identity(c[-1], name="last_c"))
    m.no_empty_batch("kept simple")
    m.expect("Scan", "SRUCell", UNITS, reason=NO_EQUATION)


@model("An LSTM, a GRU, an Elman and an IndyGRU cell of one unit each.", ["one unit", "one feature"])
def single_units(m: Model) -> None:
    """As forecasters of one series have them: a vector of one is no number, and a [1, 1] matrix no diagonal."""
    cells = [rnn.BasicLSTMCell(1), rnn.GRUCell(1), rnn.BasicRNNCell(1), contrib.IndyGRUCell(1)]
    dynamic(m, rnn.MultiRNNCell(cells), features=1)
    m.expect("LSTM", "LSTMCell", 1, forget_bias=1.0)
    m.expect("GRU", "GRUCell", 1, linear_before_reset=0)
    m.expect("RNN", "BasicRNNCell", 1)
    diagonal = "the recurrent weights are a diagonal, not a matrix"
    m.expect("Scan", "IndyGRUCell", 1, also=["GRU"], reason=diagonal)


@model("Two SRUs, each with its input added to its output.", ["output apart", "residuals between"])
def residual_sru(m: Model) -> None:
    """The output that is sought is a part of the sum that stands above it."""
    dynamic(m, rnn.MultiRNNCell([rnn.ResidualWrapper(contrib.SRUCell(5)) for _ in range(2)]))
    m.expect("Scan", "SRUCell", 5, count=2, reason=NO_EQUATION)
