"""Function bodies against what TensorFlow 1.15.5 makes of the same FunctionDefs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from converters.graph import FunctionRef
from converters.read_graphdef import read
from converters.read_graphdef.messages import message_class
from converters.read_graphdef.op_outputs import op_outputs
from reference.errors import ArtefactError

READERS = Path(__file__).parents[1] / "goldens" / "readers"
RECORDED: dict[str, Any] = json.loads((READERS / "functions.json").read_text())


def test_every_function_is_read() -> None:
    graph = read(READERS / "functions" / "model").graph
    assert graph.functions.keys() == RECORDED.keys()
    loop = next(node for node in graph.nodes.values() if node.op in ("While", "StatelessWhile"))
    body = loop.attr("body")
    assert isinstance(body, FunctionRef)
    assert body.name in graph.functions


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_flat_indices_are_those_of_tensorflow(name: str) -> None:
    function = read(READERS / "functions" / "model").graph.functions[name]
    want = RECORDED[name]
    assert [f"{argument}:0" for argument, _ in function.inputs] == want["inputs"]
    assert [tensor for _, tensor in function.outputs] == want["outputs"]
    for node in function.nodes.values():
        assert list(node.inputs) == want["nodes"][node.name]


def test_the_golden_has_indices_that_matter() -> None:
    """Without several outputs in the bodies the test above could not fail."""
    taken = {t for f in RECORDED.values() for ts in f["nodes"].values() for t in ts}
    assert {int(t.rpartition(":")[2]) for t in taken} == {0, 1, 2}
    functions = read(READERS / "functions" / "model").graph.functions.values()
    ops = {node.op for function in functions for node in function.nodes.values()}
    assert {"Split", "SplitV", "TopKV2", "Unpack", "UniqueWithCounts"} <= ops


def test_the_table_of_outputs() -> None:
    table = op_outputs()
    assert [name for name, _ in table["BlockLSTM"]] == ["i", "cs", "f", "o", "ci", "co", "h"]
    assert [name for name, _ in table["GRUBlockCell"]] == ["r", "u", "c", "h"]
    assert table["LookupTableExportV2"] == (("keys", ""), ("values", ""))
    assert table["CTCBeamSearchDecoder"][0] == ("decoded_indices", "top_paths")
    assert "Split" not in table, "one output argument, though a list"


def library(**functions: list[tuple[str, str, list[str]]]) -> bytes:
    """A GraphDef of one node and functions of (name, op, inputs); each gives back its first node."""
    graph = message_class("GraphDef")()
    graph.node.add(name="a", op="NoOp")
    for name, nodes in functions.items():
        function = graph.library.function.add()
        function.signature.name = name
        function.signature.input_arg.add(name="x", type=1)
        function.signature.output_arg.add(name="y", type=1)
        function.ret["y"] = f"{nodes[0][0]}:output:0"
        for node, op, inputs in nodes:
            function.node_def.add(name=node, op=op, input=inputs)
    data: bytes = graph.SerializeToString()
    return data


def test_counted_outputs_come_before(tmp_path: Path) -> None:
    graph = message_class("GraphDef").FromString(
        library(f=[("n", "Identity", ["q:w:0"]), ("q", "Pair", ["x"])])
    )
    pair = graph.library.function.add()
    pair.signature.name = "Pair"
    pair.signature.input_arg.add(name="x", type=1)
    for name in ("v", "w"):
        pair.signature.output_arg.add(name=name, type=1)
        pair.ret[name] = "x"
    path = tmp_path / "g.pb"
    path.write_bytes(graph.SerializeToString())
    functions = read(path).graph.functions
    assert functions["f"].nodes["n"].inputs == ("q:1",)
    assert functions["f"].nodes["q"].inputs == ("x:0",)
    assert functions["Pair"].outputs == (("v", "x:0"), ("w", "x:0"))


@pytest.mark.parametrize(
    ("functions", "match"),
    [
        ({"f": [("n", "Identity", ["gone"])]}, "'gone', which is no argument"),
        ({"f": [("n", "Identity", ["m:nope:0"]), ("m", "TopKV2", ["x", "x"])]}, "values, indices"),
        ({"f": [("n", "f", ["x"])]}, "circle"),
        ({"f": [("n", "g", ["x"])], "g": [("n", "f", ["x"])]}, "circle"),
        ({"f": [("n", "Identity", ["n:output:0"])]}, "cycle"),
        ({"f": [("n", "Identity", ["x:y:z:0"])]}, "no argument"),
        ({"f": [("n", "A", []), ("n", "A", [])]}, "two nodes named"),
    ],
)
def test_broken_functions_are_refused(tmp_path: Path, functions: Any, match: str) -> None:
    path = tmp_path / "g.pb"
    path.write_bytes(library(**functions))
    with pytest.raises(ArtefactError, match=match):
        read(path)


def test_chains_of_functions_are_bounded(tmp_path: Path) -> None:
    chain = {f"f{i}": [("n", f"f{i + 1}", ["x"])] for i in range(100)}
    path = tmp_path / "g.pb"
    path.write_bytes(library(**chain))
    with pytest.raises(ArtefactError, match="too deeply"):
        read(path)
