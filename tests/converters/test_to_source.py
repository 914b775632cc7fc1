"""The source port: short, clean, and it computes the same without this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

from converters.to_keras import runner, to_keras
from converters.to_source import save_source, to_source
from reference.errors import NotConvertibleError
from tests.converters.test_to_keras_cells import FULL, over
from tests.converters.test_to_keras_native import RNG, both, feeds_for, gru, lstm, tunes

SCRIPT = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
from model import load
got = load()(dict(np.load(sys.argv[2])))
np.savez(sys.argv[3], **{k: np.asarray(v) for k, v in got.items()})
"""


def run_source(folder: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    files = [str(folder.parent / "in.npz"), str(folder.parent / "out.npz")]
    np.savez(files[0], **feeds)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, "-c", SCRIPT, str(folder), *files]
    subprocess.run(command, check=True, env=env, cwd=folder.parent)
    with np.load(files[1]) as found:
        return dict(found)


PROGRAMS: dict[str, Any] = {
    "tunes": tunes,
    "bidirectional": lambda: both(gru(3, 4), gru(3, 4), lengths=True, state=True),
    "unequal": lambda: both(lstm(3, 4), lstm(3, 5), lengths=True, state=False),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_source_computes_the_same(name: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]()
    exported = to_keras(program, name=name, metadata={"sha256": "0" * 64})
    save_source(exported, tmp_path / "port")
    feeds = feeds_for(program, 3, 5, [0, 5, 2])
    if "ids:0" in feeds:
        feeds["ids:0"] = RNG.integers(0, 11, (3, 5)).astype(np.int32)
    named = {exported.inputs[k]: v for k, v in feeds.items()}
    here, there = runner(exported.model)(named), run_source(tmp_path / "port", named)
    assert sorted(here) == sorted(there)
    for key, value in here.items():
        # Compiled here and called eagerly there: the order of summation may differ.
        np.testing.assert_allclose(there[key], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_source_is_short_and_clean(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(to_source(to_keras(PROGRAMS[name](), name=name)))
    ruff = [sys.executable, "-m", "ruff"]
    if subprocess.run([*ruff, "--version"], capture_output=True).returncode:
        pytest.skip("ruff is not installed")
    subprocess.run([*ruff, "format", "--isolated", "--line-length=100", str(path)], check=True)
    subprocess.run([*ruff, "check", "--isolated", str(path)], check=True)
    assert len(path.read_text().splitlines()) < 120


def test_a_cell_that_keras_lacks_is_refused_by_name() -> None:
    with pytest.raises(NotConvertibleError, match="rnn") as caught:
        to_source(to_keras(over(FULL, lengths=False), name="m"))
    assert any("ReferenceCell" in reason.text for reason in caught.value.reasons)
