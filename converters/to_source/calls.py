"""One call of the functional graph as one line of Python."""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.idioms import Idiom
from converters.to_source.helpers import HELPERS, VARIABLES

LEAVE = set(
    "cell name trainable dtype weights layer backward_layer output_shape seed unit_forget_bias".split()
)
"""Arguments written elsewhere, or that say nothing about a trained layer."""

TRAINING = ("initializer", "regularizer", "constraint")


class Names:
    """Python names of tensors."""

    def __init__(self) -> None:
        self.read: set[int] = set()
        """The tensors that something reads, by identity; others need no name."""
        self.layers: dict[int, str] = {}
        """The variables of layers that are called several times, by identity."""
        self.classes: dict[int, str] = {}
        """Classes of the source by the cells they stand for, by identity."""
        self._by_tensor: dict[int, str] = {}
        self._taken: set[str] = {"keras", "layers", "ops", "inputs", "outputs", "Path", *HELPERS}

    def of(self, tensor: Any, /, wanted: str = "") -> str:
        """The tensor's variable, made from ``wanted`` (or its own name) when first asked for."""
        if id(tensor) not in self._by_tensor:
            base = re.sub(r"\W+", "_", wanted or tensor.name, flags=re.ASCII).lower()
            base = re.sub(r"__\d+$", "", base)  # numbered here, by what the source has
            if base[:1].isdigit() or keyword.iskeyword(base):
                base = f"x_{base}"
            base += "_" if hasattr(builtins, base) else ""
            name, count = base, 1
            while name in self._taken:
                count += 1
                name = f"{base}_{count}"
            self._taken.add(name)
            self._by_tensor[id(tensor)] = name
        return self._by_tensor[id(tensor)]

    def call_it(self, tensor: Any, expression: str, /) -> None:
        """Stand for the tensor by an expression that is no variable."""
        self._by_tensor[id(tensor)] = expression


def helper(tensor: Any, one: Idiom, names: Names, /) -> str:
    """``mask = sequence_mask(x, lengths)``."""
    args = ", ".join(text(value, names) for value in one.arguments)
    return f"{names.of(tensor, VARIABLES[one.function])} = {one.function}({args})"


def call(node: Any, names: Names, /) -> str:
    """``y = layers.Dense(5, name="dense")(x)``, or an expression of ``keras.ops``."""
    operation = node.operation
    args = [text(value, names) for value in node.arguments.args]
    kwargs = [
        f"{key}={text(value, names)}"
        for key, value in node.arguments.kwargs.items()
        if value is not None and key != "training"
    ]
    if isinstance(operation, keras.layers.Layer):
        made = names.layers.get(id(operation)) or layer(operation, names)
        right = f"{made}({', '.join([*args, *kwargs])})"
    else:
        right = _operation(operation, node, args, kwargs, names)
    tensors = node.output_tensors
    pairs = zip(tensors, _results(operation, len(tensors)), strict=True)
    left = ", ".join(names.of(t, w) if id(t) in names.read else "_" for t, w in pairs)
    return f"{left} = {right}"


def _results(operation: Any, count: int) -> list[str]:
    """What a reader calls the results of a layer."""
    name, one = operation.name, getattr(operation, "forward_layer", operation)
    parts = ["h", "c"] if isinstance(one, keras.layers.LSTM) else ["h"]
    sides = [f"{name}_fw", f"{name}_bw"]
    if one is not operation and count in (2, 2 + 2 * len(parts)):
        return [*sides, *(f"{side}_{p}" for side in sides for p in parts)][:count]
    if isinstance(one, keras.layers.LSTM | keras.layers.GRU) and count == 1 + len(parts):
        return [name, *(f"{name}_{p}" for p in parts)]
    return [name, *(f"{name}_{i}" for i in range(1, count))]


def layer(one: Any, names: Names, /, *, named: bool = True) -> str:
    """The constructor call, only with the arguments that differ from the defaults."""
    config = one.get_config()
    given = []
    if isinstance(one, keras.layers.Bidirectional):
        pair = [layer(x, names, named=False) for x in (one.forward_layer, one.backward_layer)]
        given = [pair[0], f"backward_layer={pair[1]}"]
    elif type(one) is keras.layers.RNN:
        given = [f"{names.classes[id(one.cell)]}()"]
    for name, default in _parameters(type(one)):
        if name in LEAVE or name.endswith(TRAINING) or name not in config:
            continue
        if name == "activation" and default is None and config[name] == "linear":
            continue
        if default is inspect.Parameter.empty:
            given.append(text(config[name]))
        elif config[name] != default:
            given.append(f"{name}={text(config[name])}")
    if isinstance(one, keras.layers.EinsumDense):
        given.append(f"output_shape={text(config['output_shape'])}")
    if config.get("zero_output_for_mask") and "zero_output_for_mask=True" not in given:
        given.append("zero_output_for_mask=True")
    if one.dtype_policy.name != "float32":
        given.append(f"dtype={quoted(one.dtype_policy.name)}")
    if named:
        given.append(f"name={quoted(one.name)}")
    return f"layers.{type(one).__name__}({', '.join(given)})"


def _parameters(kind: type) -> list[tuple[str, Any]]:
    found = inspect.signature(kind).parameters
    return [(name, p.default) for name, p in found.items() if name not in ("self", "kwargs")]


SYMBOLS = {"Add": "+", "Subtract": "-", "Multiply": "*", "LessEqual": "<=", "Divide": "/"}


UNNAMED = ("indices_or_sections", "newshape")
"""Arguments that a reader knows by their place."""


def _bare(text: str) -> str:
    """Without the parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            alone = place == len(text) - 1 and "," not in text
            return text[1:-1] if alone else text
    return text


def _operation(one: Any, node: Any, args: list[str], kwargs: list[str], names: Names) -> str:
    kind = type(one).__name__
    if kind == "GetItem":
        return f"{args[0]}[{_index(node.arguments.args[1], names)}]"
    tensors = [keras.utils.is_keras_tensor(value) for value in node.arguments.args]
    # A NumPy array on the left would take the operator to itself.
    plain = not any(isinstance(v, np.ndarray) and v.ndim for v in node.arguments.args)
    if kind in SYMBOLS and len(args) == 2 and any(tensors) and plain and not kwargs:
        if kind == "Divide" and " " in args[1]:
            args[1] = f"({_bare(args[1])})"
        return f"{args[0]} {SYMBOLS[kind]} {args[1]}"
    args = [_bare(arg) for arg in args]
    function = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    function = {"arg_max": "argmax"}.get(function, function)
    parameters = inspect.signature(type(one).__init__).parameters
    for key, parameter in parameters.items():
        if key in ("self", "name", "args", "kwargs"):
            continue
        value = getattr(one, key, None)
        if value is not None and value is not parameter.default and value != parameter.default:
            if isinstance(value, tuple) and len(value) == 1 and key == "axis":
                value = value[0]
            if key in UNNAMED and not kwargs:
                args.append(text(value, names))
            else:
                kwargs.append(f"{key}={text(value, names)}")
    return f"ops.{function}({', '.join([*args, *kwargs])})"


def _index(value: Any, names: Names) -> str:
    items = list(value) if isinstance(value, tuple) else [value]
    while len(items) > 1 and items[-1] == slice(None) and Ellipsis not in items:
        items.pop()
    return ", ".join(_slice(item, names) for item in items)


def _slice(item: Any, names: Names) -> str:
    if item is Ellipsis:
        return "..."
    if not isinstance(item, slice):
        return text(item, names)
    edge = ["" if v is None else text(v, names) for v in (item.start, item.stop)]
    return ":".join(edge) + ("" if item.step is None else f":{item.step}")


def quoted(value: str, /) -> str:
    """A string literal; names come from a file that nobody need trust, and the source is run."""
    literal = repr(value)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def text(value: Any, names: Names | None = None, /) -> str:
    """A value as Python source."""
    if keras.utils.is_keras_tensor(value):
        assert names is not None
        return names.of(value)
    if isinstance(value, np.ndarray) and value.ndim:
        return f'ops.array({value.tolist()}, dtype="{value.dtype}")'
    if isinstance(value, np.ndarray | np.generic):
        return repr(value.item())
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        inner = ", ".join(text(item, names) for item in value)
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)
