"""What an export leaves out because nobody asks for it: sums beside products, masks of states nobody reads, directions cut apart and joined."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest

from converters.graph import Node
from converters.program import OpNode, Program
from converters.to_onnx import to_onnx
from reference.vocabulary.abstract.fact import Fact
from tests.converters.test_to_onnx_recurrences import (
    NATIVE,
    SCANNED,
    F,
    agree,
    expected,
    feeds_of,
    lstm,
)
from tests.converters.to_onnx_running import recurrence_program, reference_run, run


def body(model: onnx.ModelProto) -> Counter[str]:
    """The operators of the one Scan's body."""
    [scan] = [node for node in model.graph.node if node.op_type == "Scan"]
    graph = next(a.g for a in scan.attribute if a.name == "body")
    return Counter(node.op_type for node in graph.node)


def reading(program: Program, *kept: int) -> Program:
    """The program with only these of its outputs."""
    return replace(program, outputs=tuple(program.outputs[i] for i in kept))


CELLS: dict[str, Any] = {
    "gru": NATIVE["gru"][0],
    "rnn": NATIVE["rnn"][0],
    "projected": SCANNED["lstm_projected"][0],
}


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", CELLS)
def test_states_that_nobody_reads_are_not_masked(name: str, direction: str) -> None:
    """Forward, one selection is left: the output's. Backward, the padding comes first and the states must outlast it."""
    program = recurrence_program({name: CELLS[name]}, F, directions=[direction])
    parts = len(program.outputs) - 1
    for kept, forward in (((0,), 1), ((0, parts), 2), ((parts,), 1)):
        chosen = reading(program, *kept)
        exported = to_onnx(chosen, batch=1024)
        feeds = feeds_of(program)
        wanted = expected(program, feeds)
        agree(run(exported, feeds), [wanted[i] for i in kept])
        masked = forward if direction == "forward" else parts + (0 in kept)
        assert body(exported.model)["Where"] == masked


@pytest.mark.parametrize("name", CELLS)
def test_what_is_added_to_a_product_goes_into_it(name: str) -> None:
    program = recurrence_program({name: CELLS[name]}, F, lengths=None)
    exported = to_onnx(program, batch=1024)
    feeds = feeds_of(program)
    agree(run(exported, feeds), expected(program, feeds))
    products = {"gru": (2, 0), "rnn": (1, 0), "projected": (1, 1)}[name]
    found = body(exported.model)
    assert (found["Gemm"], found["MatMul"]) == products


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("name", CELLS)
def test_no_rows(name: str, rows: int) -> None:
    program = reading(recurrence_program({name: CELLS[name]}, F), 0)
    feeds = feeds_of(program, rows)
    [found] = run(to_onnx(program, batch=1024), feeds)
    agree([found], expected(program, feeds)[:1])


def joined(order: tuple[int, int], *, batch_major: bool) -> Program:
    """A bidirectional LSTM whose sequences are joined along the units."""
    program = recurrence_program({"a": lstm(), "b": lstm()}, F, directions=["forward", "backward"])
    names, added = ["a/y:0", "b/y:0"], []
    constants: dict[str, np.ndarray] = {"axis:0": np.array(2, np.int32)}
    if batch_major:
        constants["perm:0"] = np.array([1, 0, 2], np.int32)
        for name in list(names):
            node = Node(f"t/{name[0]}", "Transpose", (name, "perm:0"), {"T": "float32"})
            added.append(OpNode(node, (f"t/{name[0]}:0",)))
        names = ["t/a:0", "t/b:0"]
    ends = tuple(names[i] for i in order)
    node = Node("y", "ConcatV2", (*ends, "axis:0"), {"N": 2, "T": "float32"})
    statements = (*program.statements, *added, OpNode(node, ("y:0",)))
    facts = {name: Fact(str(value.dtype), value.shape, value) for name, value in constants.items()}
    return replace(
        program, statements=statements, constants=constants, outputs=("y:0",), facts=facts
    )


@pytest.mark.parametrize("rows", [0, 1, 6])
@pytest.mark.parametrize("batch_major", [False, True])
def test_both_directions_are_joined_by_one_transpose(batch_major: bool, rows: int) -> None:
    program = joined((0, 1), batch_major=batch_major)
    exported = to_onnx(program)
    feeds = feeds_of(program, rows)
    wanted = both(program, feeds)
    agree(run(exported, feeds), [wanted.transpose(1, 0, 2) if batch_major else wanted])
    found = Counter(node.op_type for node in exported.model.graph.node)
    assert found["LSTM"] == found["Transpose"] == found["Reshape"] == 1
    assert found["Gather"] == 0


@pytest.mark.parametrize("batch_major", [False, True])
def test_directions_joined_the_other_way_round_are_not_confused(batch_major: bool) -> None:
    program = joined((1, 0), batch_major=batch_major)
    feeds = feeds_of(program)
    whole = both(program, feeds)
    wanted = np.concatenate(np.split(whole, 2, -1)[::-1], -1)
    agree(run(to_onnx(program), feeds), [wanted.transpose(1, 0, 2) if batch_major else wanted])


def both(program: Program, feeds: dict[str, np.ndarray]) -> np.ndarray:
    """[T, B, 2 units]: forward, backward."""
    parts = []
    for statement in program.statements[:2]:
        state = [feeds[name] for name in statement.initial_state]  # type: ignore[union-attr]
        backward = statement.direction == "backward"  # type: ignore[union-attr]
        cell = statement.cell  # type: ignore[union-attr]
        found, _ = reference_run(cell, feeds["x:0"], state, feeds["lengths:0"], backward=backward)
        parts.append(found)
    return np.concatenate(parts, -1)
