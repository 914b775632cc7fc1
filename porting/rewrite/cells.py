"""Cells in source code: which Keras layer a cell expression is, where that is certain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import libcst as cst

Resolve = Callable[[cst.BaseExpression], str | None]
"""The canonical TensorFlow path of an expression."""

LAYERS = {
    "BasicLSTMCell": ("LSTM", "basic_lstm_cell"), "LSTMCell": ("LSTM", "lstm_cell"),
    "LSTMBlockCell": ("LSTM", "lstm_cell"), "GRUCell": ("GRU", "gru_cell"),
    "GRUBlockCellV2": ("GRU", "gru_cell"), "BasicRNNCell": ("SimpleRNN", "basic_rnn_cell"),
}  # fmt: skip
"""TF1's class: Keras' layer and the variable scope of a cell without a name."""

ACTIVATIONS = {
    "tanh": "tanh",
    "nn.tanh": "tanh",
    "nn.relu": "relu",
    "sigmoid": "sigmoid",
    "nn.sigmoid": "sigmoid",
}


class Uncertain(Exception):
    """Why an expression is left alone."""


@dataclass(frozen=True)
class CellCode:
    """One layer."""

    layer: str
    units: cst.BaseExpression
    scope: str
    forget_bias: float | None
    """Of an LSTM: what the layer's bias holds beside the cell's."""
    activation: str | None = None


def arguments(call: cst.Call, names: tuple[str, ...], /) -> dict[str, cst.BaseExpression]:
    """The call's arguments by name; ``names`` are the positional ones.

    Raises:
        Uncertain: ``*`` or ``**``, or more positional arguments than there are names.
    """
    found: dict[str, cst.BaseExpression] = {}
    for i, arg in enumerate(call.args):
        if arg.star:
            msg = "arguments are unpacked"
            raise Uncertain(msg)
        if arg.keyword is None and i >= len(names):
            msg = f"argument {i + 1} is given by position"
            raise Uncertain(msg)
        found[names[i] if arg.keyword is None else arg.keyword.value] = arg.value
    return found


def literal(node: cst.BaseExpression, /) -> Any:
    """A Python literal's value.

    Raises:
        Uncertain: it is not a literal.
    """
    import ast

    code = cst.Module([]).code_for_node(node)
    try:
        return ast.literal_eval(code)
    except (ValueError, SyntaxError):
        msg = f"{code} is not a literal"
        raise Uncertain(msg) from None


def layers_of(
    node: cst.BaseExpression, names: Mapping[str, cst.BaseExpression], resolve: Resolve, /
) -> list[CellCode]:
    """The layers of a cell expression, from the input upwards; ``names`` are what local names stand for.

    Raises:
        Uncertain: it is not certainly one of the plain cells.
    """
    if isinstance(node, cst.Name) and node.value in names:
        return layers_of(names[node.value], names, resolve)
    if not isinstance(node, cst.Call):
        msg = f"the cell {cst.Module([]).code_for_node(node)} is not made in this block"
        raise Uncertain(msg)
    name = (resolve(node.func) or "").rpartition(".")[2]
    if name == "MultiRNNCell":
        return _stack(node, names, resolve)
    if name not in LAYERS:
        msg = f"{name or cst.Module([]).code_for_node(node.func)} has no plain Keras layer"
        raise Uncertain(msg)
    return [_cell(name, node)]


def _cell(name: str, call: cst.Call) -> CellCode:
    given = arguments(call, ("num_units",))
    layer, scope = LAYERS[name]
    units = given.pop("num_units", None)
    if units is None:
        msg = f"{name} has no num_units"
        raise Uncertain(msg)
    bias = float(literal(given.pop("forget_bias"))) if "forget_bias" in given else 1.0
    if "name" in given:
        scope = str(literal(given.pop("name")))
    activation = None
    if "activation" in given:
        code = cst.Module([]).code_for_node(given.pop("activation"))
        activation = ACTIVATIONS.get(code.partition(".")[2])
        if activation is None:
            msg = f"the activation {code} is not certain"
            raise Uncertain(msg)
    if "state_is_tuple" in given and literal(given["state_is_tuple"]) is True:
        del given["state_is_tuple"]
    if given:
        msg = f"{name} has {', '.join(sorted(given))}, which the Keras layer has not"
        raise Uncertain(msg)
    return CellCode(layer, units, scope, bias if layer == "LSTM" else None, activation)


def _stack(
    call: cst.Call, names: Mapping[str, cst.BaseExpression], resolve: Resolve
) -> list[CellCode]:
    given = arguments(call, ("cells", "state_is_tuple"))
    if "state_is_tuple" in given and literal(given["state_is_tuple"]) is not True:
        msg = "MultiRNNCell joins its states"
        raise Uncertain(msg)
    cells = given["cells"]
    if isinstance(cells, cst.Name) and cells.value in names:
        cells = names[cells.value]
    parts: list[cst.BaseExpression] = []
    if isinstance(cells, cst.List):
        parts = [element.value for element in cells.elements if isinstance(element, cst.Element)]
    elif isinstance(cells, cst.ListComp):
        parts = [cells.elt] * _count(cells)
    found = [layer for part in parts for layer in layers_of(part, names, resolve)]
    if not found or len(found) != len(parts):
        msg = "the cells of MultiRNNCell are not listed in its call"
        raise Uncertain(msg)
    prefix = "multi_rnn_cell/cell_"
    return [
        CellCode(c.layer, c.units, f"{prefix}{i}/{c.scope}", c.forget_bias, c.activation)
        for i, c in enumerate(found)
    ]


def _count(comprehension: cst.ListComp) -> int:
    """N of ``[… for _ in range(N)]`` whose variable is not used."""
    loop = comprehension.for_in
    iterated = loop.iter
    plain = loop.inner_for_in is None and not loop.ifs and isinstance(loop.target, cst.Name)
    if not plain or not isinstance(iterated, cst.Call) or len(iterated.args) != 1:
        msg = "the cells are made by a loop"
        raise Uncertain(msg)
    code = cst.Module([]).code_for_node(comprehension.elt)
    import re

    target = loop.target.value if isinstance(loop.target, cst.Name) else ""
    if not (isinstance(iterated.func, cst.Name) and iterated.func.value == "range") or re.search(
        rf"\b{target}\b", code
    ):
        msg = "the cells are made by a loop"
        raise Uncertain(msg)
    return int(literal(iterated.args[0].value))
