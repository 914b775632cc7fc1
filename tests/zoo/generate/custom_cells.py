"""RNNCell subclasses that public TF 1.x projects carry: published variants of LSTM and GRU."""

from __future__ import annotations

from typing import Any, Tuple

import tensorflow as tf

from tests.zoo.generate.cells_core import dynamic
from tests.zoo.generate.handwritten import gates, gru_step
from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
UNITS = 6
NO_EQUATION = "no ONNX operator has this cell's equation"


def linear(x: tf.Tensor, width: int, name: str, bias: bool = True) -> tf.Tensor:
    """x W, or x W + b, with variables of its own."""
    product = tf.matmul(x, tf.get_variable(f"{name}_w", [x.shape[1], width]))
    return product + tf.get_variable(f"{name}_bias", [width]) if bias else product


@model(
    "Multiplicative LSTM with weight norm, unrolled.",
    ["m = (x W) * (h U) in place of h", "unrolled"],
)
def multiplicative_lstm(m: Model) -> None:
    """The byte-level sentiment model's cell: gates i, f, o, u of x and m; the weights are normalised."""
    x = m.sequence(5, time=4)
    c, h, outputs = m.vector(UNITS, name="c"), m.vector(UNITS, name="h"), []

    def normed(name: str, rows: int, columns: int) -> tf.Tensor:
        weight = tf.get_variable(name, [rows, columns])
        return tf.nn.l2_normalize(weight, axis=0) * tf.get_variable(f"{name}_gain", [columns])

    wx, wh = normed("wx", 5, 4 * UNITS), normed("wh", UNITS, 4 * UNITS)
    wmx, wmh = normed("wmx", 5, UNITS), normed("wmh", UNITS, UNITS)
    bias = tf.get_variable("b", [4 * UNITS])
    for step in tf.unstack(x, axis=1):
        mixed = tf.matmul(step, wmx) * tf.matmul(h, wmh)
        i, f, o, u = tf.split(tf.matmul(step, wx) + tf.matmul(mixed, wh) + bias, 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(u)
        h = tf.sigmoid(o) * tf.tanh(c)
        outputs.append(h)
    m.output(tf.stack(outputs, 1, name="outputs"), c, h)
    m.expect("Scan", "hand-written", UNITS, also=["unrolled"], reason=NO_EQUATION)


class ZoneoutCell(rnn.RNNCell):
    """An LSTM that keeps, at inference, a fixed share of its old c and h."""

    def __init__(self, share_c: float, share_h: float) -> None:
        super().__init__()
        self._cell = rnn.LSTMCell(UNITS)
        self._shares = share_c, share_h

    @property
    def state_size(self) -> Any:
        """That of the LSTM."""
        return self._cell.state_size

    @property
    def output_size(self) -> int:
        """That of the LSTM."""
        return self._cell.output_size

    def call(self, inputs: tf.Tensor, state: Any) -> Tuple:
        """The output is the LSTM's own, the state is mixed."""
        output, new = self._cell(inputs, state)
        mixed = [(1 - s) * n + s * old for s, n, old in zip(self._shares, new, state)]
        return output, rnn.LSTMStateTuple(*mixed)


@model(
    "LSTM with zoneout at inference.", ["states mixed with the old ones", "output is not the state"]
)
def zoneout_lstm(m: Model) -> None:
    """As in speech synthesis; zoneout 0.1 for c and 0.2 for h."""
    dynamic(m, ZoneoutCell(0.1, 0.2))
    m.expect("Scan", "ZoneoutCell", UNITS, reason=NO_EQUATION)


class BatchNormCell(rnn.RNNCell):
    """An LSTM whose two products and new c pass a batch norm with moving statistics."""

    @property
    def state_size(self) -> Any:
        """(c, h)."""
        return rnn.LSTMStateTuple(UNITS, UNITS)

    @property
    def output_size(self) -> int:
        """The units."""
        return UNITS

    def call(self, inputs: tf.Tensor, state: Any) -> Tuple:
        """Gates i, j, f, o; at inference each norm is an affine map of its own columns."""
        c, h = state

        def norm(x: tf.Tensor, name: str) -> tf.Tensor:
            return tf.layers.batch_normalization(x, training=False, name=name)

        from_x = norm(linear(inputs, 4 * UNITS, "x", bias=False), "norm_x")
        from_h = norm(linear(h, 4 * UNITS, "h", bias=False), "norm_h")
        i, j, f, o = tf.split(from_x + from_h + tf.get_variable("bias", [4 * UNITS]), 4, 1)
        c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * tf.tanh(norm(c, "norm_c"))
        return h, rnn.LSTMStateTuple(c, h)


@model(
    "Recurrent batch norm LSTM at inference.", ["affine maps on gates", "affine map on the new c"]
)
def batch_norm_lstm(m: Model) -> None:
    """The norms of the products fold into the weights; that of c does not."""
    dynamic(m, BatchNormCell())
    m.expect("Scan", "BatchNormCell", UNITS, reason="the new c passes an affine map before tanh")


class AttentionalGRUCell(rnn.RNNCell):
    """A GRU whose update gate is scaled by a score that comes with the input's last column."""

    @property
    def state_size(self) -> int:
        """The units."""
        return UNITS

    @property
    def output_size(self) -> int:
        """The units."""
        return UNITS

    def call(self, inputs: tf.Tensor, state: tf.Tensor) -> Tuple:
        """u = (1 - score) * u, then h = u * h + (1 - u) * c."""
        x, score = inputs[:, :-1], inputs[:, -1:]
        both = tf.sigmoid(linear(tf.concat([x, state], 1), 2 * UNITS, "gates"))
        r, u = tf.split(both, 2, 1)
        c = tf.tanh(linear(tf.concat([x, r * state], 1), UNITS, "candidate"))
        u = (1.0 - score) * u
        new = u * state + (1 - u) * c
        return new, new


@model(
    "GRU with an attentional update gate, after a GRU.",
    ["a score at each step", "softmax with mask"],
)
def attentional_gru(m: Model) -> None:
    """The interest network of click prediction: scores of a first GRU's outputs steer a second."""
    x, lengths, target = m.sequence(5), m.lengths(), m.vector(UNITS, name="target")
    outputs, _ = tf.nn.dynamic_rnn(
        rnn.GRUCell(UNITS), x, lengths, dtype=tf.float32, scope="interest"
    )
    scores = tf.squeeze(tf.matmul(outputs, tf.expand_dims(target, 2)), 2)
    mask = tf.sequence_mask(lengths, tf.shape(x)[1])
    scores = tf.nn.softmax(tf.where(mask, scores, tf.ones_like(scores) * (-(2.0**32) + 1)))
    joined = tf.concat([outputs, tf.expand_dims(scores, 2)], 2)
    m.output(
        *tf.nn.dynamic_rnn(AttentionalGRUCell(), joined, lengths, dtype=tf.float32, scope="evolve")
    )
    m.expect("GRU", "GRUCell", UNITS)
    m.expect("Scan", "AttentionalGRUCell", UNITS, reason="the update gate is scaled by the input")


@model("tf.scan over a hand-written LSTM with f = 1 - i.", ["ONNX input_forget's own coupling"])
def coupled_by_input(m: Model) -> None:
    """c = (1 - i) * c + i * g."""
    x, g = m.sequence(5, time_major=True), gates("iog")

    def step(state: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        c, h = state[0], state[1]
        total = {name: tf.matmul(v, w) + tf.matmul(h, u) + b for name, (w, u, b) in g.items()}
        i = tf.sigmoid(total["i"])
        c = (1.0 - i) * c + i * tf.tanh(total["g"])
        return tf.stack([c, tf.sigmoid(total["o"]) * tf.tanh(c)])

    start = tf.stack([m.vector(UNITS, name="c"), m.vector(UNITS, name="h")])
    m.output(tf.scan(step, x, initializer=start))
    m.no_empty_batch("kept simple")
    m.expect(
        "Scan", "hand-written", UNITS, also=["LSTM"], reason="input and forget gates are coupled"
    )


@model(
    "fo-pooling of a quasi-recurrent network.", ["convolutions outside", "element-wise recurrence"]
)
def qrnn(m: Model) -> None:
    """c = f * c + (1 - f) * z and h = o * c, with z, f, o from a causal convolution."""
    x = m.sequence(5)
    padded = tf.pad(x, [[0, 0], [1, 0], [0, 0]])
    z, f, o = tf.split(tf.layers.conv1d(padded, 3 * UNITS, 2, name="conv"), 3, 2)
    steps = tf.transpose(tf.stack([tf.tanh(z), tf.sigmoid(f)]), [2, 0, 1, 3])
    pooled = tf.scan(lambda c, v: v[1] * c + (1 - v[1]) * v[0], steps, m.vector(UNITS, name="c"))
    m.output(tf.multiply(tf.sigmoid(o), tf.transpose(pooled, [1, 0, 2]), name="outputs"))
    m.no_empty_batch("kept simple")
    m.expect("Scan", "hand-written", UNITS, reason=NO_EQUATION)


@model(
    "tf.while_loop over a GRU with tf.where on lengths.", ["mask by select", "outputs not zeroed"]
)
def while_gru_select(m: Model) -> None:
    """Past its length a row keeps its state, and the output repeats it."""
    x, lengths, g = m.sequence(5), m.lengths(), gates("hzr")
    time = tf.shape(x)[1]

    def body(t, h, written):  # type: ignore[no-untyped-def]
        h = tf.where(t < lengths, gru_step(g, x[:, t], h), h)
        return t + 1, h, written.write(t, h)

    array = tf.TensorArray(tf.float32, time)
    loop = tf.while_loop(lambda t, *_: t < time, body, (0, m.vector(UNITS, name="h"), array))
    m.output(tf.transpose(loop[2].stack(), [1, 0, 2], name="outputs"), loop[1])
    m.no_empty_batch("kept simple")
    reason = "the outputs of padded steps are the carried state, where ONNX gives 0"
    m.expect("Scan", "GRUCell", UNITS, reason=reason, also=["GRU"])
