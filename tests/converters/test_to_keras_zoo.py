"""The zoo, from file to Keras: every model's port gives what TensorFlow 1.15.5 recorded."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

from converters.lift import lift
from converters.read_graphdef import read
from converters.to_keras import Exported, runner, to_keras
from reference.errors import NotConvertibleError

ZOO = Path(__file__).parents[1] / "zoo" / "models"
MODELS = sorted(p.parent.name for p in ZOO.glob("*/samples.npz"))

REFUSED = {
    "block_fused": "BlockLSTM",
    "block_fused_bidirectional": "BlockLSTM",
    "block_fused_clip": "BlockLSTM",
    "block_fused_peephole": "BlockLSTM",
    "attention_monotonic": "its depth is not known",
    "attention_monotonic_hard": "its depth is not known",
    "ctc_beam": "CTCBeamSearchDecoder",
    "speech_ctc": "CTCBeamSearchDecoder",
    "string_tagger": "LookupTableFindV2",
}
"""What is no Keras model, with a part of the reason; the BlockLSTM ones until the lift makes recurrences of them."""

TOLERANCE = {"float16": 3e-3, "float32": 1e-5, "float64": 1e-12}
"""Of the largest value of the tensor: ten times the noise seen. The verdict proper is porting.verify's."""

NATIVE = ("LSTM", "GRU", "SimpleRNN")

NOT_ALONE = {
    "a3c_lstm", "classifier_gather_nd", "crnn_ocr", "ctc_greedy", "lengths_computed", "tagger_chars", "video_classifier"
}  # fmt: skip
"""Native recurrences beside an op that needs a layer of ours (CTC, gather_nd, sizes computed from values)."""


def card(name: str) -> dict[str, Any]:
    return json.loads((ZOO / name / "card.json").read_text())


@cache
def port(name: str) -> Exported:
    about = card(name)
    program = lift(
        read(ZOO / name / "frozen.pb"),
        inputs=[i["name"] for i in about["inputs"]],
        outputs=[o["name"] for o in about["outputs"]],
        freeze=about["frozen"],
    )
    return to_keras(program, name=name)


@pytest.mark.parametrize("name", [n for n in MODELS if n not in REFUSED])
def test_the_port_gives_what_was_recorded(name: str) -> None:
    exported, samples = port(name), np.load(ZOO / name / "samples.npz")
    run = runner(exported.model)
    runs = {key.split(":")[0][2:] for key in samples.files if key.startswith("in")}
    for k in sorted(runs, key=int):
        got = run({keras: samples[f"in{k}:{tensor}"] for tensor, keras in exported.inputs.items()})
        for tensor, keras in exported.outputs.items():
            alike(got[keras], samples[f"out{k}:{tensor}"], f"run {k}, {tensor}")


def alike(got: np.ndarray, want: np.ndarray, where: str) -> None:
    assert (got.dtype, got.shape) == (want.dtype, want.shape), where
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, where)
        return
    finite = np.abs(want[np.isfinite(want)], dtype=np.float64)
    scale = finite.max(initial=0.0)
    atol = TOLERANCE[str(want.dtype)] * scale
    np.testing.assert_allclose(
        got.astype(float), want.astype(float), rtol=0, atol=atol, err_msg=where
    )


@pytest.mark.parametrize("name", sorted(set(MODELS) & set(REFUSED)))
def test_refusals_name_what_stands_in_the_way(name: str) -> None:
    with pytest.raises(NotConvertibleError, match=REFUSED[name]) as caught:
        port(name)
    assert caught.value.reasons


@pytest.mark.parametrize("name", [n for n in MODELS if n not in REFUSED])
def test_native_where_it_can_be(name: str) -> None:
    """No layer of ours where every recurrence has a native one; a reason wherever one has not."""
    exported = port(name)
    for record in exported.recurrences:
        assert (record["reason"] is None) == (record["form"] in NATIVE), record
    all_native = exported.recurrences and all(r["form"] in NATIVE for r in exported.recurrences)
    if all_native and not exported.notes and name not in NOT_ALONE:
        assert exported.is_native, [layer.name for layer in exported.model.layers]
