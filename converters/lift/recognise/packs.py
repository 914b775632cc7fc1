"""Ops on stacked arrays done on what was stacked: ``tf.stack([h, c], 1)`` transposed, sliced, split or looked up is made of h and c so treated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.program import OpNode
from reference.vocabulary.abstract.fact import Fact


@dataclass
class Packs:
    """``maker`` finds the op that a value comes from, behind aliases; new constants and facts are added."""

    maker: Callable[[str], OpNode | None]
    constants: dict[str, np.ndarray]
    facts: dict[str, Fact]

    def through(self, statement: OpNode) -> list[OpNode] | None:
        """The statements in its place; None where it is no such op, or not of a stack."""
        rule = _RULES.get(statement.node.op)
        place = 1 if statement.node.op == "Split" else 0
        pack = None if rule is None else self.maker(statement.inputs[place])
        if rule is None or pack is None or pack.node.op != "Pack":
            return None
        fact = self.facts.get(pack.outputs[0])
        if fact is None or fact.shape is None or not all(n in self.facts for n in pack.inputs):
            return None
        axis = int(pack.node.attr("axis", 0)) % len(fact.shape)
        return rule(self, statement, pack.inputs, axis, len(fact.shape))

    def known(self, name: str) -> list[int] | None:
        """The integers of a constant."""
        value = self.constants.get(name)
        return None if value is None else [int(v) for v in value.ravel()]

    def _transposed(
        self, statement: OpNode, items: tuple[str, ...], axis: int, rank: int
    ) -> list[OpNode] | None:
        perm = self.known(statement.inputs[1])
        if perm is None or len(perm) != rank:
            return None
        rest = [p - (p > axis) for p in perm if p != axis]
        out = statement.outputs[0]
        if rest == sorted(rest):
            return [self._pack(statement, items, perm.index(axis), out)]
        order = self._ints(f"{out}|perm", rest)
        made, names = [], []
        for k, item in enumerate(items):
            name = f"{out}|{k}"
            fact = self.facts[item]
            shape = None if fact.shape is None else tuple(fact.shape[p] for p in rest)
            self.facts[name] = Fact(fact.dtype, shape)
            attrs = {"T": DType(fact.dtype), "Tperm": DType("int32")}
            made.append(OpNode(Node(name, "Transpose", (item, order), (), attrs), (name,)))
            names.append(name)
        return [*made, self._pack(statement, tuple(names), perm.index(axis), out)]

    def _gathered(
        self, statement: OpNode, items: tuple[str, ...], axis: int, rank: int
    ) -> list[OpNode] | None:
        index = self.constants.get(statement.inputs[1])
        along = self.known(statement.inputs[2]) if len(statement.inputs) > 2 else [0]
        if index is None or along is None or along[0] % rank != axis or index.shape != ():
            return None
        if int(statement.node.attr("batch_dims", 0)) or not 0 <= int(index) < len(items):
            return None
        return [_same(statement.outputs[0], items[int(index)])]

    def _split(
        self, statement: OpNode, items: tuple[str, ...], axis: int, rank: int
    ) -> list[OpNode] | None:
        along = self.known(statement.inputs[0])
        if along is None or along[0] % rank != axis or len(statement.outputs) != len(items):
            return None
        pairs = zip(items, statement.outputs, strict=True)
        return [self._pack(statement, (item,), axis, out) for item, out in pairs]

    def _squeezed(
        self, statement: OpNode, items: tuple[str, ...], axis: int, rank: int
    ) -> list[OpNode] | None:
        dims = [int(d) % rank for d in statement.node.attr("squeeze_dims", ())]
        return (
            [_same(statement.outputs[0], items[0])] if dims == [axis] and len(items) == 1 else None
        )

    def sliced(
        self,
        statement: OpNode,
        pack: OpNode,
        axis: int,
        cuts: list[Any],
        cut: Callable[..., OpNode],
    ) -> list[OpNode] | None:
        """A slice that leaves a stack's axis, done on the items it leaves; ``cut`` makes the slice of one."""
        begin, end, _ = cuts[axis]
        chosen = pack.inputs[slice(begin, end)]
        rest = [*cuts[:axis], *cuts[axis + 1 :]]
        at = axis - sum(gone for _, _, gone in cuts[:axis])
        if not chosen or not all(item in self.facts for item in chosen):
            return None
        out, made, names = statement.outputs[0], [], []
        for k, item in enumerate(chosen):
            name, fact = f"{out}|{k}", self.facts[item]
            result = self.facts[out].shape
            shape = None if result is None else (*result[:at], *result[at + 1 :])
            self.facts[name] = Fact(fact.dtype, shape)
            one = OpNode(Node(name, "StridedSlice", (item,), (), statement.node.attrs), (name,))
            made.append(cut(one, item, rest))
            names.append(name)
        return [*made, self._pack(statement, tuple(names), at, out)]

    def _pack(self, statement: OpNode, items: tuple[str, ...], axis: int, out: str) -> OpNode:
        attrs = {"N": len(items), "axis": axis, "T": DType(self.facts[items[0]].dtype)}
        return OpNode(Node(f"{out}|pack", "Pack", items, (), attrs), (out,))

    def _ints(self, name: str, values: list[int]) -> str:
        self.constants[name] = np.asarray(values, np.int32)
        return name


def _same(name: str, item: str) -> OpNode:
    return OpNode(Node(f"{name}|piece", "Identity", (item,)), (name,))


_RULES: dict[str, Callable[..., list[OpNode] | None]] = {
    "Transpose": Packs._transposed,
    "GatherV2": Packs._gathered,
    "Gather": Packs._gathered,
    "Split": Packs._split,
    "Squeeze": Packs._squeezed,
}
