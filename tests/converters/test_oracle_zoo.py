"""Reader and oracle together against recordings of TensorFlow 1.15.5: |R - T| <= 8 F for every zoo model.

F is the noise floor of VERDICT.md: how far T moves when every weight and input moves by one part in 2^24, at least
2^-23 of T's largest magnitude, pooled over the runs of a model. float16: 2^-11 and 2^-10.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from converters.graph import Node
from converters.oracle import run
from converters.read_graphdef import read
from tests.zoo.catalogue import ZooModel, zoo

RECORDED = [model for model in zoo() if model.samples is not None]
SEEDS = (1, 2, 3, 4)


def runs_of(model: ZooModel) -> list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """(feeds, recorded outputs) of each run; frozen placeholders are fed too."""
    frozen = {name: np.asarray(value) for name, value in model.card["frozen"].items()}
    with np.load(model.folder / "samples.npz", allow_pickle=False) as store:
        arrays = {key: store[key] for key in store.files}
    found, k = [], 0
    while any(key.startswith(f"out{k}:") for key in arrays):
        parts = [
            {key.split(":", 1)[1]: v for key, v in arrays.items() if key.startswith(f"{kind}{k}:")}
            for kind in ("in", "out")
        ]
        found.append(({**frozen, **parts[0]}, parts[1]))
        k += 1
    return found


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference; NaN and inf must be in the same places."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        gaps = np.where(same, 0.0, np.abs(a - b))
    return float(gaps.max()) if gaps.size else 0.0


def worst_ratio(graph: Any, model: ZooModel, outputs: tuple[str, ...]) -> dict[str, float]:
    """For each float output, max |R - T| / F over all runs; other outputs are compared at once."""
    error, moved, largest = (dict.fromkeys(outputs, 0.0) for _ in range(3))
    floor = dict.fromkeys(outputs, 2.0**-23)
    for feeds, recorded in runs_of(model):
        truth = run(graph, feeds, outputs, widen=True)
        others = [run(graph, feeds, outputs, perturb=seed) for seed in SEEDS]
        for name in outputs:
            wanted, exact = recorded[name], truth[name]
            assert exact.shape == wanted.shape, name
            if wanted.dtype.kind != "f":
                settled = np.all([np.array_equal(exact, other[name]) for other in others])
                assert not settled or np.array_equal(exact.astype(wanted.dtype), wanted), name
                continue
            if wanted.dtype == np.float16:
                floor[name] = 2.0**-10
            finite = np.abs(exact[np.isfinite(exact)])
            largest[name] = max(largest[name], float(finite.max()) if finite.size else 0.0)
            error[name] = max(error[name], distance(wanted.astype(np.float64), exact))
            for other in others:
                if other[name].shape == exact.shape:
                    moved[name] = max(moved[name], distance(other[name], exact))
    return {
        name: error[name] / max(moved[name], floor[name] * largest[name])
        for name in outputs
        if error[name]
    }


@pytest.mark.parametrize("model", RECORDED, ids=lambda model: model.name)
def test_recordings_lie_within_the_noise_floor(model: ZooModel) -> None:
    graph = read(model.graph).graph
    ratios = worst_ratio(graph, model, model.outputs)
    assert all(ratio <= 8 for ratio in ratios.values()), ratios


@pytest.mark.parametrize("name", ["basic_lstm", "gru", "multi_lstm2", "keras_lstm"])
def test_float32_keeps_dtypes_and_is_near(name: str) -> None:
    model = next(model for model in RECORDED if model.name == name)
    graph = read(model.graph).graph
    for feeds, recorded in runs_of(model):
        for key, value in run(graph, feeds, list(recorded)).items():
            assert value.dtype == recorded[key].dtype
            np.testing.assert_allclose(value, recorded[key], rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", ["cudnn_lstm", "cudnn_gru"])
def test_cudnn_equals_its_recorded_twin(name: str) -> None:
    """No CPU runs the cuDNN op: the twin has the same weights in the cells TensorFlow offers for CPU."""
    model = next(model for model in zoo() if model.name == name)
    twin = next(model for model in RECORDED if model.name == f"{name}_twin")
    graph = read(model.graph).graph
    for feeds, recorded in runs_of(twin):
        if not all(v.size for v in recorded.values()):
            continue
        for key, value in run(graph, feeds, list(recorded)).items():
            np.testing.assert_allclose(value, recorded[key], rtol=0, atol=3e-6)


def test_a_permuted_gate_is_seen() -> None:
    """The rule above is no formality: two gates swapped in one kernel leave the floor by far."""
    model = next(model for model in RECORDED if model.name == "basic_lstm")
    graph = read(model.graph).graph
    nodes = {name: swapped_gates(node) for name, node in graph.nodes.items()}
    assert sum(nodes[name] is not node for name, node in graph.nodes.items()) == 1
    ratios = worst_ratio(replace(graph, nodes=nodes), model, model.outputs)
    assert max(ratios.values()) > 1000


def swapped_gates(node: Node) -> Node:
    """The LSTM kernel with its first two gates swapped; any other node as it is."""
    if node.op != "Const" or np.ndim(node.attr("value")) != 2:
        return node
    i, j, f, o = np.split(node.attr("value"), 4, axis=1)
    return replace(node, attrs={**node.attrs, "value": np.concatenate([j, i, f, o], 1)})
