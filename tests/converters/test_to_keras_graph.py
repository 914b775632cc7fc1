"""The ops around recurrences: plain ``keras.ops`` where they can be, small named layers where not, no graph noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="what is tested makes Keras models")

from converters.program import Program, Recurrence
from converters.to_keras import Exported, to_keras
from converters.to_keras.naming import tensor_names
from converters.to_keras.plan import Key, refusing
from reference.cells.base import map_sizes, map_weights, weights
from reference.cells.ind_rnn import IndRNNCell
from reference.errors import NotConvertibleError
from reference.states import flatten
from tests.converters.test_to_keras_native import RNG, call, close, draw, feeds_for, gru
from tests.converters.test_to_keras_save import check
from tests.converters.to_keras_programs import B, Draft, T, run


def agrees(program: Program, *, native: bool, batch: int = 3, time: int = 5) -> Exported:
    exported = to_keras(program, name="m")
    assert exported.is_native is native
    for sizes in ((batch, time), (1, 1)):
        feeds = feeds_for(program, *sizes, lengths=[2] * sizes[0])
        close(call(exported, feeds), run(program, feeds))
    return exported


def kinds(exported: Exported) -> list[str]:
    return [type(o).__name__ for o in exported.model.operations if type(o).__name__ != "InputLayer"]


def sizes_of(d: Draft, x: str, *rest: int) -> str:
    """A shape vector [B, T, *rest] as TF1 code computes it."""
    shape = d.op("Shape", x, out_type="int32")
    items = []
    for axis in (0, 1):
        edges = [d.constant(f"e{len(d.constants)}", np.int32([v])) for v in (axis, axis + 1, 1)]
        items.append(d.op("StridedSlice", shape, *edges, shrink_axis_mask=1))
    items += [d.constant(f"r{len(d.constants)}", np.int32(v)) for v in rest]
    return d.op("Pack", *items, axis=0)


def test_a_product_of_flattened_rows_is_dense_on_three_axes() -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    rows = d.op("Reshape", x, d.constant("rows", np.int32([-1, 3])))
    kernel = d.constant("k", draw(3, 6), variable=True)
    y = d.op(
        "BiasAdd",
        d.op("MatMul", rows, kernel, name="head/MatMul"),
        d.constant("b", draw(6), variable=True),
    )
    y = d.op("Reshape", d.op("Tanh", y), sizes_of(d, x, 6))
    exported = agrees(d.program(y), native=True)
    assert kinds(exported) == ["Dense"]
    assert exported.model.layers[-1].name == "head"


def test_rows_that_are_wanted_flat_are_flattened_once() -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    rows = d.op("Reshape", x, d.constant("rows", np.int32([-1, 3])))
    y = d.op("MatMul", rows, d.constant("k", draw(3, 6), variable=True))
    assert kinds(agrees(d.program(y), native=True)) == ["Reshape", "Dense"]


def test_a_kernel_read_transposed_is_dense() -> None:
    d = Draft()
    x = d.input("x", "float32", B, 3)
    y = d.op("MatMul", x, d.constant("k", draw(6, 3), variable=True), transpose_b=True)
    assert kinds(agrees(d.program(y), native=True)) == ["Dense"]


def test_an_activation_read_twice_stays_outside() -> None:
    d = Draft()
    x = d.input("x", "float32", B, 3)
    logits = d.op("MatMul", x, d.constant("k", draw(3, 6), variable=True))
    exported = agrees(d.program(logits, d.op("Softmax", logits)), native=True)
    assert kinds(exported) == ["Dense", "Softmax"]


def test_a_residual_between_layers_stays_batch_major() -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 4)
    tm = d.major(x)
    (h,), _ = d.recurrence("one", gru(4, 4), tm, [d.zeros(tm, 4)])
    summed = d.op("AddV2", h, tm)
    (y,), _ = d.recurrence("two", gru(4, 4), summed, [d.zeros(tm, 4)])
    exported = agrees(d.program(d.major(y)), native=True)
    assert kinds(exported) == ["GRU", "Add", "GRU"]


def test_a_reshape_with_two_unknown_sizes_takes_them_from_an_input(tmp_path: Path) -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 6)
    y = d.op("Reshape", x, d_sizes(d, x))
    program = d.program(y)
    exported = agrees(program, native=False)
    # The sizes come from plain operations; only the Reshape itself needs our layer.
    assert [k for k in kinds(exported) if k in ("Sizes", "TFOp")] == ["TFOp"]
    check(program, feeds_for(program, 3, 5, []), tmp_path / "m.keras", ours=True)


def d_sizes(d: Draft, x: str) -> str:
    """[B, T, 2, 3]: two unknown sizes, and not a view of rows."""
    return sizes_of(d, x, 2, 3)


def test_a_loose_variable_trains_in_a_layer_of_its_own(tmp_path: Path) -> None:
    d = Draft()
    x = d.input("x", "float32", B, 3)
    y = d.op("Add", x, d.constant("shift", draw(3), variable=True), name="shifted/add")
    program = d.program(y)
    exported = agrees(program, native=False)
    (layer,) = [item for item in exported.model.layers if item.name == "shifted_add"]
    assert [w.name for w in layer.trainable_weights] == ["shift"]
    check(program, feeds_for(program, 3, 5, []), tmp_path / "m.keras", ours=True)


def test_a_scale_along_the_last_axis_is_einsum_dense(tmp_path: Path) -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    program = d.program(d.op("Mul", d.constant("scale", draw(3), variable=True), x))
    assert kinds(agrees(program, native=True)) == ["EinsumDense"]
    check(program, feeds_for(program, 3, 5, []), tmp_path / "m.keras")


def test_a_constant_of_open_sizes_is_plain() -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    y = d.op("Fill", sizes_of(d, x, 2), d.constant("one", np.float32(1.5)))
    program = d.program(y)
    exported = agrees(program, native=True)
    feeds = feeds_for(program, 0, 5, [])
    close(call(exported, feeds), run(program, feeds))


def test_rows_unflattened_by_two_open_sizes_are_plain() -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    rows = d.op("Reshape", x, d.constant("rows", np.int32([-1, 3])))
    top, _ = d.op("TopKV2", rows, d.constant("k", np.int32(2)))
    agrees(d.program(d.op("Reshape", top, sizes_of(d, x, 2))), native=True)


@pytest.mark.parametrize("bias", [True, False])
def test_convolutions_are_layers(bias: bool, tmp_path: Path) -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    image = d.op("ExpandDims", x, d.constant("axis", np.int32(1)))
    kernel = d.constant("k", draw(1, 3, 3, 5), variable=True)
    options = {"strides": (1, 1, 2, 1), "padding": b"SAME", "dilations": (1, 1, 1, 1)}
    y = d.op("Squeeze", d.op("Conv2D", image, kernel, **options), squeeze_dims=(1,))
    if bias:
        y = d.op("Relu", d.op("BiasAdd", y, d.constant("b", draw(5), variable=True)))
    program = d.program(y)
    assert kinds(agrees(program, native=True)) == ["Conv1D"]
    check(program, feeds_for(program, 3, 5, []), tmp_path / "m.keras")


def test_batch_normalisation_at_inference_is_its_layer() -> None:
    d = Draft()
    x = d.input("x", "float32", B, 4, 5, 3)
    values = [draw(3), draw(3), draw(3), draw(3) ** 2 + 0.5]
    names = [d.constant(f"n{i}", v, variable=True) for i, v in enumerate(values)]
    y = d.op(
        "FusedBatchNorm", x, *names, is_training=False, epsilon=0.01, name="norm/FusedBatchNorm"
    )
    exported = agrees(d.program(y[0] if isinstance(y, tuple) else y), native=True)
    assert kinds(exported) == ["BatchNormalization"]


ELEMENTWISE = [("Mul", 2.5), ("Maximum", 0.1), ("RealDiv", 3.0), ("Pow", 2.0)]


@pytest.mark.parametrize(("op", "scalar"), ELEMENTWISE)
def test_constants_are_written_into_plain_operations(
    op: str, scalar: float, tmp_path: Path
) -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    y = d.op(op, x, d.constant("c", np.float32(scalar)))
    y = d.op(op, y, d.constant("row", np.float32([1.5, 2.0, 0.25])))
    program = d.program(y)
    agrees(program, native=True)
    check(program, feeds_for(program, 3, 5, []), tmp_path / "m.keras")


def test_last_step_and_slices() -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    edges = [
        d.constant(f"e{i}", np.int32(v)) for i, v in enumerate(([0, -1, 0], [0, 0, 2], [1, 1, 1]))
    ]
    y = d.op("StridedSlice", x, *edges, begin_mask=5, end_mask=1, shrink_axis_mask=2)
    agrees(d.program(y), native=True)


def test_float64_stays_float64() -> None:
    d = Draft()
    x = d.input("x", "float64", B, T, 3)
    kernel = d.constant("k", draw(3, 4).astype(np.float64), variable=True)
    y = d.op("Exp", d.op("MatMul", d.op("Reshape", x, d.constant("r", np.int32([-1, 3]))), kernel))
    program = d.program(y)
    feeds = {"x:0": RNG.standard_normal((2, 3, 3))}
    got, expected = call(to_keras(program, name="m"), feeds), run(program, feeds)
    # Float32 anywhere on the way would be off by 1e-8.
    np.testing.assert_allclose(got[y], expected[y], rtol=1e-14)


def test_an_output_may_be_an_input_or_a_constant() -> None:
    d = Draft()
    x = d.input("x", "float32", B, 3)
    c = d.constant("c", draw(2, 2))
    agrees(d.program(x, c), native=False)


@pytest.mark.parametrize("op", ["NoSuchOp", "RandomUniform"])
def test_a_refusal_names_the_node(op: str) -> None:
    from converters.graph import Node
    from converters.program import OpNode
    from reference.vocabulary.abstract import Fact

    d = Draft()
    x = d.input("x", "float32", B, 3)
    d.statements.append(OpNode(Node("scope/culprit", op, (x,)), ("scope/culprit:0",)))
    d.facts["scope/culprit:0"] = Fact("float32", (B, 3))
    with pytest.raises(NotConvertibleError, match="scope/culprit") as caught:
        to_keras(d.program("scope/culprit:0"), name="m")
    assert [r.node for r in caught.value.reasons] == ["scope/culprit"]


def test_names_of_inputs_and_outputs() -> None:
    names = tensor_names(["a/x:0", "a_x:0", "a/x:1", "a/x_1:0", "b:0"])
    assert list(names.values()) == ["a_x", "a_x__2", "a_x_1", "a_x_1__2", "b"]


def test_time_major_models_say_that_they_are_called() -> None:
    d = Draft()
    x = d.input("x", "float32", T, B, 3)
    (y,), _ = d.recurrence("rnn", gru(3, 4), x, [d.zeros(x, 4, axis=1)], time_major=True)
    assert "time-major" in to_keras(d.program(y), name="m").called
    d = Draft()
    d.input("k", "int32")
    assert "rank 0" in to_keras(d.program("k:0"), name="m").called


def test_shared_variables_are_one_layer() -> None:
    d = Draft()
    table = d.constant("table", draw(7, 3), variable=True)
    axis = d.constant("axis", np.int32(0))
    cell = gru(3, 4)
    finals: list[Any] = []
    for side in ("left", "right"):
        ids = d.input(side, "int32", B, T)
        tm = d.major(d.op("GatherV2", table, ids, axis))
        _, (final,) = d.recurrence(f"rnn_{side}", cell, tm, [d.zeros(tm, 4)])
        finals.append(final)
    shared = [s for s in d.statements if hasattr(s, "cell")]
    same = {path: f"rnn/{path}" for path in shared[0].parameters}
    d.statements = [replace(s, parameters=same) if s in shared else s for s in d.statements]
    exported = to_keras(d.program(*finals), name="m")
    assert sorted(type(layer).__name__ for layer in exported.model.layers) == [
        "Embedding", "GRU", "InputLayer", "InputLayer"
    ]  # fmt: skip


def test_squeeze_of_what_turns_out_to_be_one() -> None:
    """``tf.squeeze`` without axes of [B, 1]: [B], and [] where B is 1."""
    d = Draft()
    y = d.op("MatMul", d.input("x", "float32", B, 4), d.constant("w", draw(4, 1), variable=True))
    agrees(d.program(d.op("Sigmoid", d.op("Squeeze", y))), native=True)


def test_a_depthwise_kernel_made_by_the_graph_survives_saving(tmp_path: Path) -> None:
    d = Draft()
    x, flat = d.input("x", "float32", B, 6, 6, 2), d.input("k", "float32", 36)
    kernel = d.op("Reshape", flat, d.constant("shape", np.int32([3, 3, 2, 2])))
    more = {"strides": (1, 1, 1, 1), "padding": b"SAME", "data_format": b"NHWC"}
    program = d.program(d.op("DepthwiseConv2dNative", x, kernel, **more))
    check(program, {"x:0": draw(3, 6, 6, 2), "k:0": draw(36)}, tmp_path / "m.keras")


def test_a_matrix_and_its_transpose_are_two_layers() -> None:
    d = Draft()
    x, matrix = d.input("x", "float32", B, 4), d.constant("w", draw(4, 4), variable=True)
    plain = d.op("MatMul", x, matrix)
    agrees(d.program(plain, d.op("MatMul", x, matrix, transpose_b=True)), native=True)


def test_one_kernel_with_and_without_an_activation_is_two_layers() -> None:
    d = Draft()
    x = d.input("x", "float32", B, T, 6, 2)
    kernel = d.constant("k", draw(3, 3, 2, 4), variable=True)
    more = {"strides": (1, 1, 1, 1), "padding": b"SAME", "data_format": b"NHWC"}
    plain, other = (d.op("Conv2D", x, kernel, **more) for _ in range(2))
    agrees(d.program(plain, d.op("Relu", other)), native=True)


@pytest.mark.parametrize(
    "cell", [gru(3, 4), IndRNNCell(draw(3, 4), draw(1, 4), draw(4))], ids=["native", "reference"]
)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_weights_of_one_name_but_other_numbers_are_two_layers(cell: Any, direction: str) -> None:
    """Constants that folding made in two loops may get the same name; a shared layer would be wrong."""
    d = Draft()
    x = d.major(d.input("x", "float32", B, T, 3))
    other = map_weights(lambda _, w: (w * np.float32(0.5)).astype(w.dtype), cell)
    finals: list[Any] = []
    for name, one, way in (("a", cell, "forward"), ("b", other, direction)):
        start = [d.zeros(x, 4) for _ in flatten(map_sizes(lambda _: 0, cell.state_size))]
        finals += d.recurrence(name, one, x, start, direction=way)[1]
    same = {path: f"rnn/{path}" for path in weights(cell)}
    d.statements = [
        replace(s, parameters=same) if isinstance(s, Recurrence) else s for s in d.statements
    ]
    program = d.program(*finals)
    exported = to_keras(program, name="m")
    feeds = feeds_for(program, 3, 5, lengths=[2] * 3)
    close(call(exported, feeds), run(program, feeds))


def test_what_keras_cannot_take_is_a_refusal_that_names_the_value() -> None:
    """Found by mutation: sizes that do not fit one another were a traceback out of Keras."""
    key = Key("rnn/add:0")
    with (
        pytest.raises(NotConvertibleError, match="add:0: Keras does not take") as caught,
        refusing(key),
    ):
        int("no\nnumber")
    assert "\n" not in str(caught.value)
    assert caught.value.reasons[0].node == "rnn/add:0"
