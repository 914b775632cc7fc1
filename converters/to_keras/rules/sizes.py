"""Ranges, fills and reshapes of open sizes from plain ``keras.ops``: no layer of this package, so that the file loads alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.program import OpNode
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.dtypes import held
from converters.to_keras.idioms import marked
from converters.to_keras.plan import Builder, Key, Plan, fingerprint, single
from converters.to_keras.shapes import sources
from reference.vocabulary.abstract.fact import Dim
from reference.vocabulary.abstract.sizes import Size, unknown

kops = keras.ops


def _name(dim: Any) -> str | None:
    """The name of a size that is one unknown."""
    if isinstance(dim, Size) and len(dim.terms) == 1:
        (monomial, factor), *_ = dim.terms
        return monomial[0] if factor == 1 and len(monomial) == 1 else None
    return None


def zeros_along(x: Any, axis: int, dtype: str, /) -> Any:
    """[n] zeros, n the size of that axis of x; a sum, since other axes may be empty."""
    dtype = str(held(dtype))
    zeros = kops.zeros_like(x, dtype=dtype)
    others = tuple(a for a in range(len(x.shape)) if a != axis)
    return _kept(kops.sum(zeros, axis=others), dtype) if others else zeros


def _kept(total: Any, dtype: str) -> Any:
    """The sum in the dtype it was taken in: JAX with 64 bits widens it behind Keras' back."""
    return kops.cast(total, held(dtype)) if keras.backend.backend() == "jax" else total


def count(x: Any, axis: int, dtype: str = "int32", /) -> Any:
    """0, 1, …, n - 1."""
    places = _kept(kops.cumsum(zeros_along(x, axis, dtype) + 1, axis=0), dtype) - 1
    return marked("positions", places, x, axis, dtype)


def open_size(x: Any, axis: int, dtype: str = "int32", /) -> Any:
    """The size of that axis of x, rank 0."""
    return marked("size", _kept(kops.sum(zeros_along(x, axis, dtype) + 1), dtype), x, axis, dtype)


def size_vector(
    dims: Sequence[Dim],
    places: Mapping[str, tuple[Key, int]],
    tensors: Sequence[Any],
    dtype: str,
    /,
) -> Any:
    """The sizes as a vector; ``tensors`` are those of ``places``, in order."""
    found = {
        name: open_size(tensor, axis, dtype)
        for (name, (_, axis)), tensor in zip(places.items(), tensors, strict=True)
    }
    zero = kops.zeros_like(next(iter(found.values())))
    totals = [_polynomial(dim, found) for dim in dims]
    return kops.stack([kops.add(zero, t) if isinstance(t, int) else t for t in totals])


def _polynomial(dim: Dim, found: Mapping[str, Any]) -> Any:
    if not isinstance(dim, Size):
        return int(dim)
    total: Any = None
    for monomial, factor in dim.terms:
        product: Any = int(factor)
        for name in monomial:
            product = (
                found[name] if isinstance(product, int) and product == 1 else found[name] * product
            )
        total = product if total is None else product + total
    return 0 if total is None else total


def open_range(context: Context, key: Key) -> Plan | None:
    """``range(start, n, 1)`` of a named size n."""
    node = context.node(key.value, "Range")
    if node is None or not key.plain:
        return None
    start, delta = (context.known(node.inputs[i]) for i in (0, 2))
    limit, fact = context.sizes(node.inputs[1]), context.fact(key.value)
    if limit is None and keras.backend.backend() == "jax":
        # The counter of a loop that stops early: more of it does no harm, and no other size is fixed.
        limit = context.shape(key.value)
    if start is None or delta is None or limit is None or fact is None or len(limit) != 1:
        return None
    if start.ndim or delta.ndim:
        return None
    places = sources(context, limit, key.value)
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
    value, places = context.known(node.inputs[1]), sources(context, dims, key.value)
    named = [dim for dim in dims if isinstance(dim, Size)]
    if value is None or not places or any(_name(dim) is None for dim in named):
        return None
    if fact.dtype not in ("float32", "float64", "int32", "int64"):
        return None
    needs = [source for source, _ in places.values()]

    def build(_builder: Builder, *tensors: Any) -> Any:
        by_name = dict(zip(places, tensors, strict=True))
        result: Any = np.full(
            [1 if isinstance(d, Size) else d for d in dims], value, held(fact.dtype)
        )
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
    if key.swapped:
        return None
    source, dims, items = _unfolded(context, key)
    if dims is None or any(_name(dim) is None for dim in dims):
        return None
    places = sources(context, dims, key.value)
    if not places:
        return None
    needs = [Key(source), *(place for place, _ in places.values())]

    def build(_builder: Builder, x: Any, *tensors: Any) -> Any:
        by_name = dict(zip(places, tensors, strict=True))
        lines = [(by_name[n], places[n][1]) for n in map(_name, dims) if n is not None]
        first, second = (count(t, axis) for t, axis in lines)
        rows = x if items is None else kops.reshape(x, (-1, *items))
        place = kops.expand_dims(first * open_size(*lines[1]), 1) + second
        return marked("unfold", kops.take(rows, place, axis=0), rows, first, second)

    return single(needs, key, build)


def like(context: Context, key: Key) -> Plan | None:
    """Zeros or ones of the sizes of another array."""
    node, fact = context.node(key.value, "ZerosLike", "OnesLike"), context.fact(key.value)
    if node is None or not key.plain or fact is None or not fact.dtype.startswith(("float", "int")):
        return None
    function = kops.zeros_like if node.node.op == "ZerosLike" else kops.ones_like
    return single([Key(node.inputs[0])], key, lambda _b, x: function(x))


def unit_axes(context: Context, key: Key) -> Plan | None:
    """A reshape that only takes away and adds axes of size 1, the others open."""
    node, target = context.node(key.value, "Reshape"), context.shape(key.value)
    source = None if node is None else context.shape(node.inputs[0])
    if node is None or not key.plain or source is None or target is None:
        return None
    if [d for d in source if d != 1] != [d for d in target if d != 1]:
        return None
    index = tuple(0 if dim == 1 else slice(None) for dim in source)
    axes = tuple(axis for axis, dim in enumerate(target) if dim == 1)

    def build(_builder: Builder, x: Any) -> Any:
        y = x[index] if 0 in index else x
        return kops.expand_dims(y, axes[0] if len(axes) == 1 else axes) if axes else y

    return single([Key(node.inputs[0])], key, build)


Unfolded = tuple[str, Sequence[Dim] | None, tuple[int, ...] | None]
"""The rows, the two sizes they are seen as (None: no such reshape), and the items' shape where that changes too."""


def _unfolded(context: Context, key: Key) -> Unfolded:
    if key.lead is not None:
        return key.value, key.lead, None
    node = context.node(key.value, "Reshape")
    if node is None:
        return key.value, None, None
    source = node.inputs[0]
    target, rows = _target(context, node), context.shape(source)
    if not target or not rows or len(target) < 2 or target[0] * target[1] != rows[0]:
        return source, None, None
    if target[2:] == rows[1:]:
        return source, target[:2], None
    items, old = target[2:], rows[1:]
    if any(isinstance(d, Size) for d in (*items, *old)) or math.prod(items) != math.prod(old):
        return source, None, None
    return source, target[:2], tuple(map(int, items))


def _target(context: Context, node: OpNode) -> tuple[Dim, ...] | None:
    """The shape a reshape gives; a -1 in front of ``m`` is what is left of the rows ``n m``."""
    target, rows = context.sizes(node.inputs[1]), context.shape(node.inputs[0])
    if target is None or not rows or len(target) < 2 or target[0] != -1:
        return context.shape(node.outputs[0])
    name, whole = _name(target[1]), rows[0]
    if name is None or not isinstance(whole, Size) or len(whole.terms) != 1:
        return None
    (monomial, factor), *_ = whole.terms
    if name not in monomial or factor != 1 or len(monomial) != 2:
        return None
    left = list(monomial)
    left.remove(name)
    return (unknown(left[0]), *target[1:])


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

        layer = builder.layer(("EinsumDense", names[0], axes, fingerprint(scale)), names[1], make)
        if not layer.built:
            layer.build((None, *inner, scale.shape[0]))
        result = layer(tensor)
        layer.set_weights([scale])
        return result

    return single([x], key, build)
