"""Patterns met in public projects of speech, drawing and control, written anew and small."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import tensorflow as tf
from tensorflow.contrib import rnn as contrib

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
UNITS = 6


@model(
    "Streaming speech step: every size static, clipped ReLUs, BlockLSTM, fed states.",
    ["LSTMBlockFusedCell with static T and batch", "ranges that are constants", "clipped ReLU"],
)
def speech_step(m: Model) -> None:
    """What an online recogniser exports: 4 steps of one utterance, the state goes in and out."""
    frames = tf.placeholder(tf.float32, [1, 4, 3, 2], name="frames")
    m.feed(frames, lambda rng, case: case.scale * rng.standard_normal((1, 4, 3, 2)))
    m.batch, m.time = 1, 4
    lengths = m.lengths()
    state = contrib.LSTMStateTuple(m.vector(UNITS, name="c_in"), m.vector(UNITS, name="h_in"))
    rows = tf.reshape(tf.transpose(frames, [1, 0, 2, 3]), [-1, 6])
    for name in ("dense_1", "dense_2"):
        rows = tf.minimum(tf.layers.dense(rows, UNITS, tf.nn.relu, name=name), 0.7)
    cell = contrib.LSTMBlockFusedCell(UNITS, forget_bias=0)
    x = tf.reshape(rows, [4, 1, UNITS])
    outputs, final = cell(x, initial_state=state, sequence_length=lengths)
    logits = tf.layers.dense(tf.reshape(outputs, [-1, UNITS]), 5, name="logits")
    m.output(tf.nn.softmax(tf.reshape(logits, [4, 1, 5])), final)
    m.expect("LSTM", "LSTMCell", UNITS, forget_bias=0.0)


class StackedMatrixCell(rnn.RNNCell):
    """LSTM with layer norm over all gates; its matrices are two variables joined in every step."""

    @property
    def state_size(self) -> int:
        return 2 * UNITS

    @property
    def output_size(self) -> int:
        return UNITS

    def __call__(
        self, inputs: tf.Tensor, state: tf.Tensor, scope: Optional[Any] = None
    ) -> Tuple[tf.Tensor, tf.Tensor]:
        with tf.variable_scope(scope or "stacked_matrix_cell"):
            c, h = tf.split(state, 2, 1)
            w = tf.get_variable("W_xh", [inputs.shape[1].value, 4 * UNITS])
            u = tf.get_variable("W_hh", [UNITS, 4 * UNITS])
            gates = tf.matmul(tf.concat([inputs, h], 1), tf.concat([w, u], 0))
            mean, variance = tf.nn.moments(gates, [1], keep_dims=True)
            scale = tf.get_variable("gamma", [4 * UNITS])
            shift = tf.get_variable("beta", [4 * UNITS])
            gates = (gates - mean) * tf.rsqrt(variance + 1e-3) * scale + shift
            i, j, f, o = tf.split(gates, 4, 1)
            c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
            h = tf.tanh(c) * tf.sigmoid(o)
            return h, tf.concat([c, h], 1)


@model(
    "Drawing encoder: two layer-norm LSTMs whose matrices are joined in the step.",
    ["weights folded from two variables", "equal cells, other numbers", "only final states read"],
)
def sketch_encoder(m: Model) -> None:
    """The folded matrices of both directions have no variable of their own."""
    x, lengths = m.sequence(5), m.lengths()
    cells = StackedMatrixCell(), StackedMatrixCell()
    _, states = tf.nn.bidirectional_dynamic_rnn(*cells, x, lengths, dtype=tf.float32)
    hidden = tf.concat([tf.split(state, 2, 1)[1] for state in states], 1)
    m.output(tf.layers.dense(hidden, 3, name="mu"))
    for direction in ("forward", "reverse"):
        m.expect(
            "Scan", "hand-written", UNITS, direction=direction, reason="ONNX LSTM has no layer norm"
        )


@model(
    "Caption encoder: a packed LSTM stepped by hand, zeros as input once the frames are over.",
    ["state_is_tuple=False by hand", "unrolled", "inputs of two origins"],
)
def caption_encoder(m: Model) -> None:
    """Two phases of one layer, as video captioning has them; every output and the state are read."""
    frames = m.sequence(5, batch=2, time=5, name="frames")
    embedded = tf.layers.dense(frames, UNITS, name="embed")
    cell = rnn.BasicLSTMCell(UNITS, state_is_tuple=False)
    state, outputs = tf.zeros([2, cell.state_size]), []
    for step in range(9):
        with tf.variable_scope("layer", reuse=step > 0):
            x = embedded[:, step] if step < 5 else tf.zeros([2, UNITS])
            output, state = cell(x, state)
        outputs.append(output)
    m.output(tf.stack(outputs, 1), state)
    m.expect("LSTM", "LSTMCell", UNITS)


@model(
    "Speech enhancement: a spectrum, a bi-LSTM that masks it, and back to samples.",
    ["stft", "complex numbers inside", "inverse stft", "mfcc"],
)
def speech_mask(m: Model) -> None:
    """``tf.signal`` in the graph; the mask multiplies the complex spectrum."""
    wave = tf.placeholder(tf.float32, [None, None], name="wave")
    m.feed(wave, lambda rng, case: case.scale * rng.standard_normal((case.batch, 16 + 8 * case.time)))
    m.no_empty_batch("TensorFlow 1.15.5 ends with SIGFPE")
    spectrum = tf.signal.stft(wave, 16, 8, 16)
    features = tf.log(tf.abs(spectrum) + 0.01)
    cells = rnn.LSTMCell(UNITS), rnn.LSTMCell(UNITS)
    outputs, _ = tf.nn.bidirectional_dynamic_rnn(*cells, features, dtype=tf.float32)
    mask = tf.layers.dense(tf.concat(outputs, 2), 9, tf.sigmoid, name="mask")
    window = tf.signal.inverse_stft_window_fn(8)
    masked = tf.cast(mask, tf.complex64) * spectrum
    m.output(mask, tf.signal.inverse_stft(masked, 16, 8, 16, window_fn=window))
    mel = tf.signal.linear_to_mel_weight_matrix(6, 9, 8000, 80.0, 3600.0)
    logs = tf.log(tf.tensordot(tf.abs(spectrum), mel, 1) + 0.01)
    m.output(tf.signal.mfccs_from_log_mel_spectrograms(tf.reshape(logs, [-1, 6]))[..., :4])
    m.expect("LSTM", "LSTMCell", UNITS)
    m.expect("LSTM", "LSTMCell", UNITS, direction="reverse")
