"""float16 and int8: the same model in another width."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from converters.to_onnx import save, to_onnx
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.errors import NotConvertibleError, UsageError
from tests.converters.to_onnx_running import recurrence_program, run, run_vocabulary, session

RNG = np.random.default_rng(11)
F, U, STEPS, ROWS = 3, 4, 7, 9
LENGTHS = np.array([0, 1, STEPS, 3, 3, STEPS + 2, 2, -1, 5], np.int32)


def draw(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) * 0.5).astype(np.float32)


CELLS: dict[str, Any] = {
    "lstm": BasicLSTMCell(draw(F + U, 4 * U), draw(4 * U)),
    "peephole": LSTMCell(draw(F + U, 4 * U), draw(4 * U), draw(U), draw(U), draw(U)),
    "projected": LSTMCell(draw(F + 2, 4 * U), draw(4 * U), proj_kernel=draw(U, 2)),
    "gru": GRUCell(draw(F + U, 2 * U), draw(2 * U), draw(F + U, U), draw(U)),
    "rnn": BasicRNNCell(draw(F + U, U), draw(U)),
}


def pair(name: str) -> Any:
    """The cell forward and backward on one input."""
    return recurrence_program(
        {"a": CELLS[name], "b": CELLS[name]}, F, directions=["forward", "backward"]
    )


def feeds_of(program: Any, rows: int = ROWS) -> dict[str, np.ndarray]:
    feeds = {n: draw(rows, f.shape[-1]) for n, f in program.inputs.items() if n[:2] in ("a/", "b/")}
    return feeds | {"x:0": draw(STEPS, rows, F), "lengths:0": np.resize(LENGTHS, rows)}


@pytest.mark.parametrize("name", list(CELLS))
def test_float16(name: str) -> None:
    """Weights and values in float16, inputs and outputs as before; about three digits."""
    program = pair(name)
    feeds = feeds_of(program)
    exported = to_onnx(program, prefer="native", dtype="float16")
    wanted = run(to_onnx(program, prefer="native"), feeds)
    found = run(exported, feeds)
    assert {str(a.dtype) for a in found} == {"float32"}
    largest = max(float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True))
    assert 1e-7 < largest < 5e-3
    weights = {i.data_type for i in exported.model.graph.initializer if len(i.dims) > 1}
    assert weights == {10}


def test_float16_keeps_masks_finite() -> None:
    from converters.to_onnx.onnx_ops import OnnxOps

    ops = OnnxOps(opset=17, narrow={"float32": "float16"})
    values = ops.static(ops.constant(np.array([-1e9, np.inf, 2.0], np.float32)))
    assert values is not None
    assert values.tolist() == [-65504.0, np.inf, 2.0]


@pytest.mark.parametrize("name", ["lstm", "peephole"])
def test_int8(name: str) -> None:
    """The LSTM's weights in int8: near, and not equal."""
    program = pair(name)
    feeds = feeds_of(program)
    exported = to_onnx(program, dtype="int8")
    assert "DynamicQuantizeLSTM" in [n.op_type for n in exported.model.graph.node]
    wanted = run(to_onnx(program), feeds)
    found = list(session(exported.model).run(None, feeds))
    errors = [float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True)]
    assert 1e-5 < max(errors) < 5e-2
    for a, b in zip(found, wanted, strict=True):
        if a.ndim == 3:
            assert not a[b == 0].any()


def test_int8_of_nothing_is_refused() -> None:
    with pytest.raises(NotConvertibleError, match="nothing to quantise"):
        to_onnx(pair("gru"), dtype="int8")


@pytest.mark.parametrize(
    "options", [{"dtype": "bfloat16"}, {"opset": 16}, {"prefer": "both"}, {"batch": 0}]
)
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        to_onnx(pair("gru"), **options)


@pytest.mark.parametrize("dtype", ["float16", "int32", "float64"])
def test_transpose_cast_product(dtype: str) -> None:
    """ONNX Runtime 1.31 ends the process where a Transpose, a Cast and a MatMul meet; no model has the three in a row."""
    w = draw(5, 2)

    def call(ops: Any, x: Any) -> Any:
        moved = ops.transpose(x, (1, 0, 2))
        first = ops.matmul(ops.cast(moved, "float32"), ops.constant(w))
        half = ops.matmul(ops.cast(moved, "float16"), ops.constant(w.astype(np.float16)))
        return first, ops.cast(half, "float32")

    x = (RNG.normal(size=(2, 3, 5)) * 4).astype(dtype)
    wanted = x.transpose(1, 0, 2).astype(np.float32) @ w
    for dynamic in (False, True):
        first, half = run_vocabulary(call, [x], dynamic=dynamic)
        np.testing.assert_allclose(first, wanted, rtol=0, atol=1e-4)
        np.testing.assert_allclose(half, wanted, rtol=0, atol=5e-2)


def test_external_data(tmp_path: Any) -> None:
    """Weights beside the model, named relatively; the pair runs, also after a move, and nothing else is left behind."""
    draws = np.random.default_rng(1).normal
    cell = BasicLSTMCell(draws(size=(F + 16, 64)).astype("f"), draws(size=64).astype("f"))
    program = recurrence_program({"a": cell}, F, lengths=None)
    exported = to_onnx(program)
    (tmp_path / "first").mkdir()
    save(exported, tmp_path / "first" / "m.onnx", external_above=0)
    (tmp_path / "first").rename(tmp_path / "second")
    assert sorted(p.name for p in (tmp_path / "second").iterdir()) == ["m.onnx", "m.onnx.data"]
    assert (tmp_path / "second" / "m.onnx").stat().st_size < 4096
    feeds = {"x:0": draw(5, 2, F), "a/s0:0": draw(2, 16), "a/s1:0": draw(2, 16)}
    found = onnxruntime.InferenceSession(str(tmp_path / "second" / "m.onnx")).run(None, feeds)
    for a, b in zip(found, run(exported, feeds), strict=True):
        np.testing.assert_array_equal(a, b)
    save(exported, tmp_path / "whole.onnx")
    assert not (tmp_path / "whole.onnx.data").exists()
