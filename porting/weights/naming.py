"""``tf1_names``: Keras weights under the names, and in the gate order, of a TF1 checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from porting.weights.targets import (
    CELL,
    EMBEDDING,
    GRU,
    GRU_AFTER,
    LSTM,
    RECURRENT,
    RNN,
    Leaf,
    Unit,
    import_keras,
    units_of,
)
from reference.errors import SemanticsError, UsageError
from reference.layouts import gru, lstm, rnn

CELL_NAMES = {
    LSTM: "lstm_cell",
    GRU: "gru_cell",
    GRU_AFTER: "cudnn_compatible_gru_cell",
    RNN: "basic_rnn_cell",
}
"""What TF1 calls a cell that nobody named."""


def tf1_names(
    model_or_layer: Any,
    scope: str = "",
    *,
    forget_bias: float = 1.0,
    cell: str | None = None,
) -> dict[str, np.ndarray]:
    """Keras weights as TF 1.15.5 names and lays them out.

    Under ``scope`` (that of ``dynamic_rnn``: ``rnn``) a recurrent layer is ``lstm_cell/kernel``; stacked cells are
    ``multi_rnn_cell/cell_0/lstm_cell/kernel``; directions ``fw/…`` and ``bw/…``. Other layers are ``kernel``, ``bias``, ``gamma``, …, an embedding
    is the scope itself. The cell of a port (``keras.layers.RNN`` over a reference cell) has the names it had in the graph, whatever ``scope`` is. In a model each layer has the scope ``scope/its name``. :func:`load_tf1_weights` reads it all back; the forget gate's
    bias may lose one rounding on the way.

    Args:
        forget_bias: what the TF1 cell adds at run time, and so is taken off the bias.
        cell: the cell's name, where it is not TF1's default (``"basic_lstm_cell"``); ``""`` for none.

    Raises:
        UsageError: a layer is not built, two tensors get one name, or ``cell`` is given and nothing is recurrent.
        SemanticsError: a layer has no counterpart in TF1.
    """
    units = units_of(model_or_layer)
    if cell is not None and not any(unit.recurrent for unit in units):
        msg = "cell is given, but no layer is recurrent"
        raise UsageError(msg)
    alone = len(units) == 1 and units[0].layer is model_or_layer
    to_array = import_keras().ops.convert_to_numpy
    found: dict[str, np.ndarray] = {}
    for unit in units:
        base = scope.strip("/") if alone else _join(scope.strip("/"), unit.name)
        for name, value in _named(unit, base, forget_bias, cell, to_array):
            if name in found:
                msg = f"two layers give {name}: name the Keras layers apart"
                raise UsageError(msg)
            found[name] = value
    return found


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _named(
    unit: Unit, scope: str, forget_bias: float, cell: str | None, to_array: Any
) -> Iterator[tuple[str, np.ndarray]]:
    if not unit.leaves:
        msg = f"layer {unit.name!r}: {unit.unknown}"
        raise SemanticsError(msg)
    for number, row in enumerate(unit.grid):
        for direction, leaf in enumerate(row):
            values = {role: to_array(item) for role, item in leaf.variables.items()}
            if leaf.kind == CELL:
                yield from _told(unit, leaf, values)
                continue
            if leaf.kind not in RECURRENT:
                yield from _plain(leaf, scope, values)
                continue
            side = ("fw", "bw")[direction] if len(row) == 2 else ""
            stack = f"multi_rnn_cell/cell_{number}" if len(unit.grid) > 1 else ""
            own = CELL_NAMES[leaf.kind] if cell is None else cell
            yield from _cell(leaf, _join(scope, side, stack, own), values, forget_bias)


def _told(
    unit: Unit, leaf: Leaf, values: dict[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """The cell of a port knows its variables, whatever the scope."""
    for role, value in values.items():
        name = leaf.told.get(role, "")
        if not name or " + " in name:
            msg = f"layer {unit.name!r}: its weight {role} was {name or 'a constant'} in the graph, no variable of its own"
            raise SemanticsError(msg)
        yield name, value


def _plain(
    leaf: Leaf, scope: str, values: dict[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    for role, value in values.items():
        name = (scope or "embedding") if leaf.kind == EMBEDDING else _join(scope, role)
        yield name, value


def _cell(
    leaf: Leaf, scope: str, values: dict[str, np.ndarray], forget_bias: float
) -> Iterator[tuple[str, np.ndarray]]:
    kernel, recurrent = values["kernel"], values["recurrent_kernel"]
    zero = np.zeros(
        (2, kernel.shape[1]) if leaf.kind == GRU_AFTER else kernel.shape[1], kernel.dtype
    )
    weights = [kernel, recurrent, values.get("bias", zero)]
    if leaf.kind in (GRU, GRU_AFTER):
        yield from _gru_names(gru.from_keras(weights), scope)
        return
    made: Any = (
        rnn.from_keras(weights) if leaf.kind == RNN else lstm.from_keras(weights, forget_bias)
    )
    yield _join(scope, "kernel"), np.asarray(made.kernel)
    yield _join(scope, "bias"), np.asarray(made.bias)


def _gru_names(cell: Any, scope: str) -> Iterator[tuple[str, np.ndarray]]:
    yield _join(scope, "gates/kernel"), np.asarray(cell.gate_kernel)
    yield _join(scope, "gates/bias"), np.asarray(cell.gate_bias)
    if hasattr(cell, "candidate_kernel"):
        yield _join(scope, "candidate/kernel"), np.asarray(cell.candidate_kernel)
        yield _join(scope, "candidate/bias"), np.asarray(cell.candidate_bias)
        return
    for part in ("input", "hidden"):
        at = f"candidate/{part}_projection"
        yield _join(scope, at, "kernel"), np.asarray(getattr(cell, f"candidate_{part}_kernel"))
        yield _join(scope, at, "bias"), np.asarray(getattr(cell, f"candidate_{part}_bias"))
