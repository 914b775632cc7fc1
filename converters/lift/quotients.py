"""``tf.cast(a / n, tf.int32)`` of integers a and a constant n: Python 3's ``/`` went through floats, and the result is an integer quotient.

TF1 casts both to floats that hold them exactly (int32 to float64, int16 to float32; 1.15.5 ``python/ops/math_ops.py:948``). With p bits of
mantissa and |a| < 2^p a quotient that is no integer lies more than half a unit in the last place from the next one, so that rounding
does not reach it: cutting off (a Cast), or ``floor``, gives just what dividing the integers does. A beam search finds its parents so
(``contrib/seq2seq/python/ops/beam_search_decoder.py:1029``). int64 does not fit a float64 and stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from converters.graph import DType, Node
from converters.lift.all_axes import Values
from converters.program import OpNode, Statement
from reference.vocabulary.arrays import concrete

_MANTISSA = {"float64": 53, "float32": 24}
_VIEWS = ("Reshape", "Identity", "ExpandDims", "Squeeze", "Transpose")
_PLACES = frozenset(("TopK", "TopKV2", "ArgMax", "ArgMin"))
"""Ops whose integers are places, and never negative."""


def quotient(known: Values, node: Node, kept: list[Statement]) -> tuple[Node, ...]:
    """The nodes that do what ``node`` does: itself, or a division of integers and a Cast to the wanted width."""
    fact = known.facts.get(node.inputs[0]) if node.op == "Cast" and node.inputs else None
    if fact is None or fact.dtype not in _MANTISSA or not str(node.attr("DstT")).startswith("int"):
        return (node,)
    makers = {name: s.node for s in kept if isinstance(s, OpNode) for name in s.outputs}
    divided = makers.get(node.inputs[0])
    floor = divided is not None and divided.op == "Floor"
    if divided is not None and floor:
        divided = makers.get(divided.inputs[0])
    if divided is None or divided.op not in ("RealDiv", "Div"):
        return (node,)
    whole, number = makers.get(divided.inputs[0]), _number(known, divided.inputs[1])
    if whole is None or whole.op != "Cast" or number is None:
        return (node,)
    a, wanted = whole.inputs[0], str(node.attr("DstT"))
    dtype = known.facts[a].dtype if a in known.facts else ""
    if not _fits(dtype, number, _MANTISSA[fact.dtype]) or _bits(wanted) < _bits(dtype):
        return (node,)
    op = "FloorDiv" if floor or _is_place(makers, a) else "TruncateDiv"
    name = node.name if wanted == dtype else f"{node.name}/quotient"
    count = f"{node.name}/divisor:0"
    known.work.frozen[count] = np.asarray(number, dtype)
    divide = Node(name, op, (a, known.name(count)), (), {"T": DType(dtype)})
    if wanted == dtype:
        return (divide,)
    return divide, replace(node, inputs=(f"{name}:0",), attrs={**node.attrs, "SrcT": DType(dtype)})


def _number(known: Values, name: str) -> int | None:
    """A constant that is a positive whole number."""
    fact = known.facts.get(name)
    value = None if fact is None else concrete(fact)
    if value is None or value.size != 1 or value.ndim != 0:
        return None
    number = float(value)
    return int(number) if number >= 1 and number == int(number) else None


def _fits(dtype: str, number: int, mantissa: int) -> bool:
    """Whether floats with such a mantissa hold every integer of the dtype, and the dtype the divisor."""
    if dtype not in ("int8", "int16", "int32"):
        return False
    return _bits(dtype) <= mantissa and number <= np.iinfo(dtype).max


def _bits(dtype: str) -> int:
    return int(np.iinfo(dtype).bits)


def _is_place(makers: Mapping[str, Node], name: str) -> bool:
    while (maker := makers.get(name)) is not None and maker.op in _VIEWS:
        name = maker.inputs[0]
    place = int(maker is not None and maker.op.startswith("TopK"))
    return maker is not None and maker.op in _PLACES and name.endswith(f":{place}")
