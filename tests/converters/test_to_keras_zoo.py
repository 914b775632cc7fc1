"""The zoo, from file to Keras file: a port, loaded again, gives what TensorFlow 1.15.5 recorded."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="what is tested makes Keras models")

from converters.to_keras import Exported, runner, save, to_keras
from converters.to_keras.backend import keras
from converters.to_keras.layers.tf_op import TFOp
from tests.support.lifting import lifted

ZOO = Path(__file__).parents[1] / "zoo" / "models"
MODELS = sorted(p.parent.name for p in ZOO.glob("*/samples.npz"))

SOME = (
    "a3c_lstm attention_luong attention_monotonic backward_only basic_lstm_state_concat beam_decoder bidirectional_lstm_lengths "
    "block_fused block_fused_peephole classifier_gather_nd conv2d_lstm copy_distribution ctc_beam ctc_greedy cudnn_gru_twin dropout_cond "
    "dynamic_time_major encoder_decoder_states gru_float64 keras_bidirectional keras_masking keras_stacked_cells "
    "layer_norm_basic_lstm lengths_computed lengths_out_of_range lstm_float16 lstm_num_proj multi_mixed nan_padding nested_while "
    "old_names ptb_block raw_rnn_lstm sketch_encoder string_tagger tagger_chars v2_while_lstm video_classifier "
    "crf_only elmo_like greedy_decoder hierarchical_attention intersection_rnn phased_lstm speech_mask while_until_settled"
).split()
"""One of each kind; ``make test-zoo-keras`` runs all."""
if not os.environ.get("RNNPORT_WHOLE_ZOO"):
    MODELS = [name for name in MODELS if name in SOME]

TOLERANCE = {"float16": 3e-3, "float32": 1e-5, "float64": 1e-12}
"""Of the largest value of the tensor: ten times the noise seen. The verdict proper is porting.verify's."""

NATIVE = ("LSTM", "GRU", "SimpleRNN")

NOT_ALONE = {
    "caption_encoder": "BiasAdd: a bias behind a reshape of fixed sizes, which Dense does not take in",
    "copy_distribution": "Fill and ScatterNd: a size that is fed as a number",
    "crnn_ocr": "CTCGreedyDecoder and SparseToDense: as many values as the numbers say",
    "ctc_beam": "CTCBeamSearchDecoder, by TensorFlow's own kernel",
    "ctc_greedy": "CTCGreedyDecoder and SparseToDense: as many values as the numbers say",
    "raw_rnn_all_steps": "StridedSlice: without rows there is no step",
    "raw_rnn_capped": "StridedSlice: as many steps as the longest row has",
    "raw_rnn_lstm": "StridedSlice: as many steps as the longest row has",
    "speech_ctc": "CTCBeamSearchDecoder, by TensorFlow's own kernel",
    "drqn": "Reshape to a size that is fed as a number",
    "speech_mask": "stft and its inverse: frames by the length of the wave",
    "string_tagger": "tables of strings",
    **dict.fromkeys(
        (
            "training_decoder",
            "training_few_steps",
            "training_fed_maximum",
            "training_unmasked",
            "training_zeros_first",
            "raw_rnn_go",
            "v2_training_decoder",
        ),
        "StridedSlice: as many steps as the longest row has",
    ),
    "unrolled_masked": "Identity: the numbers of the steps, a constant",
}
"""Native recurrences beside an op that needs a layer of ours, and why."""


NO_NATIVE = (
    r"\d+ steps stand one after another in the graph: (each step|no cell that) .+",
    r"no cell that is looked for has this equation",
    r"no cell that is looked for has this equation: (beside|of) what \w+ has, the nearest, its step (has|lacks) [\w, ]+",
    r"no cell that is looked for has this equation: it has the functions of \w+, the nearest, but other sums or products of them",
    r"it has the shape of \w+, but its old state is read by something else at every step",
    r"it is named \w+, which is kept as its own equation: no pattern of that cell is looked for",
    r"its recurrent weights are a diagonal: a Keras layer's matrix would be trained in full",
    r"its weights are block-diagonal: Keras' matrix would be trained in full",
    r"no recurrent layer of Keras (normalises its gates|couples its gates)",
    r"keras.layers.ConvLSTM\dD has this equation, but fails on an empty batch under TensorFlow",
    r"no Keras layer has the equation of \w+",
    r"Keras' LSTM (has no peepholes|has no projection|does not clip its cell state)",
    r"Keras 3's hard_sigmoid is clip\(x / 6 \+ 0\.5\), the model's is hard_sigmoid\([\d.]+, [\d.]+\)",
    r"Keras has no activation \w+(\([\d., -]+\))?",
    r"the cell reads more than one sequence",
    r"the sequence has more than one feature axis",
    r"\d+ state parts depend on one another",
    r"a state part is not (of floats|\[batch, features\] with a known number of features)",
    r"a layer's input or output goes through \w+, which is not row by row",
    r"a state that is not its output is wanted of every step",
    r"its body holds another loop, \S+",
    r"its condition depends on \S+ \(\w+\), not only on a counter",
    r"\S+ \(\w+\) uses a list as a whole",
    r"it runs inside a loop",
)
"""Reasons why a recurrence has no native layer, each as a whole: about its equation or its loop, never about this converter."""

LAYERS = (
    "MatMul",
    "Conv2D",
    "DepthwiseConv2dNative",
    "FusedBatchNorm",
    "FusedBatchNormV2",
    "FusedBatchNormV3",
)


def _has_layer(one: TFOp) -> bool:
    """Whether Keras has a layer for this op: a product, a convolution or a norm with weights, a lookup in a table of vectors."""
    op, weights = one.title[1], [w for w in one.weights if len(w.shape) > 1]
    if op in ("GatherV2", "ResourceGather"):
        return any(len(w.shape) == 2 for w in weights)
    return op in LAYERS and bool(weights)


def card(name: str) -> dict[str, Any]:
    return json.loads((ZOO / name / "card.json").read_text())


@cache
def port(name: str) -> Exported:
    return to_keras(lifted(name), name=name)


@pytest.mark.parametrize("name", MODELS)
def test_the_file_gives_what_was_recorded(name: str, tmp_path: Path) -> None:
    exported, samples = port(name), np.load(ZOO / name / "samples.npz")
    save(exported, tmp_path / "port.keras")
    run = runner(keras.saving.load_model(tmp_path / "port.keras", safe_mode=True))
    runs = {key.split(":")[0][2:] for key in samples.files if key.startswith("in")}
    for k in sorted(runs, key=int):
        got = run({there: samples[f"in{k}:{tensor}"] for tensor, there in exported.inputs.items()})
        for tensor, name_there in exported.outputs.items():
            alike(got[name_there], samples[f"out{k}:{tensor}"], f"run {k}, {tensor}")


def alike(got: np.ndarray, want: np.ndarray, where: str) -> None:
    if want.dtype.kind == "S":  # NumPy keeps TensorFlow's strings as objects
        want = want.astype(object)
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


@pytest.mark.parametrize(
    "vague", ["it is not supported", "its cell", "the cell", "no reference cell", "attention", ""]
)
def test_a_vague_reason_is_none(vague: str) -> None:
    assert not any(re.fullmatch(cause, vague) for cause in NO_NATIVE)


@pytest.mark.parametrize("name", MODELS)
def test_native_where_it_can_be(name: str) -> None:
    """Native layers for every recurrence that has one, a reason where it has none; then nothing of ours remains."""
    exported = port(name)
    for record in exported.recurrences:
        assert (record["reason"] is None) == (record["form"] in NATIVE), record
    layers = list(exported.model._flatten_layers())
    kinds = {type(layer).__name__ for layer in layers}
    assert not (left := [x.title for x in layers if isinstance(x, TFOp) and _has_layer(x)]), left
    for record in exported.recurrences:
        if record["reason"]:
            assert any(re.fullmatch(cause, record["reason"]) for cause in NO_NATIVE), record
    native = exported.recurrences and all(r["form"] in NATIVE for r in exported.recurrences)
    if native:
        assert not kinds & {"Recurrent", "ReferenceCell", "RNN"}, kinds
        if not exported.notes:
            assert exported.is_native == (name not in NOT_ALONE), kinds


def test_a_loop_that_stays_one_is_told_with_its_reason() -> None:
    records = [r for r in port("beam_decoder").recurrences if r["cell"] == "while"]
    assert [r["form"] for r in records] == ["Block"]
    assert "condition depends on" in records[0]["reason"]
