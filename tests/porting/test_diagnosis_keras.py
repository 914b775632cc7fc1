"""Keras models that somebody wrote by hand: the right ones are equivalent, and each listed mistake is named with its place."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from porting.comparing import compare
from porting.model import open_model
from porting.verification.verdict import DIFFERENT, EQUIVALENT
from reference.errors import UsageError
from tests.zoo.catalogue import MODELS

pytest.importorskip("tensorflow", reason="the Keras models here run on TensorFlow")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SLOPE_1, SLOPE_3 = 0.2, 1 / 6


@cache
def cell(name):
    (found,) = [
        s for s in open_model(MODELS / name / "frozen.pb").program.statements if hasattr(s, "cell")
    ]
    return found.cell


def verdict(name, model, folder):
    path = folder / "hand.keras"
    model.save(path)
    samples = MODELS / name / "samples.npz"
    return compare(MODELS / name / "frozen.pb", path, samples=samples).verdict


def masked(steps, lengths):
    from keras import ops

    return ops.cumsum(ops.ones_like(steps[:, :, 0], dtype="int32"), axis=1) <= lengths[:, None]


def packed(cell, forget_bias, order="ifco"):
    """TF1's i, j, f, o as a Keras layer wants them: i, f, c, o."""
    names = {"i": 0, "c": 1, "f": 2, "o": 3}
    kernel, bias = np.split(cell.kernel, 4, 1), np.split(cell.bias, 4)
    bias[2] = bias[2] + np.float32(forget_bias)
    top = len(cell.kernel) - len(bias[0])
    whole = np.concatenate([kernel[names[g]] for g in order], 1)
    return [whole[:top], whole[top:], np.concatenate([bias[names[g]] for g in order])]


def lstm(order="ifco", forget_bias=1.0, zeros=True, states="hc", shift=0):
    """The zoo's ``basic_lstm``, as one writes it in Keras 3."""
    import keras

    x, lengths = keras.Input((None, 5), name="x"), keras.Input((), dtype="int32", name="lengths")
    c, h = keras.Input((7,), name="state_0"), keras.Input((7,), name="state_1")
    layer = keras.layers.LSTM(
        7, return_sequences=True, return_state=True, zero_output_for_mask=zeros
    )
    start = {"hc": [h, c], "ch": [c, h]}[states]
    y, last, memory = layer(x, initial_state=start, mask=masked(x, lengths + shift))
    layer.set_weights(packed(cell("basic_lstm"), forget_bias, order))
    return keras.Model(
        {"x": x, "lengths": lengths, "state_0": c, "state_1": h},
        {"rnn_transpose_1": y, "rnn_while_Exit_3": memory, "rnn_while_Exit_4": last},
    )


LSTMS = [
    ({"order": "icfo"}, "gates permuted", {"step": 0, "region": "valid"}),
    ({"order": "fico"}, "gates permuted", {"step": 0}),
    ({"forget_bias": 0.0}, "forget_bias missing", {"part": "f", "step": 0}),
    ({"zeros": False}, "padding repeated", {"region": "padded"}),
    ({"states": "ch"}, "c and h swapped", {"part": "c, h", "step": 0}),
    ({"shift": -1}, "lengths off by one", {"region": "valid"}),
    ({"shift": 1}, "lengths off by one", {"region": "padded"}),
]


def test_a_right_lstm_is_equivalent(tmp_path):
    found = verdict("basic_lstm", lstm(), tmp_path)
    assert found.verdict == EQUIVALENT, found.reasons
    assert (found.audit["exact"], found.audit["rounded"], found.audit["missing"]) == (2, 1, [])


@pytest.mark.parametrize(("wrong", "cause", "where"), LSTMS, ids=str)
def test_an_lstm_with_a_mistake(tmp_path, wrong, cause, where):
    found = verdict("basic_lstm", lstm(**wrong), tmp_path)
    assert found.verdict == DIFFERENT
    assert found.diagnosis["cause"] == cause, found.reasons
    assert found.worst["recurrence"] == "rnn/while"
    for key, value in where.items():
        assert found.worst[key] == value, found.worst


@pytest.mark.parametrize("after", [False, True])
def test_the_reset_gate_of_a_gru(tmp_path, after):
    """Keras resets after the product unless told otherwise; TF1's GRUCell before."""
    import keras

    x, lengths = keras.Input((None, 5), name="x"), keras.Input((), dtype="int32", name="lengths")
    h = keras.Input((6,), name="state_0")
    layer = keras.layers.GRU(
        6, return_sequences=True, return_state=True, reset_after=after, zero_output_for_mask=True
    )
    y, last = layer(x, initial_state=h, mask=masked(x, lengths))
    own = cell("gru")
    (r, u), (br, bu) = np.split(own.gate_kernel, 2, 1), np.split(own.gate_bias, 2)
    kernel = np.concatenate([u, r, own.candidate_kernel], 1)
    bias = np.concatenate([bu, br, own.candidate_bias])
    layer.set_weights([kernel[:5], kernel[5:], np.stack([bias, 0 * bias]) if after else bias])
    model = keras.Model(
        {"x": x, "lengths": lengths, "state_0": h}, {"rnn_transpose_1": y, "rnn_while_Exit_3": last}
    )
    found = verdict("gru", model, tmp_path)
    if not after:
        assert found.verdict == EQUIVALENT, found.reasons
        return
    assert found.verdict == DIFFERENT
    assert found.diagnosis["cause"] == "reset after", found.reasons
    assert (found.worst["part"], found.worst["step"]) == ("r", 0)


def test_the_slope_of_hard_sigmoid(tmp_path):
    """``hard_sigmoid`` by name is x/6 + 1/2 in Keras 3, and x/5 + 1/2 in TF1's Keras."""
    import keras

    x = keras.Input((None, 5), name="x")
    h, c = keras.Input((6,), name="state_0"), keras.Input((6,), name="state_1")
    layer = keras.layers.LSTM(
        6, return_sequences=True, return_state=True, recurrent_activation="hard_sigmoid"
    )
    y, last, memory = layer(x, initial_state=[h, c])
    layer.set_weights(packed(cell("keras_lstm"), 0.0))
    outputs = {"lstm_transpose_1": y, "lstm_while_Exit_2": last, "lstm_while_Exit_3": memory}
    found = verdict(
        "keras_lstm", keras.Model({"x": x, "state_0": h, "state_1": c}, outputs), tmp_path
    )
    assert found.verdict == DIFFERENT
    assert found.diagnosis["cause"] == "hard_sigmoid slope", found.reasons
    assert found.worst["part"] == "i, f, o"


@pytest.mark.parametrize("by_length", [True, False])
def test_the_backward_direction(tmp_path, by_length):
    """Reversed as a whole, padding first: right with a mask that is reversed too, wrong with lengths."""
    import keras
    from keras import ops

    x, lengths = keras.Input((None, 5), name="x"), keras.Input((), dtype="int32", name="lengths")
    layer = keras.layers.LSTM(
        6, return_sequences=True, return_state=True, zero_output_for_mask=True,
    )  # fmt: skip
    mask = masked(x, lengths)
    y, last, memory = layer(ops.flip(x, axis=1), mask=ops.flip(mask, axis=1) if by_length else mask)
    layer.set_weights(packed(cell("backward_only"), 1.0))
    outputs = {"outputs": ops.flip(y, axis=1), "rnn_while_Exit_3": memory, "rnn_while_Exit_4": last}
    found = verdict("backward_only", keras.Model({"x": x, "lengths": lengths}, outputs), tmp_path)
    if by_length:
        assert found.verdict == EQUIVALENT, found.reasons
        return
    assert found.verdict == DIFFERENT
    cause = "backward direction not reversed by length"
    assert found.diagnosis["cause"] == cause, found.reasons
    assert found.worst["direction"] == "backward"


def test_a_name_that_the_original_does_not_have(tmp_path):
    import keras

    x = keras.Input((None, 5), name="x")
    model = keras.Model({"x": x}, {"nothing_of_the_kind": x * 2})
    with pytest.raises(UsageError, match="'nothing_of_the_kind' of the Keras model is no tensor"):
        verdict("basic_lstm", model, tmp_path)
