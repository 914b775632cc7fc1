"""The cells of ``tf.contrib.rnn`` under ``dynamic_rnn``."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.contrib import cudnn_rnn
from tensorflow.contrib import rnn as contrib
from tensorflow.contrib.rnn.python.ops import rnn_cell as hidden

from tests.zoo.generate.cells_core import NO_CLIP, NO_PROJECTION, cell_model, dynamic
from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

NO_NORM = "ONNX LSTM has no layer normalisation"
NO_EQUATION = "no ONNX operator has this cell's equation"
DIAGONAL = "the recurrent weights are a diagonal, not a matrix"

# -- LSTM variants --------------------------------------------------------------------------------
cell_model("cifg_lstm", lambda: contrib.CoupledInputForgetGateLSTMCell(6, forget_bias=0.3), "Scan",
           "CoupledInputForgetGateLSTMCell", 6, ["i = 1 - f", "forget_bias 0.3"], also=["LSTM"],
           reason="the coupling is i = 1 - f; ONNX input_forget has f = 1 - i",
           forget_bias=0.3)  # fmt: skip
cell_model("cifg_lstm_options",
           lambda: contrib.CoupledInputForgetGateLSTMCell(
               6, use_peepholes=True, num_proj=4, proj_clip=0.3, layer_norm=True),
           "Scan", "CoupledInputForgetGateLSTMCell", 6,
           ["peepholes", "num_proj", "proj_clip", "layer_norm"], reason=NO_PROJECTION,
           num_proj=4)  # fmt: skip
cell_model("layer_norm_basic_lstm", lambda: contrib.LayerNormBasicLSTMCell(6), "Scan",
           "LayerNormBasicLSTMCell", 6, ["layer norm of each gate and of the new c"],
           reason=NO_NORM)  # fmt: skip
cell_model("layer_norm_off", lambda: contrib.LayerNormBasicLSTMCell(6, forget_bias=0.3, layer_norm=False),
           "LSTM", "LSTMCell", 6, ["layer_norm=False is a plain LSTM"],
           written="LayerNormBasicLSTMCell", forget_bias=0.3)  # fmt: skip
cell_model("layer_norm_lstm", lambda: hidden.LayerNormLSTMCell(6, layer_norm=True, use_peepholes=True),
           "Scan", "LayerNormLSTMCell", 6, ["layer norm with peepholes"], reason=NO_NORM,
           peepholes=True)  # fmt: skip
cell_model("lstm_block_cell", lambda: contrib.LSTMBlockCell(6, forget_bias=0.3), "LSTM", "LSTMCell", 6,
           ["the fused LSTMBlockCell op, gates i, c, f, o"], written="LSTMBlockCell",
           forget_bias=0.3)  # fmt: skip
cell_model("lstm_block_cell_peephole", lambda: contrib.LSTMBlockCell(6, use_peephole=True), "LSTM",
           "LSTMCell", 6, ["the fused op with peepholes"], written="LSTMBlockCell", forget_bias=1.0,
           peepholes=True)  # fmt: skip
cell_model("lstm_block_cell_clip", lambda: contrib.LSTMBlockCell(6, cell_clip=0.4), "Scan", "LSTMCell",
           6, ["the fused op with cell_clip"], written="LSTMBlockCell", reason=NO_CLIP,
           cell_clip=0.4)  # fmt: skip
cell_model("cudnn_compatible_lstm", lambda: cudnn_rnn.CudnnCompatibleLSTMCell(6), "LSTM", "LSTMCell", 6,
           ["LSTMBlockCell with forget_bias 0"], written="CudnnCompatibleLSTMCell",
           forget_bias=0.0)  # fmt: skip
cell_model("weight_norm_lstm", lambda: hidden.WeightNormLSTMCell(6), "LSTM", "LSTMCell", 6,
           ["the kernel is normalised in the graph, from constants"], written="WeightNormLSTMCell",
           forget_bias=1.0)  # fmt: skip
cell_model("glstm", lambda: contrib.GLSTMCell(6, number_of_groups=2), "Scan", "GLSTMCell", 6,
           ["two groups of gates side by side"], also=["LSTM"], features=4,
           reason="the weights are block-diagonal by group", number_of_groups=2)  # fmt: skip
cell_model("glstm_proj", lambda: contrib.GLSTMCell(6, num_proj=4, number_of_groups=2), "Scan",
           "GLSTMCell", 6, ["groups with a projection"], features=4, reason=NO_PROJECTION,
           number_of_groups=2, num_proj=4)  # fmt: skip
cell_model("indy_lstm", lambda: contrib.IndyLSTMCell(6, forget_bias=0.3), "Scan", "IndyLSTMCell", 6,
           ["diagonal recurrence"], also=["LSTM"], reason=DIAGONAL, forget_bias=0.3)  # fmt: skip

# -- GRU variants ---------------------------------------------------------------------------------
cell_model("gru_block_cell", lambda: contrib.GRUBlockCell(6), "GRU", "GRUCell", 6,
           ["the fused GRUBlockCell op"], written="GRUBlockCell", linear_before_reset=0)  # fmt: skip
cell_model("gru_block_cell_v2", lambda: contrib.GRUBlockCellV2(6), "GRU", "GRUCell", 6,
           ["the fused op with the variable names of GRUCell"], written="GRUBlockCellV2",
           linear_before_reset=0)  # fmt: skip
cell_model("cudnn_compatible_gru", lambda: cudnn_rnn.CudnnCompatibleGRUCell(6), "GRU",
           "CudnnCompatibleGRUCell", 6, ["reset after the product, two candidate biases"],
           linear_before_reset=1)  # fmt: skip
cell_model("indy_gru", lambda: contrib.IndyGRUCell(6), "Scan", "IndyGRUCell", 6, ["diagonal recurrence"],
           also=["GRU"], reason=DIAGONAL)  # fmt: skip

# -- others ---------------------------------------------------------------------------------------
cell_model("ind_rnn", lambda: contrib.IndRNNCell(6), "Scan", "IndRNNCell", 6, ["diagonal recurrence"],
           also=["RNN"], reason=DIAGONAL)  # fmt: skip
cell_model("ind_rnn_relu", lambda: contrib.IndRNNCell(6, activation=tf.nn.relu), "Scan", "IndRNNCell", 6,
           ["diagonal recurrence", "activation relu"], also=["RNN"], reason=DIAGONAL,
           activation="relu")  # fmt: skip
cell_model("nas", lambda: contrib.NASCell(5, use_bias=True), "Scan", "NASCell", 5, ["NAS with biases"],
           reason=NO_EQUATION)  # fmt: skip
cell_model("nas_proj", lambda: contrib.NASCell(5, num_proj=3), "Scan", "NASCell", 5,
           ["NAS with a projection, no biases"], reason=NO_EQUATION, num_proj=3)  # fmt: skip
cell_model("ugrnn", lambda: contrib.UGRNNCell(6, forget_bias=0.3), "Scan", "UGRNNCell", 6,
           ["update gate only"], reason=NO_EQUATION, forget_bias=0.3)  # fmt: skip
cell_model("intersection_rnn", lambda: contrib.IntersectionRNNCell(5, num_in_proj=5), "Scan",
           "IntersectionRNNCell", 5, ["output and state apart", "input projection"],
           reason=NO_EQUATION)  # fmt: skip
cell_model("sru", lambda: contrib.SRUCell(6), "Scan", "SRUCell", 6, ["products over x alone"],
           reason=NO_EQUATION)  # fmt: skip
cell_model("minimal_rnn", lambda: hidden.MinimalRNNCell(5), "Scan", "MinimalRNNCell", 5,
           ["features equal units"], reason=NO_EQUATION)  # fmt: skip
cell_model("cfn", lambda: hidden.CFNCell(5), "Scan", "CFNCell", 5, ["chaos-free network"],
           reason=NO_EQUATION)  # fmt: skip
cell_model("conv1d_lstm",
           lambda: contrib.Conv1DLSTMCell(input_shape=[6, 2], output_channels=3, kernel_shape=[3]),
           "Scan", "ConvLSTMCell", 3, ["convolutions as gates"], features=(6, 2),
           reason=NO_EQUATION)  # fmt: skip
cell_model("conv2d_lstm",
           lambda: contrib.Conv2DLSTMCell(
               input_shape=[4, 5, 2], output_channels=3, kernel_shape=[3, 3]),
           "Scan", "ConvLSTMCell", 3, ["2-D convolutions"], features=(4, 5, 2),
           reason=NO_EQUATION)  # fmt: skip
cell_model("conv3d_lstm",
           lambda: contrib.Conv3DLSTMCell(
               input_shape=[3, 3, 4, 2], output_channels=2, kernel_shape=[2, 3, 2]),
           "Scan", "ConvLSTMCell", 2, ["3-D convolutions"], features=(3, 3, 4, 2),
           reason=NO_EQUATION)  # fmt: skip
cell_model("grid_lstm",
           lambda: contrib.GridLSTMCell(
               4, feature_size=3, frequency_skip=2, num_frequency_blocks=[3], use_peepholes=True),
           "Scan", "GridLSTMCell", 4, ["time and frequency states"], features=7, initial=False,
           reason=NO_EQUATION)  # fmt: skip
cell_model("grid_lstm_shared",
           lambda: contrib.GridLSTMCell(
               4, feature_size=3, frequency_skip=2, num_frequency_blocks=[3],
               share_time_frequency_weights=True, couple_input_forget_gates=True,
               cell_clip=0.5),
           "Scan", "GridLSTMCell", 4, ["shared weights", "coupled gates", "cell_clip"], features=7,
           initial=False, reason=NO_EQUATION, cell_clip=0.5)  # fmt: skip
cell_model("bidirectional_grid_lstm",
           lambda: contrib.BidirectionalGridLSTMCell(
               4, feature_size=3, frequency_skip=2, num_frequency_blocks=[3]),
           "Scan", "BidirectionalGridLSTMCell", 4, ["frequency swept both ways in each step"],
           features=7, initial=False, reason=NO_EQUATION)  # fmt: skip


@model("PhasedLSTMCell over (time, x) with peepholes.", ["a nest as input", "mod of the time"])
def phased_lstm(m: Model) -> None:
    """The input is a pair; the period is drawn so that all three phases of the gate occur."""
    cell = contrib.PhasedLSTMCell(6, use_peepholes=True)
    x = m.sequence(5)
    times = tf.placeholder(tf.float32, [None, None, 1], name="times")
    m.feed(times, lambda rng, case: rng.uniform(0.1, 2, (case.batch, case.time, 1)).cumsum(axis=1))
    lengths = m.lengths()
    state = m.states(cell.state_size)
    m.output(*tf.nn.dynamic_rnn(cell, (times, x), lengths, initial_state=state))
    m.weights["period"] = lambda rng, shape: rng.uniform(2.0, 6.0, shape)
    m.weights["phase"] = lambda rng, shape: rng.uniform(0.0, 3.0, shape)
    m.weights["ratio_on"] = lambda rng, shape: rng.uniform(0.2, 0.5, shape)
    m.expect("Scan", "PhasedLSTMCell", 6, reason=NO_EQUATION, peepholes=True)


@model("NTMCell with an LSTM controller, two read heads, one write head.", ["external memory"])
def ntm(m: Model) -> None:
    """A neural Turing machine; its zero state is made in the graph from constants."""
    controller = tf.nn.rnn_cell.BasicLSTMCell(6)
    cell = hidden.NTMCell(controller, 5, 4, read_head_num=2, write_head_num=1, output_dim=3)
    dynamic(m, cell, features=4, batch=3, initial=False)
    m.expect("Scan", "NTMCell", 6, reason="the cell reads and writes a memory matrix")


@model("TimeFreqLSTMCell unrolled by hand.", ["an LSTM over frequency inside each step"])
def time_freq_lstm(m: Model) -> None:
    """dynamic_rnn refuses this cell (its output is wider than its output_size), a loop does not."""
    cell = contrib.TimeFreqLSTMCell(4, feature_size=3, frequency_skip=2, use_peepholes=True)
    x = m.sequence(7, batch=3, time=4)
    state = m.vector(12 + 12, name="state")
    outputs = []
    for step in tf.unstack(x, axis=1):
        output, state = cell(step, state)
        outputs.append(output)
    m.output(tf.stack(outputs, axis=1, name="outputs"), state)
    m.expect("Scan", "TimeFreqLSTMCell", 4, also=["unrolled"], reason=NO_EQUATION, peepholes=True)
