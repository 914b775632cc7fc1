"""CudnnRNN from its opaque parameters.

The parameters are one vector (cuDNN's own layout, which contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py, v1.15.5, takes
apart): for each layer and direction the input matrix of every gate, then the recurrent matrix of every gate, each
``[units, inputs]``; after all matrices, in the same order, two biases per gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.blocks import CUDNN, params_of
from converters.tf_ops.table import Array, known_dim, like, refusal, tf_op


@dataclass(frozen=True)
class CudnnLayer:
    """One direction of one layer: per gate ``[units, inputs]``, ``[units, units]`` and two ``[units]``."""

    inputs: list[np.ndarray | None]
    """None: the input is added as it is (``skip_input``)."""
    recurrent: list[np.ndarray]
    input_bias: list[np.ndarray]
    recurrent_bias: list[np.ndarray]


def unpack(
    node: Node, flat: np.ndarray, layers: int, directions: int, units: int, features: int
) -> list[CudnnLayer]:
    """The layers in cuDNN's order: forward and backward of layer 0, then of layer 1, …"""
    gates = CUDNN[node.text("rnn_mode", "lstm")][0]
    mode = node.text("input_mode", "linear_input")
    skip = mode == "skip_input" or (mode == "auto_select" and features == units)
    widths = [0 if skip else features] + [units * directions] * (layers - 1)
    cells = [width for width in widths for _ in range(directions)]
    matrices = sum(gates * units * (width + units) for width in cells)
    if flat.size != matrices + len(cells) * 2 * gates * units:
        raise refusal(node, f"{flat.size} parameters do not fit {layers} layers of {units} units")
    cut = pieces(flat)
    next(cut)
    weights = [
        (
            [cut.send((units, width)) if width else None for _ in range(gates)],
            [cut.send((units, units)) for _ in range(gates)],
        )
        for width in cells
    ]
    return [
        CudnnLayer(
            w,
            r,
            [cut.send((units,)) for _ in range(gates)],
            [cut.send((units,)) for _ in range(gates)],
        )
        for w, r in weights
    ]


def pieces(flat: np.ndarray) -> Any:
    """A generator: send a shape, get the next piece of ``flat`` in it."""
    place, piece = 0, np.zeros(0)
    while True:
        shape = yield piece
        count = int(np.prod(shape))
        piece = flat[place : place + count].reshape(shape)
        place += count


def run_layer(
    ops: Any,
    node: Node,
    layer: CudnnLayer,
    xs: list[Array],
    state: tuple[Array, ...],
    inside: list[Array] | None,
) -> tuple[list[Array], tuple[Array, ...]]:
    """Outputs of all steps and the final state; past a row's length 0 and the state held."""
    step = CUDNN[node.text("rnn_mode", "lstm")][1]
    const = ops.constant

    def products(value: Array, matrices: Any, biases: list[np.ndarray]) -> list[Array]:
        return [
            ops.add(value if m is None else ops.matmul(value, const(m), transpose_b=True), const(b))
            for m, b in zip(matrices, biases, strict=True)
        ]

    out = []
    for time, x in enumerate(xs):
        fed = products(x, layer.inputs, layer.input_bias)
        new = step(ops, fed, state, lambda h: products(h, layer.recurrent, layer.recurrent_bias))
        if inside is None:
            out.append(new[0])
            state = new
            continue
        out.append(ops.where(inside[time], new[0], like(ops, x, 0)))
        state = tuple(ops.where(inside[time], a, b) for a, b in zip(new, state, strict=True))
    return out, state


@tf_op("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3")
def cudnn_rnn(
    ops: Any, node: Node, x: Array, h: Array, c: Array, params: Array, lengths: Array | None = None
) -> tuple[Array, ...]:
    """All layers and directions; reserve space and host reserved come out empty."""
    if float(node.attr("dropout", 0.0)) and node.attr("is_training", True):
        raise refusal(node, "it drops out at random between its layers")
    if int(node.attr("num_proj", 0)):
        raise refusal(node, "projections of cuDNN are not described")
    major = bool(node.attr("time_major", True))
    x, h, c = (v if major else ops.transpose(v, [1, 0, 2]) for v in (x, h, c))
    directions = 2 if node.text("direction", "unidirectional") == "bidirectional" else 1
    steps, blocks = known_dim(ops, node, x, 0), known_dim(ops, node, h, 0)
    units, features = known_dim(ops, node, h, 2), known_dim(ops, node, x, 2)
    flat = params_of(ops, node, params)
    layers = unpack(node, flat, blocks // directions, directions, units, features)
    lstm = node.text("rnn_mode", "lstm") == "lstm"
    parts = [ops.unstack(v, 0, blocks) for v in ((h, c) if lstm else (h,))]
    states = list(zip(*parts, strict=True))
    value, finals = x, []
    for start in range(0, blocks, directions):
        sides = []
        for side in range(directions):
            run = (ops, node, layers[start + side], value, states[start + side], lengths, steps)
            out, final = run_direction(*run, backward=side == 1)
            sides.append(out)
            finals.append(final)
        value = sides[0] if directions == 1 else ops.concat(sides, 2)
    last = [ops.stack([final[k] for final in finals], 0) for k in range(len(parts))]
    order = [1, 0, 2]
    value, *last = (v if major else ops.transpose(v, order) for v in (value, *last))
    return (value, last[0], last[1] if lstm else c, *spare(ops, node, value))


def run_direction(
    ops: Any,
    node: Node,
    layer: CudnnLayer,
    x: Array,
    state: tuple[Array, ...],
    lengths: Array | None,
    steps: int,
    *,
    backward: bool,
) -> tuple[Array, tuple[Array, ...]]:
    """One direction over x [T, B, D], its outputs in the order of the input."""

    def turned(value: Array) -> Array:
        if not backward:
            return value
        if lengths is None:
            return ops.reverse(value, [0])
        return ops.reverse_sequence(value, lengths, seq_axis=0, batch_axis=1)

    xs = list(ops.unstack(turned(x), 0, steps))
    inside = None if lengths is None else list(masks(ops, lengths, steps))
    out, final = run_layer(ops, node, layer, xs, state, inside)
    return turned(ops.stack(out, 0)), final


def masks(ops: Any, lengths: Array, steps: int) -> Iterator[Array]:
    """For each step [B, 1]: whether it lies within the row."""
    for time in range(steps):
        now = ops.constant(np.array(time, np.int32))
        yield ops.expand_dims(ops.less(now, ops.cast(lengths, "int32")), 1)


def spare(ops: Any, node: Node, x: Array) -> tuple[Array, ...]:
    """What training needs: nothing here."""
    space = ops.constant(np.zeros(0, ops.dtype_of(x)))
    return (space,) if node.op == "CudnnRNN" else (space, ops.constant(np.zeros(0, np.int8)))
