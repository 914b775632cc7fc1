"""Arrays that a step makes longer: ``outputs = tf.concat([outputs, h[:, None]], 1)`` is a list in other words."""

from __future__ import annotations

from converters.lift.recognise.loops.masks import depends
from converters.lift.recognise.loops.model import NotAStepError, State, Step, Write
from converters.program import Loop, Program
from reference.vocabulary.abstract.sizes import Size, subtract
from reference.vocabulary.tracer import Expr


def grown_arrays(step: Step, program: Program, loop: Loop) -> None:
    """States that only grow become what the steps give.

    Raises:
        NotAStepError: a state has another shape after a step, in another way.
    """
    for state in list(step.states):
        found = _grown(state)
        if found is not None and not _read_elsewhere(step, state):
            axis, item, backward = found
            step.states.remove(state)
            step.writes.append(Write(state.carried, item, backward=backward, axis=axis))
        elif _changes(state):
            msg = f"the shape of {loop.body.inputs[state.carried]} changes from step to step"
            raise NotAStepError(msg)


def _grown(state: State) -> tuple[int, Expr, bool] | None:
    """(axis, item, whether it comes first) of ``concat([old, item], axis)`` with an item of one."""
    new = state.new
    if new.op != "concat" or len(new.args[0]) != 2:
        return None
    axis = new.params["axis"] % len(new.shape)
    for place, backward in ((0, False), (1, True)):
        item = new.args[0][1 - place]
        if new.args[0][place] is state.old and item.shape[axis] == 1:
            return axis, item, backward
    return None


def _read_elsewhere(step: Step, state: State) -> bool:
    others = [s.new for s in step.states if s is not state] + [w.item for w in step.writes]
    items = [e for e in state.new.args[0] if e is not state.old]
    return bool(depends([*others, *items], {state.old}))


def _changes(state: State) -> bool:
    """Whether an axis is certainly longer or shorter after the step."""
    old, new = state.old.fact.shape, state.new.fact.shape
    if old is None or new is None:
        return False
    if len(old) != len(new):
        return True
    gaps = (subtract(b, a) for a, b in zip(old, new, strict=True))
    return any(not isinstance(gap, Size) and gap != 0 for gap in gaps)
