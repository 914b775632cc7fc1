"""The oracle on small graphs written by hand: control flow, arrays of tensors, state, limits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.graph import DType, Function, FunctionRef, Graph, Node, Shape
from converters.oracle import run
from reference.errors import ArtefactError, NotConvertibleError, SemanticsError, UsageError

INT = {"T": DType("int32")}


def make(*nodes: Node, **more: Any) -> Graph:
    return Graph({node.name: node for node in nodes}, **more)


def const(name: str, value: Any, *controls: str, dtype: str = "int32") -> Node:
    return Node(name, "Const", (), controls, {"value": np.array(value, dtype)})


def op(name: str, kind: str, *inputs: str, controls: tuple[str, ...] = (), **attrs: Any) -> Node:
    full = tuple(i if ":" in i else f"{i}:0" for i in inputs)
    return Node(name, kind, full, controls, attrs)


def placeholder(name: str, dtype: str = "int32") -> Node:
    return Node(name, "Placeholder", (), (), {"dtype": DType(dtype)})


def constant_cond() -> Graph:
    """tf.cond(p, lambda: 1, lambda: 2): the constants are alive by control inputs only."""
    return make(
        placeholder("p", "bool"),
        op("id", "Identity", "p"),
        op("switch", "Switch", "id", "id"),
        op("t", "Identity", "switch:1"),
        op("f", "Identity", "switch:0"),
        const("one", 1, "t"),
        const("two", 2, "f"),
        op("merge", "Merge", "two", "one"),
    )


@pytest.mark.parametrize(("p", "value", "index"), [(True, 1, 1), (False, 2, 0)])
def test_branches_of_constants(p: bool, value: int, index: int) -> None:
    got = run(constant_cond(), {"p": np.array(p)}, ["merge:0", "merge:1"])
    assert (got["merge:0"], got["merge:1"]) == (value, index)


def test_an_output_of_the_other_branch_is_refused() -> None:
    with pytest.raises(SemanticsError, match=r"'one:0'.*not taken"):
        run(constant_cond(), {"p:0": np.array(False)}, ["one:0"])


def test_the_predicate_itself_can_be_fed() -> None:
    got = run(constant_cond(), {"id:0": np.array(True)}, ["merge:0"])
    assert got["merge:0"] == 1


def loop_nodes(
    frame: str, *, outer: str = "", start: str = "zero", limit: str = "n", total: str = "seed"
) -> list[Node]:
    """i = 0; s = seed; while i < n: s = s * 2 + i; i += 1, in frame ``frame``."""
    f, c = frame, {"frame_name": frame.encode()}
    return [
        op(f"{f}/i0", "Enter", start, **c),
        op(f"{f}/s0", "Enter", total, **c),
        op(f"{f}/n", "Enter", limit, is_constant=True, **c),
        op(f"{f}/i", "Merge", f"{f}/i0", f"{f}/i_next"),
        op(f"{f}/s", "Merge", f"{f}/s0", f"{f}/s_next"),
        op(f"{f}/less", "Less", f"{f}/i", f"{f}/n"),
        op(f"{f}/cond", "LoopCond", f"{f}/less"),
        op(f"{f}/i_switch", "Switch", f"{f}/i", f"{f}/cond"),
        op(f"{f}/s_switch", "Switch", f"{f}/s", f"{f}/cond"),
        op(f"{f}/i_in", "Identity", f"{f}/i_switch:1"),
        const(f"{f}/one", 1, f"{f}/i_in"),
        op(f"{f}/i_plus", "Add", f"{f}/i_in", f"{f}/one"),
        op(f"{f}/i_next", "NextIteration", f"{f}/i_plus"),
        op(f"{f}/exit_i", "Exit", f"{f}/i_switch:0"),
        op(f"{f}/exit_s", "Exit", f"{f}/s_switch:0"),
    ]


def simple_loop() -> Graph:
    return make(
        placeholder("n"),
        const("zero", 0),
        const("seed", 1),
        *loop_nodes("w"),
        op("w/s_in", "Identity", "w/s_switch:1"),
        op("w/twice", "Add", "w/s_in", "w/s_in"),
        op("w/s_new", "Add", "w/twice", "w/i_in"),
        op("w/s_next", "NextIteration", "w/s_new"),
    )


def by_hand(n: int, s: int = 1) -> int:
    for i in range(n):
        s = 2 * s + i
    return s


@pytest.mark.parametrize("n", [0, 1, 5])
def test_while(n: int) -> None:
    got = run(simple_loop(), {"n:0": np.array(n, np.int32)}, ["w/exit_s:0", "w/exit_i:0"])
    assert got["w/exit_s:0"] == by_hand(n)
    assert got["w/exit_i:0"] == n


def test_watch_inside_a_loop() -> None:
    feeds = {"n:0": np.array(4, np.int32)}
    got = run(simple_loop(), feeds, ["w/exit_s:0"], watch=["w/s_new:0", "w/s:0", "seed:0"])
    np.testing.assert_array_equal(got["w/s_new:0"], [by_hand(k) for k in (1, 2, 3, 4)])
    np.testing.assert_array_equal(got["w/s:0"], [by_hand(k) for k in range(5)])
    assert got["seed:0"] == 1


def test_loops_are_bounded() -> None:
    with pytest.raises(UsageError, match=r"'w'.*10 iterations"):
        run(simple_loop(), {"n:0": np.array(99, np.int32)}, ["w/exit_i:0"], max_iterations=10)


def test_a_loop_in_a_loop() -> None:
    """The outer body runs the inner loop on its own state: an Enter of an Enter, an Exit in the body."""
    graph = make(
        placeholder("n"),
        placeholder("m"),
        const("zero", 0),
        const("seed", 1),
        *loop_nodes("w"),
        op("w/s_in", "Identity", "w/s_switch:1"),
        op("w/m", "Enter", "m", frame_name=b"w", is_constant=True),
        const("w/zero", 0, "w/i_in"),
        *loop_nodes("v", start="w/zero", limit="w/m", total="w/s_in"),
        op("v/s_in", "Identity", "v/s_switch:1"),
        op("v/twice", "Add", "v/s_in", "v/s_in"),
        op("v/s_new", "Add", "v/twice", "v/i_in"),
        op("v/s_next", "NextIteration", "v/s_new"),
        op("w/s_next", "NextIteration", "v/exit_s"),
    )
    for n, m in ((3, 2), (0, 5), (2, 0)):
        feeds = {"n:0": np.array(n, np.int32), "m:0": np.array(m, np.int32)}
        wanted = 1
        for _ in range(n):
            wanted = by_hand(m, wanted)
        assert run(graph, feeds, ["w/exit_s:0"])["w/exit_s:0"] == wanted


def test_a_loop_in_a_branch_that_is_not_taken() -> None:
    graph = make(
        placeholder("p", "bool"),
        placeholder("n"),
        const("start", 0),
        const("first", 1),
        op("zero_switch", "Switch", "start", "p"),
        op("zero", "Identity", "zero_switch:1"),
        op("seed_switch", "Switch", "first", "p"),
        op("seed", "Identity", "seed_switch:1"),
        *loop_nodes("w"),
        op("w/s_next", "NextIteration", "w/s_switch:1"),
        op("other", "Neg", "seed_switch:0"),
        op("merge", "Merge", "other", "w/exit_i"),
    )
    for p, wanted in ((True, 3), (False, -1)):
        feeds = {"p:0": np.array(p), "n:0": np.array(3, np.int32)}
        assert run(graph, feeds, ["merge:0"])["merge:0"] == wanted


def test_a_cycle_outside_a_loop_is_refused() -> None:
    with pytest.raises(ArtefactError, match="depends on itself"):
        run(make(op("a", "Neg", "b"), op("b", "Neg", "a")), {}, ["a:0"])


def test_long_graphs_need_no_recursion() -> None:
    chain = [op(f"x{k}", "Add", f"x{k - 1}", "one") for k in range(1, 20_001)]
    graph = make(placeholder("x0"), const("one", 1), *chain)
    assert run(graph, {"x0:0": np.array(5, np.int32)}, ["x20000:0"])["x20000:0"] == 20_005


# -- arrays of tensors --------------------------------------------------------------------------
def array_graph(*more: Node, size: int = 3, **attrs: Any) -> Graph:
    attrs.setdefault("dtype", DType("float32"))
    return make(
        const("size", size),
        const("v", [1.5, -2.0], dtype="float32"),
        *(const(f"k{k}", k) for k in range(6)),
        op("ta", "TensorArrayV3", "size", **attrs),
        op("w1", "TensorArrayWriteV3", "ta", "k1", "v", "ta:1"),
        const("all", range(size)),
        *more,
    )


GATHER = op("out", "TensorArrayGatherV3", "ta", "all", "w1", element_shape=Shape(None))


def test_unwritten_elements_read_as_zeros_once_their_shape_is_known() -> None:
    got = run(array_graph(GATHER, identical_element_shapes=True), {}, ["out:0"])["out:0"]
    np.testing.assert_array_equal(got, [[0, 0], [1.5, -2.0], [0, 0]])
    with pytest.raises(SemanticsError, match=r"'ta'.*never written"):
        run(array_graph(GATHER), {}, ["out:0"])


def test_a_second_write_is_refused() -> None:
    again = op("w2", "TensorArrayWriteV3", "ta", "k1", "v", "w1")
    with pytest.raises(SemanticsError, match="written twice"):
        run(array_graph(again), {}, ["w2:0"])


def test_a_read_clears() -> None:
    one = op("r1", "TensorArrayReadV3", "ta", "k1", "w1")
    two = op("r2", "TensorArrayReadV3", "ta", "k1", "w1")
    with pytest.raises(SemanticsError, match="cleared"):
        run(array_graph(one, two), {}, ["r1:0", "r2:0"])
    got = run(array_graph(one, two, clear_after_read=False), {}, ["r1:0", "r2:0"])
    np.testing.assert_array_equal(got["r1:0"], got["r2:0"])


def test_arrays_grow_only_where_they_may() -> None:
    far = op("w2", "TensorArrayWriteV3", "ta", "k5", "v", "w1")
    size = op("size_now", "TensorArraySizeV3", "ta", "w2")
    got = run(array_graph(far, size, dynamic_size=True), {}, ["size_now:0"])
    assert got["size_now:0"] == 6
    with pytest.raises(SemanticsError, match="index 5 of 3"):
        run(array_graph(far, size), {}, ["size_now:0"])


def test_absurd_sizes_are_refused() -> None:
    with pytest.raises(SemanticsError, match="elements"):
        run(make(
            const("size", 2**31 - 1), op("ta", "TensorArrayV3", "size", dtype=DType("float32")),
            op("n", "TensorArraySizeV3", "ta", "ta:1")), {}, ["n:0"])  # fmt: skip


# -- functions ----------------------------------------------------------------------------------
def function(name: str, args: str, result: str, *nodes: Node) -> Function:
    inputs = tuple((a, "int32") for a in args.split())
    outputs = tuple((f"out{k}", t) for k, t in enumerate(result.split()))
    return Function(name, inputs, outputs, {n.name: n for n in nodes})


FUNCTIONS = {
    "small": function("small", "i s", "less:0", const("ten", 10), op("less", "Less", "s", "ten")),
    "grow": function(
        "grow", "i s", "next:0 sum:0", const("one", 1), op("next", "Add", "i", "one"),
        op("sum", "Add", "s", "next"),
    ),
    "down": function("down", "i s", "sub:0", op("sub", "Sub", "i", "s")),
    "again": function("again", "i s", "call:0", op("call", "PartitionedCall", "i", "s", f=FunctionRef("again"))),
}  # fmt: skip


def test_v2_while_if_case_and_calls() -> None:
    ref = FunctionRef
    graph = make(
        placeholder("p", "bool"),
        const("i", 0),
        const("s", 1),
        op("while", "While", "i", "s", cond=ref("small"), body=ref("grow")),
        op("if", "If", "p", "while:1", "s", then_branch=ref("down"), else_branch=ref("small")),
        op("case", "Case", "while:0", "i", "s", branches=(ref("down"), ref("small"))),
        op("call", "StatefulPartitionedCall", "i", "s", f=ref("grow")),
        op("old", "grow", "i", "s"),
        functions=FUNCTIONS,
    )
    outputs = ["while:0", "while:1", "if:0", "case:0", "call:1", "old:0"]
    got = run(graph, {"p:0": np.array(True)}, outputs)
    assert [int(got[name]) for name in outputs] == [4, 11, 10, 1, 2, 1]
    assert run(graph, {"p:0": np.array(False)}, ["if:0"])["if:0"] == np.True_


def test_functions_that_call_each_other_without_end() -> None:
    call = op("c", "PartitionedCall", "i", "i", f=FunctionRef("again"))
    with pytest.raises(ArtefactError, match="deep"):
        run(make(const("i", 0), call, functions=FUNCTIONS), {}, ["c:0"])
    missing = op("c", "PartitionedCall", "i", f=FunctionRef("none"))
    with pytest.raises(ArtefactError, match=r"'none'"):
        run(make(const("i", 0), missing), {}, ["c:0"])


# -- state --------------------------------------------------------------------------------------
def test_variables() -> None:
    graph = make(
        op("old", "VariableV2"),
        op("handle", "VarHandleOp"),
        op("read", "ReadVariableOp", "handle"),
        op("sum", "Add", "old", "read"),
        variables={"old": np.float32([1, 2]), "handle": np.float32([3, 5])},
    )
    np.testing.assert_array_equal(run(graph, {}, ["sum:0"])["sum:0"], [4, 7])
    with pytest.raises(ArtefactError, match=r"'old'.*no value"):
        run(make(*graph.nodes.values()), {}, ["sum:0"])


def table_graph(*init: Node) -> Graph:
    dtypes = {"key_dtype": DType("string"), "value_dtype": DType("int64")}
    return make(
        Node("table", "HashTableV2", (), (), dtypes),
        placeholder("words", "string"),
        const("default", -1, dtype="int64"),
        op("find", "LookupTableFindV2", "table", "words", "default"),
        *init,
    )


WORDS = {"words:0": np.array([b"b", b"zz", b"a"])}


def test_tables_from_constants() -> None:
    keys = Node("keys", "Const", (), (), {"value": np.array([b"a", b"b"], object)})
    init = op("init", "InitializeTableV2", "table", "keys", "values")
    graph = table_graph(keys, const("values", [7, 9], dtype="int64"), init)
    np.testing.assert_array_equal(run(graph, WORDS, ["find:0"])["find:0"], [9, -1, 7])
    got = run(graph, WORDS, ["find:0"], tables={"table": {b"zz": 3}})
    np.testing.assert_array_equal(got["find:0"], [-1, 3, -1])


def test_tables_from_assets(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(b"a\nb\nc\n")
    name = Node("name", "Const", (), (), {"value": np.array(b"/old/place/vocab.txt", object)})
    init = op(
        "init", "InitializeTableFromTextFileV2", "table", "name", key_index=-2, value_index=-1
    )
    graph = table_graph(name, init)
    assets = {"vocab.txt": tmp_path / "vocab.txt"}
    np.testing.assert_array_equal(
        run(graph, WORDS, ["find:0"], assets=assets)["find:0"], [1, -1, 0]
    )
    with pytest.raises(ArtefactError, match=r"'vocab\.txt'"):
        run(graph, WORDS, ["find:0"])
    with pytest.raises(ArtefactError, match=r"'table'"):
        run(table_graph(), WORDS, ["find:0"])


def dropout(keep: float) -> Graph:
    """x / keep * floor(keep + u), as TF 1.13 and older wrote it."""
    return make(
        placeholder("x", "float32"),
        op("shape", "Shape", "x"),
        const("keep", keep, dtype="float32"),
        op("u", "RandomUniform", "shape", dtype=DType("float32")),
        op("sum", "Add", "u", "keep"),
        op("floor", "Floor", "sum"),
        op("scaled", "RealDiv", "x", "keep"),
        op("out", "Mul", "scaled", "floor"),
    )


def test_dropout_vanishes_only_where_it_keeps_all() -> None:
    x = np.float32([[1, -2], [3, 4]])
    np.testing.assert_array_equal(run(dropout(1.0), {"x:0": x}, ["out:0"])["out:0"], x)
    with pytest.raises(NotConvertibleError, match=r"'u'.*random"):
        run(dropout(0.9), {"x:0": x}, ["out:0"])
    got = run(dropout(0.5), {"x:0": x, "u:0": np.full((2, 2), 0.7, np.float32)}, ["out:0"])
    np.testing.assert_array_equal(got["out:0"], 2 * x)


def test_what_was_drawn_may_be_computed_and_not_chosen() -> None:
    nodes = [
        *dropout(0.9).nodes.values(),
        placeholder("train", "bool"),
        op("cell", "Tanh", "out"),
        op("plain", "Tanh", "x"),
        op("dropped", "Switch", "cell", "train"),
        op("kept", "Switch", "plain", "train"),
        op("y", "Merge", "kept:0", "dropped:1"),
        op("size", "Shape", "cell"),
    ]
    x = np.float32([[1, -2], [3, 4]])
    got = run(make(*nodes), {"x:0": x, "train:0": np.array(False)}, ["y:0", "size:0"])
    np.testing.assert_array_equal(got["y:0"], np.tanh(x))
    assert got["size:0"].tolist() == [2, 2]
    with pytest.raises(NotConvertibleError, match=r"'u'.*random"):
        run(make(*nodes), {"x:0": x, "train:0": np.array(True)}, ["y:0"])
    asked = op("z", "Switch", "x", "flag")
    flag = [op("some", "Max", "cell", "axes"), const("axes", [0, 1], dtype="int32")]
    flag += [op("flag", "Greater", "some", "keep"), asked]
    with pytest.raises(NotConvertibleError, match=r"'u'.*random"):
        run(make(*nodes, *flag), {"x:0": x, "train:0": np.array(False)}, ["z:0"])


# -- the twin and its perturbations -------------------------------------------------------------
def product() -> Graph:
    weight = const("w", [[0.1, 0.2], [0.3, 0.4]], dtype="float32")
    return make(placeholder("x", "float32"), weight, op("y", "MatMul", "x", "w"))


def test_widening_and_perturbing() -> None:
    x = np.float32([[1.0, 3.0]])
    narrow, wide = (run(product(), {"x:0": x}, ["y:0", "w:0"], widen=w) for w in (False, True))
    assert (narrow["y:0"].dtype, wide["y:0"].dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(narrow["y:0"], wide["y:0"], rtol=1e-6)
    one, same, two = (run(product(), {"x:0": x}, ["y:0", "w:0"], perturb=s) for s in (1, 1, 2))
    moved = np.abs(one["w:0"] / wide["w:0"] - 1)
    np.testing.assert_allclose(moved, 2.0**-24, rtol=1e-6)
    np.testing.assert_array_equal(one["y:0"], same["y:0"])
    assert np.any(one["y:0"] != two["y:0"])
    assert np.all(one["y:0"] != wide["y:0"])


# -- wrong calls --------------------------------------------------------------------------------
def test_wrong_names() -> None:
    with pytest.raises(UsageError, match=r"'x:0'.*not fed"):
        run(product(), {}, ["y:0"])
    with pytest.raises(UsageError, match=r"'nope:0'"):
        run(product(), {"nope:0": np.zeros(1)}, ["y:0"])
    with pytest.raises(ArtefactError, match=r"'gone:0'"):
        run(make(op("a", "Neg", "gone")), {}, ["a:0"])
    with pytest.raises(ArtefactError, match="outputs"):
        run(product(), {"x:0": np.ones((1, 2))}, ["y:3"])


def test_errors_name_the_node() -> None:
    with pytest.raises(SemanticsError, match=r"'y'.*MatMul"):
        run(product(), {"x:0": np.ones((1, 3), np.float32)}, ["y:0"])


def test_the_oracle_shares_nothing_with_the_lift() -> None:
    code = "import sys, converters.oracle; print([m for m in sys.modules if m.startswith(('converters.lift', 'onnx', 'keras', 'tensorflow'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_mask_fed_as_floats_is_not_perturbed() -> None:
    """One rounding less and ``tf.cast(tf.reduce_sum(mask, 1), tf.int32)`` is one step less; what is no whole number moves."""
    floats = {"T": DType("float32")}
    graph = make(
        placeholder("mask", "float32"),
        const("axis", 1),
        op("sum", "Sum", "mask", "axis", **floats),
        op("lengths", "Cast", "sum", SrcT=DType("float32"), DstT=DType("int32")),
        op("same", "Tanh", "mask", **floats),
    )
    names = ["lengths:0", "same:0"]
    mask = np.array([[1, 1, 1], [1, 0, 0]], np.float32)
    exact = run(graph, {"mask": mask}, names, widen=True)
    for seed in range(4):
        moved = run(graph, {"mask": mask}, names, perturb=seed)
        np.testing.assert_array_equal(moved["lengths:0"], [3, 1])
        np.testing.assert_array_equal(moved["same:0"], exact["same:0"])
        moved = run(graph, {"mask": mask * 0.3}, ["same:0"], perturb=seed)
        assert (
            moved["same:0"] != run(graph, {"mask": mask * 0.3}, ["same:0"], widen=True)["same:0"]
        ).any()


def test_a_weight_stored_in_8_bits_is_perturbed_as_others_are() -> None:
    """Whole numbers and their range are not: without it a graph of quantised weights would have no noise at all."""
    graph = make(
        const("w", [0, 100, 255], dtype="uint8"),
        const("low", -1.5, dtype="float32"),
        const("high", 0.75, dtype="float32"),
        op("y", "Dequantize", "w", "low", "high", T=DType("quint8"), mode=b"MIN_FIRST"),
    )
    exact = run(graph, {}, ["y:0"], widen=True)["y:0"]
    moved = run(graph, {}, ["y:0"], perturb=1)["y:0"]
    assert 0 < np.abs(moved / exact - 1).max() < 2.0**-23
