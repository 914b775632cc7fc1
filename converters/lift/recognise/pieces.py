"""Slices of what was joined just before: ``tf.stack([c, h], 1)[:, 1]`` is h, and the last of a state's items is its final value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.lift.recognise.loops.traced_runs import EACH
from converters.lift.recognise.packs import Packs
from converters.lift.recognise.tidy import tidy
from converters.program import OpNode, Program, Statement, walk

Cut = tuple[int, int | None, bool]
"""(begin, end, whether the axis goes) of one axis; end None is the array's own end."""
WHOLE: Cut = (0, None, False)


def resolve_pieces(program: Program) -> Program:
    """Slices and unpackings of joined arrays, and of a state's items, replaced by what they are; then what nobody reads dropped."""
    return tidy(_Pieces(tidy(program)).resolved())


def holds_items(program: Program) -> bool:
    """Whether any state is still wanted of every step."""
    return any(isinstance(s, OpNode) and s.node.op == EACH for s in walk(program.statements))


@dataclass
class _Pieces:
    program: Program

    def __post_init__(self) -> None:
        self.makers: dict[str, OpNode] = {}
        self.constants = dict(self.program.constants)
        self.facts = dict(self.program.facts)
        self.packs = Packs(self._maker, self.constants, self.facts)

    def resolved(self) -> Program:
        kept: list[Statement] = []
        for original in self.program.statements:
            if not isinstance(original, OpNode):
                kept.append(original)
                continue
            for statement in self._statement(original):
                kept.append(statement)
                self.makers.update(dict.fromkeys(statement.outputs, statement))
        return replace(
            self.program, statements=tuple(kept), constants=self.constants, facts=self.facts
        )

    def _statement(self, statement: OpNode) -> list[OpNode]:
        op = statement.node.op
        if op in ("StridedSlice", "Slice"):
            return self._sliced(statement)
        if op == "Unpack":
            return self._unpacked(statement)
        return self.packs.through(statement) or [statement]

    def _sliced(self, statement: OpNode) -> list[OpNode]:
        """A slice, or what it is of what was stacked."""
        cuts, pack = self._cuts(statement), self._maker(statement.inputs[0])
        if cuts is None or pack is None or pack.node.op != "Pack":
            return [self._slice(statement)]
        axis = int(pack.node.attr("axis", 0)) % len(cuts)
        if cuts[axis][2]:
            return [self._slice(statement)]
        made = self.packs.sliced(statement, pack, axis, cuts, self._made)
        if made is None:
            return [statement]
        *slices, whole = made
        return [*(self._slice(one) for one in slices), whole]

    def _unpacked(self, statement: OpNode) -> list[OpNode]:
        maker = self._maker(statement.inputs[0])
        if maker is None or maker.node.op != "Pack":
            return [statement]
        mine, theirs = (int(n.attr("axis", 0)) for n in (statement.node, maker.node))
        shape = self.facts[statement.inputs[0]].shape
        if shape is None or mine % len(shape) != theirs % len(shape):
            return [statement]
        return [
            OpNode(Node(f"{name}|piece", "Identity", (item,)), (name,))
            for name, item in zip(statement.outputs, maker.inputs, strict=True)
        ]

    def _maker(self, value: str) -> OpNode | None:
        maker = self.makers.get(value)
        while maker is not None and maker.node.op == "Identity":
            maker = self.makers.get(maker.inputs[0])
        return maker

    def _slice(self, statement: OpNode) -> OpNode:
        """The slice of the one piece it lies in, as often as pieces are joined themselves."""
        if statement.node.op == "Identity":
            return statement
        source = statement.inputs[0]
        cuts = self._cuts(statement)
        start = source
        while cuts is not None:
            found = self._inner(source, cuts)
            if found is None:
                break
            source, cuts = found
        if cuts is None or source == start:
            return statement
        return self._made(statement, source, cuts)

    def _inner(self, source: str, cuts: list[Cut]) -> tuple[str, list[Cut]] | None:
        maker = self._maker(source)
        if maker is None:
            return None
        if maker.node.op == EACH and cuts[0][0] == -1 and cuts[0][2]:
            return maker.inputs[0], cuts[1:]
        if maker.node.op == "Pack":
            axis = int(maker.node.attr("axis", 0)) % len(cuts)
            begin, _, gone = cuts[axis]
            if not gone:
                return None
            return maker.inputs[begin % len(maker.inputs)], [*cuts[:axis], *cuts[axis + 1 :]]
        if maker.node.op == "ConcatV2":
            return self._joined(maker, cuts)
        return None

    def _joined(self, maker: OpNode, cuts: list[Cut]) -> tuple[str, list[Cut]] | None:
        along = self.constants.get(maker.inputs[-1])
        if along is None:
            return None
        axis, at = int(along) % len(cuts), 0
        begin, end, gone = cuts[axis]
        if begin < 0 or (end is None and not gone):
            return None
        stop = begin + 1 if gone else end
        for item in maker.inputs[:-1]:
            shape = self.facts[item].shape if item in self.facts else None
            size = None if shape is None else shape[axis]
            if not isinstance(size, int) or stop is None or stop < 0:
                return None
            if at <= begin and stop <= at + size:
                inner = (begin - at, None if stop == at + size and not gone else stop - at, gone)
                return item, [*cuts[:axis], inner, *cuts[axis + 1 :]]
            at += size
        return None

    def _cuts(self, statement: OpNode) -> list[Cut] | None:
        """What a StridedSlice takes of each axis; None where it is not known or not contiguous."""
        node = statement.node
        shape = self.facts[statement.inputs[0]].shape if statement.inputs[0] in self.facts else None
        if node.op == "Slice":
            return self._plain_cuts(statement, shape)
        given = [self.constants.get(v) for v in statement.inputs[1:4]]
        if shape is None or any(g is None for g in given):
            return None
        begin, end, strides = ([int(v) for v in g.ravel()] for g in given if g is not None)
        masks: Mapping[str, int] = {
            k: int(node.attr(f"{k}_mask", 0))
            for k in ("begin", "end", "shrink_axis", "ellipsis", "new_axis")
        }
        if masks["ellipsis"] or masks["new_axis"] or any(s != 1 for s in strides):
            return None
        cuts: list[Cut] = []
        for k in range(len(begin)):
            if masks["shrink_axis"] >> k & 1:
                cuts.append((begin[k], None, True))
                continue
            low = 0 if masks["begin"] >> k & 1 else begin[k]
            high = None if masks["end"] >> k & 1 else end[k]
            size = shape[k]
            cuts.append((low, None if isinstance(size, int) and high == size else high, False))
        return cuts + [WHOLE] * (len(shape) - len(cuts))

    def _plain_cuts(self, statement: OpNode, shape: Any) -> list[Cut] | None:
        """The same of a Slice, whose size -1 is all that is left."""
        begin, size = (self.packs.known(v) for v in statement.inputs[1:3])
        if shape is None or begin is None or size is None:
            return None
        ends = (
            None if n == -1 or b + n == d else b + n
            for b, n, d in zip(begin, size, shape, strict=True)
        )
        return [(b, e, False) for b, e in zip(begin, ends, strict=True)]

    def _made(self, statement: OpNode, source: str, cuts: list[Cut]) -> OpNode:
        """A StridedSlice of ``source``, or an Identity."""
        if all(cut == WHOLE for cut in cuts):
            return OpNode(Node(statement.node.name, "Identity", (source,)), statement.outputs)
        name = statement.outputs[0]
        labels = [self._ints(f"{name}|begin", [c[0] for c in cuts])]
        labels.append(self._ints(f"{name}|end", [c[0] + 1 if c[2] else c[1] or 0 for c in cuts]))
        labels.append(self._ints(f"{name}|strides", [1] * len(cuts)))
        attrs: dict[str, Any] = {
            "begin_mask": 0,
            "end_mask": sum(1 << k for k, c in enumerate(cuts) if c[1] is None and not c[2]),
            "shrink_axis_mask": sum(1 << k for k, c in enumerate(cuts) if c[2]),
            "ellipsis_mask": 0,
            "new_axis_mask": 0,
            "T": statement.node.attr("T", DType("float32")),
            "Index": DType("int32"),
        }
        node = Node(statement.node.name, "StridedSlice", (source, *labels), (), attrs)
        return OpNode(node, statement.outputs)

    def _ints(self, name: str, values: list[int]) -> str:
        self.constants[name] = np.asarray(values, np.int32)
        return name
