"""The original graphs: TF1's cells, op for op, under TensorFlow's own drivers, frozen. Seeded; made when they are first needed.

Runs under TensorFlow 2 (``tf.compat.v1``, while loops of version 1) and under TensorFlow 1.15 alike: ``python -m benchmarks.table.graphs OUT ROW…``
or, with 1.15, ``python graphs.py OUT ROW…``. The cells are those of ``python/ops/rnn_cell_impl.py`` and ``contrib/rnn`` (v1.15.5).
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np


class Cell:
    """What TensorFlow's drivers ask of a cell, and its weights as constants."""

    def __init__(self, tf: Any, rng: Any, features: int, units: int) -> None:
        self.tf, self.rng, self.units, self.features = tf, rng, units, features
        self.state_size: Any = (units, units)
        self.output_size = units
        self.weights: dict[str, Any] = {}

    def weight(self, name: str, *shape: int) -> Any:
        """A frozen variable: a constant and its read."""
        if name not in self.weights:
            scale = shape[0] ** -0.5 if len(shape) > 1 else 0.1
            value = self.rng.normal(size=shape).astype(np.float32) * np.float32(scale)
            with self.tf.control_dependencies(None):
                held = self.tf.constant(value, name=name)
                self.weights[name] = self.tf.identity(held, name=f"{name}/read")
        return self.weights[name]

    def make(self) -> None:
        """Make the weights, outside any loop."""

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        def zeros(size: int) -> Any:
            return self.tf.zeros(self.tf.stack([batch_size, size]), dtype)

        size = self.state_size
        return tuple(zeros(n) for n in size) if isinstance(size, tuple) else zeros(size)

    def product(self, x: Any, h: Any, name: str = "kernel", bias: str = "bias") -> Any:
        total = self.tf.matmul(self.tf.concat([x, h], 1), self.weights[name])
        return self.tf.nn.bias_add(total, self.weights[bias])

    def __call__(self, x: Any, state: Any, scope: Any = None) -> Any:
        raise NotImplementedError


class LSTM(Cell):
    """BasicLSTMCell, forget_bias 1."""

    def make(self) -> None:
        self.weight("kernel", self.features + self.output_size, 4 * self.units)
        self.weight("bias", 4 * self.units)

    def __call__(self, x: Any, state: Any, scope: Any = None) -> Any:
        tf, (c, h) = self.tf, state
        i, j, f, o = tf.split(self.product(x, h), 4, 1)
        new_c = tf.add(
            tf.multiply(c, tf.sigmoid(tf.add(f, 1.0))), tf.multiply(tf.sigmoid(i), tf.tanh(j))
        )
        new_h = tf.multiply(tf.tanh(new_c), tf.sigmoid(o))
        return new_h, (new_c, new_h)


class Peephole(LSTM):
    """LSTMCell(use_peepholes=True)."""

    def make(self) -> None:
        super().make()
        for gate in "ifo":
            self.weight(f"w_{gate}_diag", self.units)

    def __call__(self, x: Any, state: Any, scope: Any = None) -> Any:
        tf, (c, h) = self.tf, state
        i, j, f, o = tf.split(self.product(x, h), 4, 1)
        w = {gate: self.weights[f"w_{gate}_diag"] for gate in "ifo"}
        new_c = tf.sigmoid(f + 1.0 + w["f"] * c) * c + tf.sigmoid(i + w["i"] * c) * tf.tanh(j)
        new_h = tf.sigmoid(o + w["o"] * new_c) * tf.tanh(new_c)
        return new_h, (new_c, new_h)


class Projected(LSTM):
    """LSTMCell(num_proj=units // 2)."""

    def __init__(self, tf: Any, rng: Any, features: int, units: int) -> None:
        super().__init__(tf, rng, features, units)
        self.output_size = units // 2
        self.state_size = (units, units // 2)

    def make(self) -> None:
        super().make()
        self.weight("projection/kernel", self.units, self.output_size)

    def __call__(self, x: Any, state: Any, scope: Any = None) -> Any:
        h, (c, _) = super().__call__(x, state)
        h = self.tf.matmul(h, self.weights["projection/kernel"])
        return h, (c, h)


class LayerNorm(LSTM):
    """LayerNormBasicLSTMCell: each gate and the new cell state normalised, no bias."""

    def make(self) -> None:
        self.weight("kernel", self.features + self.units, 4 * self.units)
        for part in ("input", "transform", "forget", "output", "state"):
            self.weight(f"{part}/gamma", self.units)
            self.weight(f"{part}/beta", self.units)

    def norm(self, x: Any, part: str) -> Any:
        """contrib.layers.layer_norm: nn.moments and nn.batch_normalization."""
        mean, variance = self.tf.nn.moments(x, [1], keep_dims=True)
        gamma, beta = self.weights[f"{part}/gamma"], self.weights[f"{part}/beta"]
        return self.tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-12)

    def __call__(self, x: Any, state: Any, scope: Any = None) -> Any:
        tf, (c, h) = self.tf, state
        total = tf.matmul(tf.concat([x, h], 1), self.weights["kernel"])
        i, j, f, o = tf.split(total, 4, 1)
        i, j = self.norm(i, "input"), self.norm(j, "transform")
        f, o = self.norm(f, "forget"), self.norm(o, "output")
        new_c = self.norm(c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j), "state")
        new_h = tf.tanh(new_c) * tf.sigmoid(o)
        return new_h, (new_c, new_h)


class GRU(Cell):
    """GRUCell."""

    def __init__(self, tf: Any, rng: Any, features: int, units: int) -> None:
        super().__init__(tf, rng, features, units)
        self.state_size = units

    def make(self) -> None:
        rows = self.features + self.units
        self.weight("gates/kernel", rows, 2 * self.units)
        self.weight("gates/bias", 2 * self.units)
        self.weight("candidate/kernel", rows, self.units)
        self.weight("candidate/bias", self.units)

    def __call__(self, x: Any, h: Any, scope: Any = None) -> Any:
        tf = self.tf
        r, u = tf.split(tf.sigmoid(self.product(x, h, "gates/kernel", "gates/bias")), 2, 1)
        c = tf.tanh(self.product(x, r * h, "candidate/kernel", "candidate/bias"))
        h = u * h + (1 - u) * c
        return h, h


class RNN(Cell):
    """BasicRNNCell."""

    def __init__(self, tf: Any, rng: Any, features: int, units: int) -> None:
        super().__init__(tf, rng, features, units)
        self.state_size = units

    def make(self) -> None:
        self.weight("kernel", self.features + self.units, self.units)
        self.weight("bias", self.units)

    def __call__(self, x: Any, h: Any, scope: Any = None) -> Any:
        h = self.tf.tanh(self.product(x, h))
        return h, h


class Stack(Cell):
    """MultiRNNCell."""

    def __init__(self, tf: Any, cells: list[Cell]) -> None:
        self.tf, self.cells = tf, cells
        self.state_size = tuple(cell.state_size for cell in cells)
        self.output_size = cells[-1].output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        return tuple(cell.zero_state(batch_size, dtype) for cell in self.cells)

    def __call__(self, x: Any, state: Any, scope: Any = None) -> Any:
        new = []
        for cell, part in zip(self.cells, state):  # noqa: B905  (runs under Python 3.7 too)
            x, after = cell(x, part)
            new.append(after)
        return x, tuple(new)


CELLS: dict[str, type[Cell]] = {
    "peephole": Peephole,
    "projected": Projected,
    "layer_norm": LayerNorm,
    "gru": GRU,
    "rnn": RNN,
}


def build(kind: str, features: int, units: int, steps: int, ragged: bool) -> bytes:
    """The GraphDef: ``x`` [B, T, features] and ``lengths`` [B] in, ``y`` [B, T, units] out."""
    import tensorflow

    v1 = tensorflow.compat.v1
    v1.disable_v2_behavior()
    v1.disable_control_flow_v2()
    rng = np.random.default_rng(zlib.crc32(f"{kind}-{features}-{units}".encode()))
    with v1.Graph().as_default() as graph:
        x = v1.placeholder(
            "float32", [None, steps if kind == "static" else None, features], name="x"
        )
        lengths = v1.placeholder("int32", [None], name="lengths") if ragged else None

        def cell(name: str, inputs: int) -> Cell:
            made = CELLS.get(kind, LSTM)(v1, rng, inputs, units)
            with v1.name_scope(name):
                made.make()
            return made

        if kind == "bidirectional":
            pair = [cell("fw", features), cell("bw", features)]
            outs, _ = v1.nn.bidirectional_dynamic_rnn(*pair, x, lengths, dtype="float32")
            y = v1.concat(outs, 2)
        elif kind == "static":
            outs, _ = v1.nn.static_rnn(
                cell("cell", features),
                v1.unstack(x, axis=1),
                sequence_length=lengths,
                dtype="float32",
            )
            y = v1.stack(outs, axis=1)
        else:
            held: Cell = cell("cell_0", features)
            if kind == "two_layers":
                held = Stack(v1, [held, cell("cell_1", units)])
            y, _ = v1.nn.dynamic_rnn(held, x, lengths, dtype="float32")
        v1.identity(y, name="y")
        data: bytes = graph.as_graph_def().SerializeToString()
        return data


def main() -> None:
    """``OUT KIND FEATURES UNITS STEPS RAGGED``."""
    out, kind, *numbers = sys.argv[1:]
    features, units, steps, ragged = map(int, numbers)
    part = Path(out + ".part")
    part.write_bytes(build(kind, features, units, steps, bool(ragged)))
    part.replace(out)


if __name__ == "__main__":
    main()
