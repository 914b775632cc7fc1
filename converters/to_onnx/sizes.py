"""Sizes at run time: the nodes that read an unknown size from a shape, and vectors of sizes known and unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.to_onnx import opaque
from converters.to_onnx.values import Value
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size, as_dim

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps

_TYPES = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "string": 8,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "uint32": 12,
    "uint64": 13,
    "bfloat16": 16,
}


def onnx_type(dtype: str, /) -> int:
    """TensorProto's number of a dtype.

    Raises:
        NotConvertibleError: ONNX has none.
    """
    if dtype not in _TYPES:
        msg = f"ONNX has no dtype {dtype}"
        raise NotConvertibleError(msg)
    return _TYPES[dtype]


def lone_unknown(dim: Dim, /) -> str | None:
    """The name of the unknown that ``dim`` is, where it is nothing but one."""
    if isinstance(dim, Size) and len(dim.terms) == 1:
        monomial, factor = dim.terms[0]
        if factor == 1 and len(monomial) == 1:
            return monomial[0]
    return None


def readable(ops: OnnxOps, dim: Dim, /) -> bool:
    """Whether every unknown of ``dim`` can be read from some shape in sight."""
    if not isinstance(dim, Size):
        return True
    return all(_known(ops, name) for name in dim.names) or _seen(ops, f"={dim}")


def _known(ops: OnnxOps, name: str) -> bool:
    return opaque.readable(name, lambda part: _seen(ops, part))


def _seen(ops: OnnxOps, name: str) -> bool:
    return any(name in scope.symbols for scope in ops.scope.chain())


def size(ops: OnnxOps, dim: Dim, /) -> str:
    """An int64 vector of the one size ``dim``."""
    if not isinstance(dim, Size):
        return ops.axes([int(dim)])
    if not all(_known(ops, name) for name in dim.names):
        return _read(ops, f"={dim}")
    total: str | None = None
    for monomial, factor in dim.terms:
        term = ops.axes([factor]) if factor != 1 or not monomial else None
        for name in monomial:
            read = _read(ops, name)
            term = read if term is None else ops.node("Mul", term, read)
        assert term is not None
        total = term if total is None else ops.node("Add", total, term)
    assert total is not None
    return total


def _read(ops: OnnxOps, name: str) -> str:
    for scope in ops.scope.chain():
        if name in scope.symbols:
            source, axis = scope.symbols[name]
            return ops.node("Shape", source, start=axis, end=axis + 1)
    if _known(ops, name):
        return opaque.read(ops, name, lambda part: _seen(ops, part), lambda part: _read(ops, part))
    msg = f"the size {name} cannot be read from any shape"
    raise NotConvertibleError(msg)


def vector(ops: OnnxOps, dims: Sequence[Dim], /) -> str:
    """An int64 vector of sizes, each known or :func:`readable`."""
    pieces: list[str] = []
    plain: list[int] = []
    for dim in dims:
        if not isinstance(dim, Size):
            plain.append(int(dim))
            continue
        if plain:
            pieces.append(ops.axes(plain))
            plain = []
        pieces.append(size(ops, dim))
    if plain or not pieces:
        pieces.append(ops.axes(plain))
    return pieces[0] if len(pieces) == 1 else ops.node("Concat", *pieces, axis=0)


def symbolic(ops: OnnxOps, fact: Fact, /) -> str | None:
    """A value of symbolic sizes, read from shapes; None where one of them cannot be."""
    assert fact.value is not None
    dims = [as_dim(item) for item in fact.value.ravel()]
    if fact.shape is None or len(fact.shape) > 1 or not all(readable(ops, dim) for dim in dims):
        return None
    name = vector(ops, dims)
    if not fact.shape:
        name = ops.node("Squeeze", name, ops.axes([0]))
    return name if fact.dtype == "int64" else ops.to(name, fact.dtype)


def known_items(arg: Any, /) -> list[Dim | None] | None:
    """The items of a shape-like argument, None for those not known; None where their number is not."""
    if isinstance(arg, Value):
        if arg.fact.value is not None:
            return [as_dim(item) for item in arg.fact.value.ravel()]
        shape = arg.fact.shape
        if shape is None or isinstance(shape[0], Size):
            return None
        return [None] * int(shape[0])
    return [_item(item) for item in arg]


def _item(item: Any) -> Dim | None:
    if not isinstance(item, Value):
        return None if item is None else as_dim(item)
    return None if item.fact.value is None else as_dim(item.fact.value.item())


def int64_vector(ops: OnnxOps, arg: Any, /) -> str:
    """A shape-like argument as one int64 vector; None items are refused."""
    items = known_items(arg)
    if items is not None and all(dim is not None and readable(ops, dim) for dim in items):
        return vector(ops, [dim for dim in items if dim is not None])
    if isinstance(arg, Value):
        return ops.to(arg, "int64")
    pieces = [item_vector(ops, item) for item in arg]
    return pieces[0] if len(pieces) == 1 else ops.node("Concat", *pieces, axis=0)


def item_vector(ops: OnnxOps, item: Any, /) -> str:
    """One item of a shape-like argument as an int64 vector of length 1."""
    dim = _item(item)
    if dim is not None and readable(ops, dim):
        return size(ops, dim)
    return ops.node("Unsqueeze", ops.to(item, "int64"), ops.axes([0]))


def items_of(arg: Any, count: int, ops: OnnxOps, /) -> list[Any]:
    """The items of a shape-like argument one by one, those of an array cut out of it."""
    if not isinstance(arg, Value):
        return list(arg)
    items = known_items(arg)
    if items is not None and all(dim is not None for dim in items):
        return list(items)
    parts = ops.unstack(arg, 0, count)
    return list(parts)


def as_array(dims: Sequence[Any], /) -> np.ndarray:
    return np.asarray(dims, np.int64)
