"""Other spellings of a cell's equation that people use, and the way back to the cell's own weights.

A GRU written ``(1 - z) * h + z * c`` is TF1's with u = 1 - z, and 1 - sigmoid(a) is sigmoid(-a): the update gate's weights change their sign,
which is exact.
"""

from __future__ import annotations

from typing import Any


def gru(cell: Any, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
    """GRUCell with the roles of u and 1 - u exchanged (Cho et al. 2014)."""
    gates = ops.sigmoid(ops.matmul(ops.concat([x, h], 1), cell.gate_kernel) + cell.gate_bias)
    r, z = ops.split(gates, (cell.units,) * 2, 1)
    a = ops.matmul(ops.concat([x, r * h], 1), cell.candidate_kernel) + cell.candidate_bias
    h = (1.0 - z) * h + z * cell.activation(ops, a)
    return h, h


def gru_after(cell: Any, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
    """The same for the GRU that resets after its product."""
    gates = ops.sigmoid(ops.matmul(ops.concat([x, h], 1), cell.gate_kernel) + cell.gate_bias)
    r, z = ops.split(gates, (cell.units,) * 2, 1)
    hidden = ops.matmul(h, cell.candidate_hidden_kernel) + cell.candidate_hidden_bias
    a = ops.matmul(x, cell.candidate_input_kernel) + cell.candidate_input_bias + r * hidden
    h = (1.0 - z) * h + z * cell.activation(ops, a)
    return h, h


def unflip_gru(fields: dict[str, Any]) -> dict[str, Any]:
    """The second half of the gates' columns, negated."""
    return _negated(fields, ("gate_kernel", "gate_bias"), 1)


def ugrnn(cell: Any, ops: Any, x: Any, h: Any, /) -> tuple[Any, Any]:
    """UGRNNCell with the roles of g and 1 - g exchanged: the GRU without a reset gate."""
    z = ops.matmul(ops.concat([x, h], 1), cell.kernel) + cell.bias
    g, c = ops.split(z, (cell.units,) * 2, 1)
    g = ops.sigmoid(g)
    h = (1.0 - g) * h + g * cell.activation(ops, c)
    return h, h


def unflip_ugrnn(fields: dict[str, Any]) -> dict[str, Any]:
    """The first half of the columns, negated."""
    return _negated(fields, ("kernel", "bias"), 0)


def _negated(fields: dict[str, Any], names: tuple[str, ...], half: int) -> dict[str, Any]:
    """The fields with one half of the named ones' columns negated."""
    changed = dict(fields)
    for name in names:
        array = fields[name].copy()
        units = array.shape[-1] // 2
        side = slice(half * units, None if half else units)
        array[..., side] = -array[..., side]
        changed[name] = array
    return changed


def coupled_by_input(cell: Any, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
    """CoupledInputForgetGateLSTMCell with an input gate i, and 1 - i for the forget gate; i stands where f does."""
    c, h = state
    z = ops.matmul(ops.concat([x, h], 1), cell.kernel) + cell.bias
    j, i, o = ops.split(z, (cell.units,) * 3, 1)
    i = ops.sigmoid(i)
    c = (1.0 - i) * c + i * cell.activation(ops, j)
    h = ops.sigmoid(o) * cell.activation(ops, c)
    return h, type(state)(c, h)


def uncouple(fields: dict[str, Any]) -> dict[str, Any]:
    """The middle third of the columns, negated: f = 1 - i = sigmoid(-a)."""
    changed = dict(fields)
    for name in ("kernel", "bias"):
        array = fields[name].copy()
        third = array.shape[-1] // 3
        array[..., third : 2 * third] = -array[..., third : 2 * third]
        changed[name] = array
    return changed
