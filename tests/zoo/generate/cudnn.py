"""cuDNN layers: graphs only (no CPU runs them), each with a CPU twin of the same weights.

The opaque buffer holds, for each layer and direction, the input matrices of all gates [units, inputs]
and then the recurrent ones [units, units], row by row; after all matrices come, in the same order, the
input biases and the recurrent biases. LSTM gates: i, f, c, o; GRU gates: r, u, c.
"""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np
import tensorflow as tf
from tensorflow.contrib import cudnn_rnn

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

FEATURES, UNITS = 3, 4
GATES = {"lstm": "ifco", "gru": "ruc"}
Layer = Dict[str, np.ndarray]


def canonical(kind: str, widths: List[int]) -> List[Layer]:
    """Random W_g [units, width], R_g [units, units], bW_g and bR_g [units] for each pseudo-layer."""
    rng = np.random.RandomState(len(kind) + len(widths))
    layers = []
    for width in widths:
        shapes = [("W", (UNITS, width)), ("R", (UNITS, UNITS)), ("bW", (UNITS,)), ("bR", (UNITS,))]
        layers.append(
            {
                f"{part}_{gate}": rng.uniform(-0.7, 0.7, shape).astype(np.float32)
                for part, shape in shapes
                for gate in GATES[kind]
            }
        )
    return layers


def opaque(layers: List[Layer]) -> np.ndarray:
    """The buffer as cuDNN lays it out: all matrices, then all biases."""
    parts = [layer[k].ravel() for layer in layers for k in layer if not k.startswith("b")]
    parts += [layer[k].ravel() for layer in layers for k in layer if k.startswith("b")]
    return np.concatenate(parts)


def columns(layer: Layer, gates: str) -> np.ndarray:
    """A TF kernel [inputs + units, gates * units]: x rows above h rows."""
    return np.concatenate(
        [np.concatenate([layer[f"W_{g}"], layer[f"R_{g}"]], axis=1).T for g in gates], axis=1
    )


def biases(layer: Layer, gates: str) -> np.ndarray:
    """Both biases of each gate, summed."""
    return np.concatenate([layer[f"bW_{g}"] + layer[f"bR_{g}"] for g in gates])


def tell(m: Model, layers: List[Layer], twin: str) -> None:
    """Write the canonical weights to the card, and name the twin."""
    lists = [{name: values.tolist() for name, values in layer.items()} for layer in layers]
    m.extra_card["canonical"] = lists
    m.extra_card["twin"] = twin


def expected(m: Model, kind: str) -> None:
    """Two LSTM layers, or one bidirectional GRU layer."""
    if kind == "lstm":
        m.expect("LSTM", "LSTMCell", UNITS, count=2, forget_bias=0.0)
    else:
        for direction in ("forward", "reverse"):
            m.expect("GRU", "CudnnCompatibleGRUCell", UNITS, direction=direction,
                     linear_before_reset=1)  # fmt: skip


def stacked_state(m: Model, name: str) -> tf.Tensor:
    """A placeholder [2, batch, units]: layers or directions first."""
    tensor = tf.placeholder(tf.float32, [2, None, UNITS], name=name)
    return m.feed(tensor, lambda rng, case: rng.uniform(-0.8, 0.8, (2, case.batch, UNITS)))


@model("CudnnLSTM, two layers: graph only.", ["CudnnRNN", "opaque weights"], recorded=False)
def cudnn_lstm(m: Model) -> None:
    """Frozen on a machine without a GPU by writing the opaque buffer directly."""
    layers = canonical("lstm", [FEATURES, UNITS])
    x = m.sequence(FEATURES, time_major=True)
    state = stacked_state(m, "h"), stacked_state(m, "c")
    layer = cudnn_rnn.CudnnLSTM(2, UNITS)
    outputs, (h, c) = layer(x, initial_state=state, training=False)
    m.output(tf.identity(outputs, "outputs"), tf.identity(h, "h_n"), tf.identity(c, "c_n"))
    m.runs_on_cpu = False
    m.weights["opaque_kernel"] = lambda rng, shape: opaque(layers)
    tell(m, layers, "cudnn_lstm_twin")
    expected(m, "lstm")


@model(
    "CudnnGRU, one bidirectional layer: graph only.", ["CudnnRNN", "bidirectional"], recorded=False
)
def cudnn_gru(m: Model) -> None:
    """Two pseudo-layers in one buffer."""
    layers = canonical("gru", [FEATURES, FEATURES])
    x = m.sequence(FEATURES, time_major=True)
    layer = cudnn_rnn.CudnnGRU(1, UNITS, direction="bidirectional")
    outputs, (h,) = layer(x, initial_state=(stacked_state(m, "h"),), training=False)
    m.output(tf.identity(outputs, "outputs"), tf.identity(h, "h_n"))
    m.runs_on_cpu = False
    m.weights["opaque_kernel"] = lambda rng, shape: opaque(layers)
    tell(m, layers, "cudnn_gru_twin")
    expected(m, "gru")


def constant(values: np.ndarray) -> Any:
    """A weight rule that gives ``values``."""
    return lambda rng, shape: values


@model("The CPU twin of cudnn_lstm.", ["CudnnCompatibleLSTMCell", "same weights as cudnn_lstm"])
def cudnn_lstm_twin(m: Model) -> None:
    """Same names, same shapes, same weights; these recordings are the graph-only model's too."""
    layers = canonical("lstm", [FEATURES, UNITS])
    x = m.sequence(FEATURES, time_major=True)
    h, c = tf.unstack(stacked_state(m, "h")), tf.unstack(stacked_state(m, "c"))
    cell = tf.nn.rnn_cell.MultiRNNCell([cudnn_rnn.CudnnCompatibleLSTMCell(UNITS) for _ in layers])
    start = tuple(tf.nn.rnn_cell.LSTMStateTuple(*pair) for pair in zip(c, h))
    outputs, final = tf.nn.dynamic_rnn(cell, x, initial_state=start, time_major=True)
    m.output(tf.identity(outputs, "outputs"), tf.stack([s.h for s in final], name="h_n"))
    m.output(tf.stack([s.c for s in final], name="c_n"))
    for index, layer in enumerate(layers):
        scope = f"cell_{index}/cudnn_compatible_lstm_cell"
        m.weights[f"{scope}/kernel"] = constant(columns(layer, "icfo"))
        m.weights[f"{scope}/bias"] = constant(biases(layer, "icfo"))
    expected(m, "lstm")


@model("The CPU twin of cudnn_gru.", ["CudnnCompatibleGRUCell", "same weights as cudnn_gru"])
def cudnn_gru_twin(m: Model) -> None:
    """Same names, same shapes, same weights; these recordings are the graph-only model's too."""
    layers = canonical("gru", [FEATURES, FEATURES])
    x = m.sequence(FEATURES, time_major=True)
    fw, bw = tf.unstack(stacked_state(m, "h"))
    cells = [cudnn_rnn.CudnnCompatibleGRUCell(UNITS) for _ in layers]
    outputs, final = tf.nn.bidirectional_dynamic_rnn(
        *cells, x, initial_state_fw=fw, initial_state_bw=bw, time_major=True
    )
    m.output(tf.concat(outputs, 2, name="outputs"), tf.stack(final, name="h_n"))
    m.no_empty_batch("ReverseV2 on an empty tensor kills TensorFlow 1.15.5")
    for way, layer in zip(("fw", "bw"), layers):
        scope = f"{way}/cudnn_compatible_gru_cell"
        m.weights[f"{scope}/gates/kernel"] = constant(columns(layer, "ru"))
        m.weights[f"{scope}/gates/bias"] = constant(biases(layer, "ru"))
        for part, short in (("input", "W"), ("hidden", "R")):
            m.weights[f"{scope}/candidate/{part}_projection/kernel"] = constant(
                layer[f"{short}_c"].T
            )
            m.weights[f"{scope}/candidate/{part}_projection/bias"] = constant(layer[f"b{short}_c"])
    expected(m, "gru")
