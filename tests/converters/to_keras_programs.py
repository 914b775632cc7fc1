"""Programs made by hand, and their NumPy run: what the Keras port is compared with before any lift exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.graph import Node
from converters.program import OpNode, Program, Recurrence, Statement
from converters.tf_ops import apply
from reference import states
from reference.cells.base import map_sizes, weights
from reference.vocabulary.abstract import AbstractOps, Fact, unknown
from reference.vocabulary.numpy_ops import NumpyOps

B, T = unknown("B"), unknown("T")


class Draft:
    """A Program under construction; facts are found as statements are added."""

    def __init__(self) -> None:
        self.ops = AbstractOps()
        self.facts: dict[str, Fact] = {}
        self.inputs: dict[str, Fact] = {}
        self.constants: dict[str, np.ndarray] = {}
        self.variables: dict[str, str] = {}
        self.statements: list[Statement] = []

    def input(self, name: str, dtype: str, *shape: Any) -> str:
        value = f"{name}:0"
        self.inputs[value] = self.facts[value] = Fact(dtype, shape)
        return value

    def constant(self, name: str, array: Any, variable: bool = False) -> str:
        value = f"{name}:0"
        self.constants[value] = np.asarray(array)
        self.facts[value] = self.ops.constant(self.constants[value]).fact
        if variable:
            self.variables[value] = name
        return value

    def op(self, op: str, *inputs: str, name: str = "", **attrs: Any) -> Any:
        name = name or f"{op}_{len(self.statements)}"
        node = Node(name, op, inputs, (), attrs)
        results = apply(self.ops, node, [self.ops.input(self.facts[i]) for i in inputs])
        outputs = tuple(f"{name}:{i}" for i in range(len(results)))
        self.facts |= {o: r.fact for o, r in zip(outputs, results, strict=True)}
        self.statements.append(OpNode(node, outputs))
        return outputs[0] if len(outputs) == 1 else outputs

    def major(self, value: str) -> str:
        return self.op(
            "Transpose", value, self.constant(f"perm_{len(self.statements)}", np.int32([1, 0, 2]))
        )

    def zeros(self, sequence: str, units: int, axis: int = 1) -> str:
        time_batch = self.op("Shape", sequence, out_type="int32")
        k = len(self.statements)
        pick = [
            self.constant(f"p{k}_{i}", np.int32([v])) for i, v in enumerate((axis, axis + 1, 1))
        ]
        batch = self.op("StridedSlice", time_batch, *pick, shrink_axis_mask=1)
        dims = self.op("Pack", batch, self.constant(f"u{k}", np.int32(units)), axis=0)
        return self.op("Fill", dims, self.constant(f"z{k}", np.float32(0)))

    def recurrence(
        self, name: str, cell: Any, sequences: Any, initial: Sequence[str], **options: Any
    ) -> tuple[list[str], list[str]]:
        sequences = (sequences,) if isinstance(sequences, str) else tuple(sequences)
        sizes: list[Any] = []
        map_sizes(sizes.append, cell.output_size)
        outputs = tuple(f"{name}/out:{i}" for i in range(len(sizes)))
        finals = tuple(f"{name}/state:{i}" for i in range(len(initial)))
        lead = self.facts[sequences[0]].shape[:2]
        dtype = self.facts[sequences[0]].dtype
        for out, size in zip(outputs, sizes, strict=True):
            tail = size if isinstance(size, list) else [size]
            self.facts[out] = Fact(dtype, (*lead, *tail))
        for final, first in zip(finals, initial, strict=True):
            self.facts[final] = Fact(dtype, self.facts[first].shape)
        parameters = {path: f"{name}/{path}" for path in weights(cell)}
        self.statements.append(
            Recurrence(
                name,
                cell,
                sequences,
                tuple(initial),
                outputs,
                finals,
                parameters=parameters,
                **{"time_major": False, **options},
            )
        )
        return list(outputs), list(finals)

    def program(self, *outputs: str) -> Program:
        return Program(
            self.inputs, outputs, tuple(self.statements), self.constants, self.variables, self.facts
        )


def run(program: Program, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs, by NumPy: ops by the table, recurrences by the reference drivers."""
    ops = NumpyOps()
    values: dict[str, Any] = {**program.constants, **feeds}
    for statement in program.statements:
        if isinstance(statement, OpNode):
            inputs = [values[name] for name in statement.inputs]
            values |= zip(statement.outputs, apply(ops, statement.node, inputs), strict=True)
        else:
            assert isinstance(statement, Recurrence)
            values |= _recur(ops, statement, values)
    return {name: np.asarray(values[program.names.get(name, name)]) for name in program.outputs}


def _recur(ops: NumpyOps, one: Recurrence, values: Mapping[str, Any]) -> dict[str, Any]:
    """Row by row and step by step, over the valid steps only."""
    xs = [values[name] for name in one.sequences]
    more = [values[name] for name in one.invariants]
    steps, batch = xs[0].shape[:2]
    lengths = np.full(batch, steps) if one.lengths is None else values[one.lengths]
    lengths = np.clip(lengths, 0, steps)
    state = [values[name].copy() for name in one.initial_state]
    outputs: list[Any] = [None] * len(one.outputs)
    for t in range(steps):
        place = np.where(t < lengths, t if one.direction == "forward" else lengths - 1 - t, 0)
        items = [x[place, np.arange(batch)] for x in xs]
        x = items[0] if len(items) + len(more) == 1 else (*items, *more)
        nest = states.unflatten_like(map_sizes(lambda _: 0, one.cell.state_size), state)
        y, new = one.cell.step(ops, x, nest)
        valid = t < lengths
        for k, part in enumerate(states.flatten(y)):
            if outputs[k] is None:
                outputs[k] = np.zeros((steps, *part.shape), part.dtype)
            outputs[k][place[valid], np.arange(batch)[valid]] = part[valid]
        for old, part in zip(state, states.flatten(new), strict=True):
            old[valid] = part[valid]
    return dict(zip(one.outputs, outputs, strict=True)) | dict(
        zip(one.final_state, state, strict=True)
    )
