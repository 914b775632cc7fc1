"""The axis of steps through one op: where it is in the result, or that the op works across it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from converters.program import OpNode, Program
from converters.tf_ops.math import BINARY, UNARY
from reference.vocabulary.abstract.fact import Dim
from reference.vocabulary.abstract.sizes import Size


@dataclass(frozen=True)
class Along:
    """An array one of whose axes is the steps."""

    axis: int
    steps: str
    """The value that is their number in TensorFlow; "" where no value is, and only a cut tells it again."""
    lead: tuple[Dim, ...] = ()
    """Where the first axes are flattened to rows: what they were; ``axis`` is one of them."""

    def moved(self, axis: int) -> Along:
        """The same on another axis."""
        return replace(self, axis=axis)

    @property
    def place(self) -> int:
        """The axis of the array as it is."""
        return 0 if self.lead else self.axis


@dataclass(frozen=True)
class View:
    """A statement and what is known of its operands."""

    statement: OpNode
    states: tuple[Along | None, ...]
    program: Program

    def rank(self, place: int) -> int | None:
        """Of an operand."""
        shape = self.shape(place)
        return None if shape is None else len(shape)

    def shape(self, place: int) -> tuple[Dim, ...] | None:
        """Of an operand, or of the result (-1)."""
        name = self.statement.outputs[0] if place < 0 else self.statement.inputs[place]
        if name in self.program.constants:
            return tuple(self.program.constants[name].shape)
        fact = self.program.facts.get(name) or self.program.inputs.get(name)
        return None if fact is None else fact.shape

    def known(self, place: int) -> np.ndarray | None:
        """An operand's value."""
        name = self.statement.inputs[place]
        if name in self.program.constants:
            return self.program.constants[name]
        fact = self.program.facts.get(name)
        value = None if fact is None else fact.value
        return value if value is not None and value.dtype != object else None

    def axis(self, place: int, rank: int) -> int | None:
        """A known axis, counted from the front."""
        value = self.known(place)
        return None if value is None or value.size != 1 else int(value.reshape(-1)[0]) % rank


Rule = Callable[[View], Along | None]
"""The state of every result; None where the op works across the steps."""


def _elementwise(v: View) -> Along | None:
    """Operands are aligned at their last axes."""
    out = v.shape(-1)
    behind: set[tuple[int, Along]] = set()
    for place, state in enumerate(v.states):
        rank = v.rank(place)
        if state is None:
            continue
        if out is None or rank is None or (state.lead and rank != len(out)):
            return None
        behind.add((rank - state.place, state.moved(0)))
    if out is None or len(behind) != 1:
        return None
    ((last, _),) = behind
    (state, *_) = [s for s in v.states if s is not None]
    return state if state.lead else state.moved(len(out) - last)


def _first(v: View) -> Along | None:
    return v.states[0]


def _select(v: View) -> Along | None:
    same = len({v.rank(place) for place in range(3)}) == 1
    return _elementwise(v) if same or v.states[0] is None else None


def _not_last(v: View) -> Along | None:
    state, rank = v.states[0], v.rank(0)
    return state if state is not None and rank is not None and state.place < rank - 1 else None


def _transpose(v: View) -> Along | None:
    state, perm = v.states[0], v.known(1)
    if state is None or perm is None or (state.lead and perm[0] != 0):
        return None
    return state if state.lead else state.moved(perm.tolist().index(state.axis))


def _expand(v: View) -> Along | None:
    state, rank = v.states[0], v.rank(0)
    at = None if rank is None else v.axis(1, rank + 1)
    if state is None or at is None or (state.lead and at == 0):
        return None
    return state if state.lead or at > state.axis else state.moved(state.axis + 1)


def _squeeze(v: View) -> Along | None:
    state, rank = v.states[0], v.rank(0)
    dims = v.statement.node.attr("squeeze_dims", ()) or ()
    if state is None or rank is None or not dims:
        return None
    gone = {int(d) % rank for d in dims}
    return _without(state, gone) if state.place not in gone else None


def _without(state: Along, gone: set[int]) -> Along:
    return state if state.lead else state.moved(state.axis - sum(d < state.axis for d in gone))


def _reduction(v: View) -> Along | None:
    state, rank, axes = v.states[0], v.rank(0), v.known(1)
    if state is None or rank is None or axes is None:
        return None
    gone = {int(a) % rank for a in axes.reshape(-1)}
    if state.place in gone:
        return None
    return state if v.statement.node.attr("keep_dims", False) else _without(state, gone)


def _product(v: View) -> Along | None:
    """Rows times a matrix that has no steps."""
    state, rank, other = v.states[0], v.rank(0), v.states[1]
    turned = any(v.statement.node.attr(flag, False) for flag in ("adj_x", "transpose_a"))
    out = v.shape(-1)
    if state is None or other is not None or rank is None or out is None or turned:
        return None
    if state.place == rank - 1:
        return None
    return state if state.lead else state.moved(state.axis + len(out) - rank)


def _gather(v: View) -> Along | None:
    data, indices = v.states[:2]
    rank, inner = v.rank(0), v.rank(1)
    at = 0 if len(v.statement.inputs) < 3 else None if rank is None else v.axis(2, rank)
    if at is None or inner is None or v.statement.node.attr("batch_dims", 0):
        return None
    if data is None and indices is not None and (at == 0 or not indices.lead):
        return indices if indices.lead else indices.moved(indices.axis + at)
    if data is None or indices is not None or data.place == at:
        return None
    return data if data.lead or data.axis < at else data.moved(data.axis + inner - 1)


def _one_hot(v: View) -> Along | None:
    last = int(v.statement.node.attr("axis", -1)) == -1
    return v.states[0] if last and not any(v.states[1:]) else None


def _concat(v: View) -> Along | None:
    rank = v.rank(0)
    at = None if rank is None else v.axis(len(v.states) - 1, rank)
    (state, *more) = {state for state in v.states if state is not None}
    if more or at is None:
        return None
    if at == state.place:
        # Items in front move the steps up, and more of them follow none: as long as nobody asks how many there are.
        alone = state is v.states[-2] and not any(v.states[:-2]) and not state.lead
        return replace(state, steps="") if alone else None
    return state


def _split(v: View) -> Along | None:
    value, axis = (1, 0) if v.statement.node.op == "Split" else (0, 2)
    state, rank = v.states[value], v.rank(value)
    at = None if rank is None else v.axis(axis, rank)
    return state if state is not None and at is not None and at != state.place else None


def _slice(v: View) -> Along | None:
    """All of the axis, whatever is taken of the others."""
    state, begin, node = v.states[0], v.known(1), v.statement.node
    strides = v.known(3)
    masks = {
        key: int(node.attr(f"{key}_mask", 0))
        for key in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    if state is None or begin is None or strides is None or masks["ellipsis"] or masks["new_axis"]:
        return None
    bit, inside = 1 << state.place, state.place < len(begin)
    if inside and not (masks["begin"] & bit and masks["end"] & bit and strides[state.place] == 1):
        return None
    return _without(state, {k for k in range(len(begin)) if masks["shrink_axis"] & 1 << k})


def _reshape(v: View) -> Along | None:
    state, old, new = v.states[0], v.shape(0), v.shape(-1)
    if state is None or old is None or new is None:
        return None
    if state.lead:
        if new[: len(state.lead)] == state.lead:
            return replace(state, lead=())
        return state if new[:1] == old[:1] else None
    if new[: state.axis + 1] == old[: state.axis + 1]:
        return state
    flat = len(old) - len(new) + 1
    return replace(state, lead=old[:flat]) if state.axis < flat and new[1:] == old[flat:] else None


def _beams(v: View) -> Along | None:
    """``GatherTree(ids, parents, longest, end)`` reads no step behind the longest, and gives the end token there."""
    state = v.states[0]
    same = state == v.states[1] and not any(v.states[2:])
    return state if state is not None and same and state.place == 0 and not state.lead else None


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        (*UNARY, *BINARY, "RealDiv", "Div", "Equal", "NotEqual", "SelectV2", "Cast", "Identity", "StopGradient", "ZerosLike", "OnesLike",
         "SquaredDifference", "LeakyRelu", "AddN", "DivNoNan"), _elementwise),
    "Select": _select, "BiasAdd": _not_last, "Softmax": _not_last, "LogSoftmax": _not_last, "Transpose": _transpose, "ExpandDims": _expand,
    "Squeeze": _squeeze, **dict.fromkeys(("Sum", "Mean", "Max", "Min", "Prod", "All", "Any", "ArgMax", "ArgMin"), _reduction),
    **dict.fromkeys(("MatMul", "BatchMatMul", "BatchMatMulV2"), _product), **dict.fromkeys(("Gather", "GatherV2", "ResourceGather"), _gather),
    "OneHot": _one_hot, "ConcatV2": _concat, "Split": _split, "SplitV": _split, "StridedSlice": _slice, "Reshape": _reshape,
    "GatherTree": _beams, "ListStack": _first,
}  # fmt: skip
"""By op."""


def filled(v: View, steps: str, /) -> Along | None:
    """A Fill of one open size, which is the number of steps."""
    shape = v.shape(-1) or ()
    axes = [k for k, d in enumerate(shape) if isinstance(d, Size)]
    return Along(axes[0], steps) if len(axes) == 1 else None
