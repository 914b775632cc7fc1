"""States that only hand on what is known before the loop: a decoder's input, a GO symbol first and then the targets.

Such a state is an item of a sequence, ``concat([first], what the steps hand on)[t]``, so that what reads it is no recurrence over it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from converters.graph import DType
from converters.lift.recognise.form.values import NotRowWiseError
from converters.lift.recognise.loops.mapped import Given, over_steps
from converters.lift.recognise.loops.masks import depends
from converters.lift.recognise.loops.model import NotAStepError, State, Step
from converters.program import Loop, Program, read_names
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.tracer import Expr

if TYPE_CHECKING:
    from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps


def find_delays(step: Step) -> None:
    """Take the states off that are made of items, of the time and of values from outside alone."""
    found = True
    while found:
        olds = {s.old for s in step.states}
        found = False
        for state in list(step.states):
            if depends([state.new], olds) or not _varies(step, state.new):
                continue
            if state.old.fact.shape is None or state.new.fact.shape is None:
                continue
            if len(state.old.shape) == len(state.new.shape) and state.old.dtype == state.new.dtype:
                step.states.remove(state)
                step.delays[state.old] = state
                found = True


def _varies(step: Step, new: Expr) -> bool:
    """Whether it is another value at another step."""
    return bool(depends([new], {*step.reads, *step.delays, step.time}))


def handed_on(
    ops: ProgramOps, step: Step, state: State, start: ProgramArray, given: Given
) -> ProgramArray:
    """The first value and what the steps hand on, ``given`` the sequences and what is the same at every step.

    Raises:
        NotAStepError: what is handed on cannot be computed for all steps at once.
    """
    try:
        handed = over_steps(ops, state.new, given, step.captures)
    except NotRowWiseError as error:
        msg = f"what it hands on goes through {error}, which is not row by row"
        raise NotAStepError(msg) from error
    every: ProgramArray = ops.concat([ops.expand_dims(start, 0), handed], 0)
    return every


def used_by(state: State, leaves: Iterable[Expr]) -> set[Expr]:
    """Of these leaves the ones that a state is made of."""
    return depends([state.new], set(leaves))


def but_last(ops: ProgramOps, every: ProgramArray, count: Dim | None) -> ProgramArray:
    """All but the last of the items, ``count`` of them."""
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask"), 0)
    places = (every, ops.ints([0]), ops.ints([-1]), ops.ints([1]))
    attrs = {**masks, "shrink_axis_mask": 0, "Index": DType("int32")}
    return ops.node("StridedSlice", places, Fact(every.dtype, (count, *every.shape[1:])), attrs)


def last_of(ops: ProgramOps, every: ProgramArray) -> ProgramArray:
    """The last of the items."""
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask"), 0)
    places = (every, ops.ints([-1]), ops.ints([0]), ops.ints([1]))
    attrs = {**masks, "shrink_axis_mask": 1, "Index": DType("int32")}
    return ops.node("StridedSlice", places, Fact(every.dtype, every.shape[1:]), attrs)


def final_is_read(program: Program, loop: Loop, state: State) -> bool:
    """Whether something behind the loop wants the value in the end."""
    return loop.outputs[state.carried] in read_names(program)
