"""A step model as a candidate: samples are cut at random places, and the states handed on from piece to piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from converters.graph import split_tensor
from converters.program import Program, Recurrence
from porting.verification.candidates import Arrays, Candidate, onnx_candidate
from porting.verification.original import Original
from reference.vocabulary.abstract.sizes import Size

CUTS = 3
"""Pieces that a sequence is cut into, where it is long enough."""


def streaming_candidate(
    original: Original,
    program: Program,
    states: Sequence[tuple[str, str]],
    path: Path,
    threads: int,
    /,
) -> Candidate:
    """The step model at ``path``, fed as the whole model is.

    Args:
        states: (input, output) of each state part, in the order of the program's recurrences.
    """
    step = onnx_candidate(path, threads=threads)
    pieces = _Pieces(original, program, states, step)
    return Candidate(
        pieces.run, original.inputs, program.outputs, "onnx", step.origin, step.weights, threads
    )


class _Pieces:
    def __init__(
        self,
        original: Original,
        program: Program,
        states: Sequence[tuple[str, str]],
        step: Candidate,
    ) -> None:
        self.original, self.program, self.states, self.step = original, program, states, step
        found = [s for s in program.statements if isinstance(s, Recurrence)]
        self.starts = [name for recurrence in found for name in recurrence.initial_state]
        self.lengths = {r.lengths for r in found if r.lengths}
        self.times = {
            fact.shape[0]
            for r in found
            for n in r.sequences
            if (fact := self._fact(n)) and fact.shape
        }

    def _fact(self, name: str) -> Any:
        return self.program.facts.get(name) or self.program.inputs.get(name)

    def axis(self, name: str) -> int | None:
        """The axis of time of an input or output."""
        fact = self._fact(self.program.names.get(name, name))
        dims = fact.shape if fact is not None and fact.shape is not None else ()
        return next(
            (i for i, dim in enumerate(dims) if isinstance(dim, Size) and dim in self.times), None
        )

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """All outputs for one whole run."""
        axes = {name: axis for name in feeds if (axis := self.axis(name)) is not None}
        steps = max((feeds[name].shape[axis] for name, axis in axes.items()), default=1)
        state = self._initial(feeds)
        parts: list[dict[str, np.ndarray]] = []
        for start, stop in _cuts(steps):
            piece = {name: value for name, value in feeds.items() if name in self.step.inputs}
            for name in piece:
                if name in axes:
                    piece[name] = np.take(feeds[name], np.arange(start, stop), axis=axes[name])
                elif name in self.lengths:
                    piece[name] = np.clip(feeds[name] - start, 0, stop - start).astype(
                        feeds[name].dtype
                    )
            found = self.step.run(piece | state)
            state = {taken: found[given] for taken, given in self.states}
            parts.append(found)
        return {name: self._joined(name, parts) for name in self.program.outputs}

    def _joined(self, name: str, parts: list[dict[str, np.ndarray]]) -> np.ndarray:
        axis = self.axis(name)
        return (
            parts[-1][name]
            if axis is None
            else np.concatenate([part[name] for part in parts], axis=axis)
        )

    def _initial(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The states before the first piece, as the raw graph computes them; parts that the lift cut out of its tensors, as the lift does."""
        from converters import oracle

        graph, constants = self.original.artefact.graph, self.program.constants
        wanted = [name for name in self.starts if name not in constants]
        made = [name for name in wanted if split_tensor(name)[0] not in graph.nodes]
        raw = [name for name in wanted if name not in made]
        given = self.original.feeds(feeds)
        known = oracle.run(graph, given, raw) if raw else {}
        if made:
            known |= self._made_up(made, given)
        values = [constants[name] if name in constants else known[name] for name in self.starts]
        shapes = [np.asarray(value) for value in values]
        return {taken: value for (taken, _), value in zip(self.states, shapes, strict=True)}

    def _made_up(
        self, names: Sequence[str], feeds: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Values of the Program that are no tensors of the graph, such as one part of a packed state."""
        from converters.lift.dead import keep_live
        from converters.lift.execute import execute

        statements, _ = keep_live(self.program.statements, names)
        part = replace(self.program, statements=statements, outputs=tuple(names), names={})
        return execute(part, {name: feeds[name] for name in part.inputs})


def _cuts(steps: int) -> list[tuple[int, int]]:
    """Pieces of at least one step that cover all, at places that depend on ``steps`` alone."""
    count = min(CUTS, max(steps, 1)) - 1
    order = np.random.default_rng(steps).permutation(np.arange(1, max(steps, 1)))
    edges = [0, *sorted(int(place) for place in order[:count]), steps]
    return list(pairwise(edges))
