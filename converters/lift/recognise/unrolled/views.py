"""States that are parts of another state: the pieces that a step cuts a packed state into.

The initial state is often zeros, and a cut of zeros is zeros of its own, so that the walk takes ``c`` and ``h`` for states beside ``concat([c, h])``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from converters.lift.recognise.loops.model import State, Step
from converters.lift.recognise.unrolled.lockstep import Lockstep, NotRepeatedError, Slot
from reference.vocabulary.tracer import CONSTANT, Expr, needed, replay


def views_of(lock: Lockstep) -> dict[Expr, Expr]:
    """By leaf of a state that is part of another: what it is of the other's leaf."""
    found: dict[Expr, Expr] = {}
    for slot in lock.states:
        view = next((v for whole in lock.states if (v := _view(lock, slot, whole))), None)
        if view is not None:
            found[slot.leaf] = view
    return found


def read_views(step: Step, views: Mapping[Expr, Expr]) -> None:
    """Take such states out of the step: it reads them off the whole ones."""
    if not views:
        return
    states = [s for s in step.states if s.old not in views]
    roots = [*(s.new for s in states), *(w.item for w in step.writes)]
    own = {e: e for e in needed([*roots, *views.values()]) if e.op == "input"}
    new = replay(roots, step.tracer, {**own, **views})
    step.states[:] = [
        State(s.carried, s.old, e) for s, e in zip(states, new[: len(states)], strict=True)
    ]
    for write, item in zip(step.writes, new[len(states) :], strict=True):
        write.item = item


def _view(lock: Lockstep, part: Slot, whole: Slot) -> Expr | None:
    """The part as an expression of the whole's leaf; None where it is none."""
    second = part.row[1]
    if part is whole or second is None:
        return None
    for place, operand in enumerate(second.args):
        if operand is not whole.row[1] or not isinstance(operand, Expr):
            continue
        made = [_of(lock, second, place, e) for e in (*whole.row[:-1], whole.leaf)]
        first, later, view = made[0], made[1:-1], made[-1]
        same = all(a is b for a, b in zip(part.row[1:-1], later, strict=True))
        if same and view is not None and _equal(first, part.row[0]):
            return view
    return None


def _of(lock: Lockstep, like: Expr, place: int, operand: Expr | None) -> Expr | None:
    if operand is None:
        return None
    args = [operand if k == place else a for k, a in enumerate(like.args)]
    try:
        return lock.apply(like, args)
    except NotRepeatedError:
        return None


def _equal(a: Expr | None, b: Expr | None) -> bool:
    if a is b:
        return a is not None
    if a is None or b is None or a.op != CONSTANT or b.op != CONSTANT:
        return False
    return a.shape == b.shape and np.array_equal(a.fact.value, b.fact.value)  # type: ignore[arg-type]
