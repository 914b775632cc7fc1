"""Programs on tf.nn.rnn_cell and the drivers, as people wrote them for TensorFlow 1."""
import numpy as np
import tensorflow as tf
from running import batch

LENGTHS = np.array([0, 1, 5, 3], np.int32)


def data():
    return tf.placeholder(tf.float32, [None, 5, 3], name="x")


def fit(outputs, state, x, optimizer=None, **fetch):
    flat = tf.nest.flatten([outputs, state]) if hasattr(tf, "nest") else [outputs]
    loss = tf.add_n([tf.reduce_mean(tf.square(t - 0.3)) for t in flat])
    made = {"fetch": dict(fetch), "feeds": {x: batch(4, 5, 3)}, "loss": loss}
    for i, t in enumerate(flat):
        made["fetch"]["out%d" % i] = t
    if optimizer is not None:
        made["optimizer"] = optimizer
    return made


def dynamic(cell, lengths=True, **kwargs):
    x = data()
    outputs, state = tf.nn.dynamic_rnn(cell, x, sequence_length=LENGTHS if lengths else None, dtype=tf.float32)
    return fit(outputs, state, x, **kwargs)


def program_basic_rnn():
    return dynamic(tf.nn.rnn_cell.BasicRNNCell(4, activation=tf.nn.relu))


def program_basic_rnn_keras_activation():
    return dynamic(tf.nn.rnn_cell.BasicRNNCell(4, activation="hard_sigmoid"), lengths=False)


def program_basic_lstm():
    return dynamic(tf.nn.rnn_cell.BasicLSTMCell(4), optimizer=tf.train.AdamOptimizer(0.01))


def program_basic_lstm_joined_state():
    return dynamic(tf.nn.rnn_cell.BasicLSTMCell(4, forget_bias=0.3, state_is_tuple=False))


def program_gru():
    return dynamic(tf.nn.rnn_cell.GRUCell(4, kernel_initializer=tf.orthogonal_initializer()))


def program_lstm_all():
    cell = tf.nn.rnn_cell.LSTMCell(
        5, use_peepholes=True, cell_clip=0.3, num_proj=3, proj_clip=0.2, forget_bias=0.7,
        initializer=tf.random_uniform_initializer(-0.1, 0.1))
    return dynamic(cell, optimizer=tf.train.MomentumOptimizer(0.03, 0.9))


def program_lstm_shards():
    return dynamic(tf.nn.rnn_cell.LSTMCell(4, num_unit_shards=2, num_proj=4, num_proj_shards=2))


def program_multi():
    cells = [tf.nn.rnn_cell.GRUCell(4), tf.nn.rnn_cell.BasicLSTMCell(3), tf.nn.rnn_cell.LSTMCell(4)]
    return dynamic(tf.nn.rnn_cell.MultiRNNCell(cells))


def program_multi_joined():
    cells = [tf.nn.rnn_cell.GRUCell(4), tf.nn.rnn_cell.BasicRNNCell(3)]
    return dynamic(tf.nn.rnn_cell.MultiRNNCell(cells, state_is_tuple=False))


def program_multi_shared():
    cell = tf.nn.rnn_cell.GRUCell(3)
    return dynamic(tf.nn.rnn_cell.MultiRNNCell([cell] * 1 + [tf.nn.rnn_cell.ResidualWrapper(tf.nn.rnn_cell.GRUCell(3))]))


def program_dropout_off():
    keep = tf.placeholder_with_default(1.0, [])
    return dynamic(tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.BasicLSTMCell(4), input_keep_prob=keep, output_keep_prob=keep))


def program_dropout_seeded():
    x = data()
    cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.LSTMCell(4), 0.7, 0.8, 0.9, seed=11)
    # One iteration at a time: the draws of parallel ones come in any order.
    outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32, parallel_iterations=1)
    return {"fetch": {"y": outputs, "h": state.h}, "feeds": {x: batch(4, 5, 3)}}


def program_dropout_variational():
    x = data()
    cell = tf.nn.rnn_cell.DropoutWrapper(
        tf.nn.rnn_cell.LSTMCell(4), 0.7, 0.8, 0.9, variational_recurrent=True, input_size=3, dtype=tf.float32, seed=5)
    outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    return fit(outputs, state, x)


def program_residual_device():
    cell = tf.nn.rnn_cell.DeviceWrapper(tf.nn.rnn_cell.ResidualWrapper(tf.nn.rnn_cell.GRUCell(3)), "/cpu:0")
    return dynamic(cell)


def program_residual_function():
    cell = tf.nn.rnn_cell.ResidualWrapper(tf.nn.rnn_cell.GRUCell(4), residual_fn=lambda i, o: tf.concat([i, o], 1)[:, :4])
    return dynamic(cell)


def program_static():
    x = data()
    steps = tf.unstack(x, 5, 1)
    cell = tf.nn.rnn_cell.BasicLSTMCell(4)
    outputs, state = tf.nn.static_rnn(cell, steps, initial_state=cell.zero_state(4, tf.float32), sequence_length=LENGTHS)
    return fit(tf.stack(outputs), state, x)


def program_time_major_scope():
    x = data()
    with tf.variable_scope("encoder", initializer=tf.constant_initializer(0.1)):
        cell = tf.nn.rnn_cell.GRUCell(4, name="my_gru")
        outputs, state = tf.nn.dynamic_rnn(
            cell, tf.transpose(x, [1, 0, 2]), sequence_length=LENGTHS, time_major=True,
            initial_state=tf.ones([4, 4]) * 0.2, scope="decoder")
    return fit(outputs, state, x)


def program_reuse():
    x = data()
    with tf.variable_scope("m"):
        a, s = tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(4), x, dtype=tf.float32)
    with tf.variable_scope("m", reuse=True):
        b, t = tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(4), x[:, ::-1], dtype=tf.float32)
    return fit(tf.concat([a, b], 2), (s, t), x)


def program_by_hand():
    x = data()
    cell = tf.nn.rnn_cell.BasicLSTMCell(4)
    state = cell.zero_state(4, tf.float32)
    outputs = []
    with tf.variable_scope("RNN"):
        for t in range(5):
            if t > 0:
                tf.get_variable_scope().reuse_variables()
            output, state = cell(x[:, t, :], state)
            outputs.append(output)
    logits = tf.matmul(tf.reshape(tf.concat(outputs, 1), [-1, 4]), tf.get_variable("softmax_w", [4, 3]))
    return fit(logits, state, x)


def program_bidirectional():
    x = data()
    fw, bw = tf.nn.rnn_cell.LSTMCell(4), tf.nn.rnn_cell.GRUCell(3)
    outputs, states = tf.nn.bidirectional_dynamic_rnn(fw, bw, x, sequence_length=LENGTHS, dtype=tf.float32)
    return fit(tf.concat(outputs, 2), states, x)


def program_static_bidirectional():
    x = data()
    fw, bw = tf.nn.rnn_cell.LSTMCell(4), tf.nn.rnn_cell.GRUCell(3)
    outputs, a, b = tf.nn.static_bidirectional_rnn(fw, bw, tf.unstack(x, 5, 1), sequence_length=LENGTHS, dtype=tf.float32)
    return fit(tf.stack(outputs), (a, b), x)


def program_raw():
    x = data()
    cell = tf.nn.rnn_cell.LSTMCell(4)
    steps = tf.TensorArray(tf.float32, 5).unstack(tf.transpose(x, [1, 0, 2]))

    def loop_fn(time, cell_output, cell_state, loop_state):
        next_state = cell.zero_state(4, tf.float32) if cell_output is None else cell_state
        finished = time >= LENGTHS
        inputs = tf.cond(tf.reduce_all(finished), lambda: tf.zeros([4, 3]), lambda: steps.read(time))
        return finished, inputs, next_state, cell_output, None

    emitted, state, _ = tf.nn.raw_rnn(cell, loop_fn)
    return fit(emitted.stack(), state, x)


class PlusCell(tf.nn.rnn_cell.RNNCell):
    """A cell of the user's own, with get_variable in call."""

    def __init__(self, units, **kwargs):
        super(PlusCell, self).__init__(**kwargs)
        self._units = units

    @property
    def state_size(self):
        return self._units

    @property
    def output_size(self):
        return self._units

    def call(self, inputs, state):
        w = tf.get_variable("w", [inputs.shape[1].value, self._units])
        v = tf.get_variable("v", [self._units], initializer=tf.zeros_initializer())
        new = tf.tanh(tf.matmul(inputs, w) + state * v)
        return new, new


class OldCell(tf.nn.rnn_cell.RNNCell):
    """A cell in the style of TensorFlow 1.0: __call__ of its own and no __init__ of the base."""

    def __init__(self, units):
        self._units = units

    @property
    def state_size(self):
        return self._units

    @property
    def output_size(self):
        return self._units

    def __call__(self, inputs, state, scope=None):
        with tf.variable_scope(scope or type(self).__name__):
            w = tf.get_variable("w", [inputs.get_shape()[1] + self._units, self._units])
            new = tf.sigmoid(tf.matmul(tf.concat([inputs, state], 1), w))
        return new, new


def program_own_cell():
    return dynamic(tf.nn.rnn_cell.MultiRNNCell([PlusCell(4), PlusCell(4, name="second")]))


def program_old_cell():
    return dynamic(OldCell(4))


def program_layers_dense():
    x = data()
    outputs, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(4), x, dtype=tf.float32)
    y = tf.layers.dense(outputs, 6, activation=tf.nn.relu)
    y = tf.layers.dropout(tf.layers.dense(y, 3, use_bias=False, name="last"), 0.5, training=False)
    return fit(tf.layers.flatten(y), state, x)
