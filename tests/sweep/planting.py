"""Mistakes to plant: in the model (the known causes, one of each for each model), in one weight, and in the answers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.program import Program, Recurrence
from porting.diagnosis.driving import variants
from porting.diagnosis.surgery import applied, recurrences
from porting.verification import Candidate
from reference.cells.base import map_weights

LISTED = (
    "gates permuted", "forget_bias missing", "reset after", "reset before", "lengths off by one", "c and h swapped",
    "hard_sigmoid slope", "padding repeated", "backward direction not reversed by length",
)  # fmt: skip
"""The causes issue 6 lists; the others of ``porting.diagnosis`` are planted too."""
SMALL = 1e-5
"""By how much one weight is off: one part in 10^5."""


@dataclass(frozen=True)
class Plant:
    """A mistake in the model."""

    cause: str
    text: str
    program: Program


def in_model(program: Program, seed: int, /) -> Iterator[Plant]:
    """One of each cause that the model's recurrences allow, in one of them and in one form, both drawn."""
    random = np.random.default_rng(seed)
    by: dict[str, list[Any]] = {}
    for r in recurrences(program):
        for variant in variants(program, r):
            by.setdefault(variant.cause, []).append(variant)
    for cause, found in by.items():
        chosen = found[int(random.integers(len(found)))]
        yield Plant(cause, chosen.text, applied(program, [chosen]))
    yield from _one_weight(program, random)


def _one_weight(program: Program, random: np.random.Generator) -> Iterator[Plant]:
    """One weight of one recurrence off by one part in 10^5: for the audit."""
    names = [r.name for r in recurrences(program)]
    if not names:
        return
    chosen = names[int(random.integers(len(names)))]
    sizes: dict[str, int] = {}

    def count(path: str, value: Any) -> Any:
        if np.size(value) > 1 and np.asarray(value).dtype.kind == "f" and np.any(value):
            sizes[path] = int(np.size(value))
        return value

    (r,) = [r for r in recurrences(program) if r.name == chosen]
    map_weights(count, r.cell)
    if not sizes:
        return
    path = list(sizes)[int(random.integers(len(sizes)))]

    def off(name: str, value: Any) -> Any:
        if name != path:
            return value
        found = np.array(value)
        places = np.flatnonzero(found)
        found.flat[places[int(random.integers(len(places)))]] *= found.dtype.type(1 + SMALL)
        return found

    text = f"{path} of {chosen}: one weight off by {SMALL:g}"
    yield Plant("one weight off", text, _with_cell(program, r, map_weights(off, r.cell)))


def _with_cell(program: Program, r: Recurrence, cell: Any) -> Program:
    from porting.diagnosis.surgery import Variant

    return applied(program, [Variant("", "", r.name, (replace(r, cell=cell),))])


# ---- in the answers --------------------------------------------------------------------------------------------

DAMAGES = ("one row", "one column", "one value")


def damaged(right: Candidate, kind: str, floors: Mapping[str, float], every: int) -> Candidate:
    """The right port, wrong in one place of each ``every``-th run by 20 floors of its output, or by 1 where there is none."""
    seen = iter(range(1 << 30))

    def call(feeds: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        found = dict(right.call(feeds))
        if next(seen) % every:
            return found
        for name in found:
            value = np.array(found[name])
            if value.dtype.kind not in "fiu" or not value.size:
                continue
            _damage(kind, value, max(20 * floors.get(name, 0.0), 1e-30))
            found[name] = value
            break
        return found

    return replace(right, call=call, weights=None)


def _damage(kind: str, value: np.ndarray, amount: float) -> None:
    by = value.dtype.type(amount if value.dtype.kind == "f" else 1)
    if value.ndim < 2 or kind == "one value":
        value[(-1,) * value.ndim] += by
    elif kind == "one row":
        value[-1] += by
    else:
        value[..., -1] += by
