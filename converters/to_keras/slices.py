"""Sizes that are computed from shapes: the statements that compute them, to be run where they are used.

Inside one layer a shape is numbers on every backend, also where a whole model is compiled; between layers it would be a tensor, and a
compiler that fixes all sizes (JAX) cannot make a shape of a tensor.
"""

from __future__ import annotations

from collections.abc import Sequence

from converters.program import Conditional, Loop, OpNode, Statement, captured, defined
from converters.to_keras.context import IDENTITIES, Context

_SHAPES = ("Shape", "ShapeN", "Size", "Rank")
ARITHMETIC = frozenset(
    (
        "Add AddV2 Sub Mul FloorDiv FloorMod RealDiv TruncateDiv Maximum Minimum Neg Cast Pack Unpack ConcatV2 Concat Slice StridedSlice "
        "GatherV2 Gather Prod Sum Max Min ExpandDims Squeeze Reshape Split SplitV Range Fill ZerosLike OnesLike Select Equal Less Greater "
        "LessEqual GreaterEqual NotEqual Ceil Floor"
    ).split()
) | set(IDENTITIES)
_PLACES = {
    "Reshape": (1,), "Tile": (1,), "Fill": (0,), "BroadcastTo": (1,), "Slice": (1, 2), "StridedSlice": (1, 2, 3), "Range": (0, 1, 2),
    "LinSpace": (2,), "OneHot": (1,), "Pad": (1,), "PadV2": (1,), "MirrorPad": (1,), "TopKV2": (1,), "ScatterNd": (2,), "SparseToDense": (1,),
    "SplitV": (1,), "SequenceMask": (1,), "MatrixDiag": (), "GatherTree": (), "SpaceToBatchND": (1, 2), "BatchToSpaceND": (1, 2),
}  # fmt: skip
"""Which operands of an op decide its output's sizes."""


def with_sizes(context: Context, statements: Sequence[Statement], /) -> tuple[Statement, ...]:
    """The statements, after those that compute the sizes they read from outside."""
    inner = {name for one in statements for name in defined(one)}
    found: dict[int, Statement] = {}
    for name in dict.fromkeys(name for one in statements for name in _size_like(one)):
        if name not in inner:
            found |= {id(s): s for s in _computed(context, name, {}) or ()}
    return (*found.values(), *statements)


def is_size(statement: OpNode, place: int, /) -> bool:
    """Whether an operand of an op decides sizes or places along axes: a number on every backend."""
    return place in _PLACES.get(statement.node.op, ())


def _size_like(statement: Statement) -> tuple[str, ...]:
    """What may decide a size: some operands of an op, anything a loop or a branch captures."""
    if isinstance(statement, OpNode):
        places = _PLACES.get(statement.node.op, ())
        if statement.node.op == "ListNew":
            places = (0,)
        return tuple(name for i, name in enumerate(statement.inputs) if i in places)
    if isinstance(statement, Loop):
        return (*captured(statement.condition), *captured(statement.body))
    if isinstance(statement, Conditional):
        return statement.inputs
    return ()


def _computed(
    context: Context, name: str, seen: dict[str, tuple[Statement, ...] | None]
) -> tuple[Statement, ...] | None:
    """The statements that compute ``name`` from shapes alone, operands first; None where something else has a part in it."""
    if context.known(name) is not None:
        return ()
    if name not in seen:
        seen[name] = None
        seen[name] = _steps(context, name, seen)
    return seen[name]


def _steps(
    context: Context, name: str, seen: dict[str, tuple[Statement, ...] | None]
) -> tuple[Statement, ...] | None:
    statement, _ = context.producers.get(name, (None, 0))
    if not isinstance(statement, OpNode):
        return None
    if statement.node.op in _SHAPES:
        return (statement,)
    fact = context.fact(name)
    if statement.node.op not in ARITHMETIC or fact is None or fact.shape is None:
        return None
    if len(fact.shape) > 1:
        return None
    found: dict[int, Statement] = {}
    for operand in statement.inputs:
        before = _computed(context, operand, seen)
        if before is None:
            return None
        found |= {id(s): s for s in before}
    return (*found.values(), statement)
