"""Models written by hand in Keras 3, the way people write them, and checkpoints of TensorFlow 1.0.1, 1.4.1 and 1.15.5."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="what is tested makes Keras models")
import porting  # noqa: E402
from porting.weights.partitions import by_id  # noqa: E402
from reference.errors import SemanticsError, UsageError  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
kl = keras.layers
FOLDER = Path(__file__).parents[1] / "goldens/weights"
VERSIONS = ("1.0.1", "1.4.1", "1.15.5")


class Subclassed(keras.Model):
    """Three layers of one shape in a list: nothing says which feeds which."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = kl.Embedding(10, 5)
        self.layers_ = [kl.LSTM(5, return_sequences=True, name=f"layer{k}") for k in range(3)]
        self.out = kl.Dense(10)

    def call(self, ids: Any) -> Any:
        h = self.embed(ids)
        for layer in self.layers_:
            h = layer(h)
        return self.out(h)


class Cells(keras.Model):
    """The same as one RNN over stacked cells."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = kl.Embedding(10, 5)
        stack = kl.StackedRNNCells([kl.LSTMCell(5) for _ in range(3)])
        self.rnn = kl.RNN(stack, return_sequences=True)
        self.out = kl.Dense(10)

    def call(self, ids: Any) -> Any:
        return self.out(self.rnn(self.embed(ids)))


def functional() -> Any:
    ids = h = keras.Input((6,), dtype="int32")
    h = kl.Embedding(10, 5)(h)
    for _ in range(3):
        h = kl.LSTM(5, return_sequences=True)(h)
    return keras.Model(ids, kl.Dense(10)(h))


def sequential(*layers: Any) -> Any:
    return keras.Sequential([keras.Input((6, 5)), *layers])


def encoder_decoder() -> Any:
    return sequential(
        kl.Bidirectional(kl.LSTM(4, return_sequences=True)),
        kl.GRU(6, return_sequences=True, reset_after=False),
        kl.SimpleRNN(6, return_sequences=True),
        kl.Dense(3),
    )


def classifier(**options: Any) -> Any:
    return sequential(kl.GRU(4, **options), kl.Dense(2))


def one_lstm() -> Any:
    return sequential(kl.LSTM(4, return_sequences=True))


def table() -> Any:
    return keras.Sequential([keras.Input((6,), dtype="int32"), kl.Embedding(10, 5)])


CASES: dict[str, tuple[Callable[[], Any], str, str, dict[str, Any]]] = {
    "stacked cells": (Cells, "lm", "lm", {}),
    "functional": (functional, "lm", "lm", {}),
    "encoder and decoder": (encoder_decoder, "model", "model", {}),
    "unrolled": (lambda: classifier(reset_after=False), "static", "static", {}),
    "trained": (one_lstm, "ema", "ema", {}),
    "averaged": (one_lstm, "ema", "averaged", {"averages": True}),
    "parts read by mod": (table, "parts", "mod", {"partition_strategy": "mod"}),
    "parts read by div": (table, "parts", "div", {"partition_strategy": "div"}),
}


def fed(model: Any, golden: Any, scope: str) -> Any:
    """The model's answer; called once, so that it is built."""
    return np.asarray(model(golden["in:ids" if scope in ("lm", "parts") else "in:x"]))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_a_model_written_by_hand_answers_as_tensorflow_did(name: str, version: str) -> None:
    make, scope, output, options = CASES[name]
    golden = np.load(FOLDER / f"users_{version}.npz")
    model = make()
    before = fed(model, golden, scope)
    report = porting.load_tf1_weights(model, FOLDER / f"users_{version}.ckpt", scope, **options)
    assert report.complete
    assert report.unused == ()
    expected = golden[f"out:{output}"]
    assert np.abs(before - expected).max() > 0.05
    # float32 against float32, values of order 1
    np.testing.assert_allclose(fed(model, golden, scope), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("version", ["1.0.1", "1.15.5"])
def test_layers_in_a_list_are_told_apart_by_the_caller(version: str) -> None:
    golden, path = np.load(FOLDER / f"users_{version}.npz"), FOLDER / f"users_{version}.ckpt"
    model = Subclassed()
    fed(model, golden, "lm")
    cell = "lm/rnn/multi_rnn_cell/cell_{}/basic_lstm_cell"
    with pytest.raises(UsageError, match="'layer0' could be any of 3 places") as caught:
        porting.load_tf1_weights(model, path, "lm")
    assert all(cell.format(k) in str(caught.value) for k in range(3))
    assert f"scope={{'layer0': '{cell.format(0)}', …}}" in str(caught.value)
    scopes = {"": "lm"} | {f"layer{k}": cell.format(k) for k in range(3)}
    report = porting.load_tf1_weights(model, path, scopes)
    assert report.complete
    np.testing.assert_allclose(fed(model, golden, "lm"), golden["out:lm"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_wrong_gru_is_explained_under_old_names_too(version: str) -> None:
    report = porting.load_tf1_weights(
        classifier(reset_after=True), FOLDER / f"users_{version}.ckpt", "static"
    )
    assert not report.complete
    assert "build the layer with reset_after=False" in str(report)


def test_a_table_in_parts_is_not_loaded_by_guess() -> None:
    path = FOLDER / "users_1.15.5.ckpt"
    with pytest.raises(UsageError, match=r"saved in 3 parts.*partition_strategy='mod'.*'div'"):
        porting.load_tf1_weights(table(), path, "parts")
    with pytest.raises(UsageError, match="'mod' or 'div', not 'rows'"):
        porting.load_tf1_weights(table(), path, "parts", partition_strategy="rows")
    with pytest.raises(UsageError, match="no embedding that matches was saved in parts"):
        porting.load_tf1_weights(one_lstm(), path, "ema", partition_strategy="mod")


def test_parts_that_mod_cannot_read() -> None:
    with pytest.raises(SemanticsError, match=r"parts of \[1, 4\] rows"):
        by_id(np.zeros((5, 2)), (0, 1), "table")
