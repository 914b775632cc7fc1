"""Large unrolled graphs, node for node what ``tf.nn.static_rnn`` writes in TensorFlow 1.15.5, made without TensorFlow.

``test_scale.py`` checks the nodes of one step against a graph of the zoo that TensorFlow itself wrote.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from converters.graph import DType, Graph, Node, Shape

FLOAT, INT = DType("float32"), DType("int32")


def const(name: str, value: object, dtype: DType) -> Node:
    """A Const node."""
    return Node(name, "Const", attrs={"dtype": dtype, "value": np.array(value, dtype)})


def suffixed(name: str, number: int) -> str:
    """TensorFlow's name for the ``number``-th node of one name."""
    return f"{name}_{number}" if number else name


def static_lstm(steps: int, *, inputs: int = 3, units: int = 4, seed: int = 0) -> Graph:
    """``static_rnn(BasicLSTMCell(units), unstack(x, axis=1), initial_state)``; x is [B, steps, inputs].

    Outputs: ``stacked:0`` [B, steps, units], the hidden states, and ``last:0`` [B, units], the last cell state.
    """
    draw = np.random.default_rng(seed)
    cell = "rnn/basic_lstm_cell"
    kernel = draw.normal(0, 0.4, (inputs + units, 4 * units)).astype(np.float32)
    bias = draw.normal(0, 0.3, 4 * units).astype(np.float32)
    size = {"dtype": FLOAT, "shape": Shape((None, units))}
    nodes = [
        Node("x", "Placeholder", attrs={"dtype": FLOAT, "shape": Shape((None, steps, inputs))}),
        Node("unstack", "Unpack", ("x:0",), attrs={"T": FLOAT, "axis": 1, "num": steps}),
        Node("state_0", "Placeholder", attrs=size),
        Node("state_1", "Placeholder", attrs=size),
        const(f"{cell}/kernel", kernel, FLOAT),
        Node(f"{cell}/kernel/read", "Identity", (f"{cell}/kernel:0",), attrs={"T": FLOAT}),
        const(f"{cell}/bias", bias, FLOAT),
        Node(f"{cell}/bias/read", "Identity", (f"{cell}/bias:0",), attrs={"T": FLOAT}),
    ]
    c, h, hidden = "state_0:0", "state_1:0", []
    for t in range(steps):
        nodes += lstm_step(cell, t, c, h)
        c, h = (f"{cell}/{suffixed(*part)}:0" for part in (("Add", 2 * t + 1), ("Mul", 3 * t + 2)))
        hidden.append(h)
    attrs = {"T": FLOAT, "axis": 1, "N": steps}
    nodes += [Node("stacked", "Pack", tuple(hidden), attrs=attrs)]
    nodes += [Node("last", "Identity", (c,), attrs={"T": FLOAT})]
    return graph(nodes)


def lstm_step(cell: str, t: int, c: str, h: str) -> list[Node]:
    """One step of BasicLSTMCell (rnn_cell_impl.py, v1.15.5), with the names TensorFlow gives."""
    attrs = {"T": FLOAT}
    found: list[Node] = []

    def name(base: str, number: int) -> str:
        return f"{cell}/{suffixed(base, number)}"

    def put(op: str, base: str, number: int, *inputs: str, **more: object) -> str:
        found.append(Node(name(base, number), op, inputs, attrs={**attrs, **more}))
        return name(base, number)

    def literal(base: str, number: int, value: object, dtype: DType) -> str:
        found.append(const(name(base, number), value, dtype))
        return f"{name(base, number)}:0"

    one = literal("Const", 3 * t, 1, INT)
    along = f"{name('concat', t)}/axis"
    found.append(const(along, 1, INT))
    both = put("ConcatV2", "concat", t, f"unstack:{t}", h, f"{along}:0", N=2, Tidx=INT)
    flags = {"transpose_a": False, "transpose_b": False}
    product = put("MatMul", "MatMul", t, f"{both}:0", f"{cell}/kernel/read:0", **flags)
    gates = put("BiasAdd", "BiasAdd", t, f"{product}:0", f"{cell}/bias/read:0", data_format=b"NHWC")
    parts = put("Split", "split", t, one, f"{gates}:0", num_split=4)
    forget = literal("Const", 3 * t + 2, 1.0, FLOAT)
    shifted = put("Add", "Add", 2 * t, f"{parts}:2", forget)
    kept = put("Sigmoid", "Sigmoid", 3 * t, f"{shifted}:0")
    old = put("Mul", "Mul", 3 * t, c, f"{kept}:0")
    let_in = put("Sigmoid", "Sigmoid", 3 * t + 1, f"{parts}:0")
    candidate = put("Tanh", "Tanh", 2 * t, f"{parts}:1")
    new = put("Mul", "Mul", 3 * t + 1, f"{let_in}:0", f"{candidate}:0")
    state = put("Add", "Add", 2 * t + 1, f"{old}:0", f"{new}:0")
    squashed = put("Tanh", "Tanh", 2 * t + 1, f"{state}:0")
    out = put("Sigmoid", "Sigmoid", 3 * t + 2, f"{parts}:3")
    put("Mul", "Mul", 3 * t + 2, f"{squashed}:0", f"{out}:0")
    return found


def graph(nodes: Iterable[Node]) -> Graph:
    """Nodes as a graph."""
    return Graph({node.name: node for node in nodes}, producer=134)
