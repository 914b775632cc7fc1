"""Recurrences as native operators and as Scan, against the cell stepped by NumPy: lengths, states, directions, odd sizes, mutants."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pytest

from converters.program import Program
from converters.to_onnx import to_onnx
from reference import states
from reference.activations import RELU, Activation
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.cells.lstm_block import GATES_V2, LSTMBlockCell
from tests.converters.to_onnx_running import recurrence_program, reference_run, run, session

RNG = np.random.default_rng(3)
F, U, STEPS = 3, 4, 6
LENGTHS = np.array([0, 1, STEPS, 3, STEPS + 4, -2])


def draw(*shape: int, dtype: str = "float32") -> np.ndarray:
    return (RNG.normal(size=shape) * 0.7).astype(dtype)


def lstm(**options: Any) -> BasicLSTMCell:
    return BasicLSTMCell(draw(F + U, 4 * U), draw(4 * U), **options)


def peephole(**options: Any) -> LSTMCell:
    return LSTMCell(draw(F + U, 4 * U), draw(4 * U), draw(U), draw(U), draw(U), **options)


def projected(**options: Any) -> LSTMCell:
    return LSTMCell(draw(F + 2, 4 * U), draw(4 * U), proj_kernel=draw(U, 2), **options)


def gru(dtype: str = "float32", **options: Any) -> GRUCell:
    n = F + U
    return GRUCell(
        draw(n, 2 * U, dtype=dtype),
        draw(2 * U, dtype=dtype),
        draw(n, U, dtype=dtype),
        draw(U, dtype=dtype),
        **options,
    )


def rnn(**options: Any) -> BasicRNNCell:
    return BasicRNNCell(draw(F + U, U), draw(U), **options)


def block(**options: Any) -> LSTMBlockCell:
    return LSTMBlockCell(draw(F + U, 4 * U), draw(4 * U), draw(U), draw(U), draw(U), **options)


def reset_after(**options: Any) -> CudnnCompatibleGRUCell:
    return CudnnCompatibleGRUCell(
        draw(F + U, 2 * U), draw(2 * U), draw(F, U), draw(U, U), draw(U), draw(U), **options
    )


HARD = Activation("hard_sigmoid", (0.2, 0.5))
NATIVE: dict[str, tuple[Any, str]] = {
    "lstm": (lstm(), "LSTM"),
    "lstm_forget_bias": (lstm(forget_bias=0.3), "LSTM"),
    "lstm_relu": (lstm(activation=RELU), "LSTM"),
    "lstm_linear": (lstm(activation=Activation("linear")), "LSTM"),
    "lstm_joint_state": (lstm(state_is_tuple=False), "LSTM"),
    "lstm_peepholes": (peephole(forget_bias=0.5), "LSTM"),
    "lstm_block": (block(), "LSTM"),
    "lstm_block_v2": (block(gates=GATES_V2), "LSTM"),
    "gru": (gru(), "GRU"),
    "gru_softsign": (gru(activation=Activation("softsign")), "GRU"),
    "gru_hard_sigmoid": (gru(recurrent_activation=HARD), "GRU"),
    "gru_reset_after": (reset_after(), "GRU"),
    "gru_reset_after_hard": (reset_after(recurrent_activation=HARD, activation=RELU), "GRU"),
    "lstm_hard_sigmoid": (peephole(recurrent_activation=HARD), "LSTM"),
    "rnn": (rnn(), "RNN"),
    "rnn_elu": (rnn(activation=Activation("elu")), "RNN"),
    "rnn_leaky_relu": (rnn(activation=Activation("leaky_relu", (0.3,))), "RNN"),
    "rnn_hard_sigmoid": (rnn(activation=Activation("hard_sigmoid", (0.2, 0.5))), "RNN"),
    "rnn_softplus": (rnn(activation=Activation("softplus")), "RNN"),
}
SCANNED: dict[str, tuple[Any, str]] = {
    "lstm_projected": (projected(proj_clip=0.3), "no projection"),
    "lstm_clipped": (peephole(cell_clip=0.4), "clips the inputs"),
    "lstm_swish": (lstm(activation=Activation("selu")), "no activation selu"),
    "lstm_block_clipped": (block(cell_clip=0.4), "clips the inputs"),
    "gru_float64": (gru("float64"), "float32"),
}


def feeds_of(
    program: Program, rows: int = len(LENGTHS), steps: int = STEPS, *, nan: bool = True
) -> dict[str, np.ndarray]:
    """Random inputs; NaN in the padding of x."""
    lengths = np.resize(LENGTHS, rows)
    feeds = {}
    for name, fact in program.inputs.items():
        if name == "lengths:0":
            feeds[name] = lengths.astype(fact.dtype)
        elif name == "x:0":
            x = draw(steps, rows, F, dtype=fact.dtype)
            if nan and "lengths:0" in program.inputs:
                x[np.arange(steps)[:, None] >= lengths] = np.nan
            feeds[name] = x
        else:
            feeds[name] = draw(rows, fact.shape[1], dtype=fact.dtype)  # type: ignore[index]
    return feeds


def expected(
    program: Program, feeds: dict[str, np.ndarray], cells: dict[str, Any] | None = None
) -> list[np.ndarray]:
    results = []
    for statement in program.statements:
        cell = (cells or {}).get(statement.name, statement.cell)  # type: ignore[union-attr]
        state = [feeds[name] for name in statement.initial_state]  # type: ignore[union-attr]
        backward = statement.direction == "backward"  # type: ignore[union-attr]
        output, final = reference_run(
            cell, feeds["x:0"], state, feeds.get("lengths:0"), backward=backward
        )
        results += [output, *final]
    return results


def agree(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    """Float32 rounding over a few steps stays below 2e-6 of the largest number; a wrong gate does not."""
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype
        largest = max(1.0, float(np.abs(b).max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6 * largest)


def forms(model: onnx.ModelProto) -> list[str]:
    kinds = ("LSTM", "GRU", "RNN", "Scan", "Loop", "If")
    return [node.op_type for node in model.graph.node if node.op_type in kinds]


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("lengths", [None, "int32", "int64"])
@pytest.mark.parametrize("name", NATIVE)
def test_native(name: str, lengths: str | None, direction: str) -> None:
    cell, form = NATIVE[name]
    program = recurrence_program({name: cell}, F, lengths=lengths, directions=[direction])
    exported = to_onnx(program, prefer="native")
    feeds = feeds_of(program)
    agree(run(exported, feeds), expected(program, feeds))
    assert forms(exported.model) == [form]
    assert [(r.form, r.reason) for r in exported.recurrences] == [(form, None)]


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("lengths", [None, "int32", "int64"])
@pytest.mark.parametrize("name", SCANNED)
def test_scan(name: str, lengths: str | None, direction: str) -> None:
    cell, reason = SCANNED[name]
    dtype = "float64" if "float64" in name else "float32"
    program = recurrence_program(
        {name: cell}, F, lengths=lengths, directions=[direction], dtype=dtype
    )
    exported = to_onnx(program, prefer="native")
    feeds = feeds_of(program)
    agree(run(exported, feeds), expected(program, feeds))
    assert forms(exported.model) == ["Scan"]
    assert reason in str(exported.recurrences[0].reason)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("name", ["gru", "rnn"])
def test_speed_prefers_scan(name: str, direction: str) -> None:
    """At many rows GRU and RNN are faster as Scan, at 1 row they are not; the numbers are the same."""
    program = recurrence_program({name: NATIVE[name][0]}, F, directions=[direction])
    feeds = feeds_of(program)
    fast = to_onnx(program, prefer="speed", batch=1024)
    agree(run(fast, feeds), expected(program, feeds))
    assert forms(fast.model) == ["Scan"]
    assert "faster" in str(fast.recurrences[0].reason)
    assert forms(to_onnx(program, prefer="speed", batch=1).model) == [name.upper()]


def test_input_product_is_hoisted() -> None:
    """One product outside the loop for all steps; inside, the recurrent one with its sum and the projection alone."""
    program = recurrence_program({"p": SCANNED["lstm_projected"][0]}, F)
    graph = to_onnx(program).model.graph
    [scan] = [node for node in graph.node if node.op_type == "Scan"]
    body = next(a.g for a in scan.attribute if a.name == "body")
    assert [n.op_type for n in graph.node].count("MatMul") == 1
    assert sorted(n.op_type for n in body.node if n.op_type in ("Gemm", "MatMul")) == [
        "Gemm",
        "MatMul",
    ]
    assert "Concat" not in [n.op_type for n in body.node]


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "lstm_peepholes"])
@pytest.mark.parametrize("lengths", [None, "int32"])
def test_bidirectional(name: str, lengths: str | None) -> None:
    """A forward and a backward recurrence become one operator."""
    first, form = NATIVE[name]
    second = dataclasses.replace(
        first,
        **{
            f.name: draw(*getattr(first, f.name).shape)
            for f in dataclasses.fields(first)
            if isinstance(getattr(first, f.name), np.ndarray)
        },
    )
    for order in (["forward", "backward"], ["backward", "forward"]):
        program = recurrence_program(
            {"a": first, "b": second}, F, lengths=lengths, directions=order
        )
        exported = to_onnx(program, prefer="native")
        feeds = feeds_of(program)
        agree(run(exported, feeds), expected(program, feeds))
        assert forms(exported.model) == [form]


def test_bidirectional_of_two_sizes() -> None:
    """Unequal numbers of units: two operators."""
    wide = BasicLSTMCell(draw(F + 5, 20), draw(20))
    program = recurrence_program({"a": lstm(), "b": wide}, F, directions=["forward", "backward"])
    exported = to_onnx(program)
    feeds = feeds_of(program)
    agree(run(exported, feeds), expected(program, feeds))
    assert forms(exported.model) == ["LSTM", "LSTM"]


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_small(name: str, rows: int, steps: int) -> None:
    program = recurrence_program({name: NATIVE[name][0]}, F)
    feeds = feeds_of(program, rows, steps)
    agree(run(to_onnx(program, prefer="native"), feeds), expected(program, feeds))


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_static_sizes_need_no_guard(name: str) -> None:
    """With batch and time known, nothing is padded or cut."""
    program = recurrence_program({name: NATIVE[name][0]}, F, batch=6, time=STEPS)
    exported = to_onnx(program, prefer="native")
    feeds = feeds_of(program)
    agree(run(exported, feeds), expected(program, feeds))
    assert not {"Pad", "Slice", "Shape"} & {node.op_type for node in exported.model.graph.node}


EMPTY = """
import sys
import numpy as np
import onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
session = onnxruntime.InferenceSession(sys.argv[1], options)
rows, steps = int(sys.argv[2]), int(sys.argv[3])
feeds = {}
for item in session.get_inputs():
    dtype = {"tensor(float)": "float32", "tensor(int32)": "int32", "tensor(double)": "float64"}[item.type]
    sizes = {"B": rows, "T": steps}
    feeds[item.name] = np.ones([sizes.get(n, n) for n in item.shape], dtype)
for found in session.run(None, feeds):
    print(found.shape, float(np.abs(found - 1).sum()))
"""


@pytest.mark.parametrize("lengths", [None, "int32"])
@pytest.mark.parametrize("name", ["lstm", "lstm_joint_state", "lstm_peepholes", "gru", "rnn"])
@pytest.mark.parametrize(("rows", "steps"), [(0, 5), (0, 0), (3, 0)])
def test_empty(name: str, lengths: str | None, rows: int, steps: int, tmp_path: Any) -> None:
    """No rows and no steps, in a process of their own: ONNX Runtime's operators abort it. No step leaves the initial state."""
    cell = NATIVE[name][0]
    program = recurrence_program(
        {"a": cell, "b": cell}, F, lengths=lengths, directions=["forward", "backward"]
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(to_onnx(program, prefer="native").model.SerializeToString())
    command = [sys.executable, "-c", EMPTY, str(path), str(rows), str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    sizes = states.flatten(cell.state_size)
    wanted = [f"({steps}, {rows}, {U}) 0.0", *(f"({rows}, {n}) 0.0" for n in sizes)] * 2
    assert done.stdout.splitlines() == wanted


# -- mutants: the comparison must catch each of them -----------------------------------------------


def permuted(cell: Any) -> Any:
    blocks = np.split(cell.kernel, 4, 1)
    return dataclasses.replace(cell, kernel=np.concatenate([blocks[1], blocks[0], *blocks[2:]], 1))


MUTANTS = {
    "gates permuted": permuted,
    "forget and output swapped": lambda c: dataclasses.replace(
        c, bias=np.concatenate([c.bias[: 2 * U], c.bias[3 * U :], c.bias[2 * U : 3 * U]])
    ),
    "forget_bias dropped": lambda c: dataclasses.replace(c, forget_bias=0.0),
    "peepholes swapped": lambda c: dataclasses.replace(c, w_i_diag=c.w_f_diag, w_f_diag=c.w_i_diag),
    "activation changed": lambda c: dataclasses.replace(c, activation=RELU),
    "rows of x and h swapped": lambda c: dataclasses.replace(c, kernel=np.roll(c.kernel, 1, 0)),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_caught(name: str) -> None:
    cell = peephole()
    program = recurrence_program({"m": cell}, F)
    feeds = feeds_of(program)
    wanted = expected(program, feeds)
    mutant = recurrence_program({"m": MUTANTS[name](cell)}, F)
    with pytest.raises(AssertionError):
        agree(run(to_onnx(mutant), feeds), wanted)


@pytest.mark.parametrize("shift", [1, -1])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_shifted_lengths_are_caught(name: str, shift: int) -> None:
    program = recurrence_program({name: NATIVE[name][0]}, F)
    feeds = feeds_of(program, nan=False)
    wanted = expected(program, feeds)
    with pytest.raises(AssertionError):
        agree(run(to_onnx(program), feeds | {"lengths:0": feeds["lengths:0"] + shift}), wanted)


def test_swapped_state_parts_are_caught() -> None:
    program = recurrence_program({"l": NATIVE["lstm"][0]}, F)
    feeds = feeds_of(program)
    wanted = expected(program, feeds)
    swapped = feeds | {"l/s0:0": feeds["l/s1:0"], "l/s1:0": feeds["l/s0:0"]}
    with pytest.raises(AssertionError):
        agree(run(to_onnx(program), swapped), wanted)
    found = run(to_onnx(program), feeds)
    with pytest.raises(AssertionError):
        agree([found[0], found[2], found[1]], wanted)


# -- the model as a file -----------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [17, 18, 19, 20, 21, 22, 23, 24, 25, 26])
def test_opsets(opset: int) -> None:
    """Each operator set that ONNX Runtime reads."""
    program = recurrence_program(
        {"a": NATIVE["lstm"][0], "b": SCANNED["lstm_projected"][0]},
        F,
        directions=["forward", "backward"],
    )
    exported = to_onnx(program, opset=opset)
    assert exported.model.opset_import[0].version == opset
    feeds = feeds_of(program)
    agree(run(exported, feeds), expected(program, feeds))


def test_same_input_same_bytes() -> None:
    program = recurrence_program(
        {"a": NATIVE["lstm"][0], "b": SCANNED["lstm_projected"][0]},
        F,
        directions=["forward", "backward"],
    )
    first, second = (to_onnx(program, metadata={"b": "2", "a": "1"}).model for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )
    assert [(p.key, p.value) for p in first.metadata_props] == [("a", "1"), ("b", "2")]


def test_names_and_sizes() -> None:
    """Inputs and outputs keep TF's names; unknown sizes have theirs."""
    program = recurrence_program({"a": NATIVE["gru"][0]}, F)
    graph = session(to_onnx(program).model)
    assert [(i.name, i.shape) for i in graph.get_inputs()] == [
        ("x:0", ["T", "B", F]),
        ("lengths:0", ["B"]),
        ("a/s0:0", ["B", U]),
    ]
    assert [o.name for o in graph.get_outputs()] == list(program.outputs)


@dataclasses.dataclass(frozen=True)
class DoubledLSTMCell(BasicLSTMCell):
    """A subclass with an equation of its own."""

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        return super().step(ops, x * 2.0, state)


@dataclasses.dataclass(frozen=True)
class OptionalLSTMCell(BasicLSTMCell):
    """A subclass with an option more."""

    shift: float = 0.0


def test_unknown_options_are_no_native_form() -> None:
    """What a packing function does not know of must not be ignored."""
    for cls in (DoubledLSTMCell, OptionalLSTMCell):
        cell = cls(draw(F + U, 4 * U), draw(4 * U))
        program = recurrence_program({"c": cell}, F)
        exported = to_onnx(program)
        feeds = feeds_of(program)
        agree(run(exported, feeds), expected(program, feeds))
        assert forms(exported.model) == ["Scan"]
        assert cls.__name__ in str(exported.recurrences[0].reason)
