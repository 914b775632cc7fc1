"""Fused ops as recurrences: a table maps op and attributes to a cell; nothing is unified.

CudnnRNN (all versions) becomes a recurrence per layer and direction. BlockLSTM and BlockLSTMV2 are in
:mod:`converters.lift.recognise.fused.block_lstm`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from converters.graph import Node
from converters.lift.recognise.fused.block_lstm import block_lstm
from converters.lift.recognise.loops.emit import ProgramArray, ProgramOps
from converters.lift.recognise.loops.model import Built, Definitions
from converters.program import OpNode, Program, Recurrence, Statement
from converters.tf_ops.cudnn import CudnnLayer, unpack
from reference.activations import RELU, TANH
from reference.cells.base import weights
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.lstm import LSTMCell
from reference.vocabulary.abstract.fact import Fact

Lift = Callable[[Program, OpNode, Definitions], Built | None]


def lift_fused(program: Program) -> Program:
    """Every fused op that can be one or several recurrences replaced by them."""
    for statement in [s for s in program.statements if isinstance(s, OpNode)]:
        lift = TABLE.get(statement.node.op)
        built = None if lift is None else lift(program, statement, Definitions(program))
        if built is None:
            continue
        statements: list[Statement] = []
        for s in program.statements:
            new = built.statements if s is statement else [_instead(s, built.replaced)]
            statements.extend(new)
        program = replace(
            program,
            statements=tuple(statements),
            constants={**program.constants, **built.constants},
            variables={**program.variables, **built.variables},
            facts={**program.facts, **built.facts},
        )
    return program


def _instead(statement: Statement, replaced: dict[str, str]) -> Statement:
    """A statement whose one result is another value: an Identity of that."""
    if not isinstance(statement, OpNode) or statement.outputs[0] not in replaced:
        return statement
    name = statement.outputs[0]
    return OpNode(Node(f"{name}|given", "Identity", (replaced[name],)), statement.outputs)


def lstm_cell(layer: CudnnLayer) -> Any:
    """cuDNN's gates i, f, c, o as i, j, f, o; the two biases summed (one rounding)."""
    kernel, bias = joined(layer, (0, 2, 1, 3))
    return LSTMCell(kernel, bias, forget_bias=0.0)


def gru_cell(layer: CudnnLayer) -> Any:
    """cuDNN's gates r, u, c; the candidate keeps its two biases, of which the recurrent one is inside the reset."""
    kernel, bias = joined(layer, (0, 1))
    inputs = layer.inputs[2]
    assert inputs is not None
    return CudnnCompatibleGRUCell(
        kernel, bias, inputs.T, layer.recurrent[2].T, layer.input_bias[2], layer.recurrent_bias[2]
    )


def joined(layer: CudnnLayer, order: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The kernel [features + units, gates units] and the summed bias, gates in ``order``."""
    columns, biases = [], []
    for gate in order:
        inputs = layer.inputs[gate]
        assert inputs is not None
        columns.append(np.concatenate([inputs.T, layer.recurrent[gate].T]))
        biases.append(layer.input_bias[gate] + layer.recurrent_bias[gate])
    return np.concatenate(columns, 1), np.concatenate(biases)


CELLS: dict[str, Callable[[CudnnLayer], Any]] = {
    "lstm": lstm_cell,
    "gru": gru_cell,
    "rnn_tanh": lambda layer: BasicRNNCell(*joined(layer, (0,)), activation=TANH),
    "rnn_relu": lambda layer: BasicRNNCell(*joined(layer, (0,)), activation=RELU),
}


def cudnn_rnn(program: Program, statement: OpNode, definitions: Definitions) -> Built | None:
    """The layers of a CudnnRNN node, or None where it must stay (skipped inputs, unknown sizes, dropout)."""
    node = statement.node
    flat = program.constants.get(statement.inputs[3])
    shapes = [program.facts[v].shape for v in statement.inputs[:2]]
    training = float(node.attr("dropout", 0.0)) and node.attr("is_training", True)
    if flat is None or None in shapes or training or int(node.attr("num_proj", 0)):
        return None
    major = bool(node.attr("time_major", True))
    blocks = shapes[1][0 if major else 1]  # type: ignore[index]
    units, features = shapes[1][2], shapes[0][2]  # type: ignore[index]
    if not all(isinstance(n, int) for n in (blocks, units, features)):
        return None
    directions = 2 if node.text("direction", "unidirectional") == "bidirectional" else 1
    layers = unpack(node, flat.reshape(-1), blocks // directions, directions, units, features)
    if any(m is None for layer in layers for m in layer.inputs):
        return None
    return _Cudnn(program, statement, layers, directions, major).build()


@dataclass
class _Cudnn:
    program: Program
    statement: OpNode
    layers: list[CudnnLayer]
    directions: int
    major: bool
    built: Built = field(default_factory=Built)

    def build(self) -> Built:
        node, facts = self.statement.node, dict(self.program.facts)
        self.ops = ops = ProgramOps(f"{node.name}|fused", facts)
        lstm = node.text("rnn_mode", "lstm") == "lstm"
        x, h, c = (self._time_major(ops.value(v)) for v in self.statement.inputs[:3])
        finals: list[list[ProgramArray]] = []
        for start in range(0, len(self.layers), self.directions):
            sides = []
            for side in range(self.directions):
                parts = [self._block(v, start + side) for v in ((c, h) if lstm else (h,))]
                out, final = self._run(node, start + side, side == 1, x, parts)
                sides.append(out)
                finals.append(final)
            x = ops.concat(sides, -1) if len(sides) > 1 else sides[0]
        last = [self._stacked([f[k] for f in finals]) for k in range(len(finals[0]))]
        results = [x, last[-1], last[0] if lstm else c]
        for name, value in zip(self.statement.outputs, results, strict=False):
            given = self._time_major(value)
            ops.statements.append(OpNode(Node(f"{name}|given", "Identity", (given.name,)), (name,)))
        self._flush()
        self.built.constants, self.built.variables = ops.constants, ops.variables
        self.built.facts = {k: v for k, v in facts.items() if k not in self.program.facts}
        return self.built

    def _time_major(self, value: ProgramArray) -> ProgramArray:
        """To time-major (or blocks first) and back: the same exchange of the first two axes."""
        return value if self.major else self.ops.transpose(value, [1, 0, 2])

    def _block(self, value: ProgramArray, index: int) -> ProgramArray:
        part = self.ops.strided_slice(value, [index], [index + 1], [1])
        return self.ops.squeeze(part, [0])  # type: ignore[no-any-return]

    def _stacked(self, parts: list[ProgramArray]) -> ProgramArray:
        return self.ops.concat([self.ops.expand_dims(p, 0) for p in parts], 0)  # type: ignore[no-any-return]

    def _run(
        self, node: Node, index: int, backward: bool, x: ProgramArray, parts: list[ProgramArray]
    ) -> tuple[ProgramArray, list[ProgramArray]]:
        self._flush()
        cell = CELLS[node.text("rnn_mode", "lstm")](self.layers[index])
        name = f"{node.name}/{index}"
        units = cell.units
        facts = self.ops.facts
        output = f"{name}|outputs"
        facts[output] = Fact(x.dtype, (*x.shape[:2], units))
        final = tuple(f"{name}|final{k}" for k in range(len(parts)))
        facts.update({f: p.fact for f, p in zip(final, parts, strict=True)})
        source = self.program.variables.get(self.statement.inputs[3], self.statement.inputs[3])
        lengths = self.statement.inputs[4] if len(self.statement.inputs) > 4 else None
        self.built.statements.append(
            Recurrence(
                name=name,
                cell=cell,
                sequences=(x.name,),
                initial_state=tuple(p.name for p in parts),
                outputs=(output,),
                final_state=final,
                lengths=lengths,
                direction="backward" if backward else "forward",
                time_major=self.major,
                parameters=dict.fromkeys(_weight_names(cell), source),
                loop=node.name,
            )
        )
        return self.ops.value(output), [self.ops.value(f) for f in final]

    def _flush(self) -> None:
        self.built.statements.extend(self.ops.statements)
        self.ops.statements.clear()


def _weight_names(cell: Any) -> list[str]:
    return list(weights(cell))


TABLE: dict[str, Lift] = {
    "CudnnRNN": cudnn_rnn,
    "CudnnRNNV2": cudnn_rnn,
    "CudnnRNNV3": cudnn_rnn,
    "BlockLSTM": block_lstm,
    "BlockLSTMV2": block_lstm,
}
