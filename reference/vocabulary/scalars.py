"""Python scalars in an operand's place take the dtype of the array they meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.errors import NotConvertibleError
from reference.vocabulary.protocol import BINARY, UNARY
from reference.vocabulary.signatures import ARRAY, SIGNATURES


def promote(ops: Any, op: str, operands: list[Any]) -> list[Any]:
    """Every ARRAY operand an array: scalars and NumPy arrays become constants.

    Raises:
        NotConvertibleError: two operands of an elementwise operation differ in dtype.
    """
    kinds = [p.kind for p in SIGNATURES[op] if p.kind != "plain"]
    result: list[Any] = []
    partner: str | None = None
    for index, (kind, value) in enumerate(zip(kinds, operands, strict=True)):
        if kind != ARRAY or hasattr(value, "fact"):
            result.append(_items(ops, value) if kind == "arrays" else value)
            continue
        if isinstance(value, np.ndarray | np.generic):
            result.append(ops.constant(np.asarray(value)))
            continue
        if partner is None:
            partner = _partner(op, index, operands)
        result.append(ops.constant(np.asarray(value, partner)))
    return result


def _items(ops: Any, values: Any) -> Any:
    return tuple(v if hasattr(v, "fact") else ops.constant(np.asarray(v)) for v in values)


def _partner(op: str, index: int, operands: list[Any]) -> str | None:
    """The dtype of the operands it must agree with; a lone Python scalar is int32, float32 or bool."""
    for other in operands[_PARTNERS_FROM.get(op, len(operands)) :]:
        if hasattr(other, "fact"):
            return str(other.fact.dtype)
        if isinstance(other, np.ndarray | np.generic):
            return str(other.dtype)
    if isinstance(operands[index], bool):
        return "bool"
    together = operands if op in _PARTNERS_FROM else operands[index : index + 1]
    return "float32" if any(isinstance(value, float) for value in together) else "int32"


_PARTNERS_FROM = {
    **dict.fromkeys((*UNARY, *BINARY, "clip", "range"), 0),
    # The first operand of these has a dtype of its own.
    "where": 1,
    "one_hot": 1,
}
"""By operation: the operands from this one on have one dtype. Absent: each has its own."""


def check_same_dtype(op: str, *dtypes: str) -> None:
    """Raises NotConvertibleError unless all are equal."""
    if len(set(dtypes)) > 1:
        msg = f"{op} of {' and '.join(dtypes)}: the vocabulary never promotes dtypes"
        raise NotConvertibleError(msg)
