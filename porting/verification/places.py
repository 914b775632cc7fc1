"""Where rows, time steps and padding lie in an output tensor, from the lift's symbolic shapes.

This only decides which values share a floor and how a place is named: a mistake of the lift here cannot make a wrong number right,
because the floors come from the raw graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import Graph, split_tensor
from converters.program import Program, Recurrence, defined, walk
from reference.vocabulary.abstract.sizes import Size


@dataclass(frozen=True)
class Layout:
    """The axes of one output tensor; None where they cannot be told."""

    dtype: str | None = None
    batch: int | None = None
    time: int | None = None
    lengths: str | None = None
    """The graph tensor ``[B]`` that says where padding begins."""
    recurrence: str | None = None
    """The recurrence nearest before this output."""

    def padded(self, shape: tuple[int, ...], lengths: np.ndarray | None, /) -> np.ndarray | None:
        """Bool of ``shape``, True past the row's length; None where nothing is padded."""
        if lengths is None or self.time is None or self.batch is None or len(shape) <= self.time:
            return None
        rows, steps = shape[self.batch], shape[self.time]
        if np.shape(lengths) != (rows,):
            return None
        past = np.arange(steps)[None, :] >= np.asarray(lengths)[:, None]
        if self.batch > self.time:
            past = past.T
        past = past.reshape(
            [n if axis in (self.batch, self.time) else 1 for axis, n in enumerate(shape)]
        )
        return np.broadcast_to(past, shape)


def layouts(program: Program | None, graph: Graph, outputs: Iterable[str], /) -> dict[str, Layout]:
    """A layout for each output."""
    if program is None:
        return {name: Layout() for name in outputs}
    finder = _Finder(program, graph)
    return {name: finder.layout(name) for name in outputs}


class _Finder:
    def __init__(self, program: Program, graph: Graph) -> None:
        self.program, self.graph = program, graph

    def layout(self, output: str) -> Layout:
        value = self.program.names.get(output, output)
        fact = self.program.facts.get(value) or self.program.inputs.get(value)
        if fact is None:
            return Layout()
        upstream = self.upstream(value)
        nearest = upstream[0].name if upstream else None
        shape = fact.shape or ()
        for recurrence in upstream:
            time = self.time_axis(recurrence, shape)
            if time is not None:
                return Layout(
                    fact.dtype, 1 - time, time, self.in_graph(recurrence.lengths), recurrence.name
                )
        rows = next((axis for axis, size in enumerate(shape) if isinstance(size, Size)), None)
        return Layout(fact.dtype, rows, None, None, nearest)

    def upstream(self, value: str) -> list[Recurrence]:
        """The recurrences a value depends on, the last of the program first."""
        needed, found = {value}, []
        for statement in reversed(self.program.statements):
            if needed.isdisjoint(defined(statement)):
                continue
            needed.update(statement.inputs)
            found += [s for s in walk((statement,)) if isinstance(s, Recurrence)]
        return found

    def time_axis(self, recurrence: Recurrence, shape: tuple[Any, ...]) -> int | None:
        """0 or 1 where the tensor has the steps of the recurrence on that axis, and rows on the other."""
        names = (*recurrence.sequences, *recurrence.outputs)
        fact = (
            self.program.facts.get(names[0]) or self.program.inputs.get(names[0]) if names else None
        )
        if fact is None or not fact.shape or len(shape) < 2:
            return None
        time = fact.shape[0]
        axes = [axis for axis in (0, 1) if shape[axis] == time]
        if len(axes) == 2:
            return 0 if recurrence.time_major else 1
        if not axes or not (isinstance(time, Size) or isinstance(shape[1 - axes[0]], Size)):
            return None
        return axes[0]

    def in_graph(self, name: str | None) -> str | None:
        """A tensor that the raw graph has too, so that the oracle can watch it."""
        if name is None:
            return None
        return name if split_tensor(name)[0] in self.graph.nodes else None


def time_axis_of(
    program: Program, graph: Graph, recurrence: Recurrence, shape: tuple[Any, ...], /
) -> int | None:
    """0 or 1 where a tensor of that shape has the recurrence's steps on that axis, and rows on the other."""
    return _Finder(program, graph).time_axis(recurrence, shape)


def place(layout: Layout, index: tuple[int, ...], /) -> dict[str, int]:
    """Row and step of an element, as far as the axes are known."""
    found: dict[str, int] = {}
    if layout.batch is not None and layout.batch < len(index):
        found["row"] = index[layout.batch]
    if layout.time is not None and layout.time < len(index):
        found["step"] = index[layout.time]
    return found


Layouts = Mapping[str, Layout]
