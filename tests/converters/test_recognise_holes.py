"""Masks of data with holes: a recurrence over the unmasked steps, moved together. The oracle runs the raw graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from converters import oracle
from converters.graph import DType, Graph, Shape
from converters.lift import lift
from converters.lift.execute import execute
from converters.lift.recognise.loops.traced import TracedCell
from converters.program import OpNode, Program, Recurrence, walk
from converters.read_graphdef import read
from tests.zoo.catalogue import ZooModel, zoo_model

MASKS = [
    [[1, 0, 1, 1, 0], [0, 0, 1, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0]],
    [[0], [1]],
    [[0, 0, 0]],
    np.zeros((0, 4)),
]


def lifted(model: ZooModel, graph: Graph) -> Program:
    return lift(graph, inputs=model.inputs, outputs=model.outputs)


def feeds(mask: object) -> dict[str, np.ndarray]:
    """Items that ``Masking`` masks as told."""
    counts = np.asarray(mask, np.float32)
    rng = np.random.default_rng(5)
    return {"x:0": (counts[..., None] * rng.uniform(0.5, 2, (*counts.shape, 5))).astype("f4")}


def differ(graph: Graph, program: Program, given: Mapping[str, np.ndarray]) -> bool:
    """Whether any output is not what the raw graph gives, in float64."""
    want = oracle.run(graph, given, list(program.outputs), widen=True)
    got = execute(program, given, widen=True)
    for name in program.outputs:
        assert got[name].shape == want[name].shape
    return not all(np.allclose(got[n], want[n], rtol=1e-9, atol=1e-12) for n in program.outputs)


@pytest.fixture(name="masking", scope="module")
def masking_fixture() -> tuple[Graph, Program]:
    model = zoo_model("keras_masking")
    graph = read(model.graph).graph
    return graph, lifted(model, graph)


def recurrences(program: Program) -> list[Recurrence]:
    return [s for s in walk(program.statements) if isinstance(s, Recurrence)]


@pytest.mark.parametrize("mask", MASKS, ids=["holes", "one step", "nothing", "no rows"])
def test_any_mask_is_a_recurrence_with_lengths(
    masking: tuple[Graph, Program], mask: object
) -> None:
    """Outputs repeat over masked steps, 0 before the first other; states are those of the unmasked ones."""
    graph, program = masking
    (found,) = recurrences(program)
    assert not isinstance(found.cell, TracedCell)
    assert found.lengths is not None
    assert not differ(graph, program, feeds(mask))


def swapped(program: Program, old: object, new: OpNode | Recurrence) -> Program:
    return replace(program, statements=tuple(new if s is old else s for s in program.statements))


def mutant(program: Program, wrong: str) -> Program:
    """The program with one mistake."""
    made = {s.outputs[0]: s for s in program.statements if isinstance(s, OpNode)}
    if wrong == "lengths":
        (found,) = recurrences(program)
        return swapped(program, found, replace(found, lengths=None))
    if wrong == "shift":
        sums = [s for s in made.values() if s.node.op == "Cumsum"]
        (count,) = (s for s in sums if not s.node.attrs["exclusive"])
        attrs = {**count.node.attrs, "exclusive": True}
        return swapped(program, count, replace(count, node=replace(count.node, attrs=attrs)))
    (top,) = (s for s in made.values() if s.node.op == "TopKV2")
    keys = made[made[top.inputs[0]].inputs[0]]
    assert keys.node.op == "Sub"
    return swapped(program, keys, replace(keys, node=replace(keys.node, op="AddV2")))


@pytest.mark.parametrize("wrong", ["shift", "order", "lengths"])
def test_a_mistake_in_moving_the_steps_is_seen(masking: tuple[Graph, Program], wrong: str) -> None:
    """Outputs put back one step off, unmasked steps run in another order, masked steps run too."""
    graph, program = masking
    assert differ(graph, mutant(program, wrong), feeds(MASKS[0]))


@pytest.mark.parametrize("op", ["Select", "SelectV2"])
def test_a_mask_that_might_be_one_row_for_all_is_left_alone(op: str) -> None:
    """SelectV2 would repeat the one row of a fed mask over the batch; Select takes as many rows as the state has."""
    model = zoo_model("keras_masking")
    nodes = dict(read(model.graph).graph.nodes)
    attrs = {"dtype": DType("bool"), "shape": Shape((None, None))}
    nodes["Any"] = replace(nodes["Any"], op="Placeholder", inputs=(), attrs=attrs)
    for name in ("Select", "Select_1", "Select_2"):
        nodes[f"lstm/while/{name}"] = replace(nodes[f"lstm/while/{name}"], op=op)
    graph = replace(read(model.graph).graph, nodes=nodes)
    program = lift(graph, inputs=(*model.inputs, "Any:0"), outputs=model.outputs)
    (found,) = recurrences(program)
    assert isinstance(found.cell, TracedCell) is (op == "SelectV2")
    mask = np.asarray(MASKS[0], bool)
    assert not differ(graph, program, {**feeds(np.ones_like(mask)), "Any:0": mask})
