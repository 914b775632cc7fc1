"""A layer's constructor call."""

from __future__ import annotations

import inspect
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.layers.recurrent import Recurrent
from converters.to_source.blocks.own import OwnLayer
from converters.to_source.literals import quoted, text
from converters.to_source.names import Names
from converters.to_source.variable import Variable

LEAVE = set(
    "cell name trainable dtype weights layer backward_layer output_shape seed unit_forget_bias".split()
)
"""Arguments written elsewhere, or that say nothing about a trained layer."""

TRAINING = ("initializer", "regularizer", "constraint")


def layer(one: Any, names: Names, /, *, named: bool = True) -> str:
    """The constructor call, only with the arguments that differ from the defaults."""
    if isinstance(one, OwnLayer):
        return f"{type(one).__name__}(name={quoted(one.name)})"
    config = one.get_config()
    given = []
    if isinstance(one, Variable):
        dtype = [] if one.held == "float32" else [quoted(one.held)]
        return f"Variable({', '.join([text(one.shape), *dtype, f'name={quoted(one.name)}'])})"
    if isinstance(one, Recurrent):
        backward = ["backward=True"] if one.backward else []
        return f"Recurrent({', '.join([_cell(one, names), *backward, f'name={quoted(one.name)}'])})"
    if isinstance(one, keras.layers.Bidirectional):
        pair = [layer(x, names, named=False) for x in (one.forward_layer, one.backward_layer)]
        # Keras makes the backward layer itself where it is like the other.
        alike = (
            pair[1].replace("go_backwards=True", "").replace(", ,", ",").replace(", )", ")")
            == pair[0]
        )
        given = [pair[0]] if alike else [pair[0], f"backward_layer={pair[1]}"]
    elif type(one) is keras.layers.RNN:
        given = [_cell(one, names)]
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


def _cell(one: Any, names: Names) -> str:
    dtype, given = one.cell.compute_dtype, []
    if dtype != "float32":
        given.append(f"dtype={quoted(dtype)}")
    if isinstance(one, Recurrent):
        floats = {t.dtype for t in one._inbound_nodes[0].arguments.args[0]} - {dtype}
        given += ["autocast=False"] if any(t.startswith("float") for t in floats) else []
    return f"{names.classes[id(one.cell)]}({', '.join(given)})"


def _parameters(kind: type) -> list[tuple[str, Any]]:
    found = inspect.signature(kind).parameters
    return [(name, p.default) for name, p in found.items() if name not in ("self", "kwargs")]
