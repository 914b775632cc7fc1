"""Keras weights as a TF1 checkpoint, and read back. TensorFlow 1.15.5 restored such a file: docs/weights.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the Keras models here run on TensorFlow")
keras = pytest.importorskip("keras", reason="what is tested makes Keras models")

import porting  # noqa: E402
from converters.read_checkpoint import open_checkpoint  # noqa: E402
from reference.errors import UsageError  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
kl = keras.layers


def model(seed: int):
    ids = keras.Input((None,), dtype="int32")
    x = kl.Embedding(11, 5, name="embedding")(ids)
    x = kl.Bidirectional(kl.LSTM(4, return_sequences=True), name="encoder")(x)
    x = kl.GRU(6, reset_after=False, return_sequences=True, name="rnn")(x)
    made = keras.Model(ids, kl.Dense(3, name="logits")(x))
    rng = np.random.default_rng(seed)
    for weight in made.weights:
        weight.assign(rng.standard_normal(weight.shape).astype(np.float32))
    return made


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    one, other = model(1), model(2)
    names = porting.save_tf1_weights(
        one, tmp_path / "m.ckpt-7", "net", forget_bias=0.7, more={"global_step": np.int64(7)}
    )
    assert "net/encoder/bw/lstm_cell/kernel" in names
    assert open_checkpoint(tmp_path / "m.ckpt-7").read("global_step") == 7
    report = porting.load_tf1_weights(other, tmp_path / "m.ckpt-7", "net", forget_bias=0.7)
    assert report.complete
    for a, b in zip(one.weights, other.weights, strict=True):
        # The forget gate's bias loses a rounding on the way; the rest is the same bit for bit.
        atol = 2e-7 if "bias" in a.path else 0
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=atol, err_msg=a.path)


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="net/logits/bias"):
        porting.save_tf1_weights(
            model(1), tmp_path / "m", "net", more={"net/logits/bias": np.zeros(3)}
        )
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        porting.save_tf1_weights(model(1), tmp_path / "none" / "m")
