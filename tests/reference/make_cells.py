"""Small random float64 cells of every kind, biases non-zero, for tests that need no recording."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.cells.base import map_weights
from tests.reference.build_cells import build
from tests.support.goldens import recorded


def of_every_kind(*families: str, mode: str = "dynamic") -> dict[str, tuple[Any, Any]]:
    """By case name: (golden, float64 cell)."""
    found = {}
    for family in families or ("core", "contrib", "grids", "wrappers"):
        for g in recorded(family):
            if g.card["mode"] == mode and g.card["dtype"] == "float32":
                cell = build(g.card["spec"], g.group("var/"), **g.card)
                found[g.card["name"]] = (g, map_weights(lambda _, w: w.astype(np.float64), cell))
    return found


def random_cell(make: Any, seed: int, *shapes: tuple[int, ...], **options: Any) -> Any:
    """``make(*weights, **options)`` with normal weights."""
    rng = np.random.default_rng(seed)
    return make(*(0.6 * rng.standard_normal(s) for s in shapes), **options)
