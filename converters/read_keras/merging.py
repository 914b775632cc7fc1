"""Layers of several inputs, and layers that move items about."""

from __future__ import annotations

from functools import reduce

import numpy as np

from converters.graph import DType
from converters.read_keras.layers import Call, layer
from converters.read_keras.values import Nest, Value

_MERGES = {
    "Add": "AddV2", "Multiply": "Mul", "Subtract": "Sub", "Maximum": "Maximum", "Minimum": "Minimum",
    "Average": "AddV2",
}  # fmt: skip


@layer(*_MERGES)
def merge(call: Call) -> Nest:
    """Elementwise; fewer axes are filled up behind the batch's; a step counts where it counts in any input."""
    b, xs = call.build, call.xs
    rank = max(x.rank for x in xs)
    grown = []
    for x in xs:
        y = x
        for _ in range(rank - x.rank):
            y = b.expand(y, 1)
        grown.append(y)
    total = reduce(lambda x, y: b(_MERGES[call.layer.kind], x, y), grown)
    if call.layer.kind == "Average":
        total = b("RealDiv", total, b.like(total, len(xs)))
    masks = [x.mask for x in xs]
    if any(mask is None for mask in masks) or len({x.rank for x in xs}) > 1:
        return total
    return total.masked(_any(call, [m for m in masks if m is not None]))


def _any(call: Call, masks: list[Value]) -> Value:
    return reduce(lambda x, y: x if x.name == y.name else call.build("LogicalOr", x, y), masks)


@layer("Concatenate")
def concatenate(call: Call) -> Nest:
    """Joined; its mask is Keras': all masks as wide as their inputs, joined, any over the last axis."""
    b, xs = call.build, call.xs
    axis = int(call.config("axis", -1)) % xs[0].rank
    joined = b.concat(xs, axis)
    masks = [x.mask for x in xs]
    if all(mask is None for mask in masks):
        return joined
    names = {None if mask is None else mask.name for mask in masks}
    if (
        len(names) == 1
        and axis == xs[0].rank - 1
        and masks[0] is not None
        and masks[0].rank == axis
    ):
        # Along the features, equal masks joined are that mask.
        return joined.masked(masks[0])
    wide = []
    for x, mask in zip(xs, masks, strict=True):
        if mask is None:
            wide.append(b("Fill", b.vector([b.size(x, a) for a in range(x.rank)]), np.array(True)))
        elif mask.rank < x.rank:
            nothing = b("Fill", b.vector([b.size(x, a) for a in range(x.rank)]), np.array(False))
            wide.append(b("LogicalOr", b.expand(mask, mask.rank), nothing))
        else:
            wide.append(mask)
    return joined.masked(b.reduce("Any", b.concat(wide, axis), -1))


@layer("Dot")
def dot(call: Call) -> Nest:
    """A product along one axis of each of two inputs."""
    b, (x, y) = call.build, call.xs
    axes = call.config("axes")
    i, j = (
        a % v.rank
        for a, v in zip(axes if isinstance(axes, list) else [axes] * 2, (x, y), strict=True)
    )
    if call.config("normalize", False) or x.rank > 3 or y.rank > 3 or 0 in (i, j):
        msg = "normalize, and inputs of more than three axes, are not described"
        raise call.refused(msg)
    left = x if x.rank == 3 else b.expand(x, 1)
    left = b.transpose(left, [0, 2, 1]) if x.rank == 3 and i == 1 else left
    right = y if y.rank == 3 else b.expand(y, 2)
    right = b.transpose(right, [0, 2, 1]) if y.rank == 3 and j == 2 else right
    z = b("BatchMatMulV2", left, right)
    z = b.squeeze(z, 2) if y.rank == 2 else z
    if x.rank == 2:
        z = b.squeeze(z, 1) if z.rank > 2 or y.rank == 3 else z
    return z


@layer("Flatten")
def flatten_layer(call: Call) -> Nest:
    """[B, everything else]."""
    b, x = call.build, call.x
    if call.config("data_format", "channels_last") == "channels_first" and x.rank > 1:
        x = b.transpose(x, [0, *range(2, x.rank), 1])
    rest = [x.shape[axis] for axis in range(1, x.rank)]
    known = all(isinstance(n, int) for n in rest)
    return b.reshape(x, [b.size(x, 0), int(np.prod(rest, dtype=np.int64)) if known else -1])


@layer("Reshape")
def reshape(call: Call) -> Nest:
    """All but the batch in another shape."""
    b, x = call.build, call.x
    target = [int(n) for n in call.config("target_shape")]
    rest = x.shape[1:]
    if -1 in target and all(isinstance(n, int) for n in rest):
        known = int(np.prod([n for n in target if n != -1], dtype=np.int64))
        target[target.index(-1)] = int(np.prod(rest, dtype=np.int64)) // max(known, 1)
    return b.reshape(x, [b.size(x, 0), *target])


@layer("Permute")
def permute(call: Call) -> Nest:
    return call.build.transpose(call.x, [0, *(int(a) for a in call.config("dims"))])


@layer("RepeatVector")
def repeat_vector(call: Call) -> Nest:
    """[B, n, features]."""
    b, n = call.build, int(call.config("n"))
    return b("Tile", b.expand(call.x, 1), np.array([1, n, 1], np.int32))


@layer(
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"
)
def global_pool(call: Call) -> Nest:
    """Over all places; the mean over steps counts the unmasked ones."""
    b, x = call.build, call.x
    last = call.config("data_format", "channels_last") == "channels_last"
    axes = list(range(1, x.rank - 1)) if last else list(range(2, x.rank))
    keep = bool(call.config("keepdims", False))
    if "Max" in call.layer.kind:
        return b.reduce("Max", x, axes, keep)
    mask = call.mask if call.layer.kind.endswith("1D") else None
    if not isinstance(mask, Value):
        return b.reduce("Mean", x, axes, keep)
    wide = b.cast(b.expand(mask, 2 if last else 1), "bool")
    total = b.reduce("Sum", b("SelectV2", wide, x, b.like(x, 0)), axes, keep)
    return b("RealDiv", total, b.reduce("Sum", b("Cast", wide, DstT=DType(x.dtype)), axes, keep))
