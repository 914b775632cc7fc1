"""Empty batches, no steps, one step, lengths out of range, NaN in the padding: as TF1, and never the end of the process."""

from __future__ import annotations

import os

from tests.converters.to_onnx_edges import KNOWN, difference, run
from tests.zoo.catalogue import zoo

CHOSEN = (
    "block_fused", "crnn_ocr", "elmo_like", "gru", "keras_masking", "keras_stacked_cells", "layer_norm_basic_lstm",
    "legacy_embedding_greedy", "lstm_peepholes", "multi_lstm2", "nan_padding", "nested_while", "static_lstm_lengths",
    "tagger_chars", "training_decoder", "v2_bidirectional", "ntm", "attentional_gru", "while_concat", "while_from_one",
)  # fmt: skip
"""One of each form and driver; the whole zoo with RNNPORT_WHOLE_ZOO=1 (minutes), or by running the module."""


def test_odd_inputs_are_as_in_tf() -> None:
    names = [model.name for model in zoo() if model.samples is not None]
    chosen = names if os.environ.get("RNNPORT_WHOLE_ZOO") else [n for n in names if n in CHOSEN]
    status, lines = run(chosen, "native")
    assert status == 0, lines[-3:]
    assert [line for line in lines if "WRONG" in line] == []
    right = [line for line in lines if line.endswith(": right")]
    assert len(right) > 4 * len(chosen)
    assert "ntm: 0 along x:0[1]: right" in right
    assert "ntm: only 0 in lengths:0: right" in right
    assert "while_concat: 0 along x:0[1]: right" in right
    assert "attentional_gru: 0 along x:0[1]: TF refuses" in lines
    for what in (": 0 along ", ": 1 along ", ": -2 in ", "NaN behind "):
        assert any(what in line for line in right), what


def test_known_cases_are_of_the_zoo() -> None:
    assert {case.split(":")[0] for case in KNOWN} <= {model.name for model in zoo()}


def test_a_planted_difference_is_seen() -> None:
    import numpy as np

    right = np.array([1, np.nan, 3], np.float32)
    assert difference(right, right) == ""
    assert difference(right + np.float32(0.01), right) == "2 of 3 numbers"
    assert difference(np.nan_to_num(right), right) == "1 of 3 numbers"
    assert difference(right[:2], right) == "shape (2,), not (3,)"
