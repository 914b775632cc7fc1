"""``keras.ops`` recorded as layers of a functional model.

A function ``f(b, *args, **settings)`` gets the call's arguments and the operation's settings; a setting it does not take is a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from converters.graph import DType
from converters.read_keras import activations
from converters.read_keras.builder import Builder, refused
from converters.read_keras.values import Nest, Value, flatten

TABLE: Final[dict[str, Callable[..., Nest]]] = {}
"""By class name."""


@dataclass(frozen=True)
class Operation:
    """One operation of the file."""

    name: str
    kind: str
    settings: dict[str, Any]


def operation(*names: str) -> Callable[[Callable[..., Nest]], Callable[..., Nest]]:
    """Registers a function under class names."""

    def register(function: Callable[..., Nest]) -> Callable[..., Nest]:
        for name in names:
            TABLE[name] = function
        return function

    return register


def is_operation(entry: Any, /) -> bool:
    """Whether a member of a model is an operation, not a layer."""
    module = str(entry.get("module")) if isinstance(entry, dict) else ""
    return module.startswith(
        ("keras.src.ops", "keras.ops", "keras.src.activations", "keras.activations")
    )


def make_operation(entry: dict[str, Any], /) -> Operation:
    """From a serialised operation."""
    config = dict(entry.get("config") or {})
    name = str(entry.get("name") or config.get("name"))
    config.pop("name", None)
    return Operation(name, str(entry.get("class_name")), config)


def run(build: Builder, op: Operation, args: list[Any], kwargs: dict[str, Any], /) -> Nest:
    """One call.

    Raises:
        NotConvertibleError: the operation, or a setting of it, is not known here.
    """
    function = TABLE.get(op.kind)
    if function is None:
        raise refused(op.name, f"the operation keras.ops {op.kind} is not known here")
    build.prefix = op.name
    try:
        return function(build, *args, **{**op.settings, **kwargs})
    except TypeError as error:
        raise refused(op.name, f"{op.kind}: {error}") from error


# ---- dtypes ----------------------------------------------------------------------------------------------------


def value_of(b: Builder, x: Any, like: str | None = None) -> Value:
    """An argument as a Value; a Python number takes the dtype Keras gives it beside ``like``."""
    if isinstance(x, Value):
        return x
    array = np.asarray(x)
    if isinstance(x, bool):
        return b.constant(array)
    if isinstance(x, int | list) and array.dtype.kind == "i":
        return b.constant(array.astype("int32" if like in (None, "bool") else like))
    if array.dtype == np.float64 and not isinstance(x, np.ndarray):
        return b.constant(
            array.astype(like if like is not None and like.startswith("float") else "float32")
        )
    return b.constant(array)


def together(b: Builder, *xs: Any) -> list[Value]:
    """Arguments of one dtype, by Keras' promotion: floats win over integers and integers over bools."""
    dtypes = [x.dtype for x in xs if isinstance(x, Value)]
    values = [value_of(b, x, dtypes[0] if dtypes else None) for x in xs]
    found = [v.dtype for v in values]
    floats = [d for d in found if d.startswith("float")]
    if floats:
        dtype = max(floats, key=lambda d: int(d[5:]))
    else:
        dtype = str(np.result_type(*found)) if len(set(found)) > 1 else found[0]
    return [b.cast(v, dtype) for v in values]


def floating(b: Builder, x: Any) -> Value:
    """x, a float32 where it is none."""
    value = value_of(b, x)
    return value if value.dtype.startswith("float") else b.cast(value, "float32")


# ---- elementwise -----------------------------------------------------------------------------------------------

_UNARY = {
    "Negative": "Neg", "Absolute": "Abs", "Abs": "Abs", "Sign": "Sign", "Square": "Square", "LogicalNot": "LogicalNot",
}  # fmt: skip
_UNARY_FLOAT = {
    "Exp": "Exp", "Expm1": "Expm1", "Log": "Log", "Log1p": "Log1p", "Sqrt": "Sqrt", "Rsqrt": "Rsqrt",
    "Reciprocal": "Reciprocal", "Floor": "Floor", "Ceil": "Ceil", "Sin": "Sin", "Cos": "Cos",
    "Tan": "Tan", "Arcsin": "Asin", "Arccos": "Acos", "Arctan": "Atan", "Sinh": "Sinh", "Cosh": "Cosh",
    "Arcsinh": "Asinh", "Arccosh": "Acosh", "Arctanh": "Atanh", "Erf": "Erf", "Isnan": "IsNan",
    "Isinf": "IsInf", "Isfinite": "IsFinite", "Tanh": "Tanh", "Sigmoid": "Sigmoid", "Relu": "Relu",
    "Relu6": "Relu6", "Selu": "Selu", "Softplus": "Softplus", "Softsign": "Softsign",
}  # fmt: skip
_BINARY = {
    "Add": "AddV2", "Subtract": "Sub", "Multiply": "Mul", "Maximum": "Maximum", "Minimum": "Minimum",
    "FloorDivide": "FloorDiv", "Mod": "FloorMod", "Power": "Pow", "Equal": "Equal", "NotEqual": "NotEqual",
    "Less": "Less", "LessEqual": "LessEqual", "Greater": "Greater", "GreaterEqual": "GreaterEqual",
}  # fmt: skip


def _register_elementwise() -> None:
    for kind, op in _UNARY.items():
        TABLE[kind] = lambda b, x, op=op: b(op, value_of(b, x))
    for kind, op in _UNARY_FLOAT.items():
        TABLE[kind] = lambda b, x, op=op: b(op, floating(b, x))
    for kind, op in _BINARY.items():
        TABLE[kind] = lambda b, x1, x2, op=op: _binary(b, op, x1, x2)
    named = {
        "Silu": "silu", "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "HardTanh": "hard_tanh",
        "LogSigmoid": "log_sigmoid", "TanhShrink": "tanh_shrink", "Mish": "mish",
    }  # fmt: skip
    for kind, name in named.items():
        TABLE[kind] = lambda b, x, name=name: activations.OPS[name](b, floating(b, x))


def _binary(b: Builder, op: str, x1: Any, x2: Any) -> Value:
    x, y = together(b, x1, x2)
    if x.dtype == "bool" and op not in ("Equal", "NotEqual"):
        logical = {
            "AddV2": "LogicalOr",
            "Mul": "LogicalAnd",
            "Maximum": "LogicalOr",
            "Minimum": "LogicalAnd",
        }
        if op not in logical:
            raise refused(b.prefix, f"{op} of two bools is not described")
        op = logical[op]
    result = b(op, x, y)
    b.masks.note_compared(op, x, y, result)
    return result


_register_elementwise()


@operation("Divide", "TrueDivide")
def divide(b: Builder, x1: Any, x2: Any) -> Nest:
    x, y = together(b, x1, x2)
    return b("RealDiv", floating(b, x), floating(b, y))


@operation("LogicalAnd", "LogicalOr")
def logical(b: Builder, x1: Any, x2: Any) -> Nest:
    raise NotImplementedError  # replaced below: the class name is needed


def _logical(op: str) -> Callable[..., Nest]:
    def function(b: Builder, x1: Any, x2: Any) -> Nest:
        x, y = (b.cast(value_of(b, v), "bool") for v in (x1, x2))
        result = b(op, x, y)
        if op == "LogicalAnd":
            b.masks.note_both(x, y, result)
        return result

    return function


TABLE |= {op: _logical(op) for op in ("LogicalAnd", "LogicalOr")}


@operation("Where")
def where(b: Builder, condition: Any, x1: Any = None, x2: Any = None) -> Nest:
    if x1 is None or x2 is None:
        raise refused(b.prefix, "where with one argument is not described")
    return b("SelectV2", b.cast(value_of(b, condition), "bool"), *together(b, x1, x2))


@operation("Clip")
def clip(b: Builder, x: Any, x_min: Any = None, x_max: Any = None) -> Nest:
    value = value_of(b, x)
    for op, bound in (("Maximum", x_min), ("Minimum", x_max)):
        if bound is not None:
            value = b(op, *together(b, value, bound))
    return value


@operation("Cast", "SaturateCast")
def cast(b: Builder, x: Any, dtype: str = "float32") -> Nest:
    value = value_of(b, x)
    result = b.cast(value, str(dtype)).masked(None)
    b.masks.note_same(value, result)
    return result


@operation("LeakyRelu")
def leaky_relu(b: Builder, x: Any, negative_slope: float = 0.2) -> Nest:
    return activations.leaky_relu(b, floating(b, x), negative_slope)


@operation("Elu")
def elu(b: Builder, x: Any, alpha: float = 1.0) -> Nest:
    return activations.elu(b, floating(b, x), alpha)


@operation("Gelu")
def gelu(b: Builder, x: Any, approximate: bool = True) -> Nest:
    return activations.gelu(b, floating(b, x), approximate)


@operation("Softmax")
def softmax(b: Builder, x: Any, axis: int = -1) -> Nest:
    return activations.softmax(b, floating(b, x), axis)


@operation("LogSoftmax")
def log_softmax(b: Builder, x: Any, axis: int = -1) -> Nest:
    return activations.softmax(b, floating(b, x), axis, op="LogSoftmax")


@operation("StopGradient", "Copy", "ConvertToTensor")
def same(
    b: Builder, variable: Any = None, x: Any = None, dtype: str | None = None, sparse: Any = None
) -> Nest:
    value = value_of(b, variable if x is None else x)
    return (value if dtype is None else b.cast(value, dtype)).masked(None)


# ---- products --------------------------------------------------------------------------------------------------


@operation("Matmul", "Dot")
def matmul(b: Builder, x1: Any, x2: Any) -> Nest:
    """Over the last two axes; a vector beside a matrix."""
    x, y = together(b, x1, x2)
    if y.rank == 1:
        return b.squeeze(matmul(b, x, b.expand(y, 1)), -1 + max(x.rank, 1) if x.rank > 1 else 0)
    if x.rank == 1 or (x.rank != y.rank and y.rank != 2):
        raise refused(b.prefix, f"a product of {x.rank} and {y.rank} axes is not described")
    return b("MatMul" if x.rank == 2 else "BatchMatMulV2", x, y)


@operation("Einsum")
def einsum(b: Builder, *operands: Any, subscripts: str) -> Nest:
    return b("Einsum", *together(b, *operands), equation=subscripts.replace(" ", "").encode())


# ---- reductions ------------------------------------------------------------------------------------------------


def _reduce(op: str) -> Callable[..., Nest]:
    def function(
        b: Builder,
        x: Any,
        axis: Any = None,
        keepdims: bool = False,
        dtype: Any = None,
        initial: Any = None,
    ) -> Nest:
        if initial is not None or dtype is not None:
            raise refused(b.prefix, "a reduction with dtype or initial is not described")
        value = value_of(b, x)
        if op == "Mean":
            value = floating(b, value)
        elif op in ("Any", "All"):
            value = b.cast(value, "bool")
        elif value.dtype == "bool":
            value = b.cast(value, "int32")
        return b.reduce(op, value.masked(None), axis, keepdims)

    return function


TABLE |= {kind: _reduce(kind) for kind in ("Sum", "Mean", "Max", "Min", "Prod", "Any", "All")}


@operation("Var")
def variance(b: Builder, x: Any, axis: Any = None, keepdims: bool = False) -> Nest:
    value = floating(b, x)
    mean = b.reduce("Mean", value, axis, True)
    return b.reduce("Mean", b("Square", b("Sub", value, mean)), axis, keepdims)


@operation("Std")
def deviation(b: Builder, x: Any, axis: Any = None, keepdims: bool = False) -> Nest:
    return b("Sqrt", variance(b, x, axis, keepdims))


@operation("Logsumexp")
def logsumexp(b: Builder, x: Any, axis: Any = None, keepdims: bool = False) -> Nest:
    value = floating(b, x)
    top = b.reduce("Max", value, axis, True)
    total = b("Log", b.reduce("Sum", b("Exp", b("Sub", value, top)), axis, keepdims))
    if keepdims:
        return b("AddV2", total, top)
    return b("AddV2", total, b.reduce("Max", value, axis, False))


@operation("Cumsum")
def cumsum(b: Builder, x: Any, axis: int | None = None, dtype: Any = None) -> Nest:
    value = value_of(b, x)
    if axis is None:
        raise refused(b.prefix, "cumsum needs an axis")
    wanted = dtype or ("int32" if value.dtype == "bool" else value.dtype)
    value = b.cast(value, wanted)
    total = b("Cumsum", value, np.array(axis, np.int32), exclusive=False, reverse=False)
    b.masks.note_cumsum(value, total, axis)
    return total


def _arg(op: str) -> Callable[..., Nest]:
    def function(b: Builder, x: Any, axis: int | None = None, keepdims: bool = False) -> Nest:
        if axis is None:
            raise refused(b.prefix, f"{op} needs an axis")
        place = b(op, value_of(b, x), np.array(axis, np.int32), output_type=DType("int32"))
        return (
            b.expand(place, axis if axis >= 0 else value_of(b, x).rank + axis)
            if keepdims
            else place
        )

    return function


TABLE |= {"Argmax": _arg("ArgMax"), "Argmin": _arg("ArgMin")}


@operation("TopK")
def top_k(b: Builder, x: Any, k: int = 1, sorted: bool = True) -> Nest:
    return list(b.call("TopKV2", value_of(b, x), np.array(k, np.int32), outputs=2, sorted=True))


# ---- shapes ----------------------------------------------------------------------------------------------------


@operation("Reshape")
def reshape(b: Builder, x: Any, newshape: Sequence[Any] = ()) -> Nest:
    """At most one size may be unknown: None and -1 are the same to Keras."""
    value = value_of(b, x)
    sizes = [-1 if n is None else n for n in newshape]
    return b.reshape(value, sizes)


@operation("Transpose")
def transpose(b: Builder, x: Any, axes: Any = None) -> Nest:
    value = value_of(b, x)
    perm = list(range(value.rank))[::-1] if axes is None else [int(a) % value.rank for a in axes]
    return b.transpose(value.masked(None), perm)


@operation("Swapaxes")
def swapaxes(b: Builder, x: Any, axis1: int = 0, axis2: int = 1) -> Nest:
    value = value_of(b, x)
    perm = list(range(value.rank))
    i, j = axis1 % value.rank, axis2 % value.rank
    perm[i], perm[j] = perm[j], perm[i]
    return b.transpose(value.masked(None), perm)


@operation("Moveaxis")
def moveaxis(b: Builder, x: Any, source: Any = 0, destination: Any = 0) -> Nest:
    value = value_of(b, x)
    perm = np.moveaxis(np.arange(value.rank).reshape([1] * 0 + [-1]), 0, 0).tolist()
    order = np.moveaxis(np.empty([n + 1 for n in perm]), source, destination).shape
    return b.transpose(value.masked(None), [n - 1 for n in order])


@operation("ExpandDims")
def expand_dims(b: Builder, x: Any, axis: Any = 0) -> Nest:
    value = value_of(b, x)
    if not isinstance(axis, int):
        raise refused(b.prefix, "expand_dims over several axes is not described")
    place = axis % (value.rank + 1)
    result = b.expand(value, place)
    if place < value.rank:
        b.masks.note_same(value, result)
    return result


@operation("Squeeze")
def squeeze(b: Builder, x: Any, axis: Any = None) -> Nest:
    value = value_of(b, x)
    if axis is None:
        axis = [a for a, n in enumerate(value.shape) if n == 1]
    axes = [axis] if isinstance(axis, int) else list(axis)
    return b("Squeeze", value, squeeze_dims=tuple(a % value.rank for a in axes)) if axes else value


@operation("Concatenate")
def concatenate(b: Builder, xs: Sequence[Any], axis: int = -1) -> Nest:
    values = together(b, *xs)
    return b.concat(values, axis % values[0].rank).masked(None)


@operation("Stack")
def stack(b: Builder, x: Sequence[Any], axis: int = 0) -> Nest:
    values = together(b, *x)
    return b("Pack", *values, axis=axis % (values[0].rank + 1))


@operation("Unstack")
def unstack(b: Builder, x: Any, num: int | None = None, axis: int = 0) -> Nest:
    value = value_of(b, x)
    count = value.shape[axis] if num is None else num
    if not isinstance(count, int):
        raise refused(b.prefix, "unstack along an axis of unknown size")
    return list(b.call("Unpack", value, outputs=count, num=count, axis=axis % value.rank))


@operation("Split")
def split(b: Builder, x: Any, indices_or_sections: Any = 2, axis: int = 0) -> Nest:
    value = value_of(b, x)
    axis %= value.rank
    if isinstance(indices_or_sections, int):
        number = indices_or_sections
        return list(
            b.call("Split", np.array(axis, np.int32), value, outputs=number, num_split=number)
        )
    size = value.shape[axis]
    if not isinstance(size, int):
        raise refused(b.prefix, "split along an axis of unknown size")
    places = [0, *(int(i) for i in indices_or_sections), size]
    sizes = np.diff(places).astype(np.int32)
    return list(b.call("SplitV", value, sizes, np.array(axis, np.int32), outputs=len(sizes)))


@operation("Flip")
def flip(b: Builder, x: Any, axis: Any = None) -> Nest:
    value = value_of(b, x)
    axes = range(value.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return b("ReverseV2", value, np.array([a % value.rank for a in axes], np.int32))


@operation("Tile")
def tile(b: Builder, x: Any, repeats: Any = 1) -> Nest:
    value = value_of(b, x)
    counts = [repeats] if isinstance(repeats, int) else list(repeats)
    counts = [1] * (value.rank - len(counts)) + counts
    if len(counts) != value.rank:
        raise refused(b.prefix, "tile with more multiples than axes")
    return b("Tile", value, np.array(counts, np.int32))


@operation("BroadcastTo")
def broadcast_to(b: Builder, x: Any, shape: Sequence[Any] = ()) -> Nest:
    if any(not isinstance(n, int) for n in shape):
        raise refused(b.prefix, "broadcast_to a shape of unknown sizes")
    return b("BroadcastTo", value_of(b, x), np.array(shape, np.int32))


@operation("Pad")
def pad(
    b: Builder, x: Any, pad_width: Any = 0, mode: str = "constant", constant_values: Any = None
) -> Nest:
    value = value_of(b, x)
    pairs = np.broadcast_to(np.array(pad_width, np.int32), (value.rank, 2)).copy()
    if mode != "constant":
        return b("MirrorPad", value, pairs, mode=mode.upper().encode())
    return b("PadV2", value, pairs, b.like(value, constant_values or 0))


def _filled(number: int) -> Callable[..., Nest]:
    def function(b: Builder, x: Any, dtype: Any = None, sparse: Any = None) -> Nest:
        value = value_of(b, x)
        wanted = str(dtype or value.dtype)
        sizes = [b.size(value, axis) for axis in range(value.rank)]
        result = (
            b("Fill", b.vector(sizes), np.array(number, wanted))
            if sizes
            else b.constant(number, wanted)
        )
        if number == 1 and wanted in ("int32", "int64"):
            b.masks.note_ones(result)
        return result

    return function


TABLE |= {"OnesLike": _filled(1), "ZerosLike": _filled(0)}


@operation("FullLike")
def full_like(b: Builder, x: Any, fill_value: Any, dtype: Any = None) -> Nest:
    value = value_of(b, x)
    wanted = str(dtype or value.dtype)
    sizes = [b.size(value, axis) for axis in range(value.rank)]
    if isinstance(fill_value, Value):
        raise refused(b.prefix, "full_like with a tensor is not described")
    return b("Fill", b.vector(sizes), np.array(fill_value, wanted))


@operation("OneHot")
def one_hot(
    b: Builder,
    x: Any,
    num_classes: int = 0,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
) -> Nest:
    wanted = str(dtype or "float32")
    on, off = np.array(1, wanted), np.array(0, wanted)
    return b("OneHot", value_of(b, x), np.array(num_classes, np.int32), on, off, axis=axis)


@operation("Take")
def take(b: Builder, x: Any, indices: Any, axis: int | None = None) -> Nest:
    """Negative indices count from the end, as Keras has it."""
    value, places = value_of(b, x), value_of(b, indices)
    known = b.known(places)
    if axis is None:
        raise refused(b.prefix, "take needs an axis")
    size = value.shape[axis]
    if known is not None and isinstance(size, int):
        places = b.constant(np.where(known < 0, known + size, known))
    elif known is None or (known < 0).any():
        count = b.size(value, axis)
        whole = b.cast(count, places.dtype) if isinstance(count, Value) else b.like(places, count)
        places = b(
            "SelectV2", b("Less", places, b.like(places, 0)), b("AddV2", places, whole), places
        )
    return b("GatherV2", value, places, np.array(axis, np.int32)).masked(None)


@operation("Repeat")
def repeat(b: Builder, x: Any, repeats: Any = 1, axis: int | None = None) -> Nest:
    value = value_of(b, x)
    if axis is None or not isinstance(repeats, int):
        raise refused(b.prefix, "repeat is described for one number and one axis")
    axis %= value.rank
    sizes = [b.size(value, a) for a in range(value.rank)]
    multiples = np.ones(value.rank + 1, np.int32)
    multiples[axis + 1] = repeats
    tiled = b("Tile", b.expand(value, axis + 1), multiples)
    size = sizes[axis]
    sizes[axis] = size * repeats if isinstance(size, int) else -1
    return b.reshape(tiled, sizes)


@operation("GetItem")
def get_item(b: Builder, x: Any, key: Any) -> Nest:
    """Slices, numbers, new axes and an ellipsis: NumPy's indexing without arrays."""
    value = value_of(b, x)
    parts = list(key) if isinstance(key, list | tuple) else [key]
    begin, end, strides = [], [], []
    masks = dict.fromkeys(
        ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0
    )
    for place, part in enumerate(parts):
        bit, numbers = 1 << place, (0, 0, 1)
        if part is None:
            masks["new_axis_mask"] |= bit
        elif part is Ellipsis:
            masks["ellipsis_mask"] |= bit
        elif isinstance(part, slice):
            bounds = (part.start, part.stop, 1 if part.step is None else part.step)
            if any(n is not None and not isinstance(n, int) for n in bounds):
                raise refused(b.prefix, "a slice with a tensor for bound is not described")
            masks["begin_mask"] |= bit if part.start is None else 0
            masks["end_mask"] |= bit if part.stop is None else 0
            numbers = (part.start or 0, part.stop or 0, bounds[2])
        elif isinstance(part, int) and not isinstance(part, bool):
            masks["shrink_axis_mask"] |= bit
            numbers = (part, part + 1, 1)
        else:
            raise refused(b.prefix, "indexing with a tensor is not described")
        for line, number in zip((begin, end, strides), numbers, strict=True):
            line.append(number)
    lines = [np.array(line, np.int32) for line in (begin, end, strides)]
    result = b("StridedSlice", value, *lines, **masks)
    if value.rank == 1 and parts[:1] == [None] and parts[1:] in ([], [slice(None)], [Ellipsis]):
        b.masks.note_same(value, result)
    return result


__all__ = ["Operation", "flatten", "is_operation", "make_operation", "operation", "run"]
