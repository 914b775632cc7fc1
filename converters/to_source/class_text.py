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

    @property
    def key(self) -> tuple[str, str]:
        """What two classes share where one will do: what they are called but for the underscores that told them apart, and all behind the name."""
        return self.name.rstrip("_"), self.text.split(self.name, 1)[1]


def indented(lines: Iterable[str], depth: int = 2, /) -> str:
    """Lines inside of a class' function."""
    return "\n".join(f"{'    ' * depth}{line}" if line else "" for line in lines)
