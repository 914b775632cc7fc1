"""For people's own tests: ``docs/testing.md``. Each name is imported when it is first asked for; strategies need Hypothesis."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from porting.asserting import assert_equivalent
    from porting.testing.cases import RAGGED, Ragged
    from porting.testing.recordings import Recordings
    from porting.testing.strategies import cells, lengths, ragged, states
    from porting.verification.samples import Run

_PLACES = {
    "RAGGED": "porting.testing.cases", "Ragged": "porting.testing.cases",
    "Recordings": "porting.testing.recordings", "Run": "porting.verification.samples",
    "assert_equivalent": "porting.asserting", "cells": "porting.testing.strategies",
    "lengths": "porting.testing.strategies", "ragged": "porting.testing.strategies",
    "states": "porting.testing.strategies",
}  # fmt: skip

__all__ = [
    "RAGGED",
    "Ragged",
    "Recordings",
    "Run",
    "assert_equivalent",
    "cells",
    "lengths",
    "ragged",
    "states",
]


def __getattr__(name: str) -> Any:
    """PEP 562."""
    if name not in _PLACES:
        msg = f"module 'porting.testing' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
