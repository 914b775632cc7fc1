"""Every model of the zoo becomes ONNX, and a choice of them Keras, each judged against the recording of TensorFlow 1.15.5."""

from __future__ import annotations

import pytest

from tests.porting.zoo_sweep import sweep_one
from tests.zoo.catalogue import zoo, zoo_model

REFUSED = {
    "attention_monotonic": "a depth that is computed",
    "attention_monotonic_hard": "a depth that is computed",
    "block_fused": "the number of steps of BlockLSTM is open",
    "block_fused_bidirectional": "the number of steps of BlockLSTM is open",
    "block_fused_clip": "the number of steps of BlockLSTM is open",
    "block_fused_peephole": "the number of steps of BlockLSTM is open",
    "ctc_beam": "CTC beam search has no form in ONNX",
    "speech_ctc": "CTC beam search has no form in ONNX",
    "stack_bidirectional_static": "an array whose rank is lost",
    "static_lstm_lengths": "a list of open length",
    "string_tagger": "lookup tables",
}
"""What may be refused today, and why; a wrong number is never allowed."""
KERAS = (
    "basic_lstm", "bidirectional_lstm_lengths", "dynamic_time_major", "gru", "layer_norm_basic_lstm", "lstm_num_proj",
    "multi_mixed", "residual_lstm2", "tagger_chars",
)  # fmt: skip


@pytest.mark.parametrize("name", [model.name for model in zoo() if model.card["recorded"]])
def test_onnx(name):
    found = sweep_one(zoo_model(name), "onnx", recorded=True)
    allowed = {"equivalent", "refused", "usage"} if name in REFUSED else {"equivalent"}
    assert found.outcome in allowed, found.cause


@pytest.mark.parametrize("name", KERAS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_keras(name):
    pytest.importorskip("tensorflow", reason="the Keras models here run on TensorFlow")
    found = sweep_one(zoo_model(name), "keras", recorded=True)
    assert found.outcome == "equivalent", found.cause
