"""Reads ``tests/goldens/reference/*.npz`` (see FORMAT.md there)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent / "goldens" / "reference"


@dataclass(frozen=True)
class Golden:
    """One recorded case: what was run, and every array that went in or came out."""

    card: dict[str, Any]
    arrays: dict[str, np.ndarray[Any, Any]]

    @property
    def id(self) -> str:
        parts = [self.card["name"], self.card.get("mode", ""), self.card.get("dtype", "")]
        return "-".join(p for p in parts if p)

    def group(self, prefix: str) -> dict[str, np.ndarray[Any, Any]]:
        """The arrays whose key begins with ``prefix``, without it."""
        return {k[len(prefix) :]: v for k, v in self.arrays.items() if k.startswith(prefix)}

    def row(self, letter: str) -> list[np.ndarray[Any, Any]]:
        """The arrays ``letter0``, ``letter1``, … in order."""
        found = []
        while f"{letter}{len(found)}" in self.arrays:
            found.append(self.arrays[f"{letter}{len(found)}"])
        return found


@cache
def load(family: str) -> tuple[Golden, ...]:
    """Every case of a family."""
    with np.load(ROOT / f"{family}.npz", allow_pickle=False) as archive:
        meta, data = json.loads(str(archive["meta"])), archive["data"].tobytes()
    assert meta["format"] == 1
    found = []
    for card in meta["cases"]:
        arrays = {}
        for key, (dtype, shape, offset) in card.pop("arrays").items():
            count = int(np.prod(shape, dtype=np.int64))
            arrays[key] = np.frombuffer(data, dtype, count, offset).reshape(shape)
        found.append(Golden(card, arrays))
    return tuple(found)


def recorded(family: str) -> tuple[Golden, ...]:
    """The cases TF accepted."""
    return tuple(g for g in load(family) if "refused" not in g.card)
