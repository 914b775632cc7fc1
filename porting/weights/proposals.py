"""What may fill a unit: one place for a plain layer; one for every layer and direction of a stack; a piece of an opaque vector."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from porting.weights.candidates import Place, places
from porting.weights.store import Store
from porting.weights.targets import GRU_AFTER, LSTM, RNN, Leaf, Unit
from reference.errors import SemanticsError
from reference.layouts.cudnn import CudnnShape

_NUMBERED = re.compile(r"cell_?(\d+)", re.IGNORECASE)
_DIRECTIONS = (
    re.compile(r"(.*_)?(fw|forward)(_.*)?", re.IGNORECASE),
    re.compile(r"(.*_)?(bw|backward)(_.*)?", re.IGNORECASE),
)
_MODES = {LSTM: "lstm", GRU_AFTER: "gru", RNN: "rnn_tanh"}
Key = tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """Places for all leaves of a unit, in the order of ``unit.leaves``."""

    places: tuple[Place, ...]

    @property
    def tensors(self) -> frozenset[str]:
        return frozenset(name for place in self.places for name in place.tensors)

    @property
    def problem(self) -> str:
        return next((place.problem for place in self.places if place.problem), "")

    @property
    def pieces(self) -> frozenset[tuple[str, object]]:
        """What only one unit may take: a variable, or a part of an opaque vector."""
        return frozenset(
            (name, None if place.pack is None else place.pack[1:])
            for place in self.places
            for name in place.tensors
        )

    def __str__(self) -> str:
        return " + ".join(dict.fromkeys(map(str, self.places)))


def proposals(unit: Unit, store: Store, scope: str, /) -> list[Proposal]:
    """All that fit, in order of name."""
    if not unit.leaves:
        return []
    directions = len(unit.grid[0])
    if len(unit.leaves) == 1:
        found = [Proposal((place,)) for place in places(unit.leaves[0], store, scope)]
    else:
        found = list(_stacks(unit, store, scope, len(unit.grid), directions))
    if unit.recurrent and (directions == 1 or len(unit.grid) == 1):
        found += [Proposal(run[0]) for run in opaque([unit], store, scope)]
    return found


def _stacks(
    unit: Unit, store: Store, scope: str, layers: int, directions: int
) -> Iterator[Proposal]:
    """Places that differ in nothing but the number of the cell and the word for the direction."""
    by_key: dict[Key, list[list[Place]]] = {}
    where = list(itertools.product(range(layers), range(directions)))
    for index, (leaf, (layer, direction)) in enumerate(zip(unit.leaves, where, strict=True)):
        for place in places(leaf, store, scope):
            for key in set(_keys(place.scope, layer, direction, layers, directions)):
                rows = by_key.setdefault(key, [[] for _ in where])
                rows[index].append(place)
    for _, rows in sorted(by_key.items()):
        for chosen in itertools.product(*rows):
            yield Proposal(chosen)


def _keys(scope: str, layer: int, direction: int, layers: int, directions: int) -> Iterator[Key]:
    parts = scope.split("/")
    cells: Sequence[int | None] = [None]
    sides: Sequence[int | None] = [None]
    if layers > 1:
        cells = [
            i for i, p in enumerate(parts) if (m := _NUMBERED.fullmatch(p)) and int(m[1]) == layer
        ]
    if directions > 1:
        sides = [i for i, p in enumerate(parts) if _DIRECTIONS[direction].fullmatch(p)]
    for i, j in itertools.product(cells, sides):
        known = [k for k in (i, j) if k is not None]
        # What follows the last number is the cell's own name, which differs in a mixed stack.
        yield tuple(
            "{cell}" if k == i else "{side}" if k == j else p
            for k, p in enumerate(parts[: max(known) + 1])
        )


def numbered(place: Place, /) -> Iterator[tuple[Key, int]]:
    """(all but the number, the number), for each numbered part of the scope."""
    parts = place.scope.split("/")
    for at, part in enumerate(parts):
        match = _NUMBERED.fullmatch(part)
        if match:
            yield (*parts[:at], "{cell}"), int(match[1])


def opaque(units: Sequence[Unit], store: Store, scope: str, /) -> Iterator[list[tuple[Place, ...]]]:
    """For each cuDNN vector that is as long as these units, one after the other, ask for: places by unit."""
    grid = [row for unit in units for row in unit.grid]
    shape = _cudnn_shape(grid)
    if shape is None:
        return
    for name in store.names(scope):
        if store.shapes[name] != (shape.size,):
            continue
        layer, found = 0, []
        for unit in units:
            spots = [(layer + k, d) for k, row in enumerate(unit.grid) for d in range(len(row))]
            found.append(
                tuple(Place(name, "cudnn opaque", (name,), pack=(shape, *spot)) for spot in spots)
            )
            layer += len(unit.grid)
        yield found


def _cudnn_shape(grid: Sequence[tuple[Leaf, ...]]) -> CudnnShape | None:
    """The shape of a cuDNN network of these cells; None where it could hold no such network."""
    first = grid[0][0]
    directions, units = len(grid[0]), first.units
    for number, row in enumerate(grid):
        below = first.features if number == 0 else units * directions
        if len(row) != directions or any(
            leaf.kind != first.kind or leaf.units != units or leaf.features != below for leaf in row
        ):
            return None
    mode = _MODES.get(first.kind)
    if mode is None:
        return None
    mode = "rnn_relu" if mode == "rnn_tanh" and first.relu else mode
    try:
        return CudnnShape(mode, len(grid), units, first.features, directions == 2)
    except SemanticsError:
        return None
