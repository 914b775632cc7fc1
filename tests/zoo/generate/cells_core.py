"""The cells of ``tf.nn.rnn_cell`` under ``dynamic_rnn`` with lengths and fed initial states."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import tensorflow as tf

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

rnn = tf.nn.rnn_cell
FEATURES = 5


def dynamic(
    m: Model,
    cell: Any,
    *,
    features: Any = FEATURES,
    batch: Any = None,
    initial: bool = True,
    **options: Any,
) -> Any:
    """``dynamic_rnn`` over x [batch, time, features] with lengths; outputs and state are outputs."""
    x = m.sequence(features, batch=batch)
    lengths = m.lengths()
    state = m.states(cell.state_size) if initial else None
    dtype = None if initial else tf.float32
    result = tf.nn.dynamic_rnn(cell, x, lengths, initial_state=state, dtype=dtype, **options)
    m.output(*result)
    return result


def cell_model(
    name: str,
    make: Callable[[], Any],
    form: str,
    cell: str,
    units: Any,
    exercises: Sequence[str],
    **expected: Any,
) -> None:
    """Register a model that is one cell under ``dynamic_rnn``."""
    written = expected.pop("written", cell)
    initial = expected.pop("initial", True)
    features = expected.pop("features", FEATURES)
    batch = expected.pop("batch", None)

    @model(
        f"{written} under dynamic_rnn: {', '.join(exercises)}.",
        exercises,
        name=name,
        module=make.__module__,
    )
    def build(m: Model) -> None:
        dynamic(m, make(), features=features, batch=batch, initial=initial)
        m.expect(form, cell, units, **expected)


def lstm(*args: Any, **options: Any) -> Any:
    return lambda: rnn.LSTMCell(*args, **options)


def basic(*args: Any, **options: Any) -> Any:
    return lambda: rnn.BasicLSTMCell(*args, **options)


NO_CLIP = "ONNX LSTM clips the inputs of its activations, not the cell state"
NO_PROJECTION = "ONNX LSTM has no projection"

# -- BasicRNNCell ---------------------------------------------------------------------------------
for _name, _fn in (
    ("tanh", None),
    ("relu", tf.nn.relu),
    ("sigmoid", tf.nn.sigmoid),
    ("softsign", tf.nn.softsign),
    ("elu", tf.nn.elu),
    ("leaky_relu", tf.nn.leaky_relu),
):
    cell_model(
        f"basic_rnn_{_name}",
        lambda fn=_fn: rnn.BasicRNNCell(6, activation=fn),
        "RNN",
        "BasicRNNCell",
        6,
        [f"activation {_name}"],
        activation=_name,
    )
cell_model(
    "basic_rnn_swish",
    lambda: rnn.BasicRNNCell(6, activation=tf.nn.swish),
    "Scan",
    "BasicRNNCell",
    6,
    ["an activation ONNX RNN lacks"],
    reason="ONNX RNN has no activation x * sigmoid(x)",
    activation="swish",
)

# -- BasicLSTMCell --------------------------------------------------------------------------------
cell_model(
    "basic_lstm", basic(7), "LSTM", "LSTMCell", 7, ["forget_bias 1.0"],
    written="BasicLSTMCell", forget_bias=1.0,
)  # fmt: skip
cell_model(
    "basic_lstm_forget_bias", basic(7, forget_bias=0.3), "LSTM", "LSTMCell", 7, ["forget_bias 0.3"],
    written="BasicLSTMCell", forget_bias=0.3,
)  # fmt: skip
cell_model(
    "basic_lstm_relu", basic(7, activation=tf.nn.relu), "LSTM", "LSTMCell", 7, ["activation relu"],
    written="BasicLSTMCell", forget_bias=1.0, activation="relu",
)  # fmt: skip
cell_model(
    "basic_lstm_softplus", basic(4, forget_bias=0.0, activation=tf.nn.softplus), "LSTM", "LSTMCell", 4,
    ["activation softplus", "forget_bias 0"], written="BasicLSTMCell", forget_bias=0.0,
    activation="softplus",
)  # fmt: skip
cell_model(
    "basic_lstm_state_concat", basic(7, state_is_tuple=False), "LSTM", "LSTMCell", 7,
    ["state_is_tuple=False: c, h concatenated on columns"], written="BasicLSTMCell", forget_bias=1.0,
)  # fmt: skip

# -- LSTMCell -------------------------------------------------------------------------------------
cell_model("lstm_peepholes", lstm(6, use_peepholes=True), "LSTM", "LSTMCell", 6, ["peepholes"],
           forget_bias=1.0, peepholes=True)  # fmt: skip
cell_model("lstm_cell_clip", lstm(6, cell_clip=0.4), "Scan", "LSTMCell", 6, ["cell_clip"],
           reason=NO_CLIP, cell_clip=0.4)  # fmt: skip
cell_model("lstm_num_proj", lstm(6, num_proj=4), "Scan", "LSTMCell", 6, ["num_proj"],
           reason=NO_PROJECTION, num_proj=4)  # fmt: skip
cell_model("lstm_proj_clip", lstm(6, num_proj=4, proj_clip=0.2), "Scan", "LSTMCell", 6,
           ["num_proj", "proj_clip"], reason=NO_PROJECTION, num_proj=4, proj_clip=0.2)  # fmt: skip
cell_model("lstm_peepholes_clip", lstm(6, use_peepholes=True, cell_clip=0.4), "Scan", "LSTMCell", 6,
           ["peepholes with cell_clip: o sees the clipped c"], reason=NO_CLIP, peepholes=True,
           cell_clip=0.4)  # fmt: skip
cell_model("lstm_all_options",
           lstm(6, use_peepholes=True, cell_clip=0.5, num_proj=3, proj_clip=0.3, forget_bias=0.3),
           "Scan", "LSTMCell", 6, ["every option at once"], reason=NO_PROJECTION, peepholes=True,
           cell_clip=0.5, num_proj=3, proj_clip=0.3, forget_bias=0.3)  # fmt: skip
cell_model("lstm_proj_state_concat", lstm(6, num_proj=4, state_is_tuple=False), "Scan", "LSTMCell", 6,
           ["num_proj with state_is_tuple=False: columns 6 + 4"], reason=NO_PROJECTION,
           num_proj=4)  # fmt: skip
cell_model("lstm_relu_zero_state", lstm(5, activation=tf.nn.relu, forget_bias=0.3), "LSTM", "LSTMCell",
           5, ["no initial state given: zeros made in the graph"], initial=False, forget_bias=0.3,
           activation="relu")  # fmt: skip

# -- GRUCell --------------------------------------------------------------------------------------
cell_model("gru", lambda: rnn.GRUCell(6), "GRU", "GRUCell", 6, ["reset before the product"],
           linear_before_reset=0)  # fmt: skip
cell_model("gru_relu", lambda: rnn.GRUCell(6, activation=tf.nn.relu), "GRU", "GRUCell", 6,
           ["activation relu"], linear_before_reset=0, activation="relu")  # fmt: skip
