"""What is imported, and what works where the large packages are absent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.zoo.catalogue import MODELS

ROOT = Path(__file__).resolve().parents[2]
BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def python(
    code: str, *, without: tuple[str, ...] = (), cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A process of its own, in which some packages are not there."""
    text = BLOCKER.format(names=repr(set(without))) + code if without else code
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=cwd,
    )


def loaded(statement: str) -> set[str]:
    """Top-level packages outside the standard library that a statement imports."""
    code = f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*{{m.split('.')[0] for m in set(sys.modules) - before}})"
    done = python(code)
    assert done.returncode == 0, done.stderr
    return {
        name
        for name in done.stdout.split()
        if name not in sys.stdlib_module_names and not name.startswith("_")
    }


def test_reference_imports_numpy_only():
    assert loaded("import reference") <= {"reference", "numpy"}
    assert loaded("import reference.cells.lstm, reference.drivers.dynamic") <= {
        "reference",
        "numpy",
    }


def test_importing_porting_costs_nothing():
    assert loaded("import porting") == {"porting"}


def test_public_names_are_what_they_say():
    import porting

    for name in porting.__all__:
        value = getattr(porting, name)
        assert type(value).__name__ != "module", name
    with pytest.raises(AttributeError, match="nonsense"):
        _ = porting.nonsense


def test_help_is_quick():
    best = 9.0
    for _ in range(3):
        started = time.perf_counter()
        done = python("from porting.cli import main; main(['--help'])")
        best = min(best, time.perf_counter() - started)
        assert done.returncode == 0
    assert best < 0.5


def test_onnx_conversion_and_its_verification_need_no_tensorflow_and_no_keras(tmp_path):
    model = MODELS / "basic_lstm"
    code = f"from porting.cli import main; main(['convert', {str(model / 'frozen.pb')!r}, '--to', 'onnx', '-o', 'p.onnx', '--samples', {str(model / 'samples.npz')!r}])"
    done = python(code, without=("tensorflow", "keras", "jinja2", "h5py", "libcst"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "equivalent" in done.stdout
    told = python(
        f"from porting.cli import main; main(['inspect', {str(model / 'frozen.pb')!r}])",
        without=("tensorflow", "keras"),
    )
    assert told.returncode == 0, told.stderr
    assert "onnx: LSTM" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "missing", "extra"),
    [
        (["convert", "MODEL", "--to", "keras", "-o", "p.keras"], "keras", "keras"),
        (["verify", "MODEL", "p.onnx", "--cases", "2", "--report", "r.html"], "jinja2", "report"),
    ],
)
def test_a_missing_extra_is_named(tmp_path, arguments, missing, extra):
    model = str(MODELS / "basic_lstm" / "frozen.pb")
    words = [model if word == "MODEL" else word for word in arguments]
    code = f"from porting.cli import run, main; run(['convert', {model!r}, '--to', 'onnx', '-o', 'p.onnx', '--no-verify']); main({words!r})"
    done = python(code, without=(missing, "tensorflow"), cwd=tmp_path)
    assert done.returncode == 2
    assert "rnnport[" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_progress_bar_in_a_pipe(tmp_path):
    model = str(MODELS / "basic_lstm" / "frozen.pb")
    done = python(
        f"from porting.cli import main; main(['convert', {model!r}, '--to', 'onnx', '-o', 'p.onnx', '--cases', '2'])",
        cwd=tmp_path,
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
