"""Which dtypes ONNX Runtime's CPU kernels take, op by op, and the dtype to compute in where they do not.

Taken from the kernel registry of ONNX Runtime 1.31 (``get_all_opkernel_def``) for opset 17 upward. float16 is not in it: the runtime
itself computes float16 nodes without a kernel in float32. A dtype without a kernel is carried by one that holds all its values.
"""

from __future__ import annotations

from reference.errors import NotConvertibleError

_F = frozenset(("float32", "float64", "float16"))
_FLOAT = frozenset(("float32", "float16"))
_FI = _F | {"int32", "int64"}
_FI8 = _FI | {"int8", "uint8"}
_NUMBERS = _FI8 | {"int16", "uint16", "uint32", "uint64"}
_EXTREMA = _FI8 | {"uint32", "uint64"}

KERNELS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Mod", "Abs", "Sign"), _NUMBERS),
    **dict.fromkeys(("Greater", "GreaterOrEqual", "Less", "LessOrEqual"), _NUMBERS),
    "Equal": _NUMBERS | {"bool"},
    "Neg": _FI | {"int8", "int16"},
    **dict.fromkeys(("Max", "Min", "Clip"), _EXTREMA),
    "Pow": _FI,
    "Where": _FI8 - {"int8"} | {"string", "uint32"},
    "MatMul": _FI | {"uint32", "uint64"},
    "Einsum": _FI,
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceProd"), _FI),
    **dict.fromkeys(("ReduceMax", "ReduceMin"), _FI8),
    **dict.fromkeys(("ArgMax", "ArgMin"), _FI8),
    "CumSum": _FI,
    "Pad": _FI8 | {"bool", "uint32", "uint64"},
    "Range": _FI - {"float16"},
    "TopK": _FI8 | {"int16"},
    "NonZero": frozenset(("bool", "float32", "int32", "int64", "uint8")),
    "Unique": frozenset(("float32", "float64", "int64", "int8", "string")),
    "OneHot": frozenset(("float32", "int32", "int64", "string")),
    "Expand": _NUMBERS | {"bool", "string"},
    "Tile": _NUMBERS - {"float16"} | {"bool", "string"},
    **dict.fromkeys(
        ("Exp", "Log", "Sqrt", "Floor", "Ceil", "Round", "Reciprocal", "Sigmoid", "Tanh"), _F
    ),
    **dict.fromkeys(("Sin", "Cos", "Softmax", "LogSoftmax", "Relu"), _F),
    **dict.fromkeys(
        ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "Tan", "Erf"), _FLOAT
    ),
    **dict.fromkeys(("Elu", "Selu", "Softplus", "Softsign", "LeakyRelu"), _FLOAT),
    **dict.fromkeys(("Conv", "ConvTranspose", "AveragePool"), _FLOAT),
    "MaxPool": _F | {"int8", "uint8"},
    "IsNaN": _F,
    "IsInf": _F - {"float16"},
    "ReverseSequence": _NUMBERS | {"bool", "string"},
}
"""By ONNX op; an op that is absent takes every dtype."""

_CARRIERS = {
    "bool": ("uint8", "int32", "int64", "float32"),
    "uint8": ("int32", "int64", "float32"),
    "int8": ("int32", "int64", "float32"),
    "int16": ("int32", "int64", "float32"),
    "uint16": ("int32", "int64", "float32"),
    "uint32": ("int64", "float64"),
    "int32": ("int64", "float64"),
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "uint64": ("int64",),
}


def carrier(op: str, dtype: str) -> str:
    """The dtype in which ``op`` is computed for operands of ``dtype``.

    Raises:
        NotConvertibleError: no kernel holds all its values.
    """
    taken = KERNELS.get(op)
    if taken is None or dtype in taken:
        return dtype
    for other in _CARRIERS.get(dtype, ()):
        if other in taken:
            return other
    msg = f"ONNX Runtime has no {op} of {dtype}, and no wider one"
    raise NotConvertibleError(msg)
