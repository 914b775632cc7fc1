"""A port goes on training as TensorFlow 1.15.5 would: the same gradients, the same 20 steps of SGD and of Adam."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the gradient tape is TensorFlow's")

from converters.lift import lift
from converters.read_graphdef import read
from converters.to_keras import Exported, to_keras
from converters.to_keras.backend import keras

if keras.backend.backend() != "tensorflow":
    pytest.skip("the gradient tape is TensorFlow's", allow_module_level=True)

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests" / "goldens" / "training"
TUNES = ROOT / "examples" / "irish_tunes" / "model" / "frozen.pb"
KEEP = {"keep_prob:0": 1.0}
MODELS = ("classifier", "tagger", "tunes")
EVERY = 997
"""Of the tunes model's arrays the recording holds every so many-th item."""

WITHIN = 8
"""Noise floors (docs/verdict.md). Those of a training come from the same program in float64, run once as it is (T) and four times with every
weight, and Adam's moments too, nudged by one float32 rounding at every step; tests/goldens/training/floors.py."""


@cache
def recording(name: str) -> Mapping[str, np.ndarray]:
    with np.load(GOLDENS / f"{name}.npz") as found:
        return dict(found)


def port(name: str) -> Exported:
    inputs = [f"{k[3:]}:0" for k in recording(name) if k.startswith("in/") and k != "in/labels"]
    graph = TUNES if name == "tunes" else GOLDENS / f"{name}.pb"
    freeze = {k: v for k, v in KEEP.items() if k in inputs}
    wanted = [i for i in inputs if i not in freeze]
    outputs = [str(recording(name)["logits"])]
    return to_keras(lift(read(graph), inputs=wanted, outputs=outputs, freeze=freeze), name=name)


def loss_of(name: str, exported: Exported) -> Callable[[], Any]:
    import tensorflow as tf

    data = recording(name)
    feeds = {there: data[f"in/{t[:-2]}"] for t, there in exported.inputs.items()}
    (key,) = exported.outputs.values()
    labels = data["in/labels"]

    def loss() -> Any:
        logits = exported.model(feeds)[key]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        if labels.ndim == 1:
            return tf.reduce_mean(losses)
        valid = tf.sequence_mask(data["in/lengths"], labels.shape[1], dtype=tf.float32)
        return tf.reduce_sum(losses * valid) / tf.reduce_sum(valid)

    return loss


Values = Mapping[str, np.ndarray]
"""By Keras path."""


def as_tf(name: str, model: Any, values: Values, *, forget: float) -> dict[str, np.ndarray]:
    """Keras weights (or their gradients) in the layout of TF1's variables; written apart from the converter's own tables."""
    found: dict[str, np.ndarray] = {}
    scopes = iter(
        {
            "classifier": ["rnn/basic_lstm_cell"],
            "tagger": ["bidirectional_rnn/fw/gru_cell", "bidirectional_rnn/bw/gru_cell"],
            "tunes": [f"rnn/multi_rnn_cell/cell_{k}/basic_lstm_cell" for k in (0, 1)],
        }[name]
    )
    dense = ("softmax_w", "softmax_b") if name == "tunes" else ("logits/kernel", "logits/bias")
    for layer in model.layers:
        weights = [values[w.path] for w in layer.weights]
        if isinstance(layer, keras.layers.Embedding):
            found["embedding"] = weights[0]
        elif isinstance(layer, keras.layers.Dense):
            found.update(zip(dense, weights, strict=True))
        elif isinstance(layer, keras.layers.LSTM):
            scope = next(scopes)
            i, f, c, o = np.split(np.concatenate(weights[:2]), 4, 1)
            found[f"{scope}/kernel"] = np.concatenate([i, c, f, o], 1)
            i, f, c, o = np.split(weights[2], 4)
            found[f"{scope}/bias"] = np.concatenate([i, c, f - np.float32(forget), o])
        elif isinstance(layer, keras.layers.Bidirectional):
            for three in (weights[:3], weights[3:]):
                scope = next(scopes)
                z, r, h = np.split(np.concatenate(three[:2]), 3, 1)
                found[f"{scope}/gates/kernel"] = np.concatenate([r, z], 1)
                found[f"{scope}/candidate/kernel"] = h
                z, r, h = np.split(three[2], 3)
                found[f"{scope}/gates/bias"] = np.concatenate([r, z])
                found[f"{scope}/candidate/bias"] = h
    return found


def check(name: str, kind: str, part: str, got: Mapping[str, np.ndarray]) -> None:
    """What was got, and what TensorFlow 1.15.5 got in float32, lie within the floors of the float64 run."""
    exact = f"{name}/{kind}/exact/{part}"
    wanted = {k[len(exact) :]: v for k, v in recording("floors").items() if k.startswith(exact)}
    assert sorted(got) == sorted(wanted)
    prefix = "gradient/" if part == "gradient/" else f"{kind}/{part}"
    for variable, want in wanted.items():
        floor = float(recording("floors")[f"{name}/{kind}/floor/{part}{variable}"])
        recorded = recording(name)[f"{prefix}{variable}"]
        value = (
            got[variable].reshape(-1)[::EVERY] if name == "tunes" and variable else got[variable]
        )
        for who, found in (("TensorFlow 1.15.5", recorded), ("the port", value)):
            strays = np.abs(found.astype(np.float64) - want).max() / floor
            assert strays <= WITHIN, f"{variable or part}: {who} is {strays:.1f} floors off"


FORGET = {"classifier": 0.7, "tagger": 0.0, "tunes": 1.0}


def gradients(exported: Exported, loss: Callable[[], Any]) -> tuple[float, list[Any]]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss()
    found = tape.gradient(value, [w.value for w in exported.model.trainable_weights])
    return float(value), [tf.convert_to_tensor(g) for g in found]


@pytest.mark.parametrize("name", MODELS)
def test_the_gradients_are_those_of_tensorflow_1(name: str) -> None:
    exported = port(name)
    _, found = gradients(exported, loss_of(name, exported))
    weights = exported.model.trainable_weights
    values = {w.path: g.numpy() for w, g in zip(weights, found, strict=True)}
    check(name, "sgd", "gradient/", as_tf(name, exported.model, values, forget=0.0))


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("name", MODELS)
def test_twenty_steps_lead_where_tensorflow_1_went(name: str, kind: str) -> None:
    exported = port(name)
    loss, model = loss_of(name, exported), exported.model
    optimizer = (
        keras.optimizers.SGD(0.1)
        if kind == "sgd"
        else keras.optimizers.Adam(0.003, epsilon=1e-8)  # TF1's default; Keras has 1e-7
    )
    losses = []
    for _ in range(20):
        value, found = gradients(exported, loss)
        losses.append(value)
        optimizer.apply(found, model.trainable_weights)
    assert losses[-1] < 0.9 * losses[0]
    check(name, kind, "losses", {"": np.array(losses)})
    values = {w.path: np.asarray(w.value) for w in model.weights}
    check(name, kind, "after/", as_tf(name, model, values, forget=FORGET[name]))


def test_a_permuted_gate_is_seen() -> None:
    exported = port("classifier")
    _, found = gradients(exported, loss_of("classifier", exported))
    weights = exported.model.trainable_weights
    values = {w.path: g.numpy() for w, g in zip(weights, found, strict=True)}
    path = next(p for p in values if p.endswith("recurrent_kernel"))
    i, f, c, o = np.split(values[path], 4, 1)
    values[path] = np.concatenate([f, i, c, o], 1)
    with pytest.raises(AssertionError, match="kernel"):
        check(
            "classifier",
            "sgd",
            "gradient/",
            as_tf("classifier", exported.model, values, forget=0.0),
        )


def test_the_shipped_example_goes_on_training(tmp_path: Path) -> None:
    example = ROOT / "examples" / "irish_tunes" / "finetune_keras.py"
    command = [sys.executable, str(example), "--steps=3", "--rows=2", "--width=8", "--rate=0.003"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "tuned.keras")], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "loss" in done.stdout
    tuned = keras.saving.load_model(tmp_path / "tuned.keras")
    before = port("tunes").model.get_layer("softmax_w").get_weights()[0]
    after = tuned.get_layer("softmax_w").get_weights()[0]
    # Adam moves a weight by the rate and little more: three steps of 0.003, from the shipped weights.
    assert 1e-3 < np.abs(after - before).max() < 0.02


@pytest.mark.parametrize("name", ["classifier", "tagger"])
def test_predict_and_fit_work_where_one_batch_is_all(name: str) -> None:
    """``lengths`` and the sequence name their rows apart; the recurrence that reads both makes them one."""
    exported, data = port(name), recording(name)
    assert exported.called == ""
    feeds = {there: data[f"in/{t[:-2]}"] for t, there in exported.inputs.items()}
    (key,) = exported.outputs.values()
    model = exported.model
    found = model.predict(feeds, verbose=0, batch_size=3)[key]
    # Cut into batches of 3 and 1: matrix products of other sizes.
    np.testing.assert_allclose(found, model(feeds)[key], rtol=0, atol=1e-6)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss={key: loss})
    losses = model.fit(feeds, {key: data["in/labels"]}, epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]
