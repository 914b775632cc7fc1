"""Elementwise and last-axis ops seen through a view: they work on the batch-major, unflattened array as it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.program import OpNode
from converters.to_keras.context import Context
from converters.to_keras.operations import Weight, apply_op, operand
from converters.to_keras.plan import Builder, Key, Plan, single

ELEMENTWISE = frozenset(
    [
        "Neg",
        "Abs",
        "Sign",
        "Exp",
        "Expm1",
        "Log",
        "Log1p",
        "Sqrt",
        "Rsqrt",
        "Square",
        "Reciprocal",
        "Inv",
        "Floor",
        "Ceil",
        "Round",
        "Rint",
        "Sin",
        "Cos",
        "Tan",
        "Asin",
        "Acos",
        "Atan",
        "Sinh",
        "Cosh",
        "Asinh",
        "Acosh",
        "Atanh",
        "Tanh",
        "Sigmoid",
        "Erf",
        "Erfc",
        "Softplus",
        "Softsign",
        "Relu",
        "Relu6",
        "Elu",
        "Selu",
        "IsNan",
        "IsInf",
        "IsFinite",
        "LogicalNot",
        "Add",
        "AddV2",
        "Sub",
        "Mul",
        "RealDiv",
        "Div",
        "DivNoNan",
        "FloorDiv",
        "FloorMod",
        "Mod",
        "Pow",
        "Maximum",
        "Minimum",
        "Equal",
        "NotEqual",
        "Less",
        "LessEqual",
        "Greater",
        "GreaterEqual",
        "LogicalAnd",
        "LogicalOr",
        "SquaredDifference",
        "AddN",
        "Cast",
        "SelectV2",
        "LeakyRelu",
        "ClipByValue",
        "ZerosLike",
        "OnesLike",
        "BiasAdd",
    ]
)
LAST_AXIS = frozenset(("Softmax", "LogSoftmax", "BiasAdd"))
"""Ops over the last axis, which no view touches."""


def through_view(context: Context, key: Key) -> Plan | None:
    """The op on operands in the same view, where each either has the viewed axes or broadcasts behind them."""
    node = context.node(key.value)
    if node is None or key.plain:
        return None
    shape = context.shape(key.value)
    viewed = 1 if key.lead is not None else 2
    if shape is None or len(shape) < viewed + (node.node.op in LAST_AXIS):
        return None
    if node.node.op in ("ConcatV2", "Concat"):
        return _concat(context, key, node, viewed)
    if node.node.op not in ELEMENTWISE | LAST_AXIS or _channels_first(node):
        return None
    given: list[np.ndarray | Weight | None] = []
    needs: list[Key] = []
    for name in node.inputs:
        operand_shape, constant = context.shape(name), operand(context, name)
        if operand_shape is None:
            return None
        behind = len(operand_shape) <= len(shape) - viewed
        ones = all(d == 1 for d in operand_shape[: len(operand_shape) - len(shape) + viewed])
        if constant is not None and (behind or (ones and len(operand_shape) == len(shape))):
            given.append(_fit(constant, len(operand_shape), len(shape), key))
        elif operand_shape[:viewed] == shape[:viewed] and len(operand_shape) == len(shape):
            given.append(None)
            needs.append(key.of(name))
        elif behind:
            given.append(None)
            needs.append(Key(name))
        else:
            return None
    return (
        _plan(key, node, given, needs)
        if any(k.value in needs_view(key, needs) for k in needs)
        else None
    )


def needs_view(key: Key, needs: list[Key]) -> set[str]:
    """The values read in the view itself: without one, the view gains nothing."""
    return {need.value for need in needs if need == key.of(need.value)}


def _fit(constant: Any, rank: int, full: int, key: Key) -> Any:
    """A constant [1, D] of full rank gets the axis that unflattening adds."""
    if key.lead is None or rank < full or isinstance(constant, Weight):
        return constant
    return constant[None]


def _channels_first(node: OpNode) -> bool:
    return node.node.op == "BiasAdd" and node.node.text("data_format", "NHWC").startswith("NC")


def _concat(context: Context, key: Key, node: OpNode, viewed: int) -> Plan | None:
    """Concatenation behind the viewed axes, its axis counted from the end."""
    parts = node.inputs[:-1] if node.node.op == "ConcatV2" else node.inputs[1:]
    place = context.known(node.inputs[-1] if node.node.op == "ConcatV2" else node.inputs[0])
    shape = context.shape(key.value)
    if place is None or shape is None:
        return None
    axis = int(place) % len(shape)
    if axis < viewed or any(context.known(part) is not None for part in parts):
        return None
    behind = np.int32(axis - len(shape))

    def build(builder: Builder, *tensors: Any) -> Any:
        operands = [*tensors, behind] if node.node.op == "ConcatV2" else [behind, *tensors]
        return apply_op(builder, node.node, operands)[0]

    return single([key.of(part) for part in parts], key, build)


def _plan(key: Key, node: OpNode, given: list[Any], needs: list[Key]) -> Plan:
    def build(builder: Builder, *tensors: Any) -> Any:
        feed = iter(tensors)
        return apply_op(builder, node.node, [next(feed) if g is None else g for g in given])[0]

    return single(needs, key, build)
