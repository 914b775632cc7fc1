"""``ProgramOps``: the vocabulary as statements of a Program, for what the lift moves out of a loop.

Only operations that work along the last axis are needed, so the table is short; each becomes the TF op of the same meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.program import OpNode
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.arrays import Operators
from reference.vocabulary.protocol import BINARY, UNARY
from reference.vocabulary.recording import RecordingOps

DIRECT = {
    **{name: "".join(part.capitalize() for part in name.split("_")) for name in [*UNARY, *BINARY]},
    "negative": "Neg",
    "add": "AddV2",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "RealDiv",
    "floor_divide": "FloorDiv",
    "truncate_divide": "TruncateDiv",
    "power": "Pow",
    "where": "SelectV2",
    "matmul": "BatchMatMulV2",
}


class ProgramArray(Operators):
    """A value of the program, with its Fact."""

    __slots__ = ("fact", "name", "ops")

    def __init__(self, ops: ProgramOps, name: str, fact: Fact) -> None:
        self.ops, self.name, self.fact = ops, name, fact


class ProgramOps(RecordingOps):
    """Statements and constants pile up here; value names begin with ``prefix``."""

    def __init__(self, prefix: str, facts: dict[str, Fact]) -> None:
        super().__init__()
        self.prefix = prefix
        self.facts = facts
        self.statements: list[OpNode] = []
        self.constants: dict[str, np.ndarray] = {}
        self.variables: dict[str, str] = {}
        self._count = 0

    def value(self, name: str, fact: Fact | None = None) -> ProgramArray:
        """A value that exists already."""
        return ProgramArray(self, name, fact if fact is not None else self.facts[name])

    def constant(self, value: np.ndarray, /, name: str | None = None) -> ProgramArray:
        array = np.asarray(value)
        label = self._fresh("const")
        self.constants[label] = array
        if name is not None:
            self.variables[label] = name
        return self._array(label, self.abstract.constant(array).fact)

    def emit(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], facts: tuple[Fact, ...]
    ) -> tuple[ProgramArray, ...]:
        maker = SPECIAL.get(op)
        if maker is not None:
            return (maker(self, args, params, facts),)
        return (self.node(DIRECT[op], args, facts[0]),)

    def node(
        self, op: str, args: tuple[Any, ...], fact: Fact, attrs: Mapping[str, Any] | None = None
    ) -> ProgramArray:
        """One TF op of one result."""
        name = self._fresh(op)
        label = f"{name}:0"
        inputs = tuple(arg.name for arg in args)
        all_attrs = {"T": DType(args[0].fact.dtype), **(attrs or {})}
        self.statements.append(OpNode(Node(name, op, inputs, (), all_attrs), (label,)))
        return self._array(label, fact)

    def ints(self, argument: Any) -> ProgramArray:
        """A shape-like argument of known ints, as an int32 vector."""
        if isinstance(argument, ProgramArray):
            return argument
        return self.constant(np.asarray([int(item) for item in argument], np.int32))

    def _array(self, label: str, fact: Fact) -> ProgramArray:
        self.facts[label] = fact
        return ProgramArray(self, label, fact)

    def _fresh(self, word: str) -> str:
        self._count += 1
        return f"{self.prefix}|{word}{self._count}"


Maker = Callable[[ProgramOps, tuple[Any, ...], Mapping[str, Any], tuple[Fact, ...]], ProgramArray]


def _clip(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    low = ops.node("Minimum", (args[0], args[2]), facts[0])
    return ops.node("Maximum", (low, args[1]), facts[0])


def _leaky(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    return ops.node("LeakyRelu", args, facts[0], {"alpha": float(params["alpha"])})


def _concat(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    axis = ops.constant(np.asarray(params["axis"] % len(facts[0].shape), np.int32))
    items = tuple(args[0])
    return ops.node("ConcatV2", (*items, axis), facts[0], {"N": len(items), "Tidx": DType("int32")})


def _strided_slice(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    begin_mask = sum(1 << k for k, v in enumerate(args[1]) if v is None)
    end_mask = sum(1 << k for k, v in enumerate(args[2]) if v is None)
    begin, end = (ops.ints([0 if v is None else v for v in side]) for side in args[1:3])
    strides = ops.ints(params["strides"])
    masks = {"begin_mask": begin_mask, "end_mask": end_mask}
    zero = {"ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0, "Index": DType("int32")}
    return ops.node("StridedSlice", (args[0], begin, end, strides), facts[0], {**masks, **zero})


def _matmul(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    attrs = {"adj_x": bool(params["transpose_a"]), "adj_y": bool(params["transpose_b"])}
    return ops.node("BatchMatMulV2", args, facts[0], attrs)


def _cast(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    attrs = {"SrcT": DType(args[0].fact.dtype), "DstT": DType(params["dtype"]), "Truncate": False}
    return ops.node("Cast", args, facts[0], attrs)


def _expand_dims(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    axis = ops.constant(np.asarray(params["axis"], np.int32))
    return ops.node("ExpandDims", (args[0], axis), facts[0], {"Tdim": DType("int32")})


def _range(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    return ops.node("Range", args, facts[0], {"Tidx": DType(args[0].fact.dtype)})


def _shape(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    return ops.node("Shape", args, facts[0], {"out_type": DType(params["dtype"])})


def _gather(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    axis = ops.constant(np.asarray(params["axis"], np.int32))
    attrs = {"batch_dims": int(params["batch_dims"]), "Tindices": DType(args[1].fact.dtype)}
    return ops.node(
        "GatherV2", (*args, axis), facts[0], {**attrs, "Tparams": DType(args[0].fact.dtype)}
    )


def _squeeze(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    return ops.node("Squeeze", args, facts[0], {"squeeze_dims": tuple(params["axes"] or ())})


def _transpose(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    perm = ops.ints(params["perm"])
    return ops.node("Transpose", (args[0], perm), facts[0], {"Tperm": DType("int32")})


def _stack(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    items = tuple(args[0])
    axis = params["axis"] % len(facts[0].shape)
    return ops.node("Pack", items, facts[0], {"N": len(items), "axis": axis})


def _mean(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    axes = ops.constant(np.asarray(params["axes"], np.int32))
    attrs = {"keep_dims": bool(params["keepdims"]), "Tidx": DType("int32")}
    return ops.node("Mean", (args[0], axes), facts[0], attrs)


def _softmax(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    return ops.node("Softmax", args, facts[0])


def _log_softmax(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    return ops.node("LogSoftmax", args, facts[0])


def _one_hot(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
    depth = ops.constant(np.asarray(params["depth"], np.int32))
    attrs = {"axis": -1, "T": DType(facts[0].dtype), "TI": DType(args[0].fact.dtype)}
    return ops.node("OneHot", (args[0], depth, *args[1:]), facts[0], attrs)


def _arg(op: str) -> Maker:
    def maker(ops: ProgramOps, args: Any, params: Any, facts: Any) -> ProgramArray:
        axis = ops.constant(np.asarray(params["axis"], np.int32))
        attrs = {"output_type": DType(params["dtype"]), "Tidx": DType("int32")}
        return ops.node(op, (args[0], axis), facts[0], attrs)

    return maker


SPECIAL: dict[str, Maker] = {
    "stack": _stack,
    "mean": _mean,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "one_hot": _one_hot,
    "argmax": _arg("ArgMax"),
    "argmin": _arg("ArgMin"),
    "transpose": _transpose,
    "squeeze": _squeeze,
    "gather": _gather,
    "clip": _clip,
    "leaky_relu": _leaky,
    "concat": _concat,
    "strided_slice": _strided_slice,
    "matmul": _matmul,
    "cast": _cast,
    "expand_dims": _expand_dims,
    "range": _range,
    "shape": _shape,
}
