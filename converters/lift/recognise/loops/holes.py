"""Masks of data, with holes anywhere: the steps that count run together in front of their row, and each output goes back to its step.

``K.rnn`` carries every state through a masked step, and repeats the output before it (TF 1.15.5, ``python/keras/backend.py``, ``rnn``). So a row's states are those of its
unmasked steps alone, run one after another; that is a recurrence with lengths. It holds for any mask, at the cost of one gather before and one after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from converters.graph import DType
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.masking import count_of
from converters.lift.recognise.loops.masks import depends, is_zero
from converters.lift.recognise.loops.model import Step
from converters.program import Loop, OpNode
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr


def peel_holes(step: Step, loop: Loop) -> bool:
    """Take off ``where(mask, new, old)``, if one mask that is an item of a sequence masks every state and every output.

    An output is such a state, or ``where(mask, out, 0)``. A state that is written and that no step reads is none any more: it
    repeats what is written. The step stays as it is where that is not so; the answer says which.
    """
    if step.lengths is not None or step.delays or step.guarded or not step.states:
        return False
    ops = {s.node.op for s in loop.body.statements if isinstance(s, OpNode)}
    masked = _Masked(step, broadcasts="SelectV2" in ops)
    found = {s.new: masked.of(s.new, s.old) for s in step.states}
    for write in step.writes:
        found[write.item] = found.get(write.item) or masked.of(write.item, None)
    pairs = [pair for pair in found.values() if pair is not None]
    masks = {mask for mask, _ in pairs}
    insides = {e: pair[1] for e, pair in found.items() if pair is not None}
    if len(masks) != 1 or len(insides) != len(found):
        return False
    if depends(list(insides.values()), {*masks, step.time}):
        return False
    _peel(step, masks.pop(), insides)
    return True


def _peel(step: Step, mask: Expr, insides: Mapping[Expr, Expr]) -> None:
    step.holes = mask
    read = depends(list(insides.values()), {s.old for s in step.states})
    by_new = {s.new: s for s in reversed(step.states)}
    for write in step.writes:
        held = by_new.get(write.item)
        write.repeats = None if held is None else held.carried
        write.item, write.masked = insides[write.item], True
    echoes = {w.repeats for w in step.writes}
    step.states[:] = [s for s in step.states if s.carried not in echoes or s.old in read]
    for state in step.states:
        state.new, state.masked = insides[state.new], True


@dataclass(frozen=True)
class _Masked:
    """Choices of one step by a mask."""

    step: Step
    broadcasts: bool
    """Whether a choice may repeat the one row of a mask; Select takes no sizes but its operands' own."""

    def of(self, expr: Expr, old: Expr | None) -> tuple[Expr, Expr] | None:
        """(mask, value inside) of ``where(mask, inside, past)``; past is ``old``, or zeros where there is none."""
        if expr.op != "where":
            return None
        condition, inside, past = expr.args
        if not self._alike(condition, expr):
            return None
        while condition not in self.step.reads:
            if condition.op == "logical_not":
                inside, past = past, inside
            elif not _keeps_rows(condition):
                return None
            condition = condition.args[0]
        if condition.dtype != "bool" or not _column(condition):
            return None
        right = past is old if old is not None else is_zero(past, self.step)
        fits = self._alike(inside, expr) and inside.shape[1:] == expr.shape[1:]
        return (condition, inside) if right and fits else None

    def _alike(self, part: Expr, whole: Expr) -> bool:
        """Whether a part of a choice has the rows of the whole."""
        if len(part.shape) != len(whole.shape) or not whole.shape:
            return False
        return not self.broadcasts or bool(part.shape[0] == whole.shape[0])


def _column(mask: Expr) -> bool:
    """One truth value a row: [B] or [B, 1]."""
    shape = mask.shape
    return len(shape) == 1 or (len(shape) == 2 and bool(shape[1] == 1))


def _keeps_rows(expr: Expr) -> bool:
    """Whether a view, or a repetition, keeps the rows in their places."""
    if expr.op not in ("expand_dims", "broadcast_to", "squeeze", "tile") or not expr.shape:
        return False
    inner = expr.args[0]
    if expr.op in ("broadcast_to", "tile") and len(inner.shape) != len(expr.shape):
        return False
    if expr.op == "expand_dims" and expr.params["axis"] % len(expr.shape) == 0:
        return False
    return bool(inner.shape) and bool(inner.shape[0] == expr.shape[0])


@dataclass(frozen=True)
class Moved:
    """How the steps of one mask are moved."""

    valid: ProgramArray
    """bool [T, B]."""
    counted: ProgramArray
    """int32 [T, B]: how many steps of the row count, up to this one."""
    order: ProgramArray
    """int32 [T, B, 2], (step, row): the steps that count in front, in their order, then the others in theirs."""
    lengths: ProgramArray
    """int32 [B]."""

    def compressed(self, ops: ProgramOps, sequence: ProgramArray) -> ProgramArray:
        """``sequence`` [T, B, …] with the steps that count in front."""
        return _picked(ops, sequence, self.order)

    def expanded(
        self, ops: ProgramOps, sequence: ProgramArray, first: ProgramArray | None
    ) -> ProgramArray:
        """Back at their steps, items [T, B, …] of which the ones that count stand in front.

        Args:
            first: [B, …], what stands before the first step that counts; the others repeat the item before. None: they are zeros.
        """
        zero, one = (ops.constant(np.asarray(k, np.int32)) for k in (0, 1))
        place = ops.maximum(self.counted - one, zero)
        shown = _picked(ops, sequence, _places(ops, place))
        if first is None:
            there, past = self.valid, ops.constant(np.zeros((), sequence.dtype))
        else:
            there, past = ops.greater(self.counted, zero), ops.expand_dims(first, 0)
        for _ in range(len(sequence.shape) - 2):
            there = ops.expand_dims(there, len(there.shape))
        found: ProgramArray = ops.where(there, shown, past)
        return found


def moved_by(ops: ProgramOps, mask: ProgramArray) -> Moved:
    """By a mask [T, B] or [T, B, 1]."""
    valid = ops.squeeze(mask, [2]) if len(mask.shape) == 3 else mask
    ones = ops.cast(valid, "int32")
    counted = _running(ops, ones, 0, exclusive=False)
    total = Fact("int32", (valid.shape[1],))
    axes = ops.constant(np.asarray([0], np.int32))
    sums = {"keep_dims": False, "Tidx": DType("int32")}
    lengths = ops.node("Sum", (ones, axes), total, sums)
    return Moved(valid, counted, _places(ops, _order(ops, ones)), lengths)


def _order(ops: ProgramOps, ones: ProgramArray) -> ProgramArray:
    """The steps that count, then the others, [T, B]: sorted by keys that are all different, so that no order depends on ties."""
    steps = count_of(ops, ones, "int32")
    keys = ones * steps - _places_along(ops, ones, 0)
    rows = ops.transpose(keys, [1, 0])
    best = ops.node("TopKV2", (rows, steps), rows.fact, {"sorted": True})
    last = ops.statements[-1]
    name = f"{best.name}|places"
    ops.statements[-1] = OpNode(last.node, (*last.outputs, name))
    ops.facts[name] = Fact("int32", rows.fact.shape)
    order: ProgramArray = ops.transpose(ops.value(name), [1, 0])
    return order


def _running(ops: ProgramOps, ones: ProgramArray, axis: int, *, exclusive: bool) -> ProgramArray:
    """The sums along an axis up to each item, with it or without."""
    flags = {"exclusive": exclusive, "reverse": False, "Tidx": DType("int32")}
    along = ops.constant(np.asarray(axis, np.int32))
    return ops.node("Cumsum", (ones, along), ones.fact, flags)


def _places_along(ops: ProgramOps, like: ProgramArray, axis: int) -> ProgramArray:
    """0, 1, 2, … along an axis of an array of the sizes of ``like``: no size need be known for it."""
    ones = ops.node("OnesLike", (like,), Fact("int32", like.fact.shape))
    return _running(ops, ones, axis, exclusive=True)


def _places(ops: ProgramOps, steps: ProgramArray) -> ProgramArray:
    """[T, B, 2], (step, row), of steps [T, B]."""
    places: ProgramArray = ops.stack([steps, _places_along(ops, steps, 1)], 2)
    return places


def _picked(ops: ProgramOps, sequence: ProgramArray, places: ProgramArray) -> ProgramArray:
    attrs = {"Tparams": DType(sequence.dtype), "Tindices": DType("int32")}
    fact = Fact(sequence.dtype, sequence.fact.shape)
    return ops.node("GatherNd", (sequence, places), fact, attrs)
