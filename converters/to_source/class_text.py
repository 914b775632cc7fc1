"""A class of the source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class CellClass:
    """Its text.

    Args:
        helpers: functions of the source that it calls.
    """

    name: str
    text: str
    helpers: set[str]


def indented(lines: Iterable[str], depth: int = 2, /) -> str:
    """Lines inside of a class' function."""
    return "\n".join(f"{'    ' * depth}{line}" if line else "" for line in lines)
