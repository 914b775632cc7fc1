"""The ``.keras`` file: loads in another process, without this package where all layers are Keras' own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="what is tested makes Keras models")

from converters.to_keras import runner, save, to_keras
from tests.converters.test_to_keras_native import (
    CELLS,
    RNG,
    both,
    feeds_for,
    gru,
    lstm,
    one_layer,
    tunes,
)
from tests.converters.test_to_keras_zoo import ZOO, port

SCRIPT = """
import sys, numpy as np, keras
{imports}
model = keras.saving.load_model(sys.argv[1])
feeds = dict(np.load(sys.argv[2]))
got = model(feeds) if len(sys.argv) < 5 else model.predict(feeds, verbose=0)
np.savez(sys.argv[3], **{{k: np.asarray(v) for k, v in got.items()}})
assert not any(m.split(".")[0] in ("converters", "reference") for m in sys.modules) or {ours}
"""


def load_elsewhere(
    path: Path, feeds: dict[str, np.ndarray], *, ours: bool = False
) -> dict[str, np.ndarray]:
    """Outputs of the file in a fresh process that cannot see this repository, unless ``ours``."""
    np.savez(path.with_suffix(".in.npz"), **feeds)
    imports = "import converters.to_keras" if ours else ""
    script = SCRIPT.format(imports=imports, ours=ours)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if ours:
        env["PYTHONPATH"] = str(Path(__file__).parents[2])
    files = [str(path), str(path.with_suffix(".in.npz")), str(path.with_suffix(".out.npz"))]
    subprocess.run([sys.executable, "-c", script, *files], check=True, cwd=path.parent, env=env)
    with np.load(files[2]) as found:
        return dict(found)


def check(program, feeds, path: Path, *, ours: bool = False) -> None:
    exported = to_keras(program, name="m", metadata={"tool": "test"})
    assert exported.is_native is not ours
    save(exported, path)
    named = {exported.inputs[k]: v for k, v in feeds.items()}
    here, there = runner(exported.model)(named), load_elsewhere(path, named, ours=ours)
    assert sorted(here) == sorted(there)
    for name, value in here.items():
        # The same model, compiled and called eagerly: the order of summation may differ.
        np.testing.assert_allclose(there[name], value, rtol=0, atol=1e-6)


def test_the_tunes_model_loads_with_keras_alone(tmp_path: Path) -> None:
    program = tunes()
    feeds = feeds_for(program, 3, 5, [0, 5, 2])
    feeds["ids:0"] = RNG.integers(0, 11, (3, 5)).astype(np.int32)
    check(program, feeds, tmp_path / "tunes.keras")


@pytest.mark.parametrize("kind", [lstm, gru])
def test_bidirectional_loads_with_keras_alone(kind, tmp_path: Path) -> None:
    program = both(kind(3, 4), kind(3, 4), lengths=True, state=True)
    check(program, feeds_for(program, 3, 5, [0, 5, 2]), tmp_path / "bi.keras")


def test_a_backward_layer_loads_with_keras_alone(tmp_path: Path) -> None:
    program = one_layer(
        CELLS["lstm_joined"], major=True, lengths=True, state=True, direction="backward"
    )
    check(program, feeds_for(program, 3, 5, [0, 5, 2]), tmp_path / "back.keras")


def test_a_loop_loads_with_this_package_imported(tmp_path: Path) -> None:
    """Safe mode on, in a fresh process; the weights of a loop are not mixed up by the order of its constants."""
    exported, samples = port("raw_rnn_lstm"), np.load(ZOO / "raw_rnn_lstm" / "samples.npz")
    save(exported, tmp_path / "loop.keras")
    feeds = {there: samples[f"in0:{tensor}"] for tensor, there in exported.inputs.items()}
    found = load_elsewhere(tmp_path / "loop.keras", feeds, ours=True)
    for tensor, there in exported.outputs.items():
        np.testing.assert_allclose(found[there], samples[f"out0:{tensor}"], rtol=0, atol=1e-6)


def test_the_same_port_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(to_keras(PROGRAM, name="m"), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "two"]


PROGRAM = tunes()
