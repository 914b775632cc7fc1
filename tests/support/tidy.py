"""How a source port reads: its length as ruff formats it, and what ruff's default rules say of it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

RUFF = [sys.executable, "-m", "ruff"]


def has_ruff() -> bool:
    """Whether ruff is installed here."""
    return importlib.util.find_spec("ruff") is not None


def tidied(path: Path, /) -> tuple[int, str]:
    """Format the file in place at 100 columns; the number of its lines, and what ruff complains of (``""``: nothing)."""
    form = [*RUFF, "format", "-q", "--isolated", "--line-length=100", str(path)]
    subprocess.run(form, check=True, capture_output=True)
    check = [*RUFF, "check", "-q", "--isolated", "--output-format=concise", str(path)]
    found = subprocess.run(check, capture_output=True, text=True, check=False)
    return len(path.read_text(encoding="utf-8").splitlines()), " ".join(found.stdout.split())
