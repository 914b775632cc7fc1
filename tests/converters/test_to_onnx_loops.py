"""Loops, lists and branches built by hand, in ONNX Runtime against what they should compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters.graph import DType, Node, Shape
from converters.program import Conditional, Loop, OpNode, Program, SubProgram
from converters.to_onnx import to_onnx
from reference.vocabulary.abstract.fact import Fact
from tests.converters.to_onnx_running import B, T, run


def op(kind: str, output: str, *inputs: str, **attrs: Any) -> OpNode:
    return OpNode(Node(output.split(":")[0], kind, inputs, attrs=attrs), (output,))


CONSTANTS = {
    "zero": np.array(0, np.int32),
    "one": np.array(1, np.int32),
    "half": np.array(0.5, np.float32),
    "first": np.array(0, np.int32),
    "axes": np.array([0], np.int32),
}


def counting(body: tuple[OpNode, ...], carried: tuple[str, ...], results: tuple[str, ...]) -> Loop:
    """while i < n: run ``body`` over carried values named ``b<k>``; results named after them."""
    inputs = ("i", *(f"b{k}" for k in range(len(carried))))
    condition = SubProgram(
        tuple(f"c/{n}" for n in inputs), (op("Less", "c/less:0", "c/i", "n:0"),), ("c/less:0",)
    )
    step = op("AddV2", "i2:0", "i", "one")
    return Loop(
        "loop",
        ("zero", *carried),
        condition,
        SubProgram(inputs, (step, *body), ("i2:0", *results)),
        ("i_end:0", *(f"end{k}:0" for k in range(len(carried)))),
    )


def test_loop_of_tensors() -> None:
    """x = x / 2 + w, n times; w is captured, the scaling of it hoisted; no trip gives the initial value."""
    body = (
        op("Mul", "scaled:0", "w:0", "half"),
        op("Mul", "halved:0", "b0", "half"),
        op("AddV2", "sum:0", "halved:0", "scaled:0"),
    )
    loop = counting(body, ("x:0",), ("sum:0",))
    inputs = {
        "n:0": Fact("int32", ()),
        "x:0": Fact("float32", (B, 3)),
        "w:0": Fact("float32", (B, 3)),
    }
    program = Program(inputs, ("end0:0", "i_end:0"), (loop,), CONSTANTS)
    exported = to_onnx(program)
    [node] = [n for n in exported.model.graph.node if n.op_type == "Loop"]
    inner = next(a.g for a in node.attribute if a.name == "body").node
    assert [n.op_type for n in inner].count("Mul") == 1
    x, w = (np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32) for _ in "xw")
    for n in (0, 1, 5):
        wanted = x
        for _ in range(n):
            wanted = wanted * np.float32(0.5) + w * np.float32(0.5)
        found, count = run(exported, {"n:0": np.array(n, np.int32), "x:0": x, "w:0": w})
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
        assert count == n


def listing(dynamic: bool, size: str) -> Program:
    body = (
        op("Mul", "halved:0", "b0", "half"),
        op("ListSet", "written:0", "b1", "i", "halved:0"),
    )
    loop = counting(body, ("x:0", "new:0"), ("halved:0", "written:0"))
    new = op(
        "ListNew", "new:0", size, dtype=DType("float32"), element_shape=Shape(None), dynamic=dynamic
    )
    inputs = {"n:0": Fact("int32", ()), "x:0": Fact("float32", (B,))}
    if size == "size:0":
        inputs["size:0"] = Fact("int32", ())
    return Program(
        inputs, ("stack:0",), (new, loop, op("ListStack", "stack:0", "end1:0")), CONSTANTS
    )


@pytest.mark.parametrize("n", [1, 4])
def test_appending_is_a_scan_output(n: int) -> None:
    """One item per trip: nothing of the list is carried. A list longer than the loop ends with zeros."""
    exported = to_onnx(listing(False, "size:0"))
    [node] = [n for n in exported.model.graph.node if n.op_type == "Loop"]
    body = next(a.g for a in node.attribute if a.name == "body")
    assert "ScatterND" not in [n.op_type for n in body.node]
    x = np.array([1.0, -3.0], np.float32)
    feeds = {"n:0": np.array(n, np.int32), "x:0": x}
    for size in (n, n + 2):
        [found] = run(exported, feeds | {"size:0": np.array(size, np.int32)})
        wanted = np.zeros((size, 2), np.float32)
        wanted[:n] = [x * 0.5 ** (k + 1) for k in range(n)]
        np.testing.assert_array_equal(found, wanted)


def test_growing_list() -> None:
    exported = to_onnx(listing(True, "zero"))
    x = np.array([1.0, -3.0], np.float32)
    [found] = run(exported, {"n:0": np.array(3, np.int32), "x:0": x})
    np.testing.assert_array_equal(found, [x * 0.5, x * 0.25, x * 0.125])


def test_list_read_and_written_elsewhere() -> None:
    """Read from one list, written back to front into another: it is carried, and written by index."""
    body = (
        op("ListGet", "item:0", "b0", "i"),
        op("Sub", "back:0", "last:0", "i"),
        op("ListSet", "written:0", "b1", "back:0", "item:0"),
    )
    loop = counting(body, ("items:0", "new:0"), ("b0", "written:0"))
    statements = (
        op("ListUnstack", "items:0", "x:0"),
        op("Sub", "last:0", "n:0", "one"),
        op(
            "ListNew",
            "new:0",
            "n:0",
            dtype=DType("float32"),
            element_shape=Shape(None),
            dynamic=False,
        ),
        loop,
        op("ListStack", "stack:0", "end1:0"),
        op("ListSize", "count:0", "end1:0"),
    )
    inputs = {"n:0": Fact("int32", ()), "x:0": Fact("float32", (T, 2))}
    facts = {"written:0": Fact("float32", (T, 2))}
    program = Program(inputs, ("stack:0", "count:0"), statements, CONSTANTS, facts=facts)
    x = np.random.default_rng(1).normal(size=(4, 2)).astype(np.float32)
    found, count = run(to_onnx(program), {"n:0": np.array(4, np.int32), "x:0": x})
    np.testing.assert_array_equal(found, x[::-1])
    assert count == 4


def test_growing_carried_tensor() -> None:
    """A value whose shape changes from trip to trip: concat(b, x)."""
    body = (op("ConcatV2", "longer:0", "b0", "x:0", "first"),)
    loop = counting(body, ("x:0",), ("longer:0",))
    inputs = {"n:0": Fact("int32", ()), "x:0": Fact("float32", (B, 2))}
    program = Program(inputs, ("end0:0",), (loop,), CONSTANTS)
    x = np.ones((3, 2), np.float32)
    [found] = run(to_onnx(program), {"n:0": np.array(2, np.int32), "x:0": x})
    assert found.shape == (9, 2)


def test_nested_loops() -> None:
    """Three rounds of n halvings each."""
    inner = counting((op("Mul", "halved:0", "b0", "half"),), ("outer0",), ("halved:0",))
    condition = SubProgram(
        ("oc/i", "oc/x"), (op("Less", "oc/less:0", "oc/i", "three"),), ("oc/less:0",)
    )
    step = op("AddV2", "oi2:0", "oi", "one")
    outer = Loop(
        "outer",
        ("zero", "x:0"),
        condition,
        SubProgram(("oi", "outer0"), (step, inner), ("oi2:0", "end0:0")),
        ("o_end:0", "result:0"),
    )
    inputs = {"n:0": Fact("int32", ()), "x:0": Fact("float32", (B,))}
    program = Program(inputs, ("result:0",), (outer,), CONSTANTS | {"three": np.array(3, np.int32)})
    x = np.array([64.0, -128.0], np.float32)
    for n in (0, 2):
        [found] = run(to_onnx(program), {"n:0": np.array(n, np.int32), "x:0": x})
        np.testing.assert_array_equal(found, x * 0.5 ** (3 * n))


def test_conditional() -> None:
    """Branches of unlike sizes; one returns what it captures, and an output twice."""
    then = SubProgram((), (op("Mul", "halved:0", "x:0", "half"),), ("halved:0", "halved:0"))
    otherwise = SubProgram(
        (), (op("ConcatV2", "twice:0", "x:0", "x:0", "first"),), ("twice:0", "x:0")
    )
    statement = Conditional("cond", "p:0", then, otherwise, ("a:0", "b:0"))
    inputs = {"p:0": Fact("bool", ()), "x:0": Fact("float32", (B,))}
    exported = to_onnx(Program(inputs, ("a:0", "b:0"), (statement,), CONSTANTS))
    x = np.array([1.0, 2.0, 4.0], np.float32)
    for flag, a, b in ((True, x / 2, x / 2), (False, np.concatenate([x, x]), x)):
        found = run(exported, {"p:0": np.array(flag), "x:0": x})
        np.testing.assert_array_equal(found[0], a)
        np.testing.assert_array_equal(found[1], b)


def test_untaken_branch_does_not_run() -> None:
    """Where the array is empty its first item is not read."""
    then = SubProgram((), (op("GatherV2", "got:0", "x:0", "i:0", "first"),), ("got:0",))
    otherwise = SubProgram((), (op("Mul", "none:0", "half", "half"),), ("none:0",))
    statement = Conditional("cond", "p:0", then, otherwise, ("a:0",))
    inputs = {"p:0": Fact("bool", ()), "x:0": Fact("float32", (B,)), "i:0": Fact("int32", ())}
    exported = to_onnx(Program(inputs, ("a:0",), (statement,), CONSTANTS))
    feeds = {"i:0": np.array(0, np.int32), "p:0": np.array(False), "x:0": np.zeros(0, np.float32)}
    assert run(exported, feeds)[0] == 0.25
    feeds = {
        "i:0": np.array(1, np.int32),
        "p:0": np.array(True),
        "x:0": np.array([5, 6], np.float32),
    }
    assert run(exported, feeds)[0] == 6


def test_known_predicate_leaves_no_branch() -> None:
    then = SubProgram((), (op("Mul", "halved:0", "x:0", "half"),), ("halved:0",))
    otherwise = SubProgram((), (), ("x:0",))
    statement = Conditional("cond", "yes", then, otherwise, ("a:0",))
    program = Program(
        {"x:0": Fact("float32", (B,))}, ("a:0",), (statement,), CONSTANTS | {"yes": np.array(True)}
    )
    assert [n.op_type for n in to_onnx(program).model.graph.node] == ["Mul"]


def test_kernels_of_whole_steps_and_cut_kernels_count_as_one_weight() -> None:
    """A clockwork RNN multiplies by the first columns of its matrix, as many as tick; a block cell has its kernel inside."""
    from converters.unrolled import unrolled_records

    matrix = np.random.default_rng(3).standard_normal((4, 4)).astype(np.float32)
    parts = {"W:0": matrix, "W2:0": matrix[:, :2].copy(), "W4:0": matrix.copy()}
    nodes = [
        OpNode(Node(f"m{k}", "MatMul", (f"h{k}:0", w), (), {}), (f"p{k}:0",))
        for k, w in enumerate(("W:0", "W2:0", "W4:0"))
    ]
    steps = [
        OpNode(Node(f"t{k}", "Tanh", (f"p{k}:0",), (), {}), (f"h{k + 1}:0",)) for k in range(3)
    ]
    statements = tuple(s for pair in zip(nodes, steps, strict=True) for s in pair)
    program = Program({"h0:0": Fact("float32")}, ("h3:0",), statements, parts)
    [record] = unrolled_records(program)
    assert (record.form, record.reason.split()[0]) == ("unrolled", "3")
    cells = [
        OpNode(
            Node(f"c{k}", "LSTMBlockCell", ("x:0", f"c{k}:1", f"c{k}:6", "W:0", "z:0", "z:0", "z:0", "b:0"), (), {}),
            tuple(f"c{k + 1}:{i}" for i in range(7)),
        )
        for k in range(5)
    ]  # fmt: skip
    given = {"x:0": Fact("float32"), "c0:1": Fact("float32"), "c0:6": Fact("float32")}
    weights = {"W:0": matrix, "z:0": np.zeros(1, np.float32), "b:0": np.ones(4, np.float32)}
    [record] = unrolled_records(Program(given, ("c5:6",), tuple(cells), weights))
    assert record.reason.startswith("5 steps stand one after another")
