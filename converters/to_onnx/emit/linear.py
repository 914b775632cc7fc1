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
    return str(e.compute("MatMul", out.dtype, left, right))


def _swapped(x: Any) -> tuple[int, ...]:
    rank = len(x.shape)
    return (*range(rank - 2), rank - 1, rank - 2)


@emits("einsum")
def einsum(e: Any, out: Fact, operands: Any, *, equation: str) -> str:
    if "..." in equation:
        msg = f"{e.build.prefix}: einsum {equation!r} with an ellipsis"
        raise NotConvertibleError(msg)
    return str(e.compute("Einsum", out.dtype, *operands, equation=equation))
