"""Ragged batches in segments of time: the numbers of the whole batch, whatever the lengths; which recurrences are cut, and which not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import onnx
import pytest

from converters.graph import Node
from converters.lift import lift
from converters.lift.recognise.loops.traced import traced_cell
from converters.program import OpNode, Program, Recurrence
from converters.read_graphdef import read
from converters.to_onnx import to_onnx
from converters.to_onnx.plan import CUT_FROM, MORE, SEGMENTS
from converters.to_onnx.segments.apart import rows_apart
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.tracer import Tracer
from tests.converters.test_to_onnx_recurrences import (
    NATIVE,
    SCANNED,
    F,
    agree,
    expected,
    feeds_of,
)
from tests.converters.test_to_onnx_zoo import check_numbers, lifted
from tests.converters.to_onnx_running import recurrence_program, run
from tests.zoo.catalogue import zoo

CELLS: dict[str, Any] = {
    name: (NATIVE | SCANNED)[name][0]
    for name in (
        *("lstm", "lstm_joint_state", "lstm_peepholes", "gru", "gru_reset_after", "rnn"),
        *("lstm_projected", "lstm_block_clipped", "gru_float64"),
    )
}
W = np.random.default_rng(3).normal(size=(3, 3)).astype("f")
MODELS = {model.name: model for model in zoo()}


def pair(name: str, **options: Any) -> Program:
    """The cell forward and backward on one input, its states fed."""
    cells = {"a": CELLS[name], "b": CELLS[name]}
    dtype = "float64" if name.endswith("64") else "float32"
    return recurrence_program(cells, F, directions=["forward", "backward"], dtype=dtype, **options)


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("prefer", ["native", "speed"])
@pytest.mark.parametrize("name", CELLS)
def test_the_same_numbers(name: str, prefer: str) -> None:
    """Rows and steps of any number, fewer than segments among them; lengths 0, negative and beyond T; NaN in the padding; states not zero."""
    program = pair(name)
    exported = to_onnx(program, prefer=prefer, batch=1024, ragged=True)
    assert {record.segments for record in exported.recurrences} <= {SEGMENTS, MORE}
    for rows, steps in ((6, 7), (9, 4), (3, 2), (1, 9), (2, 1), (1, 1)):
        feeds = feeds_of(program, rows, steps)
        agree(run(exported, feeds), expected(program, feeds))


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "lstm_projected"])
def test_no_rows_and_no_steps(name: str) -> None:
    program = pair(name)
    exported = to_onnx(program, prefer="native", ragged=True)
    for rows, steps in ((0, 5), (3, 0), (0, 0)):
        feeds = feeds_of(program, rows, steps)
        found = run(exported, feeds)
        for value, port in zip(found, exported.model.graph.output, strict=True):
            assert value.shape[:-1] == ((steps, rows) if "/y" in port.name else (rows,))
        finals = [v for v in found if v.ndim == 2]
        starts = [v for k, v in feeds.items() if k[:2] in ("a/", "b/")]
        for final, start in zip(finals, starts, strict=True):
            np.testing.assert_array_equal(final, start)


@pytest.mark.parametrize("name", ["lstm", "lstm_projected"])
def test_sizes_that_are_known(name: str) -> None:
    program = pair(name, batch=5, time=6)
    exported = to_onnx(program, ragged=True)
    feeds = feeds_of(program, 5, 6)
    agree(run(exported, feeds), expected(program, feeds))


def outputs_alone(name: str) -> Program:
    program = pair(name)
    return replace(program, outputs=tuple(n for n in program.outputs if n.endswith("/y:0")))


@pytest.mark.parametrize("name", ["lstm", "gru", "lstm_projected"])
def test_final_states_that_nobody_reads_need_no_lengths(name: str) -> None:
    """A forward row that goes on has no padding in a segment; the numbers stay, and the padding is 0."""
    program, chosen = pair(name), outputs_alone(name)
    exported = to_onnx(chosen, prefer="native", ragged=True)
    feeds = feeds_of(program)
    wanted = expected(program, feeds)
    agree(run(exported, feeds), [wanted[0], wanted[len(wanted) // 2]])
    for node in exported.model.graph.node:
        if node.op_type in ("LSTM", "GRU"):
            backward = any(a.name == "direction" and a.s == b"reverse" for a in node.attribute)
            assert bool(node.input[4]) == backward


def transposed(program: Program) -> Program:
    """Both directions joined, batch-major, as TF1's models give them."""
    joined = OpNode(Node("join", "ConcatV2", ("a/y:0", "b/y:0", "axis")), ("joined:0",))
    moved = OpNode(Node("move", "Transpose", ("joined:0", "perm")), ("moved:0",))
    constants = {"axis": np.array(2, np.int32), "perm": np.array([1, 0, 2], np.int32)}
    return replace(
        program,
        statements=(*program.statements, joined, moved),
        outputs=("moved:0",),
        constants=constants,
    )


def test_both_directions_are_gathered_once() -> None:
    """The joined, transposed result is one Gather of all items."""
    program = transposed(pair("lstm"))
    exported = to_onnx(program, ragged=True)
    feeds = feeds_of(program)
    wanted = expected(pair("lstm"), feeds)
    both = np.concatenate([wanted[0], wanted[len(wanted) // 2]], -1).transpose(1, 0, 2)
    agree(run(exported, feeds), [both])
    assert exported.model.graph.node[-1].op_type == "Gather"


def stacked(lengths: str = "lengths:0") -> Program:
    """A second LSTM over the first one's output, with lengths of its own if need be."""
    program = recurrence_program({"a": CELLS["lstm"]}, F)
    first = program.statements[0]
    assert isinstance(first, Recurrence)
    rng = np.random.default_rng(5)
    units = first.cell.units
    weights = (rng.normal(size=(2 * units, 4 * units)) * 0.5).astype("f")
    cell = replace(first.cell, kernel=weights)
    names = {"sequences": ("a/y:0",), "outputs": ("b/y:0",), "final_state": ("b/f0:0", "b/f1:0")}
    second = replace(first, name="b", cell=cell, lengths=lengths, **names)  # type: ignore[arg-type]
    inputs = dict(program.inputs) | {lengths: program.inputs["lengths:0"]}
    statements = (first, second)
    return replace(program, inputs=inputs, statements=statements, outputs=("b/y:0", "b/f0:0"))


def test_layers_hand_their_segments_on() -> None:
    """Nothing is put together and cut again between two layers over the same rows."""
    program = stacked()
    exported = to_onnx(program, ragged=True)
    feeds = feeds_of(program)
    whole = to_onnx(program, ragged=False)
    agree(run(exported, feeds), run(whole, feeds))
    assert kinds(exported.model).count("TopK") == 2
    assert kinds(exported.model).count("LSTM") == 2 * SEGMENTS
    taken = {name for node in exported.model.graph.node for name in node.input}
    large = [i for i in exported.model.graph.initializer if len(i.dims) == 3 and i.name in taken]
    assert len(large) == 4  # W and R of two layers, shared by their segments


def test_layers_over_other_rows_do_not() -> None:
    """A second layer with lengths of its own is sorted anew."""
    program = stacked("more:0")
    feeds = feeds_of(stacked()) | {"more:0": np.array([4, 1, 0, 7, 2, 5], np.int32)}
    cut, whole = (run(to_onnx(program, ragged=ragged), feeds) for ragged in (True, False))
    agree(cut, whole)


def unfed(name: str, **options: Any) -> Program:
    """The cell with a zero state, as dynamic_rnn makes it."""
    program = recurrence_program({"a": CELLS[name]}, F, **options)
    states = [n for n in program.inputs if n.startswith("a/")]
    made = {n: np.zeros((1, program.inputs[n].shape[1]), "f") for n in states}  # type: ignore[index]
    inputs = {n: f for n, f in program.inputs.items() if n not in made}
    return replace(program, inputs=inputs, constants=made)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"batch": CUT_FROM}, MORE),
        ({"batch": CUT_FROM // 4}, SEGMENTS),
        ({"batch": CUT_FROM // 4 - 1}, None),
        ({}, None),
        ({"batch": CUT_FROM, "ragged": False}, None),
        ({"batch": CUT_FROM, "prefer": "native"}, None),
        ({"batch": CUT_FROM, "dtype": "float16"}, None),
        ({"batch": CUT_FROM, "streaming": True}, None),
        ({"batch": 1, "ragged": True, "prefer": "native"}, SEGMENTS),
    ],
)
def test_by_default_from_a_size_on(options: dict[str, Any], wanted: int | None) -> None:
    program = replace(unfed("lstm"), outputs=("a/y:0",))
    [record] = to_onnx(program, **options).recurrences
    assert record.segments == wanted
    assert record.as_json().get("segments") == wanted
    assert ("segments" in record.as_json()) == (wanted is not None)


def test_a_model_that_is_fed_its_state_is_left_whole() -> None:
    """It is often run step by step; and without lengths there is nothing to leave out."""
    fed = recurrence_program({"a": CELLS["lstm"]}, F)
    assert to_onnx(fed, batch=CUT_FROM).recurrences[0].segments is None
    model = MODELS["sketch_encoder"]
    assert to_onnx(lifted(model), batch=CUT_FROM).recurrences[0].segments == MORE
    full = unfed("lstm", lengths=None)
    for options in ({"ragged": True}, {"batch": CUT_FROM}):
        assert to_onnx(full, **options).recurrences[0].segments is None


@pytest.mark.parametrize(
    ("name", "batch", "forms"),
    [
        ("gru", 1024, ("GRU", "Scan")),
        ("gru", 2048, ("Scan", "Scan")),
        ("rnn", 16, ("Scan", "RNN")),
    ],
)
def test_where_scan_begins_to_be_faster(name: str, batch: int, forms: tuple[str, str]) -> None:
    """In segments a GRU stays native longer, and an RNN never does: 4 units."""
    program = recurrence_program({"a": CELLS[name]}, F)
    found = [to_onnx(program, batch=batch, ragged=cut).recurrences[0].form for cut in (True, False)]
    assert tuple(found) == forms


@pytest.mark.parametrize(
    "name",
    ["layer_norm_basic_lstm", "bidirectional_multi", "nested_loops", "lengths_int64", "stack_bidirectional_dynamic"],
)  # fmt: skip
def test_models_of_the_zoo(name: str) -> None:
    """TensorFlow 1.15.5's own numbers, also of a traced cell that normalises each row by itself."""
    model = MODELS[name]
    exported = to_onnx(lifted(model), ragged=True)
    assert any(record.segments for record in exported.recurrences)
    check_numbers(model, exported, model.runs())


def test_from_zeros() -> None:
    """Found by fuzzing: the initial state is zeros of the whole batch, a segment has fewer rows."""
    model = MODELS["v2_bidirectional"]
    assert model.samples is not None
    program = lift(read(model.graph).graph, inputs=model.inputs, outputs=["h_1:0"])
    exported = to_onnx(program, ragged=True)
    with np.load(model.samples) as store:
        feeds = {name: store[f"in0:{name}"] for name in program.inputs}
        np.testing.assert_allclose(run(exported, feeds)[0], store["out0:h_1:0"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("step", "apart"),
    [
        (lambda t, x, h: t.tanh(t.matmul(x, t.constant(W)) + h), True),
        (lambda t, x, h: h - t.mean(x, (1,), keepdims=True), True),
        (lambda t, x, h: h - t.mean(x, (0,), keepdims=True), False),
        (lambda t, x, h: t.matmul(t.softmax(x, -1), t.constant(W)) + t.split(t.concat((h, x), 1), (3, 3), 1)[0], True),
        (lambda t, x, h: h + t.softmax(x, 0), False),
        (lambda t, x, h: h + t.reverse(x, (0,)), False),
        (lambda t, x, h: h + t.matmul(t.matmul(x, x, transpose_b=True), h), False),
        (lambda t, x, h: h + t.cast(t.strided_slice(t.shape(x), (0,), (1,), strides=(1,)), "float32"), False),
    ],
)  # fmt: skip
def test_rows_of_a_traced_cell(step: Any, apart: bool) -> None:
    """Only where no row is computed from another may rows be left out."""
    tracer = Tracer()
    rows = unknown("rows")
    x, h = (tracer.input(name, Fact("float32", (rows, 3))) for name in "xh")
    new = step(tracer, x, h)
    cell = traced_cell((x,), (h,), (new,), (new,))
    found = Recurrence("a", cell, ("x",), ("h",), ("y",), ("f",), lengths="n", reason="traced")
    assert rows_apart(found, [cast(Any, h)]) == apart
