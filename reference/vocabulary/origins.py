"""Where a folded constant comes from: which part of which named constant.

Weights keep their variable's name through the slices, splits, transposes and concats that a graph makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """``transpose(named[box], perm)``."""

    name: str
    box: tuple[tuple[int, int], ...]
    """(start, stop) per axis of the named constant."""
    perm: tuple[int, ...]
    """Axis k of the part is axis ``perm[k]`` of the named constant."""

    def take(self, value: Any) -> Any:
        """The part, out of the named constant's value."""
        return value[tuple(slice(a, b) for a, b in self.box)].transpose(self.perm)


@dataclass(frozen=True, slots=True)
class Joined:
    """A concat of parts along ``axis``."""

    axis: int
    parts: tuple[Origin | Joined, ...]


def whole(name: str, shape: Sequence[int]) -> Origin:
    """The named constant itself."""
    return Origin(name, tuple((0, int(size)) for size in shape), tuple(range(len(shape))))


def derive(
    op: str, args: tuple[Any, ...], params: Mapping[str, Any], count: int
) -> Sequence[Origin | Joined | None]:
    """The origins of an operation's ``count`` results on constants."""
    nothing: list[Origin | Joined | None] = [None] * count
    if op == "concat":
        return [_join([x.origin for x in args[0]], args[0], params["axis"])]
    origin = getattr(args[0], "origin", None) if args else None
    if not isinstance(origin, Origin):
        return nothing
    rank = len(origin.perm)
    if op == "cast" and str(params["dtype"]) == args[0].dtype:
        return [origin]
    if op == "transpose":
        return [Origin(origin.name, origin.box, tuple(origin.perm[i] for i in params["perm"]))]
    if op == "split":
        axis, start, parts = params["axis"] % rank, 0, list(nothing)
        for index, size in enumerate(params["sizes"]):
            parts[index] = _cut(origin, axis, start, start + int(size))
            start += int(size)
        return parts
    if op == "strided_slice" and all(stride == 1 for stride in params["strides"]):
        return [_sliced(origin, args)]
    return nothing


def _sliced(origin: Origin, args: tuple[Any, ...]) -> Origin | None:
    begins, ends = (_numbers(item) for item in args[1:3])
    if begins is None or ends is None:
        return None
    part = origin
    for axis, bounds in enumerate(zip(begins, ends, strict=True)):
        low, high = origin.box[origin.perm[axis]]
        start, stop, _ = slice(*bounds).indices(high - low)
        part = _cut(part, axis, start, max(start, stop))
    return part


def _numbers(ints: Any) -> list[int | None] | None:
    if isinstance(ints, tuple):
        if any(not isinstance(item, int | None) for item in ints):
            return None
        return list(ints)
    value = ints.fact.value
    return None if value is None else [int(item) for item in value]


def _cut(origin: Origin, axis: int, start: int, stop: int) -> Origin:
    box = list(origin.box)
    low, _ = box[origin.perm[axis]]
    box[origin.perm[axis]] = (low + start, low + stop)
    return Origin(origin.name, tuple(box), origin.perm)


def _join(origins: Sequence[Any], xs: Sequence[Any], axis: int) -> Joined | None:
    if any(origin is None for origin in origins):
        return None
    return Joined(axis % len(xs[0].fact.shape), tuple(origins))
