"""The parts of a recurrence's state, as the cell carries them and by letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.to_onnx.native.form import NativeForm
from converters.to_onnx.values import Value

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps

Start = dict[str, Value]
"""State parts by letter, c and h."""


def starts(ops: OnnxOps, form: NativeForm, parts: list[Value]) -> Start:
    """The initial state parts ``[B, units]`` by letter."""
    if form.state == "c|h":
        c, h = ops.split(parts[0], (form.units,) * 2, 1)
        return {"c": c, "h": h}
    return dict(zip(form.state, parts, strict=True))


def finals(ops: OnnxOps, form: NativeForm, last: Start) -> list[Value]:
    """The final state parts as the cell carries them."""
    parts = [last[letter] for letter in form.state if letter in "ch"]
    return [ops.concat(parts, 1)] if form.state == "c|h" else parts


def is_zero(ops: OnnxOps, x: Value, /) -> bool:
    """Whether every item is known to be 0."""
    if x.name is not None and x.name in ops.zeros:
        return True
    known = x.fact.value
    return known is not None and known.dtype.kind == "f" and not known.any()
