"""The mistakes that a loader of weights could make, planted: each must move the numbers far beyond a floor."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the Keras models here run on TensorFlow")
pytest.importorskip("keras", reason="what is tested makes Keras models")

import porting
from porting.weights import forms
from tests.porting.test_weights import (
    FOLDER,
    NETS,
    cudnn,
    load_tagger,
    single,
    tagger,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("mistake", ["gates", "forget bias", "rows", "gru gates", "directions"])
def test_planted_mistakes_are_seen(mistake, monkeypatch):
    with np.load(FOLDER / "outputs.npz") as file:
        golden = dict(file)
    if mistake in ("gates", "forget bias", "rows"):
        right = forms.lstm.to_keras

        def wrong(cell):
            kernel, recurrent, bias = right(cell)
            if mistake == "gates":
                kernel = np.concatenate([kernel[:, 5:10], kernel[:, :5], kernel[:, 10:]], 1)
            if mistake == "forget bias":
                bias = bias - np.float32([0, 1, 0, 0]).repeat(5)
            return [kernel[::-1] if mistake == "rows" else kernel, recurrent, bias]

        monkeypatch.setattr(forms.lstm, "to_keras", wrong)
        name = "block"
    elif mistake == "gru gates":
        right = forms.gru.to_keras
        monkeypatch.setattr(
            forms.gru, "to_keras", lambda cell: [np.roll(w, 5, axis=-1) for w in right(cell)]
        )
        name = "gru_block_v2"
    else:
        from porting.weights import proposals

        monkeypatch.setattr(proposals, "_DIRECTIONS", proposals._DIRECTIONS[::-1])
        model = cudnn("float32")
        porting.load_tf1_weights(model, NETS, "canonical")
        assert np.abs(np.asarray(model(golden["in:x"])) - golden["out:canonical"]).max() > 1e-2
        return
    model = single(name, "float32")
    porting.load_tf1_weights(model, NETS, name)
    assert np.abs(np.asarray(model(golden["in:x"])) - golden[f"out:{name}"]).max() > 1e-2


def test_a_forget_bias_of_another_size_is_seen():
    with np.load(FOLDER / "outputs.npz") as file:
        golden = dict(file)
    model = tagger("float32")
    load_tagger(model, upper=1.0)
    found = np.asarray(model([golden["in:ids"], golden["in:lengths"]]))
    assert np.abs(found - golden["out:tagger"]).max() > 1e-3
