"""docs/sweep.md out of the JSON results."""

from __future__ import annotations

from pathlib import Path


def write(results: list[Path], root: Path) -> None:
    """Placeholder."""
