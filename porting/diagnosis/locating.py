"""Where a difference is first: recurrence, layer, direction, time step, state part, valid or padded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.program import Program, Recurrence, defined
from porting.diagnosis.surgery import recurrences
from porting.diagnosis.trial import Bench
from porting.verification.places import Layout
from reference import states

_PASSING = (
    "Identity",
    "Transpose",
    "ReverseV2",
    "ReverseSequence",
    "Reshape",
    "StopGradient",
    "Cast",
)


class Shape:
    """Which recurrence feeds which, and which output comes from where."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.maker = {name: s for s in program.statements for name in defined(s)}
        self.order = {r.name: k for k, r in enumerate(recurrences(program))}
        self.by_name = {r.name: r for r in recurrences(program)}
        self._needs: dict[str, frozenset[str]] = {}

    def upstream(self, value: str) -> frozenset[str]:
        """The recurrences that a value depends on."""
        if value in self._needs:
            return self._needs[value]
        found, stack, seen = set(), [value], {value}
        while stack:
            statement = self.maker.get(stack.pop())
            if statement is None:
                continue
            if isinstance(statement, Recurrence):
                found.add(statement.name)
            for name in statement.inputs:
                if name not in seen:
                    seen.add(name)
                    stack.append(name)
        self._needs[value] = frozenset(found)
        return self._needs[value]

    def output(self, name: str) -> frozenset[str]:
        return self.upstream(self.program.names.get(name, name))

    def layer(self, name: str) -> int:
        """How many recurrences lie below it, one on another; -1 where it lies inside a loop."""
        recurrence = self.by_name[name]
        below = {n for value in recurrence.sequences for n in self.upstream(value)} - {name}
        return max((self.layer(n) + 1 for n in below), default=0)

    def part(self, output: str) -> tuple[str, str] | None:
        """(recurrence, ``"output"`` or state part) whose value an output is, seen through transposes."""
        value = self.program.names.get(output, output)
        for _ in range(16):
            statement = self.maker.get(value)
            if isinstance(statement, Recurrence):
                if value in statement.outputs:
                    return statement.name, "output"
                places = states.paths(statement.cell.state_size)
                index = statement.final_state.index(value)
                return statement.name, (places[index] if index < len(places) else "") or "state"
            if (
                statement is None
                or getattr(getattr(statement, "node", None), "op", "") not in _PASSING
            ):
                return None
            value = statement.inputs[0]
        return None


def suspects(shape: Shape, differing: set[str], equal: set[str], /) -> list[str]:
    """Recurrences that all differing outputs depend on and no equal one does, in the order in which they run.

    A recurrence whose own value is among the outputs is cleared by that value alone: an equal output far behind may not show a difference.
    """
    if not differing:
        return []
    some = frozenset.union(*(shape.output(name) for name in differing))
    every = frozenset.intersection(*(shape.output(name) for name in differing)) or some
    clear = {n for name in equal for n in shape.output(name)}
    found = (every - clear) or (some - clear) or every
    return sorted(found, key=shape.order.__getitem__)


def locate(bench: Bench, shape: Shape, number: int, chosen: str | None = None, /) -> dict[str, Any]:
    """The first differing tensor of one run, and the first differing element in it.

    Args:
        chosen: the recurrence that is known to be at fault.
    """
    ratios = bench.differences()
    differing = {name for name, ratio in ratios.items() if (ratio > 1).any()}
    if not differing:
        return {}
    names = suspects(shape, differing, set(ratios) - differing)
    recurrence = chosen or (names[0] if names else None)
    tensor = _first_tensor(shape, bench, differing, recurrence)
    layout = bench.floors.layouts.get(tensor, Layout())
    backward = recurrence is not None and shape.by_name[recurrence].direction == "backward"
    index = _first(ratios[tensor] > 1, layout, backward=backward)
    found: dict[str, Any] = {"tensor": tensor, "run": number, "index": list(index)}
    if layout.batch is not None and layout.batch < len(index):
        found["row"] = index[layout.batch]
    if layout.time is not None and layout.time < len(index):
        found["step"] = index[layout.time]
        past = bench.padded(tensor)
        found["region"] = "padded" if past is not None and past[index] else "valid"
    part = shape.part(tensor)
    if part is not None and part[1] != "output":
        found["part"] = part[1]
    return found | (about(shape, recurrence) if recurrence else {})


def about(shape: Shape, recurrence: str, /) -> dict[str, Any]:
    """What a recurrence is called in a place."""
    r = shape.by_name[recurrence]
    return {
        "recurrence": r.name,
        "cell": type(r.cell).__name__,
        "layer": shape.layer(r.name),
        "direction": r.direction,
    }


def _first_tensor(shape: Shape, bench: Bench, differing: set[str], recurrence: str | None) -> str:
    """The recurrence's own sequence before its states, before what lies behind."""

    def rank(name: str) -> tuple[int, int, int]:
        part = shape.part(name)
        own = part is not None and part[0] == recurrence
        far = 0 if own and part is not None and part[1] == "output" else 1 if own else 2
        return far, len(shape.output(name)), list(bench.outputs).index(name)

    return min(differing, key=rank)


def _first(wrong: np.ndarray, layout: Layout, *, backward: bool) -> tuple[int, ...]:
    """The first step at which anything is wrong, in the order in which the steps are run."""
    places = np.argwhere(wrong)
    if layout.time is not None and layout.time < wrong.ndim:
        steps = places[:, layout.time]
        places = places[steps == (steps.max() if backward else steps.min())]
    return tuple(int(i) for i in places[0]) if wrong.ndim else ()


def in_words(place: Mapping[str, Any], /) -> str:
    """``"at step 3 of row 1 (padded)"``.

    >>> in_words({"tensor": "y:0", "step": 3, "row": 1, "region": "padded"})
    'y:0 at step 3 of row 1, padded'
    """
    text = str(place.get("tensor", ""))
    if "step" in place:
        text += f" at step {place['step']}"
    if "row" in place:
        text += f"{' of' if 'step' in place else ' in'} row {place['row']}"
    if place.get("region") == "padded":
        text += ", padded"
    return text
