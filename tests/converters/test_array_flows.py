"""TensorArrays whose flow is not their handle's: TensorFlow 1 goes by handles, the lift by flows, so that it must refuse where they part.

With x = [[0, 1, 2], [3, 4, 5]] and y = x + 10, TensorFlow 1.15.5 gave [[0, 1, 2], [3, 4, 5]] for ``swapped`` (flows alone would give y),
[[0, 1, 2], [13, 14, 15]] for ``ordered_by_control`` (flows alone: zeros first), and ``CHOSEN``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters.graph import DType, Graph, Node, Shape
from converters.lift import structure
from converters.lift.execute import execute
from converters.program import Conditional
from reference.errors import NotConvertibleError

F32 = DType("float32")
X = np.arange(6, dtype=np.float32).reshape(2, 3)
FEEDS = {"x:0": X, "y:0": X + 10, "p:0": np.array(False)}
CHOSEN = [[10, 11, 12], [0, 0, 0]]


class Arrays:
    """A graph with inputs x and y [2, 3], a predicate p, and the TensorArrays ``a`` and ``b`` of two items."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        for name in "xy":
            self.add(name, "Placeholder", dtype=F32, shape=Shape((2, 3)))
        self.add("p", "Placeholder", dtype=DType("bool"), shape=Shape(()))
        for name, value in (("size", 2), ("k0", 0), ("k1", 1), ("all", [0, 1])):
            array = np.asarray(value, np.int32)
            self.add(name, "Const", value=array, dtype=DType("int32"))
        for name in "ab":
            attrs: dict[str, Any] = {"dtype": F32, "element_shape": Shape((3,))}
            self.add(name, "TensorArrayV3", "size:0", **attrs)
        for name, source, k in (("x0", "x:0", 0), ("y1", "y:0", 1), ("y0", "y:0", 0)):
            self.add(f"{name}n", "GatherV2", source, f"k{k}:0", "k0:0", batch_dims=0)

    def add(
        self, name: str, op: str, *inputs: str, after: tuple[str, ...] = (), **attrs: Any
    ) -> None:
        self.nodes[name] = Node(name, op, inputs, after, attrs)

    def unstack(self, name: str, array: str, value: str) -> None:
        self.add(name, "TensorArrayScatterV3", f"{array}:0", "all:0", value, f"{array}:1", T=F32)

    def write(self, name: str, index: str, value: str, flow: str = "a:1") -> None:
        self.add(name, "TensorArrayWriteV3", "a:0", index, value, flow, T=F32)

    def stack(self, flow: str, after: tuple[str, ...] = (), array: str = "a:0") -> Graph:
        attrs: dict[str, Any] = {"dtype": F32, "element_shape": Shape((3,))}
        self.add("out", "TensorArrayGatherV3", array, "all:0", flow, after=after, **attrs)
        return Graph(self.nodes, {}, {}, 134)


def swapped() -> Graph:
    made = Arrays()
    made.unstack("wa", "a", "x:0")
    made.unstack("wb", "b", "y:0")
    return made.stack("wb:0", after=("wa",))


def ordered_by_control() -> Graph:
    made = Arrays()
    made.write("w0", "k0:0", "x0n:0")
    made.write("w1", "k1:0", "y1n:0")
    return made.stack("w1:0", after=("w0", "w1"))


def chosen(*, other: bool) -> Graph:
    """``tf.cond`` that writes one of two items; ``other``: into an array of its own on one side."""
    made = Arrays()
    for name, source in (("sx", "x0n:0"), ("sy", "y0n:0"), ("sf", "a:1")):
        made.add(name, "Switch", source, "p:0", T=F32)
    made.write("then", "k0:0", "sx:1", "sf:1")
    made.write("otherwise", "k0:0", "sy:0", "sf:0")
    if other:
        made.add("sb", "Switch", "b:1", "p:0", T=F32)
        made.add("otherwise", "TensorArrayWriteV3", "b:0", "k0:0", "sy:0", "sb:0", T=F32)
    made.add("merged", "Merge", "otherwise:0", "then:0", T=F32, N=2)
    return made.stack("merged:0")


def lifted(graph: Graph) -> Any:
    feeds = {"p:0": FEEDS["p:0"]} if "merged" in graph.nodes else {}
    feeds |= {k: v for k, v in FEEDS.items() if k != "p:0"}
    program = structure(graph, inputs=list(feeds), outputs=["out:0"])
    return execute(program, feeds)["out:0"].tolist()


@pytest.mark.parametrize(
    ("graph", "node", "text"),
    [
        (swapped(), "out", "its TensorArray's handle a:0 and flow wb:0 do not come from one array"),
        (ordered_by_control(), "w0", "only control inputs say when it writes its TensorArray"),
        (chosen(other=True), "out", "handle a:0 and flow merged:0 do not come from one array"),
    ],
)
def test_a_flow_of_another_array_is_refused(graph: Graph, node: str, text: str) -> None:
    with pytest.raises(NotConvertibleError, match=text) as caught:
        lifted(graph)
    assert [reason.node for reason in caught.value.reasons] == [node]


def test_a_write_on_either_side_of_a_choice_is_lifted() -> None:
    assert lifted(chosen(other=False)) == CHOSEN


def grown(*, by: str) -> Graph:
    """A TensorList of two items, written at the fed place ``k``: resized before where that is past its end (lowered to Switch and Merge)."""
    made = Arrays()
    made.add("k", "Placeholder", dtype=DType("int32"), shape=Shape(()))
    made.add("shape", "Const", value=np.array([3], np.int32), dtype=DType("int32"))
    made.add("list", "TensorListReserve", "shape:0", "size:0", element_dtype=F32)
    made.add("length", "TensorListLength", "list:0")
    made.add("past", "GreaterEqual", "k:0", "length:0")
    for name, source in (("sl", "list:0"), ("sk", "k:0")):
        made.add(name, "Switch", source, "past:0")
    made.add("more", "AddV2", "sk:1", by)
    made.add("longer", "TensorListResize", "sl:1", "more:0")
    made.add("merged", "Merge", "sl:0", "longer:0", N=2)
    made.add("written", "TensorListSetItem", "merged:0", "k:0", "x0n:0", element_dtype=F32)
    made.add("out", "TensorListStack", "written:0", "shape:0", element_dtype=F32)
    return Graph(made.nodes, {}, {}, 134)


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_list_that_is_resized_before_a_write_past_its_end_grows(place: int) -> None:
    feeds = {"x:0": X, "k:0": np.array(place, np.int32)}
    program = structure(grown(by="k1:0"), inputs=list(feeds), outputs=["out:0"])
    assert not any(isinstance(s, Conditional) for s in program.statements)
    got = execute(program, feeds)["out:0"]
    expected = np.zeros((max(2, place + 1), 3), np.float32)
    expected[place] = X[0]
    np.testing.assert_array_equal(got, expected)


def test_a_list_that_grows_by_more_stays_a_choice() -> None:
    feeds = {"x:0": X, "k:0": np.array(3, np.int32)}
    program = structure(grown(by="size:0"), inputs=list(feeds), outputs=["out:0"])
    assert any(isinstance(s, Conditional) for s in program.statements)
    assert execute(program, feeds)["out:0"].shape == (5, 3)
