"""What people use in their own tests: the page of the docs, the plugin, the strategies, the cache."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import porting
from porting import testing
from porting.testing import RAGGED, Recordings, Run, cells, lengths, ragged, states
from porting.verification.samples import load_samples
from reference.cells.base import weights
from reference.errors import UsageError
from reference.states import flatten

ROOT = Path(__file__).resolve().parents[2]
ZOO = ROOT / "tests" / "zoo" / "models"
pytest_plugins = ["pytester"]


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    names = {"folder": tmp_path, "__name__": "docs.testing"}
    exec(compile("\n".join(blocks), "docs/testing.md", "exec"), names)


def test_every_name_is_there():
    for name in testing.__all__:
        assert getattr(testing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = testing.absent
    assert porting.assert_equivalent is testing.assert_equivalent


def test_the_plugin(pytester, monkeypatch):
    """In a process of its own, with the plugin given as an installed one would be."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # An installed copy would bring the same plugin under the name of its entry point.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        from pathlib import Path

        def test_case(rnnport_ragged):
            assert rnnport_ragged.mask.sum() == rnnport_ragged.lengths.sum()

        def test_cache(rnnport_recordings, rnnport_assert_equivalent):
            assert rnnport_recordings.folder.name == "kept"
            assert callable(rnnport_assert_equivalent)
        """
    )
    done = pytester.runpytest_subprocess(
        "-p", "porting.testing.plugin", "--rnnport-recordings", "kept", "-v"
    )
    done.assert_outcomes(passed=len(RAGGED) + 1)
    done.stdout.fnmatch_lines(["*test_case?one row empty?*PASSED*"])


def test_the_entry_point_is_declared():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '[project.entry-points.pytest11]\nrnnport = "porting.testing.plugin"' in text


def test_the_cases_hold_what_goes_wrong():
    found = {int(n) for case in RAGGED for n in case.lengths}
    assert {0, 1} <= found
    assert any(case.rows == 1 for case in RAGGED)
    assert any(case.steps == 1 for case in RAGGED)
    assert any(case.lengths.max() < case.steps for case in RAGGED)
    assert all(case.lengths.max() <= case.steps for case in RAGGED)
    dirty = RAGGED[0].sequences(2, padding=np.nan)
    np.testing.assert_array_equal(np.isnan(dirty).all(axis=2), ~RAGGED[0].mask)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_is_drawn(data):
    cell = data.draw(cells(dtype="float64"))
    for name, value in weights(cell).items():
        assert value.dtype == np.float64, name
        assert np.all(value != 0), name
    case = data.draw(ragged())
    assert case.lengths.dtype == np.int32
    assert 0 <= case.lengths.min() <= case.lengths.max() <= case.steps
    state = data.draw(states(cell, case.rows, zero=False))
    assert all(leaf.shape[0] == case.rows and np.any(leaf) for leaf in flatten(state))
    assert len(data.draw(lengths(4, max_rows=2, min_rows=2))) == 2


def test_an_unknown_cell_is_refused():
    with pytest.raises(UsageError, match="not NoCell"):
        _draw(cells(["NoCell"]))


def _draw(strategy):
    @settings(max_examples=1, database=None)
    @given(strategy)
    def take(_):
        pass

    take()


def basic():
    folder = ZOO / "basic_lstm"
    return folder / "frozen.pb", load_samples(folder / "samples.npz")


def test_runs_in_memory_are_samples_too():
    artefact, samples = basic()

    def remembers(feeds):
        for run in samples.runs:
            if all(np.array_equal(run.inputs[name], value) for name, value in feeds.items()):
                return run.outputs
        raise AssertionError

    options = {"inputs": list(samples.inputs), "outputs": list(samples.outputs)}
    verdict = porting.assert_equivalent(remembers, artefact, samples=samples, **options)
    assert verdict.cases == len(samples.runs)
    wrong = [
        Run(run.inputs, {k: v + np.float32(0.01) for k, v in run.outputs.items()})
        for run in samples.runs
    ]
    with pytest.raises(AssertionError, match="recording lies"):
        porting.assert_equivalent(remembers, artefact, samples=wrong, **options)
    with pytest.raises(UsageError, match="no runs"):
        porting.assert_equivalent(remembers, artefact, samples=[], **options)
    with pytest.raises(UsageError, match="no Keras model"):
        porting.assert_equivalent(remembers, artefact, names={"x:0": "x"}, **options)


def test_a_cache_without_a_program(tmp_path):
    artefact, samples = basic()
    options = {"inputs": list(samples.inputs), "outputs": list(samples.outputs), "cases": 1}
    recordings = Recordings(tmp_path)
    with pytest.raises(UsageError, match="no program is given"):
        recordings.of(artefact, **options)
    with pytest.raises(UsageError, match="the program gave no"):
        recordings.of(artefact, lambda feeds: {}, **options)
    assert not list(tmp_path.iterdir())

    def answer(feeds):
        return {name: np.zeros(1, "f4") for name in samples.outputs}

    path = recordings.of(artefact, answer, **options)
    assert recordings.of(artefact, **options) == path
    assert recordings.of(artefact, answer, key="new", **options) != path
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UsageError, match="no program is given"):
        recordings.of(artefact, **options)
