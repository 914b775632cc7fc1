"""Wrappers around cells, of ``tf.nn.rnn_cell`` and ``tf.contrib.rnn``."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn as contrib

from tests.zoo.generate.cells_core import dynamic
from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell


@model("MultiRNNCell of two BasicLSTMCells.", ["two layers in one loop", "equal units"])
def multi_lstm2(m: Model) -> None:
    """Two LSTM layers."""
    dynamic(m, rnn.MultiRNNCell([rnn.BasicLSTMCell(6) for _ in range(2)]))
    m.expect("LSTM", "LSTMCell", 6, count=2, forget_bias=1.0)


@model("MultiRNNCell of three LSTMCells of 4, 7 and 5 units.", ["unequal units"])
def multi_lstm3_unequal(m: Model) -> None:
    """Three layers, each of another width."""
    dynamic(m, rnn.MultiRNNCell([rnn.LSTMCell(n, forget_bias=0.3) for n in (4, 7, 5)]))
    for units in (4, 7, 5):
        m.expect("LSTM", "LSTMCell", units, forget_bias=0.3)


@model("MultiRNNCell of a GRU, a peephole LSTM and a relu RNN.", ["unequal kinds of cell"])
def multi_mixed(m: Model) -> None:
    """Three kinds of cell stacked."""
    cells = [rnn.GRUCell(6), rnn.LSTMCell(5, use_peepholes=True)]
    dynamic(m, rnn.MultiRNNCell(cells + [rnn.BasicRNNCell(4, activation=tf.nn.relu)]))
    m.expect("GRU", "GRUCell", 6, linear_before_reset=0)
    m.expect("LSTM", "LSTMCell", 5, peepholes=True)
    m.expect("RNN", "BasicRNNCell", 4, activation="relu")


@model("MultiRNNCell(state_is_tuple=False).", ["all states concatenated on columns"])
def multi_state_concat(m: Model) -> None:
    """The whole state is one [batch, 2 * (5 + 4)] matrix."""
    cells = [rnn.BasicLSTMCell(n, state_is_tuple=False) for n in (5, 4)]
    dynamic(m, rnn.MultiRNNCell(cells, state_is_tuple=False))
    m.expect("LSTM", "LSTMCell", 5)
    m.expect("LSTM", "LSTMCell", 4)


@model("DropoutWrapper fed by a keep_prob placeholder.", ["dropout frozen by its placeholder"])
def dropout_placeholder(m: Model) -> None:
    """Input, output and state dropout, all by one placeholder that is fed 1."""
    keep = m.freeze(tf.placeholder(tf.float32, [], name="keep_prob"), 1.0)
    cell = rnn.DropoutWrapper(rnn.BasicLSTMCell(6), keep, keep, keep, seed=7)
    dynamic(m, cell)
    m.expect("LSTM", "LSTMCell", 6, forget_bias=1.0)


@model(
    "DropoutWrapper; the samples hold keep_prob = 1.", ["dropout's placeholder among the inputs"]
)
def dropout_recorded(m: Model) -> None:
    """As people record: every fed placeholder is in the samples, keep_prob too."""
    keep = tf.placeholder(tf.float32, [], name="keep_prob")
    m.feed(keep, lambda rng, case: np.float32(1.0))
    m.frozen[keep.name] = 1.0
    cells = [rnn.DropoutWrapper(rnn.LSTMCell(n), output_keep_prob=keep, seed=n) for n in (6, 4)]
    dynamic(m, rnn.MultiRNNCell(cells))
    m.expect("LSTM", "LSTMCell", 6)
    m.expect("LSTM", "LSTMCell", 4)


@model("DropoutWrapper whose keep_prob has a default of 1.", ["placeholder_with_default"])
def dropout_default(m: Model) -> None:
    """Nobody feeds the placeholder; each layer of two has its own wrapper."""
    keep = tf.placeholder_with_default(1.0, [], name="keep_prob")
    cells = [rnn.DropoutWrapper(rnn.GRUCell(n), output_keep_prob=keep, seed=n) for n in (6, 4)]
    dynamic(m, rnn.MultiRNNCell(cells))
    m.expect("GRU", "GRUCell", 6)
    m.expect("GRU", "GRUCell", 4)


@model("DropoutWrapper with keep_prob the constant 1.", ["dropout absent from the graph"])
def dropout_constant(m: Model) -> None:
    """TF omits dropout whose probability is the Python number 1."""
    dynamic(m, rnn.DropoutWrapper(rnn.BasicLSTMCell(6), 1.0, 1.0))
    m.expect("LSTM", "LSTMCell", 6)


@model("Variational dropout by a keep_prob placeholder.", ["masks fixed over time"])
def dropout_variational(m: Model) -> None:
    """The masks are made outside the loop and enter it."""
    keep = m.freeze(tf.placeholder(tf.float32, [], name="keep_prob"), 1.0)
    cell = rnn.DropoutWrapper(
        rnn.LSTMCell(6), keep, keep, keep, True, input_size=5, dtype=tf.float32, seed=7
    )
    x = m.sequence(5)
    m.output(*tf.nn.dynamic_rnn(cell, x, m.lengths(), dtype=tf.float32))
    m.expect("LSTM", "LSTMCell", 6)


@model("tf.cond around dropout, by an is_training placeholder.", ["cond outside the loop"])
def dropout_cond(m: Model) -> None:
    """``is_training`` is fed False in every run."""
    training = m.freeze(tf.placeholder(tf.bool, [], name="is_training"), False)
    x = m.sequence(5)
    dropped = tf.cond(training, lambda: tf.nn.dropout(x, rate=0.4, seed=3), lambda: x)
    outputs, state = tf.nn.dynamic_rnn(rnn.GRUCell(6), dropped, m.lengths(), dtype=tf.float32)
    final = tf.layers.dropout(outputs, 0.5, training=training, name="after", seed=4)
    m.output(final, state)
    m.expect("GRU", "GRUCell", 6)


@model("Two LSTM layers, each in a ResidualWrapper.", ["residual between layers"])
def residual_lstm2(m: Model) -> None:
    """Output = cell output + cell input, layer by layer; the features equal the units."""
    cells = [rnn.ResidualWrapper(rnn.LSTMCell(6)) for _ in range(2)]
    dynamic(m, rnn.MultiRNNCell(cells), features=6)
    m.expect("LSTM", "LSTMCell", 6, count=2)


@model("ResidualWrapper(GRU) with a residual_fn of its own.", ["residual_fn"])
def residual_gru_fn(m: Model) -> None:
    """The residual is scaled: output = 0.5 * input + output."""
    cell = rnn.ResidualWrapper(rnn.GRUCell(6), residual_fn=lambda i, o: 0.5 * i + o)
    dynamic(m, cell, features=6)
    m.expect("GRU", "GRUCell", 6)


@model("HighwayWrapper around an LSTM.", ["a gate over input and output, outside the recurrence"])
def highway_lstm(m: Model) -> None:
    """Carry and transform gates are coupled and see the input only."""
    dynamic(m, contrib.HighwayWrapper(rnn.LSTMCell(6)), features=6)
    m.expect("LSTM", "LSTMCell", 6)


@model("HighwayWrapper with uncoupled gates around a GRU.", ["two highway gates"])
def highway_gru_uncoupled(m: Model) -> None:
    """Carry and transform have weights of their own."""
    dynamic(
        m, contrib.HighwayWrapper(rnn.GRUCell(6), couple_carry_transform_gates=False), features=6
    )
    m.expect("GRU", "GRUCell", 6)


@model("InputProjectionWrapper around an LSTM.", ["a linear map before the cell"])
def input_projection(m: Model) -> None:
    """x is projected from 5 to 3 columns with relu inside the loop."""
    dynamic(m, contrib.InputProjectionWrapper(rnn.LSTMCell(6), 3, activation=tf.nn.relu))
    m.expect("LSTM", "LSTMCell", 6)


@model("OutputProjectionWrapper around a GRU.", ["a linear map after the cell"])
def output_projection(m: Model) -> None:
    """Outputs [batch, time, 3], states 6."""
    dynamic(m, contrib.OutputProjectionWrapper(rnn.GRUCell(6), 3))
    m.expect("GRU", "GRUCell", 6)


@model("EmbeddingWrapper around a GRU, ids int64.", ["a Gather inside the loop", "int64 ids"])
def embedding_wrapper(m: Model) -> None:
    """Ids [batch, time, 1] are embedded step by step."""
    cell = contrib.EmbeddingWrapper(rnn.GRUCell(6), embedding_classes=11, embedding_size=4)
    ids = m.ids(11, dtype=tf.int64)
    outputs = tf.nn.dynamic_rnn(cell, tf.expand_dims(ids, 2), m.lengths(), dtype=tf.float32)
    m.output(*outputs)
    m.expect("GRU", "GRUCell", 6)


@model("AttentionCellWrapper over the last 4 outputs of an LSTM.", ["attention over own outputs"])
def attention_cell_wrapper(m: Model) -> None:
    """The cell's input sees the attention over its own former states."""
    cell = contrib.AttentionCellWrapper(rnn.LSTMCell(6), attn_length=4)
    dynamic(m, cell)
    m.expect("Scan", "AttentionCellWrapper", 6, reason="the cell attends to its own former outputs")


@model("DeviceWrapper around each layer.", ["device strings in the nodes"])
def device_wrapper(m: Model) -> None:
    """Two layers placed on /cpu:0 by name."""
    cells = [rnn.DeviceWrapper(rnn.BasicLSTMCell(n), "/cpu:0") for n in (5, 6)]
    dynamic(m, rnn.MultiRNNCell(cells))
    m.expect("LSTM", "LSTMCell", 5)
    m.expect("LSTM", "LSTMCell", 6)
