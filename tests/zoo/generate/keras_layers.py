"""The recurrent layers of tf.keras in 1.15, called on placeholders in graph mode."""

from __future__ import annotations

from typing import Any, Callable

import tensorflow as tf

from tests.zoo.generate.model import Model
from tests.zoo.generate.registry import model

keras = tf.keras.layers
MOVED = (
    "Native although the mask is data and may have holes (it was Scan): the unmasked steps of each row, "
    "moved together, are a recurrence with lengths."
)


def layer(
    name: str,
    make: Callable[[], Any],
    form: str,
    cell: str,
    says: str,
    *,
    initial: int = 0,
    **expected: Any,
) -> None:
    """Register one Keras layer over x [batch, time, 5], with ``initial`` fed states of 6 units."""

    @model(f"tf.keras {says}.", [says], name=name)
    def build(m: Model) -> None:
        x = m.sequence(5)
        states = [m.vector(6, name=f"state_{k}") for k in range(initial)] or None
        result = make()(x, initial_state=states)
        m.output(result)
        m.no_empty_batch("Keras' loop is left alone here")
        m.expect(form, cell, 6, **expected)


layer("keras_lstm", lambda: keras.LSTM(6, return_sequences=True, return_state=True), "LSTM", "LSTMCell",
      "LSTM with hard_sigmoid gates and states", initial=2, recurrent_activation="hard_sigmoid",
      forget_bias=0.0)  # fmt: skip
layer("keras_lstm_sigmoid", lambda: keras.LSTM(6, recurrent_activation="sigmoid", implementation=2),
      "LSTM", "LSTMCell", "LSTM with sigmoid gates, implementation 2, last output only",
      forget_bias=0.0)  # fmt: skip
layer("keras_gru", lambda: keras.GRU(6, return_sequences=True, return_state=True), "GRU", "GRUCell",
      "GRU, reset before, hard_sigmoid", initial=1, recurrent_activation="hard_sigmoid",
      linear_before_reset=0)  # fmt: skip
layer("keras_gru_reset_after",
      lambda: keras.GRU(6, recurrent_activation="sigmoid", reset_after=True, return_sequences=True),
      "GRU", "CudnnCompatibleGRUCell", "GRU with reset_after=True", initial=1,
      linear_before_reset=1)  # fmt: skip
layer("keras_gru_reset_after_v2",
      lambda: keras.GRU(6, implementation=2, reset_after=True, activation="relu"), "GRU",
      "CudnnCompatibleGRUCell", "GRU, reset_after, implementation 2, relu", activation="relu",
      recurrent_activation="hard_sigmoid", linear_before_reset=1)  # fmt: skip
layer("keras_simple_rnn", lambda: keras.SimpleRNN(6, return_sequences=True, return_state=True), "RNN",
      "BasicRNNCell", "SimpleRNN", initial=1)  # fmt: skip
layer("keras_simple_rnn_relu", lambda: keras.SimpleRNN(6, activation="relu"), "RNN", "BasicRNNCell",
      "SimpleRNN with relu", activation="relu")  # fmt: skip
layer("keras_go_backwards", lambda: keras.LSTM(6, go_backwards=True, return_sequences=True), "LSTM",
      "LSTMCell", "LSTM with go_backwards, outputs left in reversed order", direction="reverse",
      recurrent_activation="hard_sigmoid")  # fmt: skip
layer("keras_no_bias", lambda: keras.LSTM(6, use_bias=False, return_sequences=True), "LSTM", "LSTMCell",
      "LSTM without biases", recurrent_activation="hard_sigmoid")  # fmt: skip


@model("tf.keras LSTM unrolled over 4 steps.", ["unroll=True", "hard_sigmoid"])
def keras_lstm_unroll(m: Model) -> None:
    """unroll=True needs a static number of steps."""
    x = m.sequence(5, time=4)
    m.output(keras.LSTM(6, unroll=True, return_sequences=True, return_state=True)(x))
    m.no_empty_batch("Keras' loop is left alone here")
    m.expect("LSTM", "LSTMCell", 6, recurrent_activation="hard_sigmoid")


@model("tf.keras Bidirectional(LSTM), concatenated.", ["Bidirectional", "ReverseV2"])
def keras_bidirectional(m: Model) -> None:
    """The backward outputs are turned back."""
    x = m.sequence(5)
    m.output(keras.Bidirectional(keras.LSTM(6, return_sequences=True))(x))
    m.no_empty_batch("ReverseV2 on an empty tensor kills TensorFlow 1.15.5")
    m.expect("LSTM", "LSTMCell", 6, recurrent_activation="hard_sigmoid")
    m.expect("LSTM", "LSTMCell", 6, direction="reverse", recurrent_activation="hard_sigmoid")


@model("tf.keras Bidirectional(GRU, merge_mode='sum').", ["merge_mode sum", "last outputs"])
def keras_bidirectional_sum(m: Model) -> None:
    """The last outputs of both ways are added."""
    x = m.sequence(5)
    m.output(keras.Bidirectional(keras.GRU(6, reset_after=True), merge_mode="sum")(x))
    m.no_empty_batch("ReverseV2 on an empty tensor kills TensorFlow 1.15.5")
    parameters = {"recurrent_activation": "hard_sigmoid", "linear_before_reset": 1}
    m.expect("GRU", "CudnnCompatibleGRUCell", 6, **parameters)
    m.expect("GRU", "CudnnCompatibleGRUCell", 6, direction="reverse", **parameters)


@model("tf.keras Masking, then LSTM.", ["mask by data, anywhere in the row", "output repeated"])
def keras_masking(m: Model) -> None:
    """A masked step repeats the last output; the mask may have holes, and the runs have some."""
    x = tf.placeholder(tf.float32, [None, None, 5], name="x")

    def draw(rng, case):  # type: ignore[no-untyped-def]
        values = case.scale * rng.standard_normal((case.batch, case.time, 5))
        values[rng.uniform(size=(case.batch, case.time)) < 0.4] = 0.0
        return values

    m.feed(x, draw)
    masking = keras.Masking()
    lstm = keras.LSTM(6, return_sequences=True, return_state=True)
    m.output(lstm(masking(x), mask=masking.compute_mask(x)))
    m.no_empty_batch("Keras' loop is left alone here")
    m.notes.append(MOVED)
    m.expect("LSTM", "LSTMCell", 6, forget_bias=0.0, recurrent_activation="hard_sigmoid")


@model("tf.keras Sequential: Embedding(mask_zero), GRU, Dense.", ["a Keras model", "mask_zero"])
def keras_sequential(m: Model) -> None:
    """Right-padded ids; a Keras model called on a placeholder."""
    ids = m.ids(11, padded=True)
    net = tf.keras.Sequential(
        [keras.Embedding(11, 4, mask_zero=True), keras.GRU(6), keras.Dense(3, activation="softmax")]
    )
    m.output(net(ids))
    m.no_empty_batch("Keras' loop is left alone here")
    m.notes.append(MOVED)
    m.expect("GRU", "GRUCell", 6, recurrent_activation="hard_sigmoid")


@model("tf.keras RNN over a list of cells.", ["StackedRNNCells", "two kinds"])
def keras_stacked_cells(m: Model) -> None:
    """keras.layers.RNN([LSTMCell, GRUCell])."""
    x = m.sequence(5)
    cells = [keras.LSTMCell(6), keras.GRUCell(4)]
    m.output(keras.RNN(cells, return_sequences=True)(x))
    m.no_empty_batch("Keras' loop is left alone here")
    m.expect("LSTM", "LSTMCell", 6, recurrent_activation="hard_sigmoid")
    m.expect("GRU", "GRUCell", 4, recurrent_activation="hard_sigmoid")
