"""Chaotic models, a few steps at a time from T's own states: what whole sequences cannot show.

Where every state is an input of the port, each time step of a run becomes a row of a new run that starts from the state T had there and is 1 (or 3)
steps long. Such runs are not chaotic, and are judged as any other. The starting states come from the lifted model; a mistake of the lift there
only makes another, equally good start, because the oracle and the port both set out from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.lift.execute import Executor
from converters.program import Program, Recurrence
from porting.verification.places import time_axis_of
from reference import states
from reference.errors import ArtefactError, RnnportError

if TYPE_CHECKING:
    from porting.verification.candidates import Candidate
    from porting.verification.judge import Judge
    from porting.verification.original import Original

Arrays = Mapping[str, np.ndarray]
WINDOWS = (1, 3)
"""Steps of the short runs: one, and a few, which also see that states are handed on."""
PLACES = 64
"""Steps of a run from which short runs start, at most."""


class Watching:
    """A cell that remembers the states it was given."""

    def __init__(self, cell: Any) -> None:
        self.cell = cell
        self.seen: list[list[np.ndarray]] = []

    @property
    def state_size(self) -> Any:
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        return self.cell.output_size

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        self.seen.append([np.asarray(part) for part in states.flatten(state)])
        result: tuple[Any, Any] = self.cell.step(ops, x, state)
        return result


@dataclass(frozen=True)
class Roles:
    """What each input of a program is to its recurrences."""

    sequences: Mapping[str, int]
    """Input to time axis, 0 or 1."""
    starts: Mapping[str, tuple[Recurrence, int]]
    """Input to the state part it is."""
    lengths: frozenset[str]


def roles(original: Original, /) -> Roles | str:
    """The roles, or why the model cannot be run in short pieces."""
    program = original.program
    if program is None:
        return "it was not lifted"
    found = [s for s in program.statements if isinstance(s, Recurrence)]
    starts = {name: (r, k) for r in found for k, name in enumerate(r.initial_state)}
    inner = [name for name in starts if name not in program.inputs]
    if not found or inner:
        return f"the state {inner[0]} is no input" if inner else "it has no recurrence at its top"
    lengths = frozenset(r.lengths for r in found if r.lengths)
    if not lengths <= set(program.inputs):
        return "its lengths are computed"
    sequences = {}
    for name, fact in program.inputs.items():
        if name in starts or name in lengths:
            continue
        axes = {time_axis_of(program, original.artefact.graph, r, fact.shape or ()) for r in found}
        axis = next((a for a in axes if a is not None), None)
        if axis is None or any(isinstance(n, int) for n in (fact.shape or ())[:2]):
            return f"the input {name} is no sequence of open length and batch"
        sequences[name] = axis
    return Roles(sequences, starts, lengths) if sequences else "no input is a sequence"


def stepwise(
    original: Original,
    candidate: Candidate,
    runs: list[tuple[int, Arrays]],
    judge: Judge,
    /,
    *,
    running: bool = False,
) -> list[tuple[int, Arrays]] | str:
    """Put short runs before ``judge``, and give their inputs; or why it cannot be done.

    Args:
        running: leave out rows that are over, which a port whose states were set from outside need not hand through.
    """
    found = roles(original)
    if isinstance(found, str):
        return found
    assert original.program is not None
    taken: list[tuple[int, Arrays]] = []
    try:
        for number, inputs in runs:
            for width in WINDOWS:
                short = pieces(original.program, found, original.feeds(inputs), width)
                if short is not None and running:
                    short = _running(found, short)
                if short is not None:
                    taken.append((number, short))
                    answered = _answer(candidate, original.feeds(short))
                    judge.take(number, original.run(short), {}, answered)
    except (RnnportError, ValueError, TypeError, RuntimeError, IndexError) as error:
        return f"a short run fails: {' '.join(str(error).split())[:200]}"
    return taken or "no run is long enough"


def _answer(candidate: Candidate, feeds: Arrays) -> dict[str, np.ndarray]:
    """What the candidate gives.

    Raises:
        ArtefactError: it fails, in whatever way.
    """
    try:
        return candidate.run(feeds)
    except Exception as error:
        msg = f"the port: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ArtefactError(msg) from error


def _running(found: Roles, short: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """The rows that have a step to run: a port whose states were never set has no need to hand them through at length 0."""
    for name in found.lengths:
        rows = short[name] > 0
        short = {
            k: np.compress(rows, v, axis=1 - found.sequences[k] if k in found.sequences else 0)
            for k, v in short.items()
        }
    sizes = [len(short[name]) for name in (*found.starts, *found.lengths)]
    return short if all(sizes) else None


def pieces(
    program: Program, found: Roles, feeds: Arrays, width: int, /
) -> dict[str, np.ndarray] | None:
    """One run whose rows are ``width`` steps each, taken all along the rows of another; None where that is too short."""
    name, axis = next(iter(found.sequences.items()))
    steps, rows = feeds[name].shape[axis], feeds[name].shape[1 - axis]
    if steps < width or not rows:
        return None
    places = np.unique(np.linspace(0, steps - width, PLACES).astype(int))
    given = {n: feeds[n] for n in program.inputs}
    seen = _states(program, given)
    full = np.full(rows, steps)
    short: dict[str, np.ndarray] = {}
    for name in program.inputs:
        value = np.asarray(given[name])
        if name in found.sequences:
            axis = found.sequences[name]
            cuts = [np.take(value, range(t, t + width), axis=axis) for t in places]
            short[name] = np.concatenate(cuts, axis=1 - axis)
        elif name in found.lengths:
            short[name] = np.concatenate([np.clip(value - t, 0, width) for t in places]).astype(
                value.dtype
            )
        else:
            r, part = found.starts[name]
            lengths = np.clip(given[r.lengths], 0, steps) if r.lengths else full
            parts = [_at(seen[r.name], part, r.direction, lengths, t, width) for t in places]
            short[name] = np.concatenate(parts).astype(value.dtype)
    return short


def _states(program: Program, feeds: Arrays) -> dict[str, list[list[np.ndarray]]]:
    """By recurrence: the state parts before every step, in the order in which steps are run."""
    watching = {s.name: Watching(s.cell) for s in program.statements if isinstance(s, Recurrence)}
    changed = tuple(
        replace(s, cell=watching[s.name]) if isinstance(s, Recurrence) else s
        for s in program.statements
    )
    with np.errstate(all="ignore"):
        Executor(replace(program, statements=changed), widen=True).run(feeds)
    return {name: cell.seen for name, cell in watching.items()}


def _at(
    seen: list[list[np.ndarray]],
    part: int,
    direction: str,
    lengths: np.ndarray,
    place: int,
    width: int,
) -> np.ndarray:
    """[B, …]: the state from which each row comes to the steps ``place … place + width``."""
    if direction == "forward":
        return seen[place][part]
    before = np.clip(lengths - place - width, 0, len(seen) - 1)
    return np.stack([seen[s][part][row] for row, s in enumerate(before)])
