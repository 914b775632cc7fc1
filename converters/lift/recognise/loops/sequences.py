"""The arrays a loop reads an item a step of, time first, and those it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import DType, Node, Shape
from converters.lift.lists import ListFact
from converters.lift.recognise.loops.bounds import at_least_zero, symbolic
from converters.lift.recognise.loops.coverage import Coverage
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.model import Definitions, NotAStepError, Read, Step
from converters.program import Loop, OpNode, Program
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import Size, unknown
from reference.vocabulary.tracer import Expr


@dataclass
class Sequences:
    """Of one loop. ``length`` is the symbolic number of steps, once a sequence tells it."""

    program: Program
    definitions: Definitions
    step: Step
    ops: ProgramOps
    covers: Coverage

    def __post_init__(self) -> None:
        self.length: Any = None
        self.bound = symbolic(self.program, self.step.steps)
        reads = list(self.step.reads.items())
        whole = (
            leaf for leaf, r in reads if r.offset == 0 and r.sign == 1 and self._covered(leaf, r)
        )
        first = next(whole, None)
        self.early: Expr | None = None
        if first is not None:
            self.length = self._items(first, self.step.reads[first]).shape[0]
            if self.bound is None or self.bound != self.length:
                self.early = first
        else:
            known = self.bound is not None
            self.length = self.bound if known else unknown(f"{self.step.steps}|length")

    def _covered(self, leaf: Expr, read: Read) -> bool:
        shape = self._items(leaf, read).fact.shape
        return shape is not None and self.covers.whole(self.bound, shape[0])

    def is_whole(self, leaf: Expr) -> bool:
        """Whether the steps read all the items of a sequence, in order, or it is none."""
        read = self.step.reads.get(leaf)
        if read is None:
            return True
        return read.offset == 0 and read.sign == 1 and self._covered(leaf, read)

    def of(self, leaf: Expr, read: Read) -> ProgramArray:
        """The items in the order of the steps.

        Raises:
            NotAStepError: it is not known which items these are.
        """
        items = self._items(leaf, read)
        count = items.fact.shape[0] if items.fact.shape else None
        if read.sign < 0:
            return self._backward(read, items, count, leaf in self.step.guarded)
        if read.offset == 0 and self.covers.whole(self.bound, count):
            return items
        if isinstance(read.offset, Size) or read.offset < 0:
            msg = f"it reads {read.source} from a place that is not known before it runs"
            raise NotAStepError(msg)
        return self._part(items, read.offset, leaf in self.step.guarded)

    def _backward(self, read: Read, items: ProgramArray, count: Any, guarded: bool) -> ProgramArray:
        last = read.offset
        if count is not None and last + 1 == count and self.covers.whole(self.bound, count):
            return reversed_time(self.ops, items)
        if self.bound is not None and last + 1 == self.bound:
            return reversed_time(self.ops, self._part(items, 0, guarded))
        msg = f"it reads {read.source} backwards from a place that is not known before it runs"
        raise NotAStepError(msg)

    def _items(self, leaf: Expr, read: Read) -> ProgramArray:
        """All items that there are, time first."""
        if read.axis is not None:
            constant = self.program.constants.get(read.source)
            array = self.ops.value(read.source) if constant is None else self.ops.constant(constant)
            return time_first(self.ops, array, read.axis)
        maker = self.definitions.op(read.source)
        if maker is not None and maker.node.op == "ListUnstack":
            return self.ops.value(maker.inputs[0])
        return self._stacked(read.source, leaf)

    def _stacked(self, name: str, leaf: Expr) -> ProgramArray:
        item = leaf.fact
        size = getattr(self.program.facts.get(name), "size", None)
        shape = None if item.shape is None else (self.bound if size is None else size, *item.shape)
        label = f"{name}|stacked"
        if label not in self.ops.facts or all(label not in s.outputs for s in self.ops.statements):
            node = Node(label, "ListStack", (name,), (), {})
            self.ops.statements.append(OpNode(node, (label,)))
        self.ops.facts[label] = Fact(item.dtype, shape)
        return self.ops.value(label)

    def begun(self, leaf: Expr, read: Read, fewer: ProgramArray, size: Dim) -> ProgramArray:
        """The first ``fewer`` items: there may be no more, where the last step's is never used. ``size`` stands for their number.

        Raises:
            NotAStepError: as :meth:`of`.
        """
        if read.sign < 0 or isinstance(read.offset, Size) or read.offset < 0:
            return part_of(self.ops, self.of(leaf, read), 0, fewer, size)
        return part_of(self.ops, self._items(leaf, read), read.offset, fewer, size)

    def _part(self, items: ProgramArray, first: int, guarded: bool = False) -> ProgramArray:
        """``items[first : first + steps]``; TF refuses to read past the end, so that no fewer come out.

        Where a branch ``guarded`` the last ones, zeros stand for what is not there.
        """
        ops = self.ops
        steps = ops.value(self.step.steps) if self.step.steps in ops.facts else None
        constant = self.program.constants.get(self.step.steps)
        if constant is not None:
            steps = ops.constant(constant)
        if steps is None:
            msg = "the number of its steps has no value"
            raise NotAStepError(msg)
        count = unknown(f"{self.step.steps}|length") if self.bound is None else self.bound
        steps = at_least_zero(ops, steps)
        if guarded:
            begin = ops.constant(np.asarray([first], steps.dtype))
            items = padded_to(ops, items, ops.expand_dims(steps, 0) + begin)
        return part_of(ops, items, first, steps, count)

    def check_writes(self, loop: Loop) -> None:
        """Every list that is written has as many items as there are steps: items that are left out are zeros in TF.

        Raises:
            NotAStepError: a list has more.
        """
        for write in self.step.writes:
            start = loop.carried[write.carried] if write.axis is None else ""
            fact = self.program.facts.get(start)
            if not isinstance(fact, ListFact) or fact.size is None:
                continue
            if fact.dynamic and fact.size in (0, 1):
                continue
            if not self.covers.whole(self.bound, fact.size):
                msg = f"the list {start} may have more items than there are steps"
                raise NotAStepError(msg)


def part_of(
    ops: ProgramOps, items: ProgramArray, first: int, count: ProgramArray, size: Any
) -> ProgramArray:
    """``items[first : first + count]``, of which ``size`` is the number."""
    begin = ops.constant(np.asarray([first], count.dtype))
    end = ops.expand_dims(count, 0)
    end = end + begin if first else end
    one = ops.constant(np.asarray([1], count.dtype))
    masks = dict.fromkeys(
        ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0
    )
    fact = Fact(items.dtype, (size, *items.shape[1:]))
    attrs = {**masks, "Index": DType(count.dtype)}
    return ops.node("StridedSlice", (items, begin, end, one), fact, attrs)


def padded_to(ops: ProgramOps, items: ProgramArray, end: ProgramArray) -> ProgramArray:
    """The items, and zeros behind them up to ``end`` (a vector of one)."""
    rank = len(items.shape)
    shape = ops.node("Shape", (items,), Fact(end.dtype, (rank,)), {"out_type": DType(end.dtype)})
    pick = [ops.constant(np.asarray([k], end.dtype)) for k in (0, 1, 1)]
    masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    attrs = {**dict.fromkeys(masks, 0), "Index": DType(end.dtype)}
    count = ops.node("StridedSlice", (shape, *pick), Fact(end.dtype, (1,)), attrs)
    missing = ops.maximum(end - count, ops.constant(np.asarray([0], end.dtype)))
    fact = Fact(items.dtype, (unknown(f"{items.name}|padded"), *items.shape[1:]))
    return ops.node(
        "Pad", (items, _widths(ops, missing, rank)), fact, {"Tpaddings": DType(end.dtype)}
    )


def _widths(ops: ProgramOps, missing: ProgramArray, rank: int) -> ProgramArray:
    """``[[0, missing], [0, 0], …]``."""
    zeros = [ops.constant(np.zeros(n, missing.dtype)) for n in (1, 2 * rank - 2)]
    flat = ops.concat([zeros[0], missing, zeros[1]], 0)
    shape = ops.constant(np.asarray([rank, 2], np.int32))
    fact = Fact(missing.dtype, (rank, 2))
    return ops.node("Reshape", (flat, shape), fact, {"Tshape": DType("int32")})


def reversed_time(ops: ProgramOps, array: ProgramArray) -> ProgramArray:
    """``array[::-1]``."""
    axis = ops.constant(np.asarray([0], np.int32))
    return ops.node("ReverseV2", (array, axis), array.fact, {"Tidx": DType("int32")})


def time_first(ops: ProgramOps, array: ProgramArray, axis: int) -> ProgramArray:
    """The array with ``axis`` moved to the front."""
    rank = len(array.shape)
    perm = [axis, *(k for k in range(rank) if k != axis)]
    return _transposed(ops, array, perm) if axis else array


def grown(ops: ProgramOps, start: ProgramArray, sequence: ProgramArray, axis: int) -> ProgramArray:
    """``start`` with the items of ``sequence`` [T, …, 1, …] behind it along ``axis``."""
    items = ops.squeeze(sequence, [axis + 1])
    rank = len(items.shape)
    perm = [*range(1, axis + 1), 0, *range(axis + 1, rank)]
    moved = _transposed(ops, items, perm) if axis else items
    if start.shape[axis] == 0:
        return moved
    joined: ProgramArray = ops.concat([start, moved], axis)
    return joined


def _transposed(ops: ProgramOps, array: ProgramArray, perm: list[int]) -> ProgramArray:
    fact = Fact(array.dtype, tuple(array.shape[k] for k in perm))
    order = ops.constant(np.asarray(perm, np.int32))
    return ops.node("Transpose", (array, order), fact, {"Tperm": DType("int32")})


def never_empty(program: Program, definitions: Definitions, loop: Loop, step: Step) -> bool:
    """Whether TF1 refuses the loop's results after 0 steps: a TensorArray of items of an open shape cannot be stacked then.

    TF 1.15.5 answers: "TensorArray has size zero, but element shape [?,6] is not fully defined" (recorded, ``odd.npz`` of many models).
    """
    for write in step.writes:
        maker = None if write.axis is not None else definitions.op(loop.carried[write.carried])
        if maker is None or maker.node.op != "ListNew" or not _open(maker.node):
            continue
        name = loop.outputs[write.carried]
        for reader in program.statements:
            if isinstance(reader, OpNode) and name in reader.inputs[:1]:
                stacks = reader.node.op in ("ListStack", "ListGather")
                if stacks and "element_shape" in reader.node.attrs and _open(reader.node):
                    return True
    return False


def _open(node: Node) -> bool:
    """Whether the shape of a list's items is not fully known."""
    shape = node.attr("element_shape", Shape(None))
    return isinstance(shape, Shape) and (shape.dims is None or None in shape.dims)
