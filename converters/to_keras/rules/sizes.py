"""Ranges, fills and reshapes of open sizes from plain ``keras.ops``: no layer of this package, so that the file loads alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.plan import Builder, Key, Plan, single
from converters.to_keras.shapes import sources
from reference.vocabulary.abstract.sizes import Size

kops = keras.ops


def _name(dim: Any) -> str | None:
    """The name of a size that is one unknown."""
    if isinstance(dim, Size) and len(dim.terms) == 1:
        (monomial, factor), *_ = dim.terms
        return monomial[0] if factor == 1 and len(monomial) == 1 else None
    return None


def zeros_along(x: Any, axis: int, dtype: str, /) -> Any:
    """[n] zeros, n the size of that axis of x; a sum, since other axes may be empty."""
    zeros = kops.zeros_like(x, dtype=dtype)
    others = tuple(a for a in range(len(x.shape)) if a != axis)
    return kops.sum(zeros, axis=others) if others else zeros


def count(x: Any, axis: int, dtype: str = "int32", /) -> Any:
    """0, 1, …, n - 1."""
    return kops.cumsum(zeros_along(x, axis, dtype) + 1, axis=0) - 1


def open_range(context: Context, key: Key) -> Plan | None:
    """``range(start, n, 1)`` of a named size n."""
    node = context.node(key.value, "Range")
    if node is None or not key.plain:
        return None
    start, delta = (context.known(node.inputs[i]) for i in (0, 2))
    limit, fact = context.sizes(node.inputs[1]), context.fact(key.value)
    if start is None or delta is None or limit is None or fact is None or len(limit) != 1:
        return None
    places = sources(context, limit)
    if int(start) != 0 or int(delta) != 1 or _name(limit[0]) is None or not places:
        return None
    if fact.dtype not in ("int32", "int64"):
        return None
    ((source, axis),) = places.values()
    return single([source], key, lambda _b, x: count(x, axis, fact.dtype))


def open_fill(context: Context, key: Key) -> Plan | None:
    """``fill([B, n], value)``."""
    node = context.node(key.value, "Fill")
    dims, fact = context.shape(key.value), context.fact(key.value)
    if node is None or not key.plain or dims is None or fact is None:
        return None
    value, places = context.known(node.inputs[1]), sources(context, dims)
    named = [dim for dim in dims if isinstance(dim, Size)]
    if value is None or not places or any(_name(dim) is None for dim in named):
        return None
    if fact.dtype not in ("float32", "float64", "int32", "int64"):
        return None
    needs = [source for source, _ in places.values()]

    def build(_builder: Builder, *tensors: Any) -> Any:
        by_name = dict(zip(places, tensors, strict=True))
        result: Any = np.full([1 if isinstance(d, Size) else d for d in dims], value, fact.dtype)
        for place, dim in enumerate(dims):
            name = _name(dim)
            if name is not None:
                line = zeros_along(by_name[name], places[name][1], fact.dtype)
                result = kops.add(_along(line, place, len(dims)), result)
        return result

    return single(needs, key, build)


def _along(line: Any, place: int, rank: int) -> Any:
    for axis in range(rank):
        if axis != place:
            line = kops.expand_dims(line, axis)
    return line


def open_rows(context: Context, key: Key) -> Plan | None:
    """Rows ``[n m, …]`` as ``[n, m, …]``, both sizes open: taken by their places ``i m + j``."""
    node = context.node(key.value, "Reshape")
    if key.swapped:
        return None
    if key.lead is not None:
        dims: Sequence[Any] | None = key.lead
        source = key.value
    else:
        if node is None:
            return None
        target, rows = context.shape(key.value), context.shape(node.inputs[0])
        if not target or not rows or len(target) < 2 or target[2:] != rows[1:]:
            return None
        dims = target[:2] if target[0] * target[1] == rows[0] else None
        source = node.inputs[0]
    if dims is None or any(_name(dim) is None for dim in dims):
        return None
    places = sources(context, dims)
    if not places:
        return None
    needs = [Key(source), *(place for place, _ in places.values())]

    def build(_builder: Builder, x: Any, *tensors: Any) -> Any:
        by_name = dict(zip(places, tensors, strict=True))
        lines = [(by_name[n], places[n][1]) for n in map(_name, dims) if n is not None]
        first, second = (count(t, axis) for t, axis in lines)
        width = kops.sum(zeros_along(*lines[1], "int32") + 1)
        return kops.take(x, kops.expand_dims(first * width, 1) + second, axis=0)

    return single(needs, key, build)


def scaled(context: Context, key: Key) -> Plan | None:
    """x times a variable along the last axis: ``keras.layers.EinsumDense`` holds it."""
    node = context.node(key.value, "Mul")
    shape = context.shape(key.value)
    if node is None or not key.plain or shape is None or not 2 <= len(shape) <= 4:
        return None
    for left, right in ((0, 1), (1, 0)):
        scale, variable = context.known(node.inputs[right]), context.variable(node.inputs[right])
        x_shape = context.shape(node.inputs[left])
        if scale is None or not variable or scale.dtype.kind != "f" or scale.size < 2:
            continue
        if (
            context.known(node.inputs[left]) is None
            and x_shape == shape
            and scale.shape == shape[-1:]
        ):
            return _einsum(Key(node.inputs[left]), key, scale, (variable, node.node.name))
    return None


def _einsum(x: Key, key: Key, scale: np.ndarray, names: tuple[str, str]) -> Plan:
    def build(builder: Builder, tensor: Any) -> Any:
        axes = "abcd"[: len(tensor.shape)]
        inner = [None] * (len(axes) - 2)

        def make(name: str) -> Any:
            return keras.layers.EinsumDense(
                f"{axes},{axes[-1]}->{axes}",
                (*inner, scale.shape[0]),
                name=name,
                dtype=str(scale.dtype),
            )

        layer = builder.layer(("EinsumDense", names[0], axes), names[1], make)
        if not layer.built:
            layer.build((None, *inner, scale.shape[0]))
        result = layer(tensor)
        layer.set_weights([scale])
        return result

    return single([x], key, build)
