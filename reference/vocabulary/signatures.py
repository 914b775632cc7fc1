"""The vocabulary as data: for every operation its parameters, and which of them are arrays.

Interpreters that treat all operations alike (abstract, recording) bind a call with :func:`bind`; the result is the
*canonical call*: ``args``, the operands in order, and ``params``, everything else by name with defaults filled in.

An operand is an array; a tuple of arrays (``concat``, ``stack``, ``einsum``); or a shape-like argument: one array, or a
tuple whose items are ints, rank-0 arrays or None (``strided_slice``: from the edge). ``paddings`` is one array or a tuple of pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reference.errors import NotConvertibleError
from reference.vocabulary.protocol import BINARY, REDUCTIONS, UNARY

ARRAY, ARRAYS, INTS, PLAIN = "array", "arrays", "ints", "plain"
REQUIRED: Any = object()

MULTIPLE = frozenset(("unstack", "split", "top_k", "unique"))
"""Operations that return a tuple of arrays."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: str
    default: Any = REQUIRED


Signature = tuple[Parameter, ...]


def _sig(*words: str, **plain: Any) -> Signature:
    """``"x"`` is an array, ``"*xs"`` arrays, ``"#shape"`` shape-like, ``"=axis"`` plain; keywords are plain with defaults."""
    kinds = {"*": ARRAYS, "#": INTS, "=": PLAIN}
    found = [Parameter(w[1:], kinds[w[0]]) if w[0] in kinds else Parameter(w, ARRAY) for w in words]
    return (*found, *(Parameter(name, PLAIN, default) for name, default in plain.items()))


_CONV = {"strides": REQUIRED, "padding": REQUIRED}

SIGNATURES: dict[str, Signature] = {
    **{name: _sig("x") for name in UNARY},
    **{name: _sig("a", "b") for name in BINARY},
    **{name: _sig("x", "=axes", keepdims=False) for name in REDUCTIONS},
    "cast": _sig("x", "=dtype"),
    "where": _sig("condition", "a", "b"),
    "clip": _sig("x", "low", "high"),
    "leaky_relu": _sig("x", "=alpha"),
    "matmul": _sig("a", "b", transpose_a=False, transpose_b=False),
    "einsum": _sig("=equation", "*operands"),
    "conv": _sig("x", "kernel", **_CONV, dilations=REQUIRED, groups=1),
    "conv_transpose": _sig("x", "kernel", "#output_shape", **_CONV),
    "pool": _sig("x", kind=REQUIRED, window=REQUIRED, **_CONV),
    "shape": _sig("x", dtype="int32"),
    "reshape": _sig("x", "#shape"),
    "transpose": _sig("x", "=perm"),
    "expand_dims": _sig("x", "=axis"),
    "squeeze": _sig("x", "=axes"),
    "concat": _sig("*xs", "=axis"),
    "stack": _sig("*xs", "=axis"),
    "unstack": _sig("x", "=axis", "=num"),
    "split": _sig("x", "=sizes", "=axis"),
    "strided_slice": _sig("x", "#begin", "#end", "=strides"),
    "broadcast_to": _sig("x", "#shape"),
    "tile": _sig("x", "#multiples"),
    "pad": _sig("x", "#paddings", mode="constant", value=0.0),
    "reverse": _sig("x", "=axes"),
    "reverse_sequence": _sig("x", "lengths", seq_axis=REQUIRED, batch_axis=REQUIRED),
    "fill": _sig("#shape", "value"),
    "range": _sig("start", "limit", "delta"),
    "gather": _sig("x", "indices", axis=0, batch_dims=0),
    "gather_nd": _sig("x", "indices", batch_dims=0),
    "scatter_nd": _sig("indices", "updates", "#shape"),
    "one_hot": _sig("indices", "=depth", "on", "off", axis=-1),
    "argmax": _sig("x", "=axis", dtype="int64"),
    "argmin": _sig("x", "=axis", dtype="int64"),
    "top_k": _sig("x", "k"),
    "nonzero": _sig("x"),
    "unique": _sig("x", dtype="int32"),
    "softmax": _sig("x", "=axis"),
    "log_softmax": _sig("x", "=axis"),
    "cumsum": _sig("x", "=axis", exclusive=False, reverse=False),
    "cumprod": _sig("x", "=axis", exclusive=False, reverse=False),
}


def bind(
    op: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The canonical call: operands in order, the other parameters by name.

    Raises:
        NotConvertibleError: an argument is missing, unknown, or a shape parameter is neither an array nor a sequence.
    """
    if op == "einsum":
        return [tuple(args[1:])], {"equation": args[0]}
    operands: list[Any] = []
    params: dict[str, Any] = {}
    left = dict(kwargs)
    for position, parameter in enumerate(SIGNATURES[op]):
        if position < len(args):
            value = args[position]
        else:
            value = left.pop(parameter.name, parameter.default)
        if value is REQUIRED:
            msg = f"{op} lacks its argument {parameter.name!r}"
            raise NotConvertibleError(msg)
        if parameter.kind == PLAIN:
            params[parameter.name] = _frozen(value)
        else:
            operands.append(value if parameter.kind == ARRAY else _tuple(value))
    if left or len(args) > len(SIGNATURES[op]):
        msg = f"{op} got arguments it does not know: {sorted(left) or args}"
        raise NotConvertibleError(msg)
    return operands, params


def call(ops: Any, op: str, operands: Any, params: Mapping[str, Any]) -> Any:
    """Make the canonical call on the interpreter ``ops``."""
    if op == "einsum":
        return ops.einsum(params["equation"], *operands[0])
    positional: list[Any] = []
    feed = iter(operands)
    named: dict[str, Any] = {}
    for parameter in SIGNATURES[op]:
        if parameter.kind != PLAIN:
            positional.append(next(feed))
        elif parameter.default is REQUIRED and not named and op not in _KEYWORD_ONLY:
            positional.append(params[parameter.name])
        else:
            named[parameter.name] = params[parameter.name]
    return getattr(ops, op)(*positional, **named)


_KEYWORD_ONLY = frozenset(("conv", "conv_transpose", "pool", "reverse_sequence"))


def _tuple(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_tuple(item) for item in value)
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    return value
