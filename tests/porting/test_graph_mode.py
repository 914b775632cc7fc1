"""The tests of ``porting.tf1``, in processes of their own: it puts TensorFlow into graph mode for good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.parametrize("name", ["test_interface.py", "test_programs.py"])
def test_tf1_api_in_graph_mode(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(HERE / "tf1" / name)],
        cwd=ROOT,
        env={**os.environ, "RNNPORT_GRAPH_MODE": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
