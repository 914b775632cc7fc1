"""Damaged graphs, from files and from memory: refused in a sentence, or ported with the oracle's numbers. Never a traceback, never a hang.

About 20 s by default. ``RNNPORT_FUZZ_EXAMPLES=5000`` runs longer; ``tests/support/graph_mutations.py`` says what is mutated.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.graph import DType, Function, FunctionRef, Graph, Node, Shape
from converters.lift import lift
from converters.read_graphdef import read
from converters.to_onnx import to_onnx
from reference.errors import ArtefactError, NotConvertibleError, RnnportError
from tests.support.fuzzing import Feeds, check_graph, deadline
from tests.support.graph_mutations import mutated
from tests.zoo.catalogue import ZooModel, zoo

EXAMPLES = int(os.environ.get("RNNPORT_FUZZ_EXAMPLES", "0"))
LIMIT = 1 << 24
SECONDS = 30
NAMES = [
    "basic_lstm",
    "gru",
    "bidirectional_lstm_lengths",
    "static_lstm_lengths",
    "v2_lstm",
    "raw_rnn_lstm",
    "dropout_cond",
    "attention_luong",
    "block_fused_peephole",
    "keras_masking",
    "scan_gru",
    "nested_while",
]
MODELS = [m for m in zoo() if m.samples is not None and (EXAMPLES or m.name in NAMES)]
CALM = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


def examples(number: int) -> settings:
    return settings(CALM, max_examples=EXAMPLES or number, derandomize=not EXAMPLES)


class Drawn:
    """A Chooser that Hypothesis can shrink."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def below(self, n: int, /) -> int:
        return int(self.data.draw(st.integers(0, n - 1)))


def loaded(model: ZooModel) -> tuple[Graph, Feeds]:
    """The graph and the first recorded run."""
    return loaded_by_name(model.name)


@cache
def loaded_by_name(name: str) -> tuple[Graph, Feeds]:
    """As :func:`loaded`."""
    model = next(model for model in zoo() if model.name == name)
    assert model.samples is not None
    with np.load(model.samples, allow_pickle=False) as store:
        feeds = {key[4:]: store[key] for key in store.files if key.startswith("in0:")}
    frozen = {name: np.asarray(value) for name, value in model.card["frozen"].items()}
    return read(model.graph).graph, {**frozen, **feeds}


@given(data=st.data())
@examples(120)
def test_mutated_graphs(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(MODELS))
    graph, feeds = loaded(model)
    changed = mutated(graph, Drawn(data), data.draw(st.integers(1, 3)))
    output = data.draw(st.sampled_from(model.outputs))
    with deadline(SECONDS), warnings.catch_warnings():
        warnings.simplefilter("error")
        check_graph(changed, model.inputs, [output], feeds)


@pytest.mark.parametrize("name", ["gru", "v2_lstm"])
def test_the_check_can_fail(name: str) -> None:
    """An unmutated model is equal; feeding the oracle other numbers than the port is seen."""
    model = next(m for m in zoo() if m.name == name)
    graph, feeds = loaded(model)
    assert check_graph(graph, model.inputs, model.outputs, feeds) == "equal"
    exported = to_onnx(lift(graph, inputs=model.inputs, outputs=model.outputs))
    weight = max(exported.model.graph.initializer, key=lambda t: len(t.raw_data))
    from tests.support import fuzzing

    def spoilt(program: object) -> object:
        weight.raw_data = weight.raw_data[4:] + weight.raw_data[:4]
        return exported

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fuzzing, "to_onnx", spoilt)
        with pytest.raises(AssertionError, match="the ONNX model"):
            check_graph(graph, model.inputs, model.outputs, feeds)


@st.composite
def damaged(draw: st.DrawFn, source: bytes) -> bytes:
    """The bytes with some changed, cut out, doubled or cut off."""
    data = bytearray(source)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(1, 8))
        match draw(st.sampled_from(["flip", "flip", "set", "drop", "double", "cut"])):
            case "flip":
                if data:
                    data[at] ^= 1 << draw(st.integers(0, 7))
            case "set":
                data[at : at + length] = draw(st.binary(min_size=length, max_size=length))
            case "drop":
                del data[at : at + length]
            case "double":
                data[at:at] = data[at : at + 10 * length]
            case "cut":
                del data[at:]
    return bytes(data)


@given(data=st.data())
@examples(60)
def test_damaged_files(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(MODELS))
    _, feeds = loaded(model)
    content = data.draw(damaged(model.graph.read_bytes()))
    with tempfile.TemporaryDirectory() as folder, deadline(SECONDS):
        path = Path(folder) / "frozen.pb"
        path.write_bytes(content)
        try:
            graph = read(path, max_tensor=LIMIT).graph
        except RnnportError as error:
            assert "\n" not in str(error)
            return
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_graph(graph, model.inputs, model.outputs, feeds)


# ---- what no mutation is sure to meet ---------------------------------------------------------------------------
FLOAT = {"T": DType("float32"), "dtype": DType("float32")}


def graph_of(*nodes: Node) -> Graph:
    x = Node("x", "Placeholder", attrs={"dtype": DType("float32"), "shape": Shape((None, 3))})
    return Graph({node.name: node for node in (x, *nodes)})


def refusal_of(graph: Graph, output: str) -> RnnportError:
    with deadline(SECONDS), pytest.raises(RnnportError) as caught:
        to_onnx(lift(graph, inputs=["x:0"], outputs=[output]))
    return caught.value


def test_a_cycle_outside_loops() -> None:
    a = Node("a", "Add", ("x:0", "b:0"), attrs=FLOAT)
    b = Node("b", "Tanh", ("a:0",), attrs=FLOAT)
    assert "itself" in str(refusal_of(graph_of(a, b), "b:0"))


def test_identities_that_name_each_other() -> None:
    a = Node("a", "Identity", ("b:0",), attrs=FLOAT)
    b = Node("b", "Identity", ("a:0",), attrs=FLOAT)
    assert isinstance(refusal_of(graph_of(a, b), "a:0"), ArtefactError)


def test_a_huge_number_of_parts() -> None:
    axis = Node("axis", "Const", attrs={"dtype": DType("int32"), "value": np.array(1, np.int32)})
    cut = Node("cut", "Split", ("axis:0", "x:0"), attrs={**FLOAT, "num_split": 1 << 40})
    error = refusal_of(graph_of(axis, cut), "cut:0")
    assert isinstance(error, NotConvertibleError)
    assert "'cut'" in str(error) or "cut:" in str(error)


def test_a_huge_fill_is_not_allocated() -> None:
    """64 TiB asked for by two numbers: the model may say so, nobody computes it while converting."""
    dims = Node(
        "dims", "Const", attrs={"dtype": DType("int64"), "value": np.array([1 << 22, 1 << 22])}
    )
    zero = Node("zero", "Const", attrs={"dtype": DType("float32"), "value": np.array(0, "f4")})
    fill = Node("fill", "Fill", ("dims:0", "zero:0"), attrs={"T": DType("float32")})
    total = Node("total", "AddV2", ("fill:0", "x:0"), attrs=FLOAT)
    with deadline(SECONDS):
        try:
            exported = to_onnx(
                lift(graph_of(dims, zero, fill, total), inputs=["x:0"], outputs=["total:0"])
            )
        except RnnportError as error:
            assert str(error)
        else:
            assert exported.model.ByteSize() < 1 << 20


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 10_000, "名", "const", "x/Tanh", "|", ":0"])
def test_hostile_names(name: str) -> None:
    inner = Node(name, "Tanh", ("x:0",), attrs=FLOAT)
    out = Node("out", "Sigmoid", (f"{name}:0",), attrs=FLOAT)
    feeds = {"x:0": np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3)}
    assert check_graph(graph_of(inner, out), ["x:0"], ["out:0"], feeds) == "equal"


def binary(name: str, op: str, a: str, b: str, dtype: str = "float32") -> Node:
    return Node(name, op, (a, b), attrs={"T": DType(dtype)})


def literal(name: str, value: float, dtype: str = "float32") -> Node:
    return Node(name, "Const", attrs={"dtype": DType(dtype), "value": np.array(value, dtype)})


def function(
    name: str, inputs: str, output: str, *nodes: Node, more: tuple[str, ...] = ()
) -> Function:
    """A function of arguments such as ``"i:int32 x:float32"``."""
    arguments = tuple((part.split(":")[0], part.split(":")[1]) for part in inputs.split())
    results = tuple((f"r{k}", tensor) for k, tensor in enumerate((output, *more)))
    return Function(name, arguments, results, {node.name: node for node in nodes})


@pytest.mark.parametrize("flag", [True, False])
def test_a_conditional_stays_in_the_loop_whose_values_its_branches_read(flag: bool) -> None:
    """Found by mutation: its predicate does not change, and it was written outside the loop."""
    arguments = "i:float32 x:float32 flag:bool"  # counted in floats it stays a loop
    choice = Node(
        "choice",
        "StatelessIf",
        ("flag:0", "x:0"),
        attrs={"then_branch": FunctionRef("then"), "else_branch": FunctionRef("else")},
    )
    library = [
        function("then", "v:float32", "r:0", binary("r", "Mul", "v:0", "v:0")),
        function("else", "v:float32", "r:0", literal("k", 0.5), binary("r", "Add", "v:0", "k:0")),
        function(
            "cond",
            arguments,
            "r:0",
            literal("k", 2),
            binary("r", "Less", "i:0", "k:0"),
        ),
        function(
            "body",
            arguments,
            "next:0",
            literal("k", 0.7),
            binary("next", "Add", "i:0", "k:0"),
            choice,
            Node("out", "Tanh", ("choice:0",), attrs=FLOAT),
            more=("out:0", "flag:0"),
        ),
    ]
    loop = {"cond": FunctionRef("cond"), "body": FunctionRef("body")}
    nodes = graph_of(
        Node("flag", "Placeholder", attrs={"dtype": DType("bool"), "shape": Shape(())}),
        literal("zero", 0),
        Node("loop", "While", ("zero:0", "x:0", "flag:0"), attrs=loop),
    ).nodes
    graph = Graph(nodes, {f.name: f for f in library})
    feeds = {"x:0": np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3), "flag:0": np.array(flag)}
    assert check_graph(graph, ["x:0", "flag:0"], ["loop:1"], feeds) == "equal"


def test_a_shape_of_a_million_sizes() -> None:
    """Found by mutation: each size was looked up by itself, for minutes, before NumPy refused the rank."""
    dims = Node("dims", "Const", attrs={"dtype": DType("int32"), "value": np.full(1 << 20, 6)})
    zero = literal("zero", 0)
    fill = Node("fill", "Fill", ("dims:0", "zero:0"), attrs={"T": DType("float32")})
    error = refusal_of(graph_of(dims, zero, fill, binary("y", "Add", "fill:0", "x:0")), "y:0")
    assert "more than a tensor has axes" in str(error)


def test_a_constant_of_a_loop_that_starts_a_variable() -> None:
    """Found by mutation, as wrong numbers: TF gives a constant Enter's value to the Merge in every iteration."""
    model = next(m for m in zoo() if m.name == "gru")
    graph, _ = loaded(model)
    merge = next(n for n in graph.nodes.values() if n.op == "Merge")
    enter = graph.nodes[merge.inputs[0].rpartition(":")[0]]
    constant = replace(enter, attrs={**enter.attrs, "is_constant": True})
    changed = replace(graph, nodes={**graph.nodes, enter.name: constant})
    with pytest.raises(RnnportError, match="a constant of its loop starts a loop variable"):
        lift(changed, inputs=model.inputs, outputs=model.outputs)


def test_a_table_asked_for_keys_of_another_kind() -> None:
    """Found by mutation: ONNX Runtime did not load the model that looked up integers among strings."""
    model = next(m for m in zoo() if m.name == "string_tagger")
    graph, _ = loaded(model)
    words = graph.nodes["words"]
    numbers = replace(words, attrs={**words.attrs, "dtype": DType("int32")})
    with pytest.raises(RnnportError, match="its table holds"):
        lift(
            replace(graph, nodes={**graph.nodes, "words": numbers}),
            inputs=model.inputs,
            outputs=["logits/BiasAdd:0"],
        )
