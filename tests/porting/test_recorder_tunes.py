"""The shipped recordings of the tunes model: by the format, of this model, and sound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from converters.read_graphdef import read
from porting import record_tf1

TUNES = Path(__file__).parents[2] / "examples" / "irish_tunes"
FROZEN = TUNES / "model" / "frozen.pb"
INPUTS = ("ids:0", "initial_state:0", "keep_prob:0", "lengths:0")
OUTPUTS = ("final_state:0", "logits:0", "probs:0")


@pytest.fixture(params=["samples.npz", "greedy_tune.npz"])
def recording(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    with np.load(TUNES / request.param, allow_pickle=False) as file:
        return dict(file)


@pytest.fixture
def samples() -> dict[str, np.ndarray]:
    with np.load(TUNES / "samples.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture
def greedy() -> dict[str, np.ndarray]:
    with np.load(TUNES / "greedy_tune.npz", allow_pickle=False) as file:
        return dict(file)


def runs_of(arrays: dict[str, np.ndarray]) -> int:
    return int(json.loads(str(arrays["meta"]))["runs"])


def test_the_meta_names_this_model(recording: dict[str, np.ndarray]) -> None:
    meta = json.loads(str(recording["meta"]))
    assert meta["format"] == 1
    assert meta["sha256"] == record_tf1.digest(str(FROZEN))
    assert meta["tensorflow"] == "1.15.5"
    assert meta["frozen"] == {"keep_prob:0": 1.0}


def test_every_run_is_whole(recording: dict[str, np.ndarray]) -> None:
    for run in range(runs_of(recording)):
        rows, steps = recording[f"in{run}:ids:0"].shape
        assert {f"in{run}:{name}" for name in INPUTS} <= set(recording)
        assert {f"out{run}:{name}" for name in OUTPUTS} <= set(recording)
        assert recording[f"out{run}:logits:0"].shape[:2] == (rows, steps)
        assert recording[f"out{run}:final_state:0"].shape == (2, 2, rows, 128)


def test_probs_are_the_softmax_of_the_logits(recording: dict[str, np.ndarray]) -> None:
    for run in range(runs_of(recording)):
        logits = recording[f"out{run}:logits:0"].astype(np.float64)
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        expected = powers / powers.sum(-1, keepdims=True)
        # float32 exp and sum of 68 terms: a few units of 2^-23 of numbers up to 1.
        np.testing.assert_allclose(recording[f"out{run}:probs:0"], expected, rtol=1e-5, atol=1e-7)


def test_rows_of_length_0_keep_their_state(samples: dict[str, np.ndarray]) -> None:
    seen = 0
    for run in range(runs_of(samples)):
        empty = samples[f"in{run}:lengths:0"] == 0
        before = samples[f"in{run}:initial_state:0"][:, :, empty]
        np.testing.assert_array_equal(samples[f"out{run}:final_state:0"][:, :, empty], before)
        seen += int(empty.sum() * bool(np.any(before)))
    assert seen >= 3


def test_padded_steps_have_the_logits_of_a_zero_output(samples: dict[str, np.ndarray]) -> None:
    padded = np.concatenate([
        samples[f"out{run}:logits:0"][
            np.arange(samples[f"in{run}:ids:0"].shape[1]) >= samples[f"in{run}:lengths:0"][:, None]
        ]
        for run in range(runs_of(samples))
    ])  # fmt: skip
    assert len(padded) > 20
    np.testing.assert_array_equal(padded, np.broadcast_to(padded[0], padded.shape))
    assert np.any(padded[0] != 0)


def test_batches_and_lengths_are_those_ports_get_wrong(samples: dict[str, np.ndarray]) -> None:
    shapes = [samples[f"in{run}:ids:0"].shape for run in range(runs_of(samples))]
    assert {0, 1, 3, 5} <= {rows for rows, _ in shapes}
    lengths = [samples[f"in{run}:lengths:0"].tolist() for run in range(runs_of(samples))]
    mixed = [n for n, (_, steps) in zip(lengths, shapes, strict=True) if {0, 1, steps} <= set(n)]
    assert mixed


def test_the_greedy_tune_is_decided_clearly(greedy: dict[str, np.ndarray]) -> None:
    ordered = np.sort(greedy["step_probs"], axis=-1)
    np.testing.assert_array_equal(greedy["margins"], ordered[:, -1] - ordered[:, -2])
    assert greedy["margins"].min() > 1e-3
    np.testing.assert_array_equal(greedy["step_probs"].argmax(-1), greedy["tune"])


def test_the_greedy_tune_fed_at_once_is_the_same(greedy: dict[str, np.ndarray]) -> None:
    start = len(greedy["prime"])
    whole = greedy["out0:probs:0"][0, start - 1 :]
    # float32 with other shapes of the products: the same sums in another order.
    np.testing.assert_allclose(whole, greedy["step_probs"], rtol=0, atol=1e-4)
    np.testing.assert_array_equal(greedy["in0:ids:0"][0], [*greedy["prime"], *greedy["tune"][:-1]])


def test_the_text_is_the_tune(greedy: dict[str, np.ndarray]) -> None:
    vocabulary = json.loads((TUNES / "vocabulary.json").read_text(encoding="utf-8"))
    names = {code: text for text, code in vocabulary.items()}
    codes = [*greedy["prime"].tolist(), *greedy["tune"].tolist()]
    assert names[codes[-1]] == "<end>"
    text = (TUNES / "greedy_tune.txt").read_text(encoding="ascii")
    assert text == "".join(names[code] for code in codes[:-1])
    assert [line[:2] for line in text.split("\n")[:5]] == ["X:", "T:", "M:", "L:", "K:"]


@pytest.mark.parametrize("part", ["frozen.pb", "saved_model", "checkpoint/tunes.ckpt"])
def test_the_reader_and_the_recorder_agree_on_the_hash(part: str) -> None:
    path = TUNES / "model" / part
    assert read(path).sha256 == record_tf1.digest(str(path))


def test_the_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in TUNES.rglob("*") if path.is_file()) < 6_000_000
