"""One call of the functional graph as one line of Python, or as an expression inside another."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.idioms import Idiom
from converters.to_keras.layers.recurrent import Recurrent
from converters.to_source.blocks.operations import Written
from converters.to_source.blocks.own import OwnLayer
from converters.to_source.constructors import layer
from converters.to_source.literals import index, text
from converters.to_source.names import ATOM, COMPARISON, PRODUCT, SUM, Names
from reference.errors import NotConvertibleError, Reason

SYMBOLS = {
    "Add": ("+", SUM), "Subtract": ("-", SUM), "Multiply": ("*", PRODUCT), "Divide": ("/", PRODUCT), "TrueDivide": ("/", PRODUCT),
    "LessEqual": ("<=", COMPARISON), "Less": ("<", COMPARISON), "Greater": (">", COMPARISON), "GreaterEqual": (">=", COMPARISON),
}  # fmt: skip
"""Operators by operation, and how they bind."""

FUNCTIONS = {"arg_max": "argmax", "arg_min": "argmin"}

KEEP_SPARSE = (
    "Transpose",
    "Reshape",
    "ExpandDims",
    "Squeeze",
    "Negative",
    "Abs",
    "Sqrt",
    "Tanh",
    "Relu",
    "Sign",
    "Square",
)
"""Operations that give a sparse tensor for one."""

EMPTY = ("conv",)
"""TensorFlow fails on them where a batch is empty: a function of the source adds a row."""

UNNAMED = ("indices_or_sections", "newshape", "dtype", "axes", "repeats", "pad_width")
"""Arguments that a reader knows by their place, where they are the first after the array."""


@dataclass(frozen=True)
class Expression:
    """Text, and how loosely it binds."""

    text: str
    level: int = ATOM


def helper(one: Idiom, names: Names, /) -> Expression:
    """``sequence_mask(x, lengths)``."""
    args = ", ".join(text(value, names) for value in one.arguments)
    return Expression(f"{one.function}({args})")


def expression(node: Any, names: Names, /) -> Expression:
    """``layers.Dense(5, name="dense")(x)``, or an expression of ``keras.ops``.

    Raises:
        NotConvertibleError: the operation's arguments cannot be told.
    """
    operation = node.operation
    if isinstance(operation, Written):
        shown = operation.write(lambda v, limit=9: text(v, names, limit), node.arguments.args)
        return Expression(shown, operation.level)
    if isinstance(operation, Recurrent):
        return Expression(_recurrent(operation, node, names))
    kwargs = [
        f"{key}={text(value, names)}"
        for key, value in node.arguments.kwargs.items()
        if value is not None and key != "training"
    ]
    if isinstance(operation, keras.layers.Layer):
        traced = isinstance(operation, (keras.layers.RNN, keras.layers.Bidirectional, OwnLayer))
        args = [
            _given(value, names) if traced else text(value, names) for value in node.arguments.args
        ]
        made = names.layers.get(id(operation)) or layer(operation, names)
        return Expression(f"{made}({', '.join([*args, *kwargs])})")
    return _operation(operation, node, kwargs, names)


def _given(value: Any, names: Names) -> str:
    """An argument of a layer that Keras runs to learn its sizes: it takes a product with a number for a sparse tensor."""
    shown = text(value, names)
    return f"ops.convert_to_tensor({shown}, sparse=False)" if _is_sparse(value) else shown


def _is_sparse(value: Any) -> bool:
    if not keras.utils.is_keras_tensor(value) or not hasattr(value, "_keras_history"):
        return False
    operation, place = value._keras_history[:2]
    given = operation._inbound_nodes[place].arguments.args
    kind = type(operation).__name__
    if kind == "Multiply":
        return any(not keras.utils.is_keras_tensor(x) or _is_sparse(x) for x in given)
    return kind in KEEP_SPARSE and _is_sparse(given[0])


def _recurrent(one: Any, node: Any, names: Names) -> str:
    made = names.layers.get(id(one)) or layer(one, names)
    feed = iter(_given(value, names) for value in node.arguments.args[0])
    parts = {key: [next(feed) for _ in range(count)] for key, count in one.parts.items()}
    given = [f"[{', '.join(parts[key])}]" for key in ("sequences", "states")]
    if parts["invariants"]:
        given.append(f"[{', '.join(parts['invariants'])}]")
    given += [f"{key}={parts[key][0]}" for key in ("lengths", "steps") if parts[key]]
    return f"{made}({', '.join(given)})"


def _operation(one: Any, node: Any, kwargs: list[str], names: Names) -> Expression:
    kind, values = type(one).__name__, node.arguments.args
    if kind == "GetItem":
        return Expression(_item(text(values[0], names, ATOM), index(values[1], names)))
    if kind in SYMBOLS and len(values) == 2 and not kwargs and _operable(kind, values):
        return _infix(kind, values, names)
    function = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    function = FUNCTIONS.get(function, function)
    if not hasattr(keras.ops, function):
        msg = f"{one.name}: there is no function keras.ops.{function} to write down"
        raise NotConvertibleError(msg, (Reason(one.name, f"no keras.ops.{function}"),))
    args = [text(value, names) for value in values]
    for key, value in _settings(one):
        if key == "subscripts":
            args.insert(0, text(value))
        elif key in UNNAMED and not kwargs and len(args) == len(values):
            args.append(text(value, names))
        else:
            kwargs.append(f"{key}={text(value, names)}")
    home = "" if function in EMPTY and names.eager else "ops."
    return Expression(f"{home}{function}({', '.join([*args, *kwargs])})")


def _item(base: str, key: str) -> str:
    """``x[0, 1]`` for ``x[0][1]``."""
    inner = re.fullmatch(r"([\w.]+)\[(-?\d+(?:, -?\d+)*)\]", base)
    return f"{inner[1]}[{inner[2]}, {key}]" if inner and "..." not in key else f"{base}[{key}]"


def _operable(kind: str, values: Any) -> bool:
    """Whether Python's operator does it: a NumPy array on the left would take the operator to itself."""
    tensors = [value for value in values if keras.utils.is_keras_tensor(value)]
    if "Divide" in kind and not all(t.dtype.startswith("float") for t in tensors):
        return False
    return bool(tensors) and not any(isinstance(v, np.ndarray) and v.ndim for v in values)


def _infix(kind: str, values: Any, names: Names) -> Expression:
    symbol, level = SYMBOLS[kind]
    left, right = values
    if kind == "Add" and _is_negative(right):  # x + -1.0
        symbol, right = "-", -right
    looser = level - 1 if level == COMPARISON else level
    parts = text(left, names, looser), text(right, names, level - 1)
    return Expression(f"{parts[0]} {symbol} {parts[1]}", level)


def _is_negative(value: Any) -> bool:
    if keras.utils.is_keras_tensor(value) or np.ndim(value):
        return False
    item = np.asarray(value)
    return item.dtype.kind == "f" and bool(item < 0)


def _settings(one: Any) -> list[tuple[str, Any]]:
    """An operation's arguments that differ from the defaults.

    Raises:
        NotConvertibleError: a required one is not kept under its name.
    """
    found = []
    for key, parameter in inspect.signature(type(one).__init__).parameters.items():
        if key in ("self", "name", "args", "kwargs"):
            continue
        required = parameter.default is inspect.Parameter.empty
        if required and not hasattr(one, key):
            msg = f"{one.name}: the argument {key} of {type(one).__name__} cannot be told"
            raise NotConvertibleError(msg, (Reason(one.name, f"{key} cannot be told"),))
        value = getattr(one, key, parameter.default)
        if value is None or (not required and _same(value, parameter.default)):
            continue
        if isinstance(value, tuple) and len(value) == 1 and key == "axis":
            value = value[0]
        found.append((key, value))
    return found


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(np.all(np.asarray(a == b)))
