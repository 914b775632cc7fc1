"""States that are several parts side by side (``state_is_tuple=False``), taken apart.

Where a step gives a state as ``concat([c, h], 1)`` and reads it in the same pieces only, each piece becomes a state of its own: the recurrence then has TF1's
tuple, and the packed array is cut before it and joined after it.
"""

from __future__ import annotations

from converters.lift.recognise.form.slices import last_width, slice_window
from converters.lift.recognise.loops.model import State, Step, rebind
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, needed

Edges = tuple[tuple[int, int], ...]


def unpack_states(step: Step) -> None:
    """Replace every packed state of ``step`` by its parts."""
    for old in [s.old for s in step.states]:
        # Taking one state apart rewrites the others.
        state = next(s for s in step.states if s.old is old)
        edges = _edges(state.new)
        if edges is None or not _read_in_pieces(step, state, edges):
            continue
        _split(step, state, edges)


def _edges(new: Expr) -> Edges | None:
    """Where the pieces of a concat along the features begin and end; concats inside concats count as their items."""
    if new.op != "concat" or new.params["axis"] % len(new.shape) != len(new.shape) - 1:
        return None
    found, at = [], 0
    for item in _items(new):
        width = item.shape[-1]
        if not isinstance(width, int):
            return None
        found.append((at, at + width))
        at += width
    return tuple(found)


def _items(new: Expr) -> list[Expr]:
    items: list[Expr] = []
    for item in new.args[0]:
        axis = len(new.shape) - 1
        nested = item.op == "concat" and item.params["axis"] % len(item.shape) == axis
        items.extend(_items(item) if nested else [item])
    return items


def _roots(step: Step) -> list[Expr]:
    return [s.new for s in step.states] + [w.item for w in step.writes]


def _window(expr: Expr) -> tuple[int, int] | None:
    """(low, high) of a cut along the last axis."""
    if expr.op not in ("split", "strided_slice"):
        return None
    window = slice_window(expr)
    if window is None or window[0] != len(expr.args[0].shape) - 1:
        return None
    return window[1:]


def _cuts(step: Step, packed: Expr) -> dict[Expr, tuple[int, int]]:
    """Cuts of the packed state, cuts of cuts included, by expression."""
    found: dict[Expr, tuple[int, int]] = {packed: (0, last_width(packed) or 0)}
    for expr in needed(_roots(step)):
        source = expr.args[0] if expr.args and isinstance(expr.args[0], Expr) else None
        if source in found and source is not None:
            window = _window(expr)
            if window is not None:
                start = found[source][0]
                found[expr] = (start + window[0], start + window[1])
    return found


def _read_in_pieces(step: Step, state: State, edges: Edges) -> bool:
    """Whether only cuts at the edges (or at several of them, cut again) read the packed state."""
    if not isinstance(state.old.shape[-1], int) or len(edges) < 2:
        return False
    cuts = _cuts(step, state.old)
    pieces = {expr for expr, window in cuts.items() if window in edges}
    between = set(cuts) - pieces
    for expr in needed(_roots(step), dict.fromkeys(pieces)):
        if expr in pieces or expr in between:
            continue
        if between.intersection(expr.operands):
            return False
    return True


def _split(step: Step, state: State, edges: Edges) -> None:
    tracer = step.tracer
    batch = state.old.shape[:-1]
    leaves = [
        tracer.input(f"{state.old.name}[{low}:{high}]", Fact(state.old.dtype, (*batch, high - low)))
        for low, high in edges
    ]
    by_window: dict[tuple[int, int], Expr] = dict(zip(edges, leaves, strict=True))
    bindings = {e: by_window[w] for e, w in _cuts(step, state.old).items() if w in by_window}
    parts = [
        State(state.carried, leaf, item, state.masked, window, upright=state.upright)
        for leaf, item, window in zip(leaves, _items(state.new), edges, strict=True)
    ]
    index = step.states.index(state)
    step.states[index : index + 1] = parts
    rebind(step, bindings)
