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
        past = past.reshape([n if axis in (self.batch, self.time) else 1 for axis, n in enumerate(shape)])
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
        self.readers: dict[str, Any] = {}
        for statement in program.statements:
            for name in defined(statement):
                self.readers[name] = statement

    def layout(self, output: str) -> Layout:
        value = self.program.names.get(output, output)
        fact = self.program.facts.get(value) or self.program.inputs.get(value)
        if fact is None:
            return Layout()
        found = Layout(fact.dtype)
        for recurrence in self.upstream(value):
            axes = self.axes(recurrence, fact.shape)
            if axes is None:
                continue
            lengths = self.in_graph(recurrence.lengths)
            found = Layout(fact.dtype, axes[0], axes[1], lengths, recurrence.name)
            if axes[1] is not None:
                return found
        return found

    def upstream(self, value: str) -> list[Recurrence]:
        """The recurrences a value depends on, the nearest first."""
        seen, queue, found = {value}, [value], []
        while queue:
            statement = self.readers.get(queue.pop(0))
            if statement is None:
                continue
            inner = [s for s in walk((statement,)) if isinstance(s, Recurrence)]
            found += [s for s in inner if s not in found]
            for name in statement.inputs:
                if name not in seen:
                    seen.add(name)
                    queue.append(name)
        return found

    def axes(self, recurrence: Recurrence, shape: tuple[Any, ...] | None) -> tuple[int | None, int | None] | None:
        """(batch axis, time axis) by equality of sizes; sizes that are equal by chance are told apart by order."""
        if not shape or not (names := recurrence.sequences or recurrence.outputs):
            return None
        fact = self.program.facts.get(names[0])
        if fact is None or fact.shape is None or len(fact.shape) < 2:
            return None
        time, batch = fact.shape[0], fact.shape[1]
        lead = list(shape[:2])
        if len(lead) == 2 and lead in ([batch, time], [time, batch]) and len(shape) > 1:
            swapped = lead == [time, batch] and (batch != time or recurrence.time_major)
            return (1, 0) if swapped else (0, 1)
        if isinstance(batch, Size) and batch in lead:
            return (lead.index(batch), None)
        return (0, None) if lead[0] == batch else None

    def in_graph(self, name: str | None) -> str | None:
        """A tensor that the raw graph has too, so that the oracle can watch it."""
        if name is None:
            return None
        return name if split_tensor(name)[0] in self.graph.nodes else None


def place(layout: Layout, index: tuple[int, ...], /) -> dict[str, int]:
    """Row and step of an element, as far as the axes are known."""
    found: dict[str, int] = {}
    if layout.batch is not None and layout.batch < len(index):
        found["row"] = index[layout.batch]
    if layout.time is not None and layout.time < len(index):
        found["step"] = index[layout.time]
    return found


Layouts = Mapping[str, Layout]
