"""Programs on tf.contrib.rnn."""
import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn
from tensorflow.contrib.rnn.python.ops import rnn_cell
from running import batch

LENGTHS = np.array([0, 1, 5, 3], np.int32)


def train(cell, features=3, x=None, feeds=None, state=None):
    if x is None:
        x = tf.placeholder(tf.float32, [4, 5, features])
        feeds = {x: batch(4, 5, features)}
    outputs, final = tf.nn.dynamic_rnn(cell, x, sequence_length=LENGTHS, dtype=tf.float32, initial_state=state)
    return fit(outputs, final, feeds)


def fit(outputs, final, feeds):
    flat = [t for t in tf.nest.flatten([outputs, final]) if t.dtype == tf.float32]
    loss = tf.add_n([tf.reduce_mean(tf.square(t - 0.3)) for t in flat])
    return {"fetch": {"out%d" % i: t for i, t in enumerate(flat)}, "feeds": feeds, "loss": loss}


def program_alias():
    return train(rnn.MultiRNNCell([rnn.BasicLSTMCell(4), rnn.GRUCell(4)]))


def program_coupled():
    return train(rnn.CoupledInputForgetGateLSTMCell(4, use_peepholes=True, num_proj=3, proj_clip=0.4, num_unit_shards=2))


def program_coupled_norm():
    made = train(rnn.CoupledInputForgetGateLSTMCell(4, use_peepholes=True, layer_norm=True))
    # Larger steps are chaotic: a change of 1e-7 in the weights grows to 1e-2 in 50 of them.
    made["optimizer"] = tf.train.GradientDescentOptimizer(0.005)
    return made


def program_layer_norm_basic():
    return train(rnn.LayerNormBasicLSTMCell(4, forget_bias=0.5))


def program_layer_norm_basic_plain():
    return train(rnn.LayerNormBasicLSTMCell(4, layer_norm=False))


def program_layer_norm_dropout():
    x = tf.placeholder(tf.float32, [4, 5, 3])
    y, s = tf.nn.dynamic_rnn(
        rnn.LayerNormBasicLSTMCell(4, dropout_keep_prob=0.6, dropout_prob_seed=9), x, dtype=tf.float32, parallel_iterations=1)
    return {"fetch": {"y": y, "c": s.c}, "feeds": {x: batch(4, 5, 3)}}


def program_layer_norm_lstm():
    return train(rnn_cell.LayerNormLSTMCell(4, use_peepholes=True, cell_clip=0.9, num_proj=3, proj_clip=0.5, layer_norm=True))


def program_layer_norm_lstm_plain():
    return train(rnn_cell.LayerNormLSTMCell(4))


def program_weight_norm():
    return train(rnn_cell.WeightNormLSTMCell(4, use_peepholes=True, num_proj=3, cell_clip=0.8))


def program_weight_norm_plain():
    return train(rnn_cell.WeightNormLSTMCell(4, norm=False))


def program_nas():
    return train(rnn.NASCell(4, num_proj=3, use_bias=True))


def program_glstm():
    return train(rnn.GLSTMCell(4, number_of_groups=2, num_proj=2), features=4)


def program_ugrnn():
    return train(rnn.UGRNNCell(4, initializer=tf.random_normal_initializer()))


def program_intersection():
    return train(rnn.IntersectionRNNCell(4, num_in_proj=4))


def program_sru():
    return train(rnn.SRUCell(4))


def program_ind_rnn():
    return train(rnn.IndRNNCell(4, activation=tf.nn.relu))


def program_indy_gru():
    return train(rnn.IndyGRUCell(4))


def program_indy_lstm():
    return train(rnn.IndyLSTMCell(4, forget_bias=0.2))


def program_minimal():
    return train(rnn_cell.MinimalRNNCell(4))


def program_cfn():
    return train(rnn_cell.CFNCell(4, activation="sigmoid"))


def program_phased():
    x = tf.placeholder(tf.float32, [4, 5, 3])
    times = tf.placeholder(tf.float32, [4, 5, 1])
    feeds = {x: batch(4, 5, 3), times: np.cumsum(np.abs(batch(4, 5, 1)), 1)}
    return train(rnn.PhasedLSTMCell(4, use_peepholes=True), x=(times, x), feeds=feeds)


def program_conv1d():
    x = tf.placeholder(tf.float32, [4, 5, 6, 2])
    cell = rnn.Conv1DLSTMCell(input_shape=[6, 2], output_channels=3, kernel_shape=[3])
    return train(cell, x=x, feeds={x: batch(4, 5, 6, 2)})


def program_conv2d():
    x = tf.placeholder(tf.float32, [4, 5, 4, 3, 2])
    cell = rnn.ConvLSTMCell(2, [4, 3, 2], 2, [2, 3], use_bias=False)
    return train(cell, x=x, feeds={x: batch(4, 5, 4, 3, 2)})


def program_conv3d():
    x = tf.placeholder(tf.float32, [4, 5, 2, 3, 2, 1])
    cell = rnn.Conv3DLSTMCell(input_shape=[2, 3, 2, 1], output_channels=2, kernel_shape=[2, 2, 2])
    return train(cell, x=x, feeds={x: batch(4, 5, 2, 3, 2, 1)})


def program_time_freq():
    x = tf.placeholder(tf.float32, [4, 5, 3])
    cell = rnn.TimeFreqLSTMCell(4, use_peepholes=True, feature_size=3, frequency_skip=1, cell_clip=0.7)
    outputs, state = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)
    return fit(tf.stack(outputs), state, {x: batch(4, 5, 3)})


def grid(cls, **more):
    x = tf.placeholder(tf.float32, [4, 5, 4])
    cell = cls(3, use_peepholes=True, feature_size=2, frequency_skip=2, num_frequency_blocks=[2], **more)
    return train(cell, x=x, feeds={x: batch(4, 5, 4)})


def program_grid():
    return grid(rnn.GridLSTMCell, cell_clip=0.8)


def program_grid_coupled():
    return grid(rnn.GridLSTMCell, couple_input_forget_gates=True, state_is_tuple=False, share_time_frequency_weights=True)


def program_grid_bidirectional():
    return grid(rnn.BidirectionalGridLSTMCell, num_unit_shards=2, backward_slice_offset=1)


def program_ntm():
    x = tf.placeholder(tf.float32, [4, 2, 3])
    cell = rnn_cell.NTMCell(rnn.BasicLSTMCell(4), 6, 3, 1, 1, output_dim=2)
    outputs, state = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), initial_state=cell.zero_state(4, tf.float32))
    return fit(tf.stack(outputs), state.controller_state, {x: batch(4, 2, 3)})


def program_attention():
    return train(rnn.AttentionCellWrapper(rnn.BasicLSTMCell(4), 3, attn_vec_size=2))


def program_attention_joined():
    return train(rnn.AttentionCellWrapper(rnn.GRUCell(4), 3, state_is_tuple=False))


def program_projections():
    return train(rnn.OutputProjectionWrapper(rnn.InputProjectionWrapper(rnn.GRUCell(4), 5, tf.tanh), 2))


def program_highway():
    return train(rnn.HighwayWrapper(rnn.GRUCell(3), couple_carry_transform_gates=False))


def program_highway_coupled():
    return train(rnn.HighwayWrapper(rnn.LSTMCell(3)))


def program_embedding():
    ids = tf.placeholder(tf.int32, [4, 5])
    cell = rnn.EmbeddingWrapper(rnn.GRUCell(4), embedding_classes=7, embedding_size=3)
    outputs, state = rnn.static_rnn(cell, tf.unstack(ids, axis=1), dtype=tf.float32)
    return fit(tf.stack(outputs), state, {ids: np.arange(20).reshape(4, 5) % 7})


def program_lstm_block():
    return train(rnn.LSTMBlockCell(4, use_peephole=True, cell_clip=0.5))


def program_gru_block():
    return train(rnn.GRUBlockCell(4))


def program_gru_block_v2():
    return train(rnn.MultiRNNCell([rnn.GRUBlockCellV2(4), rnn.LSTMBlockCell(3)]))


def program_lstm_fused():
    x = tf.placeholder(tf.float32, [5, 4, 3])
    cell = rnn.LSTMBlockFusedCell(4, use_peephole=True)
    outputs, state = cell(x, dtype=tf.float32, sequence_length=LENGTHS)
    return fit(outputs, state, {x: batch(5, 4, 3)})


def program_fused_adaptors():
    x = tf.placeholder(tf.float32, [5, 4, 3])
    with tf.variable_scope("a"):
        a, s = rnn.FusedRNNCellAdaptor(rnn.GRUCell(4), use_dynamic_rnn=True)(x, dtype=tf.float32, sequence_length=LENGTHS)
    with tf.variable_scope("b"):
        fused = rnn.TimeReversedFusedRNN(rnn.LSTMBlockFusedCell(4))
        b, t = fused(x, dtype=tf.float32)
    return fit(tf.concat([a, b], 2), (s, t), {x: batch(5, 4, 3)})


def program_stack_bidirectional():
    x = tf.placeholder(tf.float32, [4, 5, 3])
    fw, bw = [rnn.LSTMCell(4), rnn.GRUCell(3)], [rnn.GRUCell(3), rnn.GRUCell(2)]
    outputs, a, b = rnn.stack_bidirectional_dynamic_rnn(fw, bw, x, dtype=tf.float32, sequence_length=LENGTHS)
    return fit(outputs, (a, b), {x: batch(4, 5, 3)})


def program_stack_bidirectional_static():
    x = tf.placeholder(tf.float32, [4, 5, 3])
    fw, bw = [rnn.LSTMCell(4), rnn.GRUCell(3)], [rnn.GRUCell(3), rnn.GRUCell(2)]
    outputs, a, b = rnn.stack_bidirectional_rnn(fw, bw, tf.unstack(x, axis=1), dtype=tf.float32)
    return fit(tf.stack(outputs), (a, b), {x: batch(4, 5, 3)})


def program_cudnn_compatible():
    return train(tf.contrib.rnn.MultiRNNCell([tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell(4), tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell(3)]))


def program_transpose():
    x = tf.placeholder(tf.float32, [4, 5, 3])
    return {"fetch": {"y": rnn.transpose_batch_time(x)}, "feeds": {x: batch(4, 5, 3)}}
