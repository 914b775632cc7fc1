"""States that are several parts on an axis of their own (``tf.stack([c, h])``), taken apart as those side by side are."""

from __future__ import annotations

from converters.lift.recognise.form.slices import slice_window
from converters.lift.recognise.loops.model import State, Step, rebind
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, needed


def unstack_states(step: Step) -> None:
    """Replace every state that is a stack by its parts, where the step reads nothing but parts."""
    for carried in [state.carried for state in step.states]:
        state = next(s for s in step.states if s.carried == carried)
        if state.new.op != "stack":
            continue
        axis = state.new.params["axis"] % len(state.new.shape)
        _read_parts(step, state.new, axis)
        _split(step, next(s for s in step.states if s.carried == carried), axis)


def _read_parts(step: Step, new: Expr, axis: int) -> None:
    """A part of the new stack (what a step's output is made of) is what was stacked there."""
    items = list(new.args[0])
    roots = [s.new for s in step.states] + [w.item for w in step.writes]
    parts = {e: k for e in needed(roots) if (k := _part(e, new, axis)) is not None}
    if parts:
        rebind(step, {expr: items[k] for expr, k in parts.items()})


def _split(step: Step, state: State, axis: int) -> None:
    items = list(state.new.args[0])
    parts = _parts(step, state.old, axis)
    if parts is None or len(state.old.shape) != len(state.new.shape):
        return
    shape = (*state.old.shape[:axis], *state.old.shape[axis + 1 :])
    leaves = [
        step.tracer.input(f"{state.old.name}[{k}]", Fact(state.old.dtype, shape))
        for k in range(len(items))
    ]
    new = [
        State(state.carried, leaf, item, state.masked, (k, k + 1), axis)
        for k, (leaf, item) in enumerate(zip(leaves, items, strict=True))
    ]
    at = step.states.index(state)
    step.states[at : at + 1] = new
    rebind(step, {expr: leaves[k] for expr, k in parts.items()})


def _parts(step: Step, old: Expr, axis: int) -> dict[Expr, int] | None:
    """By expression that is one item of ``old``: which; None where ``old`` is read in any other way."""
    found: dict[Expr, int] = {}
    inner: set[Expr] = set()
    roots = [s.new for s in step.states] + [w.item for w in step.writes]
    for expr in needed(roots):
        part = _part(expr, old, axis)
        if part is not None:
            found[expr] = part
            inner.update(e for e in expr.operands if e is not old)
    for expr in needed(roots, dict.fromkeys(found)):
        if old in expr.operands and expr not in found and expr not in inner:
            return None
        if expr in inner and expr not in found and _read_whole(roots, expr, found):
            return None
    return found


def _part(expr: Expr, old: Expr, axis: int) -> int | None:
    if (
        expr.op == "unstack"
        and expr.args[0] is old
        and expr.params["axis"] % len(old.shape) == axis
    ):
        return expr.index
    if expr.op == "gather" and expr.args[0] is old and not expr.params["batch_dims"]:
        place = expr.args[1].fact.value
        if expr.params["axis"] % len(old.shape) != axis or expr.args[1].shape != ():
            return None
        return None if place is None or place.dtype == object else int(place) % _count(old, axis)
    if expr.op not in ("squeeze", "reshape") or len(expr.shape) != len(old.shape) - 1:
        return None
    cut = expr.args[0]
    if cut.op not in ("strided_slice", "split") or cut.args[0] is not old:
        return None
    window = slice_window(cut)
    if window is None or window[0] != axis or window[2] - window[1] != 1:
        return None
    if expr.op == "squeeze" and [k % len(old.shape) for k in expr.params["axes"]] != [axis]:
        return None
    return window[1]


def _count(old: Expr, axis: int) -> int:
    size = old.shape[axis]
    return size if isinstance(size, int) else 1


def _read_whole(roots: list[Expr], cut: Expr, parts: dict[Expr, int]) -> bool:
    """Whether a cut is read by anything but the views that are parts."""
    return any(cut in e.operands and e not in parts for e in needed(roots))
