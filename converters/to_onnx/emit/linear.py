"""Products."""

from __future__ import annotations

from typing import Any

from converters.to_onnx.emit import emits
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact


@emits("matmul")
def matmul(e: Any, out: Fact, a: Any, b: Any, *, transpose_a: bool, transpose_b: bool) -> str:
    left = e.transpose(a, _swapped(a)) if transpose_a else a
    right = e.transpose(b, _swapped(b)) if transpose_b else b
    if min(len(left.shape), len(right.shape)) > 2:
        left, right = _apart(e, left), _apart(e, right)
    return str(e.compute("MatMul", out.dtype, left, right))


def _apart(e: Any, x: Any) -> Any:
    """The operand, kept from ONNX Runtime's fusion of MatMul with a Transpose of the leading axes, which divides by the size of its rows.

    ONNX Runtime 1.31 (FusedMatMul with transBatchA or transBatchB) thereby ends the process at 0 rows, as 0 steps are. A Reshape that changes nothing copies
    nothing and stands between the two.
    """
    rows, width = x.shape[-2:]
    if x.name is None or not isinstance(width, int) or (isinstance(rows, int) and rows > 0):
        return x
    if not x.name.rpartition("/")[2].startswith("Transpose"):
        return x
    maker = next(n for n in reversed(e.build.home[x.name].nodes) if x.name in n.outputs)
    perm = list(maker.attrs.get("perm", ()))
    rank = len(x.shape)
    if maker.op != "Transpose" or perm[-1:] != [rank - 1] or perm == list(range(rank)):
        return x
    shape = e.axes([0] * (rank - 1) + [width])
    return e.wrap(e.node("Reshape", x, shape), Fact(x.fact.dtype, x.fact.shape))


def _swapped(x: Any) -> tuple[int, ...]:
    rank = len(x.shape)
    return (*range(rank - 2), rank - 1, rank - 2)


@emits("einsum")
def einsum(e: Any, out: Fact, operands: Any, *, equation: str) -> str:
    if "..." in equation:
        msg = f"{e.build.prefix}: einsum {equation!r} with an ellipsis"
        raise NotConvertibleError(msg)
    return str(e.compute("Einsum", out.dtype, *operands, equation=equation))
