"""Which unit takes which proposal. Shapes come first; what is left over is decided by names that somebody chose and by the order of a chain, or
refused with the list of what fits."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from porting.weights.candidates import Place
from porting.weights.proposals import Proposal, numbered, opaque, proposals
from porting.weights.store import Store
from porting.weights.targets import Unit, upstream
from reference.errors import UsageError


class Matching:
    """Eliminates until nothing moves any more.

    Raises:
        UsageError: two units could take the same variables, or one could take several.
    """

    def __init__(self, units: Sequence[Unit], store: Store, scopes: Mapping[str, str], /) -> None:
        self.units, self.store = units, store
        self.scopes = scopes
        self.open = {unit: proposals(unit, store, self.scope(unit)) for unit in units}
        self.taken: dict[Unit, Proposal] = {}
        self._propose_runs()
        self._settle()

    def scope(self, unit: Unit) -> str:
        return self.scopes.get(unit.name, self.scopes.get("", ""))

    def _propose_runs(self) -> None:
        """A cuDNN vector may hold several layers that are one after the other in the model."""
        chain = [unit for unit in self.units if unit.recurrent]
        for start in range(len(chain)):
            for stop in range(start + 2, len(chain) + 1):
                run = chain[start:stop]
                if len({self.scope(unit) for unit in run}) > 1 or not _chained(run):
                    continue
                for found in opaque(run, self.store, self.scope(run[0])):
                    for unit, places in zip(run, found, strict=True):
                        self.open[unit].append(Proposal(places))

    def _settle(self) -> None:
        while True:
            if self._take_single() or self._take_named() or self._take_chain():
                continue
            break
        for unit, found in self.open.items():
            if unit not in self.taken and found:
                self._refuse(unit, found)

    def _take(self, unit: Unit, proposal: Proposal) -> None:
        self.taken[unit] = proposal
        for other, found in self.open.items():
            if other is unit or other in self.taken:
                continue
            left = [p for p in found if not p.pieces & proposal.pieces]
            if found and not left:
                msg = (
                    f"layers {unit.name!r} and {other.name!r} both fit {proposal} alone: say which is meant with "
                    f"scope={{{unit.name!r}: ..., {other.name!r}: ...}}, or load the layers one by one"
                )
                raise UsageError(msg)
            self.open[other] = left

    def _take_single(self) -> bool:
        for unit, found in self.open.items():
            if unit not in self.taken and len(found) == 1:
                self._take(unit, found[0])
                return True
        return False

    def _take_named(self) -> bool:
        for unit, found in self.open.items():
            if unit in self.taken or len(found) < 2 or unit.told_name is None:
                continue
            told = [
                p for p in found if any(unit.name in place.scope.split("/") for place in p.places)
            ]
            if len(told) == 1:
                self._take(unit, told[0])
                return True
        return False

    def _take_chain(self) -> bool:
        """As many equal layers, one feeding the next, as there are cells numbered under one scope."""
        left = [unit for unit in self.units if unit not in self.taken and len(self.open[unit]) > 1]
        for unit in left:
            group = [other for other in left if set(self.open[other]) == set(self.open[unit])]
            found = self.open[unit]
            if len(group) != len(found) or not _chained(group):
                continue
            order = _order([proposal.places for proposal in found])
            if order is not None:
                for member, index in zip(group, order, strict=True):
                    self._take(member, found[index])
                return True
        return False

    def _refuse(self, unit: Unit, found: Sequence[Proposal]) -> None:
        listed = "; ".join(str(proposal) for proposal in found[:12])
        msg = (
            f"layer {unit.name!r} could be any of {len(found)} places in {self.store.where}: {listed}. Say which with "
            f"scope={{{unit.name!r}: {str(found[0])!r}, …}}"
        )
        raise UsageError(msg)


def _chained(units: Sequence[Unit]) -> bool:
    """Whether each layer depends on the one before."""
    return all(id(a.layer) in upstream(b.layer) for a, b in itertools.pairwise(units))


def _order(found: Sequence[tuple[Place, ...]]) -> list[int] | None:
    """The indexes of the proposals by the number of their cell, where that is all they differ in."""
    readings = [dict(set(numbered(places[0]))) for places in found]
    for key in readings[0]:
        numbers = [reading.get(key) for reading in readings]
        if None not in numbers and len(set(numbers)) == len(numbers):
            return sorted(range(len(found)), key=lambda k: numbers[k] or 0)
    return None
