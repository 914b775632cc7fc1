"""Both directions of an operator, joined along the units: one Transpose of its result in place of cutting it apart and joining the parts.

ONNX Runtime gives ``[T, directions, B, units]``. ``concat(forward, backward)`` is that array with its axes in another order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converters.to_onnx.segments.gathering import together
from reference.vocabulary.abstract.fact import Fact

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps


def both_directions(ops: OnnxOps, out: Fact, parts: tuple[Any, ...], axis: int) -> str | None:
    """The concat of all directions of one operator, in their order, along the last axis; else None.

    ``parts`` are time-major, or each is transposed to batch-major, which the result is then too; transposing it back costs nothing.
    """
    moved = [_origin(ops, part) for part in parts]
    sides = [ops.sides.get(name or "") for name, _ in moved]
    perms = {perm for _, perm in moved}
    if out.dtype != "float32" or out.rank != 3 or axis % 3 != 2 or len(perms) != 1:
        return None
    if perms <= {None, (1, 0, 2)} and all(name in ops.gathered for name, _ in moved):
        return _of_segments(ops, out, [str(name) for name, _ in moved], None not in perms)
    whole = sides[0][0] if sides[0] is not None else ""
    if sides != [(whole, index, len(parts)) for index in range(len(parts))]:
        return None
    perm = perms.pop()
    width = out.shape[2] if out.shape is not None else None
    if perm not in (None, (1, 0, 2)) or not isinstance(width, int):
        return None

    def joined(array: str, *order: int) -> str:
        moved = ops.node("Transpose", array, perm=list(order))
        return ops.node("Reshape", moved, ops.axes([0, 0, width]))

    time_major = joined(whole, 0, 2, 1, 3)
    if whole in ops.uncut:
        ops.uncut[time_major] = joined(ops.uncut[whole], 0, 2, 1, 3)
    if perm is None:
        return time_major
    batch_major = joined(whole, 2, 0, 1, 3)
    assert out.shape is not None
    fact = Fact(out.dtype, (out.shape[1], out.shape[0], width))
    ops.transposed[batch_major] = (ops.wrap(time_major, fact), perm)
    return batch_major


def _of_segments(ops: OnnxOps, out: Fact, names: list[str], batch_major: bool) -> str | None:
    """The same of sequences that were run in segments."""
    assert out.shape is not None
    first, second, width = out.shape
    shape = (second, first, width) if batch_major else out.shape
    whole = together(ops, names, Fact(out.dtype, shape))
    name = None if whole is None else ops.ref(whole)
    return ops.gathered[name].moved if name is not None and batch_major else name


def _origin(ops: OnnxOps, part: Any) -> tuple[str | None, tuple[int, ...] | None]:
    """The name of what a part was transposed from, and how; its own where it was not."""
    source, perm = ops.transposed.get(part.name or "", (part, None))
    return source.name, perm
