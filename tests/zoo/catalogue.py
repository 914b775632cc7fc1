"""Reads the zoo: one :class:`ZooModel` for each folder of ``models/``. NumPy only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

MODELS = Path(__file__).parent / "models"
NATIVE = frozenset({"LSTM", "GRU", "RNN"})
FORMS = NATIVE | {"Scan", "Loop", "unrolled"}


@dataclass(frozen=True)
class Expected:
    """What one recurrence becomes under ``--prefer native``, and what else would be right."""

    form: str
    also: tuple[str, ...]
    cell: str
    units: int | tuple[int, ...]
    direction: str
    reason: str | None
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One recorded run; keys are tensor names, such as ``x:0``."""

    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


@dataclass(frozen=True)
class ZooModel:
    """A folder of the zoo. ``card`` is the JSON object as read."""

    folder: Path
    card: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def graph(self) -> Path:
        """The frozen graph."""
        return self.folder / "frozen.pb"

    @property
    def samples(self) -> Path | None:
        """The recordings; None for a graph no CPU runs."""
        return self.folder / "samples.npz" if self.card["recorded"] else None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Tensor names, in the order of the card."""
        return tuple(entry["name"] for entry in self.card["inputs"])

    @property
    def outputs(self) -> tuple[str, ...]:
        """Tensor names, in the order of the card."""
        return tuple(entry["name"] for entry in self.card["outputs"])

    @cached_property
    def expected(self) -> tuple[Expected, ...]:
        """One entry a recurrence, in the order of the card."""
        return tuple(
            Expected(
                form=entry["form"],
                also=tuple(entry["also"]),
                cell=entry["cell"],
                units=tuple(units) if isinstance(units := entry["units"], list) else units,
                direction=entry["direction"],
                reason=entry["reason"],
                parameters=entry["parameters"],
            )
            for entry in self.card["recurrences"]
        )

    def meta(self) -> dict[str, Any]:
        """The ``meta`` object of the samples; empty where nothing is recorded."""
        if self.samples is None:
            return {}
        with np.load(self.samples, allow_pickle=False) as archive:
            fields: dict[str, Any] = json.loads(archive["meta"].item())
        return fields

    def runs(self) -> list[Run]:
        """The recorded runs in order; empty where nothing is recorded."""
        if self.samples is None:
            return []
        found: dict[int, Run] = {}
        with np.load(self.samples, allow_pickle=False) as archive:
            for key in archive.files:
                head, _, tensor = key.partition(":")
                if not tensor:
                    continue
                run = found.setdefault(int(head.lstrip("inout")), Run({}, {}))
                (run.inputs if head.startswith("in") else run.outputs)[tensor] = archive[key]
        return [found[index] for index in sorted(found)]


def zoo() -> list[ZooModel]:
    """All models, by name."""
    cards = sorted(MODELS.glob("*/card.json"))
    return [ZooModel(path.parent, json.loads(path.read_text("utf-8"))) for path in cards]


def zoo_model(name: str) -> ZooModel:
    """The model of that name.

    Raises:
        FileNotFoundError: the zoo has no such model.
    """
    path = MODELS / name / "card.json"
    return ZooModel(path.parent, json.loads(path.read_text("utf-8")))
