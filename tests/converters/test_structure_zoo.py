"""Structured graphs, executed by NumPy, against recordings of TF 1.15.5."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.lift.dead import walk
from converters.lift.execute import execute
from converters.lift.structure import structure
from converters.program import Program
from converters.read_graphdef import read

ZOO = Path(__file__).parents[1] / "zoo" / "models"
MODELS = [
    "basic_lstm",
    "lstm_peepholes_clip",
    "gru",
    "multi_lstm2",
    "bidirectional_lstm_lengths",
    "nested_loops",
    "nested_while",
    "raw_rnn_lstm",
    "static_lstm_lengths",
    "dropout_cond",
    "dropout_placeholder",
    "dropout_default",
    "dropout_variational",
    "gru_batch_norm",
    "scan_reverse",
    "map_fn_lstm",
    "v2_lstm",
    "v2_bidirectional",
    "v2_stateless",
    "v2_scan_gru",
    "attention_dynamic_rnn",
    "beam_decoder",
    "greedy_decoder",
    "string_tagger",
    "block_fused_peephole",
    "while_until_settled",
    "dnc",
    "drqn",
    "zero_state_fed",
    "lengths_out_of_range",
]


def load(name: str) -> tuple[Program, list[str], list[str]]:
    card = json.loads((ZOO / name / "card.json").read_text())
    inputs = [item["name"] for item in card["inputs"]]
    outputs = [item["name"] for item in card["outputs"]]
    freeze = {k: v for k, v in card.get("frozen", {}).items() if isinstance(v, bool)}
    artefact = read(ZOO / name / "frozen.pb")
    program = structure(
        artefact.graph, inputs=inputs, outputs=outputs, freeze=freeze, artefact=artefact
    )
    return program, inputs, outputs


def feeds_of(samples: Any, inputs: list[str], case: int) -> dict[str, np.ndarray]:
    fed = {name: samples[f"in{case}:{name}"] for name in inputs if f"in{case}:{name}" in samples}
    return {k: v.astype("S").astype(object) if v.dtype.kind in "SU" else v for k, v in fed.items()}


@pytest.mark.parametrize("name", MODELS)
def test_executed_programs_give_what_tensorflow_gave(name: str) -> None:
    assert (ZOO / name / "samples.npz").exists(), "no such recording in the zoo"
    program, inputs, outputs = load(name)
    with np.load(ZOO / name / "samples.npz", allow_pickle=False) as samples:
        for case in range(3):
            got = execute(program, feeds_of(samples, inputs, case))
            for output in outputs:
                want, value = samples[f"out{case}:{output}"], got[output]
                value = value.astype(want.dtype) if value.dtype == object else value
                assert value.dtype == want.dtype
                if want.dtype.kind != "f":
                    np.testing.assert_array_equal(value, want)
                else:
                    # Float32 sums in another order than Eigen's: 2e-5 is far below any structural mistake.
                    np.testing.assert_allclose(value, want, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", MODELS[:4])
def test_facts_agree_with_the_recorded_shapes(name: str) -> None:
    program, _, outputs = load(name)
    with np.load(ZOO / name / "samples.npz", allow_pickle=False) as samples:
        for output in outputs:
            fact, want = program.facts[output], samples[f"out0:{output}"]
            assert fact.dtype == str(want.dtype)
            assert fact.shape is not None
            assert len(fact.shape) == want.ndim
            fixed = [
                (d, n) for d, n in zip(fact.shape, want.shape, strict=True) if isinstance(d, int)
            ]
            assert all(d == n for d, n in fixed)


def test_weights_keep_the_names_of_their_variables() -> None:
    program, _, _ = load("basic_lstm")
    named = set(program.variables.values())
    assert {"rnn/basic_lstm_cell/kernel", "rnn/basic_lstm_cell/bias"} <= named
    for value in program.variables:
        assert value in program.constants


def test_dropout_at_inference_leaves_no_random_op() -> None:
    program, _, _ = load("dropout_placeholder")
    assert program.frozen == {"keep_prob:0": 1.0}
    assert "keep_prob:0" not in program.inputs
    ops = {op.node.op for op in walk(program.statements)}
    assert not ops & {"RandomUniform", "Floor", "GreaterEqual"} - {"GreaterEqual"}


def test_a_mutated_loop_is_seen() -> None:
    """The comparison can fail: a changed weight is noticed."""
    program, inputs, outputs = load("gru")
    name = next(k for k, v in program.variables.items() if v.endswith("candidate/kernel"))
    program.constants[name] = np.roll(program.constants[name], 1, axis=1)  # type: ignore[index]
    with np.load(ZOO / "gru" / "samples.npz", allow_pickle=False) as samples:
        got = execute(program, feeds_of(samples, inputs, 0))
        worst = max(float(np.abs(got[o] - samples[f"out0:{o}"]).max()) for o in outputs)
    assert worst > 1e-3
