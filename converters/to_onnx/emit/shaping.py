"""Operations on shapes. Pairs that undo one another (transposes, reshapes, squeezes) are written as one."""

from __future__ import annotations

from typing import Any

from converters.to_onnx import sizes
from converters.to_onnx.emit import emits
from converters.to_onnx.kernels import carrier
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Size
from reference.vocabulary.arrays import concrete


@emits("shape")
def shape(e: Any, out: Fact, x: Any, *, dtype: str) -> str:
    name = e.node("Shape", x)
    return str(name if dtype == "int64" else e.to(name, dtype))


@emits("reshape")
def reshape(e: Any, out: Fact, x: Any, target: Any) -> Any:
    if out.shape is not None and out.shape == x.fact.shape:
        return x
    target, may_be_empty = _target_shape(e, out, x, target)
    return e.node("Reshape", x, target, allowzero=1 if may_be_empty else None)


def _target_shape(e: Any, out: Fact, x: Any, target: Any) -> tuple[str, bool]:
    """The shape, constant where at most one size is unknown or unknown ones stay in place; and whether its zeros mean empty.

    -1 stands only beside sizes that cannot be 0: ONNX Runtime cannot work it out from an empty array otherwise.
    """
    dims = out.shape
    if dims is None:
        return sizes.int64_vector(e, target), True
    unknown = [axis for axis, dim in enumerate(dims) if isinstance(dim, Size)]
    if not unknown:
        return e.axes(dims), 0 in dims
    if 0 not in dims:
        if len(unknown) == 1:
            return e.axes([-1 if isinstance(dim, Size) else dim for dim in dims]), False
        before = x.fact.shape
        if before is not None and all(a < len(before) and before[a] == dims[a] for a in unknown):
            return e.axes([0 if isinstance(dim, Size) else dim for dim in dims]), False
    if all(sizes.readable(e, dim) for dim in dims):
        return sizes.vector(e, dims), True
    return sizes.int64_vector(e, target), True


@emits("transpose")
def transpose(e: Any, out: Fact, x: Any, *, perm: tuple[int, ...]) -> Any:
    perm = tuple(axis % len(perm) for axis in perm)
    origin = e.transposed.get(x.name) if x.name is not None else None
    if origin is not None:
        source, first = origin
        x, perm = source, tuple(first[axis] for axis in perm)
    if perm == tuple(range(len(perm))):
        return x
    if x.name in e.gathered and perm[:2] == (1, 0) and perm[2:] == tuple(range(2, len(perm))):
        return e.gathered[x.name].moved
    if out.dtype == "float16":
        # In float32, between two casts: see cast_node, ONNX Runtime puts one before a MatMul by itself.
        wide = e.node("Transpose", e.node("Cast", x, to=1), perm=list(perm))
        name = e.node("Cast", wide, to=10)
    else:
        name = e.node("Transpose", x, perm=list(perm))
    e.transposed[name] = (x, perm)
    return name


@emits("expand_dims")
def expand_dims(e: Any, out: Fact, x: Any, *, axis: int) -> str:
    return str(e.node("Unsqueeze", x, e.axes([axis])))


@emits("squeeze")
def squeeze(e: Any, out: Fact, x: Any, *, axes: tuple[int, ...] | None) -> Any:
    if axes is None:
        return e.node("Squeeze", x)
    return e.node("Squeeze", x, e.axes(axes)) if axes else x


@emits("broadcast_to")
def broadcast_to(e: Any, out: Fact, x: Any, target: Any) -> Any:
    if out.shape is not None and x.fact.shape == out.shape:
        return x
    return _carried(e, "Expand", out.dtype, x, _target(e, out, target))


@emits("fill")
def fill(e: Any, out: Fact, target: Any, value: Any) -> str:
    name = _carried(e, "Expand", out.dtype, value, _target(e, out, target))
    known = concrete(value.fact)
    if known is not None and known.dtype.kind == "f" and not known.any():
        e.zeros.add(name)
    return name


def _target(e: Any, out: Fact, target: Any) -> str:
    if out.shape is not None and all(sizes.readable(e, dim) for dim in out.shape):
        return sizes.vector(e, out.shape)
    return sizes.int64_vector(e, target)


@emits("tile")
def tile(e: Any, out: Fact, x: Any, multiples: Any) -> str:
    return _carried(e, "Tile", out.dtype, x, sizes.int64_vector(e, multiples))


def _carried(e: Any, op: str, dtype: str, x: Any, sizes_of: str) -> str:
    """A node whose second operand is a vector of sizes, the first in a dtype that has a kernel."""
    wide = carrier(op, dtype)
    name = e.node(op, e.to(x, wide), sizes_of)
    return str(name if wide == dtype else e.to(name, dtype))


@emits("range")
def range_(e: Any, out: Fact, start: Any, limit: Any, delta: Any) -> str:
    name = str(e.compute("Range", out.dtype, start, limit, delta))
    first, step = concrete(start.fact), concrete(delta.fact)
    if first is not None and step is not None and first == 0 and step == 1:
        e.ramps.add(name)
        e.natural.add(name)
    return name
