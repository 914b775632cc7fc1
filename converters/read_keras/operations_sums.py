"""``keras.ops`` that multiply, sum up and choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from converters.graph import DType
from converters.read_keras.builder import Builder, refused
from converters.read_keras.operations import TABLE, floating, operation, together, value_of
from converters.read_keras.values import Nest


@operation("Matmul", "Dot")
def matmul(b: Builder, x1: Any, x2: Any) -> Nest:
    """Over the last two axes; a vector beside a matrix."""
    x, y = together(b, x1, x2)
    if y.rank == 1:
        return b.squeeze(matmul(b, x, b.expand(y, 1)), -1 + max(x.rank, 1) if x.rank > 1 else 0)
    if x.rank == 1 or (x.rank != y.rank and y.rank != 2):
        raise refused(b.prefix, f"a product of {x.rank} and {y.rank} axes is not described")
    return b("MatMul" if x.rank == 2 else "BatchMatMulV2", x, y)


@operation("Einsum")
def einsum(b: Builder, *operands: Any, subscripts: str) -> Nest:
    return b("Einsum", *together(b, *operands), equation=subscripts.replace(" ", "").encode())


def _reduce(op: str) -> Callable[..., Nest]:
    def function(
        b: Builder,
        x: Any,
        axis: Any = None,
        keepdims: bool = False,
        dtype: Any = None,
        initial: Any = None,
    ) -> Nest:
        if initial is not None or dtype is not None:
            raise refused(b.prefix, "a reduction with dtype or initial is not described")
        value = value_of(b, x)
        if op == "Mean":
            value = floating(b, value)
        elif op in ("Any", "All"):
            value = b.cast(value, "bool")
        elif value.dtype == "bool":
            value = b.cast(value, "int32")
        return b.reduce(op, value.masked(None), axis, keepdims)

    return function


TABLE.update({kind: _reduce(kind) for kind in ("Sum", "Mean", "Max", "Min", "Prod", "Any", "All")})


@operation("Var")
def variance(b: Builder, x: Any, axis: Any = None, keepdims: bool = False) -> Nest:
    value = floating(b, x)
    mean = b.reduce("Mean", value, axis, True)
    return b.reduce("Mean", b("Square", b("Sub", value, mean)), axis, keepdims)


@operation("Std")
def deviation(b: Builder, x: Any, axis: Any = None, keepdims: bool = False) -> Nest:
    return b("Sqrt", variance(b, x, axis, keepdims))


@operation("Logsumexp")
def logsumexp(b: Builder, x: Any, axis: Any = None, keepdims: bool = False) -> Nest:
    value = floating(b, x)
    top = b.reduce("Max", value, axis, True)
    total = b("Log", b.reduce("Sum", b("Exp", b("Sub", value, top)), axis, keepdims))
    if keepdims:
        return b("AddV2", total, top)
    return b("AddV2", total, b.reduce("Max", value, axis, False))


@operation("Cumsum")
def cumsum(b: Builder, x: Any, axis: int | None = None, dtype: Any = None) -> Nest:
    value = value_of(b, x)
    if axis is None:
        raise refused(b.prefix, "cumsum needs an axis")
    wanted = dtype or ("int32" if value.dtype == "bool" else value.dtype)
    value = b.cast(value, wanted)
    total = b("Cumsum", value, np.array(axis, np.int32), exclusive=False, reverse=False)
    b.masks.note_cumsum(value, total, axis)
    return total


def _arg(op: str) -> Callable[..., Nest]:
    def function(b: Builder, x: Any, axis: int | None = None, keepdims: bool = False) -> Nest:
        if axis is None:
            raise refused(b.prefix, f"{op} needs an axis")
        place = b(op, value_of(b, x), np.array(axis, np.int32), output_type=DType("int32"))
        return (
            b.expand(place, axis if axis >= 0 else value_of(b, x).rank + axis)
            if keepdims
            else place
        )

    return function


TABLE.update({"Argmax": _arg("ArgMax"), "Argmin": _arg("ArgMin")})


@operation("TopK")
def top_k(b: Builder, x: Any, k: int = 1, sorted: bool = True) -> Nest:
    return list(b.call("TopKV2", value_of(b, x), np.array(k, np.int32), outputs=2, sorted=True))
