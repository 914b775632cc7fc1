"""Shapes that the graph does not state: what the ops that read an input need it to be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.graph import Graph, Node, Shape
from converters.lift import lift
from converters.lift.ranks import infer
from converters.read_graphdef import read
from converters.to_onnx import to_onnx
from porting.conversion import convert
from porting.verification.samples import load_samples
from reference.errors import NotConvertibleError

GOLDENS = Path(__file__).parents[1] / "goldens/old_tf"


def graph(*nodes: tuple[Any, ...], producer: int = 27, **constants: Any) -> Graph:
    """``x`` without a shape, constants by name, and nodes (name, op, inputs, attributes)."""
    made = {"x": Node("x", "Placeholder", (), (), {"shape": Shape(None), "dtype": "float32"})}
    for name, value in constants.items():
        made[name] = Node(name, "Const", (), (), {"value": np.asarray(value)})
    for name, op, inputs, *attrs in nodes:
        made[name] = Node(name, op, tuple(inputs), (), attrs[0] if attrs else {})
    return Graph(made, producer=producer)


def ints(*items: int) -> np.ndarray:
    return np.array(items, np.int32)


AXIS = np.int32(1)
KERNEL = np.ones((9, 16), np.float32)
CASES = {
    "product": (graph(("y", "MatMul", ("x:0", "w:0")), w=np.ones((5, 3))), (None, 5)),
    "product turned": (
        graph(("y", "MatMul", ("w:0", "x:0"), {"transpose_b": True}), w=np.ones((2, 5))),
        (None, 5),
    ),
    "permutation": (
        graph(("y", "Transpose", ("x:0", "p:0")), p=ints(1, 0, 2)),
        (None, None, None),
    ),
    "permuted product": (
        graph(
            ("t", "Transpose", ("x:0", "p:0")), ("y", "MatMul", ("t:0", "w:0")),
            p=ints(1, 0), w=np.ones((5, 3)),
        ),
        (5, None),
    ),
    "bias under a transpose": (
        graph(
            ("s", "BiasAdd", ("x:0", "b:0")), ("y", "Transpose", ("s:0", "p:0")),
            p=ints(1, 0, 2), b=np.ones(4),
        ),
        (None, None, 4),
    ),
    "kernel of a cell": (
        graph(
            ("j", "ConcatV2", ("x:0", "h:0", "one:0")), ("y", "MatMul", ("j:0", "w:0")),
            one=AXIS, h=np.ones((2, 4)), w=KERNEL,
        ),
        (2, 5),
    ),
    "one dimension put in": (
        graph(
            ("e", "ExpandDims", ("x:0", "one:0")), ("y", "Conv2D", ("e:0", "k:0")),
            one=AXIS, k=np.ones((1, 3, 5, 6)),
        ),
        (None, None, 5),
    ),
    "taken apart": (
        graph(
            ("u", "Unpack", ("x:0",), {"num": 6, "axis": 1}), ("y", "MatMul", ("u:2", "w:0")),
            w=np.ones((5, 3)),
        ),
        (None, 6, 5),
    ),
    "ids of a table": (
        graph(
            ("g", "Gather", ("t:0", "x:0")), ("y", "Transpose", ("g:0", "p:0")),
            t=np.ones((11, 6)), p=ints(1, 0, 2),
        ),
        (None, None),
    ),
    "rows of an array in a loop": (
        graph(
            ("a", "TensorArrayV3", ("n:0",)), ("s", "TensorArrayScatterV3", ("a:0", "i:0", "x:0", "a:1")),
            ("e", "Enter", ("a:0",)), ("r", "TensorArrayReadV3", ("e:0", "n:0", "s:0")),
            ("y", "MatMul", ("r:0", "w:0")), n=np.int32(7), i=np.arange(7, dtype=np.int32), w=np.ones((5, 3)),
        ),
        (7, None, 5),
    ),
    "lengths": (
        graph(("y", "ReverseSequence", ("v:0", "x:0"), {"batch_dim": 1}), v=np.ones((2, 3, 4))),
        (3,),
    ),
    "all but the last axis": (
        graph(
            ("s", "Shape", ("x:0",)), ("c", "StridedSlice", ("s:0", "z:0", "m:0", "o:0"), {"begin_mask": 1}),
            ("j", "ConcatV2", ("c:0", "six:0", "zero:0")), ("r", "Reshape", ("v:0", "j:0")),
            ("y", "Transpose", ("r:0", "p:0")), z=ints(0), m=ints(-1), o=ints(1), six=ints(6), zero=np.int32(0),
            v=np.ones((4, 6)), p=ints(1, 0, 2),
        ),
        (None, None, None),
    ),
    "a bias that it is more than": (
        graph(
            ("s", "AddV2", ("x:0", "b:0")), ("y", "Transpose", ("s:0", "p:0")), p=ints(1, 0, 2), b=np.ones(4)
        ),
        (None, None, None),
    ),
    "a sum beside something as large": (
        graph(("s", "AddV2", ("x:0", "b:0")), ("y", "MatMul", ("s:0", "w:0")), b=np.ones((1, 4)), w=KERNEL),
        None,
    ),
    "a reshape of anything": (graph(("y", "Reshape", ("x:0", "p:0")), p=ints(-1, 5)), None),
    "a branch that says another rank": (
        graph(("y", "MatMul", ("x:0", "w:0")), ("z", "Transpose", ("x:0", "p:0")), w=KERNEL, p=ints(1, 0, 2)),
        (None, 9),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_reads_an_input_tells_its_shape(name: str) -> None:
    made, expected = CASES[name]
    assert infer(made).get("x:0") == expected


def test_a_recorded_rank_comes_before_what_a_branch_says() -> None:
    made, _ = CASES["a branch that says another rank"]
    assert infer(made, {"x:0": (None, None, None)})["x:0"] == (None, None, None)


def test_a_damaged_node_tells_nothing() -> None:
    made = graph(("y", "MatMul", ("x:0",)), ("z", "Transpose", ("x:0", "p:0")), p=ints(1, 0))
    assert infer(made)["x:0"] == (None, None)


@pytest.mark.parametrize(
    ("op", "inputs"),
    [
        ("Reshape", ("x:0", "s:0")),
        ("Fill", ("s:0", "x:0")),
        ("StridedSlice", ("x:0", "s:0", "s:0", "s:0")),
        ("Transpose", ("x:0", "s:0")),
        ("Tile", ("x:0", "s:0")),
    ],
)
def test_a_declared_length_is_no_reason_to_allocate(op: str, inputs: tuple[str, ...]) -> None:
    made = graph(("y", op, inputs), ("z", "Identity", ("y:0",)))
    vector = Node("s", "Placeholder", (), (), {"shape": Shape((1 << 40,)), "dtype": "int32"})
    found = infer(Graph({**made.nodes, "s": vector}, producer=27))
    assert "y:0" not in found
    assert "x:0" not in found


def test_a_scalar_of_old_stays_one_where_nothing_wants_axes() -> None:
    attrs = {"dtype": "float32", "shape": Shape(()), "T": "float32"}
    nodes = {
        "k": Node("k", "Placeholder", (), (), attrs),
        "x": Node("x", "Placeholder", (), (), attrs),
        "w": Node("w", "Const", (), (), {"value": np.ones((5, 3), np.float32)}),
        "p": Node("p", "MatMul", ("x:0", "w:0"), (), {"T": "float32"}),
        "y": Node("y", "Mul", ("p:0", "k:0"), (), {"T": "float32"}),
    }
    program = lift(Graph(nodes, producer=0), inputs=["x", "k"], outputs=["y"])
    shapes = {name: fact.shape for name, fact in program.inputs.items()}
    assert shapes["k:0"] == ()
    assert shapes["x:0"] is not None
    assert (len(shapes["x:0"]), shapes["x:0"][1]) == (2, 5)


# ---- graphs that old TensorFlow wrote ---------------------------------------------------------------------------

EXPECTED: dict[str, dict[str, Sequence[int | None] | None]] = {
    "tf1.0.1/char_rnn": {"ids:0": (None, None)},
    "tf1.0.1/classifier": {"x:0": (None, 6, 5)},
    "tf1.0.1/convolved": {"x:0": (None, None, 5)},
    "tf1.0.1/tagger": {"x:0": (None, None, 5), "lengths:0": (None,)},
    "tf1.4.1/char_rnn": {"ids:0": (None, None)},
    "tf1.4.1/polymorphic": {"x:0": (None, None, None)},
    "tf1.15.5/tagger": {"x:0": (None, None, 5), "lengths:0": (None,)},
    "tf1.15.5/polymorphic": {"x:0": (None, None, None)},
}
RECORDED = ("tf1.0.1/stepper", "tf1.4.1/stepper", "tf1.15.5/contracted")
"""Where only the recording tells the ranks."""


def outputs(name: str) -> list[str]:
    return list(load_samples(GOLDENS / f"{name}.npz").outputs)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_ranks_of_old_graphs(name: str) -> None:
    program = lift(read(GOLDENS / f"{name}.pb"), outputs=outputs(name))
    shapes = {n: f.shape for n, f in program.inputs.items()}
    found = {
        n: None if s is None else tuple(d if isinstance(d, int) else None for d in s)
        for n, s in shapes.items()
    }
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", [*EXPECTED, *RECORDED])
def test_old_graphs_give_what_old_tensorflow_recorded(name: str, tmp_path: Path) -> None:
    done = convert(
        GOLDENS / f"{name}.pb",
        to="onnx",
        out=tmp_path / "m.onnx",
        outputs=outputs(name),
        samples=GOLDENS / f"{name}.npz",
    )
    assert done.verification is not None
    assert (done.verification.verdict, done.verification.reasons) == ("equivalent", ())


@pytest.mark.parametrize("name", ["tf1.0.1/tagger", "tf1.15.5/contracted"])
def test_old_graphs_in_keras(name: str, tmp_path: Path) -> None:
    done = convert(
        GOLDENS / f"{name}.pb",
        to="keras",
        out=tmp_path / "m.keras",
        outputs=outputs(name),
        samples=GOLDENS / f"{name}.npz",
    )
    assert done.verification is not None
    assert done.verification.verdict == "equivalent"


@pytest.mark.parametrize(
    ("name", "inputs"), [("tf1.15.5/contracted", ["x"]), ("tf1.4.1/stepper", ["c_in:0"])]
)
def test_what_nothing_tells_is_asked_for_in_one_sentence(name: str, inputs: list[str]) -> None:
    with pytest.raises(NotConvertibleError, match="give --samples with recorded runs") as caught:
        to_onnx(lift(read(GOLDENS / f"{name}.pb"), outputs=outputs(name)))
    assert [reason.node for reason in caught.value.reasons] == inputs


def test_verify_takes_the_rank_from_the_port(tmp_path: Path) -> None:
    from porting.comparing import compare

    name = GOLDENS / "tf1.15.5/contracted"
    samples = name.with_name("contracted.npz")
    port = tmp_path / "m.onnx"
    convert(name.with_name("contracted.pb"), to="onnx", out=port, outputs=["out"], samples=samples)
    found = compare(name.with_name("contracted.pb"), port, samples=samples)
    assert found.verdict.verdict == "equivalent"
