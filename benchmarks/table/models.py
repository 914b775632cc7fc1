"""The models of a row, made once and kept: the original graph, our exports, the other converters', the products alone.

Ours are made anew when a source file of ours has changed; what a converter refused is kept as its reason.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import products
from benchmarks.table.rows import Row

LONGEST = 1800
"""Seconds a converter may take."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Setup:
    """Where models lie, and who converts."""

    models: Path
    threads: int
    rounds: int
    other: str | None
    """A Python with TensorFlow, Keras and tf2onnx."""
    contenders: tuple[str, ...]
    seconds: float = 0.0
    """Rounds go on until this much time is used."""


@dataclass
class Made:
    """A row's contenders: runner, file and feeds by name; or why there is none."""

    found: dict[str, tuple[str, Path, dict[str, np.ndarray]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    forms: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def make(row: Row, setup: Setup, /) -> Made:
    """Make what is missing."""
    made = Made()
    source = _graph(row, setup)
    for name in setup.contenders:
        try:
            made.found[name] = _contender(name, row, setup, source, made)
        except Exception as error:  # a refusal is a result
            made.failed[name] = f"{type(error).__name__}: {str(error)[:300]}"
    return made


def _contender(name: str, row: Row, setup: Setup, source: Path, made: Made) -> Any:
    feeds = row.feeds()
    if name == "tf":
        return "tf", source, feeds
    target = setup.models / f"{row.graph}.{name}.onnx"
    if name == "products":
        target = setup.models / f"{row.kind}-u{row.units}.products.onnx"
        products.write(row, target)
        return "onnx", target, products.feeds(row)
    if name.startswith("ours"):
        said = _ours(name, source, target)
        if name == "ours":
            made.forms, made.reasons = said["forms"], said["reasons"]
    else:
        _other(name, row, setup.other, source, target)
    return "onnx", target, feeds


def _graph(row: Row, setup: Setup) -> Path:
    target = setup.models / f"{row.graph}.pb"
    if not target.exists():
        sizes = map(str, (row.features, row.units, row.steps, int(row.ragged)))
        module = "benchmarks.table.graphs"
        _run([sys.executable, "-m", module, str(target), row.kind, *sizes])
    return target


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise RuntimeError(lines[-1][:300] if lines else f"status {done.returncode}")


@cache
def sources() -> str:
    """The SHA-256 of every source file that has a part in an export."""
    found = hashlib.sha256()
    for folder in ("converters", "reference"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()


def _ours(name: str, source: Path, target: Path) -> dict[str, Any]:
    """Default options, but for what the contender's name says: ``ours-int8``, ``ours-whole``, ``ours-native``."""
    from converters.lift import lift
    from converters.read_graphdef import read
    from converters.to_onnx import save, to_onnx

    card = target.with_suffix(".json")
    if card.exists() and target.exists():
        held: dict[str, Any] = json.loads(card.read_text())
        if held["sources"] == sources():
            return held
    option = name.removeprefix("ours").removeprefix("-")
    chosen: dict[str, Any] = {
        "int8": {"dtype": "int8"},
        "whole": {"ragged": False},
        "native": {"prefer": "native"},
    }.get(option, {})
    exported = to_onnx(lift(read(source), outputs=["y:0"]), **chosen)
    save(exported, target)
    records = exported.recurrences
    said = {
        "sources": sources(),
        "forms": [record.form for record in records],
        "reasons": sorted({record.reason for record in records if record.reason}),
    }
    card.write_text(json.dumps(said))
    return said


def _other(name: str, row: Row, python: str | None, source: Path, target: Path) -> None:
    """By another converter; its refusal is kept beside."""
    refusal = target.with_suffix(".refused")
    if target.exists():
        return
    if refusal.exists():
        raise RuntimeError(refusal.read_text())
    if python is None:
        msg = "no Python with tf2onnx was given (--tf2onnx)"
        raise RuntimeError(msg)
    start = [python, "-m", "benchmarks.table.others", name, str(target)]
    sizes = map(str, (row.features, row.units, row.steps, int(row.ragged)))
    try:
        _run([*start, str(source)] if name == "tf2onnx" else [*start, row.kind, *sizes])
    except RuntimeError as error:
        part = refusal.with_name(f"{refusal.name}.{os.getpid()}")
        part.write_text(str(error))
        part.replace(refusal)
        raise
