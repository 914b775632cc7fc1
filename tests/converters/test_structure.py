"""Structuring of small graphs made by hand: names, aliases, conditionals, functions, lists, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.graph import Artefact, DType, Function, FunctionRef, Graph, Node, Shape, Signature
from converters.lift import candidates, default_io, structure
from converters.lift.execute import execute
from converters.program import Conditional, Loop
from reference.errors import ArtefactError, NotConvertibleError, UsageError

F32 = DType("float32")


class Build:
    """Collects nodes; every method returns a tensor name."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.functions: dict[str, Function] = {}

    def add(
        self, op: str, name: str, *inputs: str, controls: tuple[str, ...] = (), **attrs: Any
    ) -> str:
        self.nodes[name] = Node(name, op, inputs, controls, attrs)
        return f"{name}:0"

    def placeholder(self, name: str, *dims: int | None, dtype: str = "float32") -> str:
        return self.add("Placeholder", name, dtype=DType(dtype), shape=Shape(dims))

    def const(self, name: str, value: Any, dtype: str = "float32", **more: Any) -> str:
        array = np.asarray(value, dtype)
        return self.add("Const", name, value=array, dtype=DType(dtype), **more)

    def graph(self, **variables: np.ndarray) -> Graph:
        return Graph(self.nodes, self.functions, variables, 134)


def run(graph: Graph, outputs: list[str], **feeds: Any) -> dict[str, np.ndarray]:
    program = structure(graph, inputs=[f"{n}:0" for n in feeds], outputs=outputs)
    return execute(program, {f"{n}:0": np.asarray(v) for n, v in feeds.items()})


def test_an_output_that_is_an_alias_keeps_its_name() -> None:
    b = Build()
    x = b.placeholder("x", 2)
    b.add("Identity", "same", b.add("Tanh", "t", x))
    b.add("Identity", "input_again", x)
    got = run(b.graph(), ["same:0", "input_again:0", "x:0"], x=np.float32([1, 2]))
    np.testing.assert_allclose(got["same:0"], np.tanh(np.float32([1, 2])))
    assert got["input_again:0"].tolist() == got["x:0"].tolist() == [1, 2]


def test_any_tensor_may_be_an_input() -> None:
    b = Build()
    b.add("Tanh", "t", b.placeholder("x", None, 2))
    b.add("Neg", "y", "t:0")
    program = structure(b.graph(), inputs=["t"], outputs=["y"])
    assert list(program.inputs) == ["t:0"]
    assert program.inputs["t:0"].shape[1] == 2
    assert execute(program, {"t:0": np.float32([[1, 2]])})["y:0"].tolist() == [[-1, -2]]


def test_constants_fold_and_variables_keep_their_names() -> None:
    b = Build()
    v = b.add("VarHandleOp", "v", dtype=F32, shape=Shape((2,)))
    read = b.add("ReadVariableOp", "read", v, dtype=F32)
    two = b.add("Add", "sum", b.const("one", 1.0), b.const("uno", 1.0))
    b.add("Mul", "y", b.add("Mul", "s", b.placeholder("x", 2), read), two)
    program = structure(b.graph(v=np.float32([3, 4])), inputs=["x"], outputs=["y"])
    assert program.variables == {"v:0": "v"}
    assert program.constants["sum:0"] == 2.0
    assert "one:0" not in program.constants
    assert execute(program, {"x:0": np.float32([1, 1])})["y:0"].tolist() == [6, 8]


def test_what_is_missing_is_named() -> None:
    b = Build()
    b.add("Mul", "y", b.placeholder("x", 2), b.add("VariableV2", "weights", dtype=F32))
    with pytest.raises(ArtefactError, match="'weights' has no value"):
        structure(b.graph(), inputs=["x"], outputs=["y"])
    with pytest.raises(UsageError, match=r"did you mean weights"):
        structure(b.graph(), inputs=["x"], outputs=["weigths"])
    with pytest.raises(UsageError, match=r"placeholders x:0: name them in --inputs"):
        structure(b.graph(weights=np.ones(2, "f4")), inputs=[], outputs=["y"])


def conditional(b: Build, predicate: str) -> str:
    """tf.cond(predicate, lambda: x * 2, lambda: 5) as 1.15 writes it."""
    x = b.placeholder("x", 2)
    b.add("Switch", "cond/Switch", predicate, predicate)
    b.add("Identity", "cond/switch_t", "cond/Switch:1")
    b.add("Identity", "cond/switch_f", "cond/Switch:0")
    b.add("Identity", "cond/pred_id", predicate)
    b.add("Switch", "cond/mul/Switch", x, "cond/pred_id:0")
    b.const("cond/two", 2.0)
    b.nodes["cond/two"] = Node(
        "cond/two", "Const", (), ("cond/switch_t",), b.nodes["cond/two"].attrs
    )
    b.const("cond/five", [5.0, 5.0])
    b.nodes["cond/five"] = Node(
        "cond/five", "Const", (), ("cond/switch_f",), b.nodes["cond/five"].attrs
    )
    b.add("Mul", "cond/mul", "cond/mul/Switch:1", "cond/two:0")
    return b.add("Merge", "cond/Merge", "cond/five:0", "cond/mul:0", N=2)


def test_a_v1_cond_becomes_a_conditional_with_its_value_index() -> None:
    b = Build()
    conditional(b, b.placeholder("p", dtype="bool"))
    outputs = ["cond/Merge:0", "cond/Merge:1"]
    for taken, value in ((True, [2, 4]), (False, [5, 5])):
        got = run(b.graph(), outputs, p=taken, x=np.float32([1, 2]))
        assert got["cond/Merge:0"].tolist() == value
        assert got["cond/Merge:1"] == int(taken)
    program = structure(b.graph(), inputs=["p", "x"], outputs=["cond/Merge"])
    assert any(isinstance(s, Conditional) for s in program.statements)


@pytest.mark.parametrize("how", ["frozen", "constant"])
def test_a_known_predicate_leaves_one_branch(how: str) -> None:
    b = Build()
    constant = how == "constant"
    p = b.const("p", True, "bool") if constant else b.placeholder("p", dtype="bool")
    conditional(b, p)
    freeze = {} if constant else {"p": True}
    program = structure(b.graph(), inputs=["x"], outputs=["cond/Merge"], freeze=freeze)
    assert not any(isinstance(s, Conditional) for s in program.statements)
    assert execute(program, {"x:0": np.float32([1, 2])})["cond/Merge:0"].tolist() == [2, 4]
    assert program.frozen == ({} if constant else {"p:0": True})


def test_both_sides_may_be_constants() -> None:
    b = Build()
    conditional(b, b.placeholder("p", dtype="bool"))
    b.nodes["cond/mul"] = Node(
        "cond/mul", "Const", (), ("cond/switch_t",), {"value": np.float32([7, 7]), "dtype": F32}
    )
    del b.nodes["x"]
    b.nodes["cond/mul/Switch"] = Node(
        "cond/mul/Switch", "Switch", ("cond/five:0", "cond/pred_id:0")
    )
    assert run(b.graph(), ["cond/Merge:0"], p=True)["cond/Merge:0"].tolist() == [7, 7]
    assert run(b.graph(), ["cond/Merge:0"], p=False)["cond/Merge:0"].tolist() == [5, 5]


def counting_loop(b: Build, limit: str, step: str = "1") -> str:
    """while i < limit: i, a = i + 1, a * 2 + i with x going in; an extra variable nobody reads."""
    frame = {"frame_name": b"loop"}
    b.const("zero", 0, "int32"), b.const("one", 1, "int32")
    for k, init in enumerate(("zero:0", "x:0", "zero:0")):
        b.add("Enter", f"e{k}", init, **frame, is_constant=False)
        b.add("Merge", f"m{k}", f"e{k}:0", f"n{k}:0")
        b.add("Switch", f"s{k}", f"m{k}:0", "lc:0")
        b.add("Exit", f"exit{k}", f"s{k}:0")
    b.add("Enter", "el", limit, **frame, is_constant=True)
    b.add("LoopCond", "lc", b.add("Less", "lt", "m0:0", "el:0"))
    b.add("NextIteration", "n0", b.add("Add", "i1", "s0:1", "one:0"))
    b.add("Cast", "c", "s0:1", SrcT=DType("int32"), DstT=F32)
    b.add("NextIteration", "n1", b.add("Add", "a1", b.add("Add", "aa", "s1:1", "s1:1"), "c:0"))
    b.add("NextIteration", "n2", b.add("Add", "d1", "s2:1", "one:0"))
    return "exit1:0"


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_v1_frame_becomes_a_loop_without_its_dead_variable(count: int) -> None:
    b = Build()
    b.placeholder("x", 2)
    output = counting_loop(b, b.placeholder("n", dtype="int32"))
    program = structure(b.graph(), inputs=["x", "n"], outputs=[output])
    loop = next(s for s in program.statements if isinstance(s, Loop))
    assert len(loop.carried) == 2
    want = np.float32([1, 3])
    for i in range(count):
        want = want * 2 + i
    got = execute(program, {"x:0": np.float32([1, 3]), "n:0": np.int32(count)})
    assert got[output].tolist() == want.tolist()


def test_a_tensor_inside_a_loop_is_refused_by_name() -> None:
    b = Build()
    b.placeholder("x", 2)
    counting_loop(b, b.placeholder("n", dtype="int32"))
    with pytest.raises(NotConvertibleError, match="inside a loop"):
        structure(b.graph(), inputs=["x", "n"], outputs=["aa:0"])


def function(name: str, inputs: dict[str, str], outputs: dict[str, str], *nodes: Node) -> Function:
    return Function(
        name,
        tuple(inputs.items()),
        tuple((k, v) for k, v in outputs.items()),
        {node.name: node for node in nodes},
    )


def int_const(name: str, value: int) -> Node:
    return Node(name, "Const", attrs={"value": np.int32(value), "dtype": DType("int32")})


def test_v2_while_captures_what_it_carries_unchanged() -> None:
    b = Build()
    args = {"i": "int32", "a": "float32", "w": "float32"}
    b.functions["cond"] = function(
        "cond", args, {"r": "lt:0"}, int_const("k", 3), Node("lt", "Less", ("i:0", "k:0"))
    )
    b.functions["body"] = function(
        "body", args, {"i": "j:0", "a": "m:0", "w": "same:0"},
        int_const("one", 1), Node("j", "Add", ("i:0", "one:0")), Node("m", "Mul", ("a:0", "w:0")), Node("same", "Identity", ("w:0",)),
    )  # fmt: skip
    b.const("zero", 0, "int32")
    w = b.const("w", [2.0, 3.0])
    b.add(
        "While",
        "loop",
        "zero:0",
        b.placeholder("x", 2),
        w,
        cond=FunctionRef("cond"),
        body=FunctionRef("body"),
    )
    program = structure(b.graph(), inputs=["x"], outputs=["loop:1"])
    loop = next(s for s in program.statements if isinstance(s, Loop))
    assert len(loop.carried) == 2
    assert program.variables["w:0"] == "w"
    assert execute(program, {"x:0": np.float32([1, 1])})["loop:1"].tolist() == [8, 27]


def test_if_case_and_calls_are_put_in_place() -> None:
    b = Build()
    arg = {"x": "float32"}
    for k, op in enumerate(("Neg", "Square", "Exp")):
        b.functions[f"f{k}"] = function(f"f{k}", arg, {"y": "n:0"}, Node("n", op, ("x:0",)))
    x = b.placeholder("x", 2)
    refs = tuple(FunctionRef(f"f{k}") for k in range(3))
    b.add(
        "If",
        "either",
        b.placeholder("p", dtype="bool"),
        x,
        then_branch=refs[0],
        else_branch=refs[1],
    )
    b.add("Case", "which", b.placeholder("k", dtype="int32"), x, branches=refs)
    b.add("PartitionedCall", "call", x, f=refs[1])
    b.add("PartitionedCall", "again", "call:0", f=refs[1])
    value = np.float32([1, 2])
    results = {0: -value, 1: value**2, 2: np.exp(value), 7: np.exp(value), -1: np.exp(value)}
    for k, want in results.items():
        got = run(b.graph(), ["either:0", "which:0", "again:0"], x=value, p=k == 0, k=np.int32(k))
        np.testing.assert_allclose(got["which:0"], want, rtol=1e-6)
        np.testing.assert_allclose(got["either:0"], results[0] if k == 0 else results[1])
        assert got["again:0"].tolist() == [1, 16]


def test_functions_that_call_themselves_are_refused() -> None:
    b = Build()
    b.functions["f"] = function("f", {"x": "float32"}, {"y": "c:0"}, Node("c", "f", ("x:0",)))
    b.add("f", "call", b.placeholder("x", 2))
    with pytest.raises(ArtefactError, match="deep"):
        structure(b.graph(), inputs=["x"], outputs=["call"])


def test_unwritten_list_items_read_as_zeros() -> None:
    b = Build()
    b.add(
        "TensorArrayV3",
        "ta",
        b.const("n", 3, "int32"),
        dtype=F32,
        element_shape=Shape(None),
        dynamic_size=False,
    )
    b.add(
        "TensorArrayWriteV3",
        "w",
        "ta:0",
        b.const("k", 1, "int32"),
        b.placeholder("x", None),
        "ta:1",
    )
    b.add("TensorArraySizeV3", "size", "ta:0", "w:0")
    b.const("start", 0, "int32"), b.const("delta", 1, "int32")
    b.add("Range", "range", "start:0", "size:0", "delta:0")
    b.add(
        "TensorArrayGatherV3", "all", "ta:0", "range:0", "w:0", dtype=F32, element_shape=Shape(None)
    )
    program = structure(b.graph(), inputs=["x"], outputs=["all", "size"])
    assert [s.node.op for s in program.statements] == ["ListNew", "ListSet", "ListStack"]  # type: ignore[union-attr]
    assert str(program.facts["ta:0"].shape) == str(program.facts["all:0"].shape)
    got = execute(program, {"x:0": np.float32([1, 2])})
    assert got["all:0"].tolist() == [[0, 0], [1, 2], [0, 0]]
    assert got["size:0"] == 3


def dropout(b: Build, keep: str) -> str:
    """TF before 1.13: div(x, keep) * floor(keep + uniform)."""
    x = b.placeholder("x", None, 2)
    b.add("Shape", "shape", x, out_type=DType("int32"))
    b.add("RandomUniform", "u", "shape:0", dtype=F32)
    b.add("Mul", "u_scaled", "u:0", b.const("range", 1.0))
    b.add("Add", "uniform", "u_scaled:0", b.const("min", 0.0))
    b.add("Floor", "mask", b.add("Add", "shifted", keep, "uniform:0"))
    return b.add("Mul", "dropped", b.add("RealDiv", "scaled", x, keep), "mask:0")


def test_a_placeholder_that_only_sets_dropout_is_frozen_and_reported() -> None:
    b = Build()
    keep = b.placeholder("keep")
    b.add("Neg", "y", dropout(b, keep))
    program = structure(b.graph(), inputs=["x", "keep"], outputs=["y"])
    assert program.frozen == {"keep:0": 1.0}
    assert list(program.inputs) == ["x:0"]
    assert [s.node.op for s in program.statements] == ["Neg"]  # type: ignore[union-attr]


def test_a_placeholder_with_another_use_stays_an_input() -> None:
    b = Build()
    keep = b.placeholder("keep")
    b.add("Mul", "y", dropout(b, keep), keep)
    with pytest.raises(NotConvertibleError, match="random"):
        structure(b.graph(), inputs=["x", "keep"], outputs=["y"])


def test_a_constant_keep_below_one_is_refused_unless_frozen() -> None:
    b = Build()
    b.add("Neg", "y", dropout(b, b.const("keep", 0.5)))
    b.add("Exp", "z", "x:0")
    with pytest.raises(NotConvertibleError, match=r"mask.*--freeze keep:0=1") as caught:
        structure(b.graph(), inputs=["x"], outputs=["y", "z"])
    assert caught.value.convertible == ("z:0",)
    assert [reason.node for reason in caught.value.reasons] == ["mask"]
    program = structure(b.graph(), inputs=["x"], outputs=["y"], freeze={"keep": 1.0})
    assert program.frozen == {"keep:0": 1.0}


def test_a_random_branch_asks_for_its_predicate() -> None:
    b = Build()
    conditional(b, b.placeholder("is_training", dtype="bool"))
    b.add("Shape", "shape", "cond/mul/Switch:1", out_type=DType("int32"))
    b.add("RandomStandardNormal", "noise", "shape:0", dtype=F32)
    b.nodes["cond/mul"] = Node("cond/mul", "Mul", ("cond/mul/Switch:1", "noise:0"))
    with pytest.raises(NotConvertibleError, match="freeze it: --freeze is_training=false"):
        structure(b.graph(), inputs=["x", "is_training"], outputs=["cond/Merge"])


def test_an_unknown_op_is_named_and_the_other_outputs_offered() -> None:
    b = Build()
    x = b.placeholder("x", 2)
    b.add("NoSuchOp", "strange", x, T=F32)
    b.add("Neg", "y", "strange:0"), b.add("Neg", "z", x)
    with pytest.raises(NotConvertibleError, match="strange: op type NoSuchOp") as caught:
        structure(b.graph(), inputs=["x"], outputs=["y", "z"])
    assert caught.value.convertible == ("z:0",)


def artefact(graph: Graph, kind: str, **signatures: Signature) -> Artefact:
    return Artefact(Path("m.pb"), kind, graph, "0", signatures)


def test_default_inputs_and_outputs() -> None:
    b = Build()
    b.add("Tanh", "y", b.placeholder("x", 2))
    b.placeholder("unused", 2)
    b.add("Neg", "for_saving", "x:0"), b.add("SaveV2", "save", "for_saving:0")
    b.add("Neg", "constant_only", b.const("c", 1.0))
    graph = b.graph()
    assert candidates(graph) == ("y:0",)
    assert default_io(artefact(graph, "frozen")) == (("x:0",), ("y:0",))
    with pytest.raises(UsageError, match=r"--outputs is required.*y:0"):
        default_io(artefact(graph, "checkpoint"))
    one = Signature("serve", {"x": "x:0"}, {"y": "y:0"})
    assert default_io(artefact(graph, "saved_model", serve=one)) == (("x:0",), ("y:0",))
    with pytest.raises(UsageError, match="a, serve"):
        default_io(artefact(graph, "saved_model", serve=one, a=one))


def test_a_long_chain_is_structured_without_recursion() -> None:
    b = Build()
    tensor = b.placeholder("x", None)
    for i in range(5000):
        tensor = b.add("Tanh", f"t{i}", tensor)
    program = structure(b.graph(), inputs=["x"], outputs=[tensor])
    assert len(program.statements) == 5000


def test_candidates_do_not_lie_inside_loops_or_branches() -> None:
    b = Build()
    conditional(b, b.placeholder("p", dtype="bool"))
    counting_loop(b, b.placeholder("n", dtype="int32"))
    b.add("Neg", "in_branch", "cond/mul/Switch:0"), b.add("Neg", "in_loop", "s1:1")
    assert candidates(b.graph()) == ("cond/Merge:0", "exit0:0", "exit1:0", "exit2:0")


def test_a_damaged_node_is_an_artefact_error() -> None:
    b = Build()
    b.add("Neg", "y", b.add("Merge", "m", b.add("Switch", "s", b.placeholder("x", 2))))
    with pytest.raises(ArtefactError, match="damaged"):
        structure(b.graph(), inputs=["x"], outputs=["y"])


def test_what_hangs_on_a_savers_path_is_no_candidate() -> None:
    """``save/control_dependency`` is an Identity of the path that the Saver writes to."""
    b = Build()
    b.add("Tanh", "y", b.placeholder("x", 2))
    path = b.add("PlaceholderWithDefault", "save/filename", b.add("Const", "save/input"))
    path = b.add("PlaceholderWithDefault", "save/Const", path)
    b.add("SaveV2", "save/SaveV2", path, "x:0")
    b.add("Identity", "save/control_dependency", path, controls=("save/SaveV2",))
    assert candidates(b.graph()) == ("y:0",)


def test_inputs_behind_a_parser_are_what_it_declares() -> None:
    """An Estimator's SavedModel parses examples: ONNX takes what was parsed, in its dtypes."""
    b = Build()
    b.add(
        "ParseExample", "parse", b.placeholder("examples", None, dtype="string"),
        Nsparse=1, sparse_types=(F32,), Tdense=(DType("int64"), F32), dense_shapes=(Shape((5,)), Shape(())),
    )  # fmt: skip
    b.add("IteratorGetNext", "next", b.add("IteratorV2", "iterator"), output_types=(F32, DType("int32")), output_shapes=(Shape((None, 3)), Shape(None)))  # fmt: skip
    b.add("Neg", "ids", "parse:3", T=DType("int64")), b.add("Neg", "weight", "parse:4", T=F32)
    b.add("Neg", "sparse", "parse:2", T=DType("int64")), b.add("Neg", "item", "next:0", T=F32)
    inputs = ["parse:2", "parse:3", "parse:4", "next:0"]
    program = structure(b.graph(), inputs=inputs, outputs=["ids", "weight", "sparse", "item"])
    told = [(str(f.dtype), f.shape and [str(d) for d in f.shape]) for f in program.inputs.values()]
    assert [dtype for dtype, _ in told] == ["int64", "int64", "float32", "float32"]
    assert [shape and shape[1:] for _, shape in told] == [None, ["5"], [], ["3"]]
