"""Placeholders that only choose between a dropout and nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.graph import Artefact, DType, Function, FunctionRef, Graph, Node, Shape
from converters.lift.structure import structure
from converters.program import Program
from reference.errors import NotConvertibleError

F32 = DType("float32")


def placeholder(name: str, dtype: str, *dims: int) -> Node:
    return Node(name, "Placeholder", attrs={"dtype": DType(dtype), "shape": Shape(dims)})


def const(name: str, value: object, *controls: str) -> Node:
    array = np.asarray(value)
    attrs = {"dtype": DType(str(array.dtype)), "value": array}
    return Node(name, "Const", controls=controls, attrs=attrs)


def dropping(x: str, scope: str, *controls: str) -> list[Node]:
    """TF 1.15's dropout(x, rate=0.3), as a list of nodes; the result is ``<scope>/out``."""
    two = {"T": F32}
    return [
        const(f"{scope}/rate", np.float32(0.3), *controls),
        const(f"{scope}/one", np.float32(1), *controls),
        Node(f"{scope}/shape", "Shape", (x,), attrs={"T": F32, "out_type": DType("int32")}),
        Node(f"{scope}/u", "RandomUniform", (f"{scope}/shape:0",), attrs={"dtype": F32}),
        Node(f"{scope}/keep", "Sub", (f"{scope}/one:0", f"{scope}/rate:0"), attrs=two),
        Node(f"{scope}/inverse", "RealDiv", (f"{scope}/one:0", f"{scope}/keep:0"), attrs=two),
        Node(f"{scope}/ge", "GreaterEqual", (f"{scope}/u:0", f"{scope}/rate:0"), attrs=two),
        Node(f"{scope}/scaled", "Mul", (x, f"{scope}/inverse:0"), attrs=two),
        Node(
            f"{scope}/mask", "Cast", (f"{scope}/ge:0",), attrs={"SrcT": DType("bool"), "DstT": F32}
        ),
        Node(f"{scope}/out", "Mul", (f"{scope}/scaled:0", f"{scope}/mask:0"), attrs=two),
    ]


def branches(scope: str, *, when: bool = True, other: str = "x:0") -> list[Node]:
    """tf.cond(train, …): dropout of x when ``train`` is ``when``, else ``other``."""
    on, off = (1, 0) if when else (0, 1)
    predicate = {"T": DType("bool")}
    nodes = [
        Node(f"{scope}/Switch", "Switch", ("train:0", "train:0"), attrs=predicate),
        Node(f"{scope}/t", "Identity", (f"{scope}/Switch:1",), attrs=predicate),
        Node(f"{scope}/f", "Identity", (f"{scope}/Switch:0",), attrs=predicate),
        Node(f"{scope}/p", "Identity", ("train:0",), attrs=predicate),
        Node(f"{scope}/Switch_1", "Switch", ("x:0", f"{scope}/p:0"), attrs={"T": F32}),
        Node(f"{scope}/Switch_2", "Switch", (other, f"{scope}/p:0"), attrs={"T": F32}),
        *dropping(f"{scope}/Switch_1:{on}", f"{scope}/drop", f"{scope}/{'t' if when else 'f'}"),
    ]
    merged = (f"{scope}/Switch_2:{off}", f"{scope}/drop/out:0")
    return [*nodes, Node(f"{scope}/Merge", "Merge", merged, attrs={"T": F32, "N": 2})]


BASE = [placeholder("x", "float32", 2, 3), placeholder("train", "bool")]


def lifted(nodes: list[Node], *outputs: str, **functions: Function) -> Program:
    graph = Graph({node.name: node for node in [*BASE, *nodes]}, functions)
    artefact = Artefact(Path("m.pb"), "frozen", graph, "0")
    return structure(graph, inputs=["x", "train"], outputs=outputs, artefact=artefact)


@pytest.mark.parametrize("when", [True, False])
def test_a_switch_of_dropout_alone_is_set_to_no_dropout(when):
    program = lifted(branches("cond", when=when), "cond/Merge:0")
    assert program.frozen == {"train:0": not when}
    assert list(program.inputs) == ["x:0"]
    assert [statement.node.op for statement in program.statements] == ["Identity"]


def test_the_same_in_functions():
    body = dropping("a:0", "d")
    then = Function("then", (("a", "float32"),), (("r", "d/out:0"),), {n.name: n for n in body})
    same = Node("same", "Identity", ("a:0",), attrs={"T": F32})
    otherwise = Function("other", (("a", "float32"),), (("r", "same:0"),), {"same": same})
    attrs = {
        "then_branch": FunctionRef("then"), "else_branch": FunctionRef("other"),
        "Tin": (F32,), "Tout": (F32,), "Tcond": DType("bool"),
    }  # fmt: skip
    node = Node("cond", "If", ("train:0", "x:0"), attrs=attrs)
    program = lifted([node], "cond:0", then=then, other=otherwise)
    assert program.frozen == {"train:0": False}
    assert list(program.inputs) == ["x:0"]


def cell(x: str, scope: str, weight: str = "w:0") -> list[Node]:
    """tanh(x w)."""
    product = Node(f"{scope}/MatMul", "MatMul", (x, weight), attrs={"T": F32})
    return [product, Node(f"{scope}/Tanh", "Tanh", (f"{scope}/MatMul:0",), attrs={"T": F32})]


def chosen(first: str, second: str) -> list[Node]:
    """``tf.cond(train, lambda: first, lambda: second)`` of values made outside."""
    return [
        Node("a", "Switch", (first, "train:0"), attrs={"T": F32}),
        Node("b", "Switch", (second, "train:0"), attrs={"T": F32}),
        Node("y", "Merge", ("b:0", "a:1"), attrs={"T": F32, "N": 2}),
    ]


WEIGHTS = [const("w", np.float32([[1], [2], [3]])), const("v", np.float32([[1], [2], [4]]))]


def test_a_cell_run_with_and_without_dropout_is_a_dropout() -> None:
    twice = [*dropping("x:0", "d"), *cell("d/out:0", "one"), *cell("x:0", "two")]
    program = lifted([*WEIGHTS, *twice, *chosen("one/Tanh:0", "two/Tanh:0")], "y:0")
    assert program.frozen == {"train:0": False}
    assert [s.node.op for s in program.statements][:2] == ["MatMul", "Tanh"]


REFUSED = {
    "the cell without dropout has another weight": [
        *WEIGHTS,
        *dropping("x:0", "d"),
        *cell("d/out:0", "one"),
        *cell("x:0", "two", "v:0"),
        *chosen("one/Tanh:0", "two/Tanh:0"),
    ],
    "another branch chooses between two constants": [
        *branches("cond"),
        Node("two/Switch", "Switch", ("train:0", "train:0"), attrs={"T": DType("bool")}),
        Node("two/t", "Identity", ("two/Switch:1",), attrs={"T": DType("bool")}),
        Node("two/f", "Identity", ("two/Switch:0",), attrs={"T": DType("bool")}),
        const("two/a", np.float32([5]), "two/t"),
        const("two/b", np.float32([6]), "two/f"),
        Node("two/Merge", "Merge", ("two/b:0", "two/a:0"), attrs={"T": F32, "N": 2}),
        Node("y", "Add", ("cond/Merge:0", "two/Merge:0"), attrs={"T": F32}),
    ],
    "the placeholder is read as a number": [
        *branches("cond"),
        Node("n", "Cast", ("train:0",), attrs={"SrcT": DType("bool"), "DstT": F32}),
        Node("y", "Add", ("cond/Merge:0", "n:0"), attrs={"T": F32}),
    ],
    "the branch without dropout is another tensor": [
        Node("z", "Neg", ("x:0",), attrs={"T": F32}),
        *branches("cond", other="z:0"),
        Node("y", "Neg", ("cond/Merge:0",), attrs={"T": F32}),
    ],
    "two branches want it both ways": [
        *branches("cond"),
        *branches("back", when=False),
        Node("y", "Add", ("cond/Merge:0", "back/Merge:0"), attrs={"T": F32}),
    ],
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_placeholder_that_does_more_is_not_touched(case):
    with pytest.raises(NotConvertibleError, match=r"--freeze (train=false|d/rate:0=0)"):
        lifted(REFUSED[case], "y:0")
