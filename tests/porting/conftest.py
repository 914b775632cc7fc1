"""What the tests of the command line share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUNES = ROOT / "examples" / "irish_tunes"


class Answer:
    """What one call of the command line printed and returned."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        """The one object on stdout; anything else there fails."""
        return json.loads(self.out)


@pytest.fixture
def cli(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """``cli("convert", …)``: the exit status and what was printed, as a process would give them."""
    from porting.cli import run

    monkeypatch.delenv("RNNPORT_TRACEBACK", raising=False)

    def call(*arguments: object) -> Answer:
        capfd.readouterr()
        status = run([str(item) for item in arguments])
        out, err = capfd.readouterr()
        return Answer(status, out, err)

    return call


@pytest.fixture
def tunes() -> Path:
    """The shipped example."""
    return TUNES
