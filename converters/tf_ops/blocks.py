"""The fused cells of contrib and core. Exporters map them by a table; here is what they compute.

core/kernels/lstm_ops.cc (LSTMBlockCellOp, BlockLSTMOp), v1.15.5, and contrib/rnn/kernels/gru_ops.cc.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import Array, known, known_dim, like, sizes, tf_op

GATES = {"LSTMBlockCell": "icfo", "BlockLSTM": "icfo", "BlockLSTMV2": "ifco"}
"""The order of the gates in the kernel's columns."""

Parts = dict[str, Array]


def lstm_options(node: Node) -> tuple[float, float, bool]:
    """forget_bias, cell_clip (0 or less: none) and use_peephole, with the op's own defaults."""
    second = node.op == "BlockLSTMV2"
    forget = 0.0 if second else float(node.attr("forget_bias", 1.0))
    clip = float(node.attr("cell_clip", 0.0 if second else 3.0))
    return forget, clip, bool(node.attr("use_peephole", False))


def lstm_step(
    ops: Any, node: Node, x: Array, c: Array, h: Array, weights: tuple[Array, ...]
) -> Parts:
    """One step: all that the ops give out, by name."""
    w, wci, wcf, wco, b = weights
    forget, clip, peephole = lstm_options(node)
    units = known_dim(ops, node, wci if peephole else c, -1)
    columns = ops.add(ops.matmul(ops.concat([x, h], 1), w), b)
    gates = dict(zip(GATES[node.op], ops.split(columns, [units] * 4, 1), strict=True))
    i, f, o = gates["i"], gates["f"], gates["o"]
    if peephole:
        i = ops.add(i, ops.multiply(c, wci))
        f = ops.add(f, ops.multiply(c, wcf))
    i, ci = ops.sigmoid(i), ops.tanh(gates["c"])
    f = ops.sigmoid(ops.add(f, forget) if forget else f)
    cs = ops.add(ops.multiply(ci, i), ops.multiply(c, f))
    if clip > 0:
        cs = ops.clip(cs, -clip, clip)
    # The output gate sees the new, already clipped state.
    o = ops.sigmoid(ops.add(o, ops.multiply(cs, wco)) if peephole else o)
    co = ops.tanh(cs)
    return {"i": i, "cs": cs, "f": f, "o": o, "ci": ci, "co": co, "h": ops.multiply(co, o)}


OUTPUTS = ("i", "cs", "f", "o", "ci", "co", "h")


@tf_op("LSTMBlockCell")
def lstm_block_cell(
    ops: Any, node: Node, x: Array, c: Array, h: Array, *weights: Array
) -> tuple[Array, ...]:
    """One step."""
    parts = lstm_step(ops, node, x, c, h, weights)
    return tuple(parts[key] for key in OUTPUTS)


@tf_op("BlockLSTM", "BlockLSTMV2")
def block_lstm(
    ops: Any, node: Node, limit: Array, x: Array, c: Array, h: Array, *weights: Array
) -> tuple[Array, ...]:
    """All steps of x [T, B, D]; zeros from step ``limit`` on."""
    count = known_dim(ops, node, x, 0)
    rows: dict[str, list[Array]] = {key: [] for key in OUTPUTS}
    for step, item in enumerate(ops.unstack(x, 0, count)):
        inside = ops.less(ops.constant(np.array(step, np.int64)), ops.cast(limit, "int64"))
        parts = lstm_step(ops, node, item, c, h, weights)
        c, h = parts["cs"], parts["h"]
        for key in OUTPUTS:
            rows[key].append(ops.where(inside, parts[key], like(ops, h, 0)))
    if not count:
        return (ops.fill([0, *sizes(ops, h)], like(ops, h, 0)),) * len(OUTPUTS)
    return tuple(ops.stack(rows[key], 0) for key in OUTPUTS)


@tf_op("GRUBlockCell")
def gru_block_cell(
    ops: Any, node: Node, x: Array, h: Array, w_ru: Array, w_c: Array, b_ru: Array, b_c: Array
) -> tuple[Array, ...]:
    """r, u, c and the new h = u h + (1 - u) c."""
    units = known_dim(ops, node, b_c, 0)
    columns = ops.add(ops.matmul(ops.concat([x, h], 1), w_ru), b_ru)
    r, u = ops.split(ops.sigmoid(columns), [units, units], 1)
    inner = ops.concat([x, ops.multiply(r, h)], 1)
    c = ops.tanh(ops.add(ops.matmul(inner, w_c), b_c))
    kept = ops.multiply(ops.subtract(like(ops, u, 1), u), c)
    return r, u, c, ops.add(ops.multiply(u, h), kept)


Step = Callable[..., tuple[Array, ...]]


def cudnn_lstm(
    ops: Any, x: list[Array], state: tuple[Array, ...], r: Callable[[Array], list[Array]]
) -> tuple[Array, ...]:
    """Gates i, f, c, o; no forget bias at run time."""
    h, c = state
    i, f, g, o = (ops.add(a, b) for a, b in zip(x, r(h), strict=True))
    kept = ops.multiply(ops.sigmoid(f), c)
    c = ops.add(kept, ops.multiply(ops.sigmoid(i), ops.tanh(g)))
    return ops.multiply(ops.sigmoid(o), ops.tanh(c)), c


def cudnn_gru(
    ops: Any, x: list[Array], state: tuple[Array, ...], r: Callable[[Array], list[Array]]
) -> tuple[Array, ...]:
    """Gates r, u, c; the reset gate multiplies after the product and its bias."""
    (h,) = state
    own = r(h)
    reset, update = (ops.sigmoid(ops.add(a, b)) for a, b in zip(x[:2], own[:2], strict=True))
    new = ops.tanh(ops.add(x[2], ops.multiply(reset, own[2])))
    rest = ops.multiply(ops.subtract(like(ops, new, 1), update), new)
    return (ops.add(rest, ops.multiply(update, h)),)


def cudnn_plain(activation: str) -> Step:
    """One gate and its activation."""

    def step(
        ops: Any, x: list[Array], state: tuple[Array, ...], r: Callable[[Array], list[Array]]
    ) -> tuple[Array, ...]:
        return (getattr(ops, activation)(ops.add(x[0], r(state[0])[0])),)

    return step


CUDNN: dict[str, tuple[int, Step]] = {
    "lstm": (4, cudnn_lstm),
    "gru": (3, cudnn_gru),
    "rnn_relu": (1, cudnn_plain("relu")),
    "rnn_tanh": (1, cudnn_plain("tanh")),
}
"""By ``rnn_mode``: the number of gates, and a step."""


def params_of(ops: Any, node: Node, params: Array) -> np.ndarray:
    """The opaque parameters, rank 1."""
    return known(ops, node, params, "opaque parameters").reshape(-1)
