"""The zoo's files agree with each other and with README.md; no TensorFlow is needed."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from tests.zoo.catalogue import FORMS, NATIVE, ZooModel, zoo
from tests.zoo.odd_inputs import cases
from tests.zoo.odd_store import pack, unpack

ALL = zoo()
LIMIT = 12_000_000


def each(models: list[ZooModel]) -> pytest.MarkDecorator:
    """One test a model."""
    return pytest.mark.parametrize("model", models, ids=lambda model: model.name)


def test_the_zoo_is_large_in_number_and_small_in_bytes() -> None:
    folder = ALL[0].folder.parent
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert len(ALL) >= 190
    assert size < LIMIT
    assert {path.name for path in folder.iterdir()} == {model.name for model in ALL}


@each(ALL)
def test_card(model: ZooModel) -> None:
    card = model.card
    assert (card["format"], card["name"]) == (1, model.name)
    assert card["description"].endswith(".")
    assert card["exercises"]
    assert set(card["must_freeze"]) <= set(card["frozen"])
    assert model.expected
    for entry in model.expected:
        assert entry.form in FORMS
        assert set(entry.also) <= FORMS - {entry.form}
        assert (entry.reason is None) == (entry.form in NATIVE)
        assert entry.direction in {"forward", "reverse"}


@each([model for model in ALL if model.samples is not None])
def test_recordings(model: ZooModel) -> None:
    meta, runs = model.meta(), model.runs()
    assert meta["format"] == 1
    assert meta["sha256"] == hashlib.sha256(model.graph.read_bytes()).hexdigest()
    assert meta["tensorflow"].startswith("1.15.")
    assert meta["frozen"] == model.card["frozen"]
    assert 3 <= len(runs) <= 6
    for run in runs:
        assert (tuple(run.inputs), tuple(run.outputs)) == (model.inputs, model.outputs)
    for side, entries in (("inputs", model.card["inputs"]), ("outputs", model.card["outputs"])):
        for entry in entries:
            check_tensor(entry, [getattr(run, side)[entry["name"]] for run in runs])


def check_tensor(entry: dict[str, Any], values: list[np.ndarray]) -> None:
    """dtype and shape are as declared."""
    for value in values:
        assert (
            value.dtype.kind == "S" if entry["dtype"] == "string" else value.dtype == entry["dtype"]
        )
        if entry["shape"] is not None:
            assert value.ndim == len(entry["shape"])
            pairs = zip(entry["shape"], value.shape, strict=True)
            assert all(size in (None, found) for size, found in pairs)


@each([model for model in ALL if model.samples is not None])
def test_odd_inputs_are_recorded(model: ZooModel) -> None:
    """For each case that the inputs make, TensorFlow's results or its refusal: ``python -m tests.zoo.record_odd NAME``."""
    with np.load(model.folder / "odd.npz", allow_pickle=False) as archive:
        found = unpack(archive)
    assert list(found) == [what for what, _ in cases(model.card, [r.inputs for r in model.runs()])]
    for outcome in found.values():
        assert outcome if isinstance(outcome, str) else tuple(outcome) == model.outputs


def test_odd_numbers_survive_their_store() -> None:
    values = np.array([[0.5, -2, np.nan], [np.inf, -np.inf, 0]], np.float32)
    kept = pack(["a", "b"], [{"x": values, "n": np.array(3)}, "refused"])
    found = unpack(kept)
    assert found["b"] == "refused"
    np.testing.assert_allclose(found["a"]["x"], values, rtol=0, atol=4e-5)  # type: ignore[index]
    assert int(found["a"]["n"]) == 3  # type: ignore[index]


@each([model for model in ALL if model.samples is not None])
def test_results_say_something(model: ZooModel) -> None:
    """No output is the same number everywhere, none is infinite, none blows up."""
    runs = model.runs()
    for name in model.outputs:
        values = np.concatenate([run.outputs[name].ravel() for run in runs])
        if values.dtype.kind == "f":
            assert np.isfinite(values).all()
            assert np.abs(values).max() < 1e3
        assert len(np.unique(values)) > 1


@each([model for model in ALL if "canonical" in model.card])
def test_graph_only_models_name_a_recorded_twin(model: ZooModel) -> None:
    twins = {other.name: other for other in ALL}
    twin = twins[model.card["twin"]]
    assert model.samples is None
    assert twin.samples is not None
    assert (twin.inputs, twin.outputs) == (model.inputs, model.outputs)
    assert all(
        np.unique(values).size > 1 for layer in model.card["canonical"] for values in layer.values()
    )
