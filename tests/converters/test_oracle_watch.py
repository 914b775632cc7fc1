"""``watch`` reaches tensors inside functions, under the names they have in a lifted Program."""

from __future__ import annotations

import numpy as np
import pytest

from converters.graph import DType, Function, FunctionRef, Graph, Node
from converters.lift.structure import structure
from converters.oracle import run
from converters.program import Loop
from converters.read_graphdef import read
from reference.errors import UsageError
from tests.zoo.catalogue import zoo

INT = {"T": DType("int32"), "dtype": DType("int32")}


def constant(name: str, value: int) -> Node:
    return Node(name, "Const", attrs={"dtype": DType("int32"), "value": np.array(value, np.int32)})


def doubling() -> Graph:
    """``while i < 3: i, x = i + 1, twice(x)``; twice is a function called from the body."""
    two = constant("two", 2)
    twice = Function(
        "twice_f",
        (("v", "int32"),),
        (("r", "product:0"),),
        {"two": two, "product": Node("product", "Mul", ("v:0", "two:0"), attrs=INT)},
    )
    body = Function(
        "body_f",
        (("i", "int32"), ("x", "int32")),
        (("i", "next:0"), ("x", "call:0")),
        {
            "one": constant("one", 1),
            "next": Node("next", "Add", ("i:0", "one:0"), attrs=INT),
            "call": Node("call", "PartitionedCall", ("x:0",), attrs={"f": FunctionRef("twice_f")}),
        },
    )
    condition = Function(
        "cond_f",
        (("i", "int32"), ("x", "int32")),
        (("go", "less:0"),),
        {
            "three": constant("three", 3),
            "less": Node("less", "Less", ("i:0", "three:0"), attrs=INT),
        },
    )
    attrs = {"cond": FunctionRef("cond_f"), "body": FunctionRef("body_f")}
    nodes = [
        Node("x", "Placeholder", attrs={"dtype": DType("int32")}),
        constant("zero", 0),
        Node("loop", "While", ("zero:0", "x:0"), attrs=attrs),
    ]
    library = {f.name: f for f in (twice, body, condition)}
    return Graph({n.name: n for n in nodes}, library)


def test_names_lead_into_loops_calls_and_arguments() -> None:
    watch = ["loop/body/|1:0", "loop/body/next:0", "loop/body/call/product:0", "loop/cond/less"]
    found = run(doubling(), {"x:0": np.array(5, np.int32)}, ["loop:1"], watch=watch)
    assert found["loop:1"] == 40
    assert found["loop/body/|1:0"].tolist() == [5, 10, 20]
    assert found["loop/body/next:0"].tolist() == [1, 2, 3]
    assert found["loop/body/call/product:0"].tolist() == [10, 20, 40]
    assert found["loop/cond/less"].tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    "name", ["loop/body/none:0", "loop/body/|2:0", "loop/none/next:0", "loopx"]
)
def test_a_name_that_leads_nowhere_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not in the graph"):
        run(doubling(), {"x:0": np.array(5, np.int32)}, ["loop:1"], watch=[name])


def test_the_states_of_a_lifted_loop_can_be_watched() -> None:
    model = next(model for model in zoo() if model.name == "v2_lstm")
    graph = read(model.graph).graph
    program = structure(graph, inputs=model.inputs, outputs=model.outputs)
    loop = next(s for s in program.statements if isinstance(s, Loop))
    with np.load(model.folder / "samples.npz", allow_pickle=False) as store:
        feeds = {name: store[f"in0:{name}"] for name in model.inputs}
    found = run(graph, feeds, model.outputs, watch=loop.body.inputs)
    steps = feeds[model.inputs[0]].shape[1]
    assert {len(found[name]) for name in loop.body.inputs} == {steps}
