"""Step models: cut anywhere, the pieces give what the whole gives; what needs the future is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from converters.graph import DType, Node
from converters.program import OpNode, Program
from converters.to_onnx import Exported, to_onnx
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.gru import GRUCell
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from tests.converters.to_onnx_running import B, T, recurrence_program, run, session

RNG = np.random.default_rng(5)
F, U = 3, 4


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


LSTM = BasicLSTMCell(draw(F + U, 4 * U), draw(4 * U))
GRU = GRUCell(draw(F + U, 2 * U), draw(2 * U), draw(F + U, U), draw(U))


def op(kind: str, output: str, *inputs: str, **attrs: Any) -> OpNode:
    return OpNode(Node(output.split(":")[0], kind, inputs, attrs=attrs), (output,))


def extended(program: Program, *statements: OpNode, output: str, **constants: Any) -> Program:
    """With ops behind the recurrences."""
    values = {name: np.asarray(value) for name, value in constants.items()}
    return replace(
        program,
        statements=(*program.statements, *statements),
        outputs=(output,),
        constants={**program.constants, **values},
    )


def pieces(exported: Exported, x: np.ndarray, cuts: list[int]) -> list[np.ndarray]:
    """The outputs of the pieces, joined along time; states handed on."""
    model = session(exported.model)
    names = [o.name for o in model.get_outputs()]
    rows = x.shape[1]
    carried = {
        i.name: np.zeros((rows, i.shape[1]), np.float32)
        for i in model.get_inputs()
        if i.name.startswith("state_in/")
    }
    found = []
    for begin, end in zip([0, *cuts], [*cuts, len(x)], strict=True):
        results = dict(zip(names, model.run(None, {"x:0": x[begin:end], **carried}), strict=True))
        carried = {taken: results[given] for taken, given in exported.states}
        found.append(results[names[0]])
    return found


@pytest.mark.parametrize("prefer", ["speed", "native"])
@pytest.mark.parametrize("cell", [LSTM, GRU], ids=["lstm", "gru"])
def test_pieces_give_the_whole(cell: Any, prefer: str) -> None:
    program = recurrence_program({"rnn": cell}, F, lengths=None)
    whole = replace(program, outputs=("rnn/y:0",))
    x = draw(9, 2, F)
    feeds = {n: np.zeros((2, U), np.float32) for n in program.inputs if n != "x:0"}
    [wanted] = run(to_onnx(whole, prefer=prefer), {"x:0": x, **feeds})
    exported = to_onnx(whole, prefer=prefer, streaming=True, batch=1024)
    for cuts in ([1, 4, 5], [8], list(range(1, 9))):
        found = np.concatenate(pieces(exported, x, cuts))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


def test_names_and_vanished_inputs() -> None:
    """The inputs that fed the initial state are gone; states are named after recurrence, layer and part."""
    program = recurrence_program({"rnn": LSTM}, F)
    exported = to_onnx(program, streaming=True)
    graph = session(exported.model)
    assert [i.name for i in graph.get_inputs()] == [
        "x:0",
        "lengths:0",
        "state_in/rnn/0/c",
        "state_in/rnn/0/h",
    ]
    assert exported.states == (
        ("state_in/rnn/0/c", "state_out/rnn/0/c"),
        ("state_in/rnn/0/h", "state_out/rnn/0/h"),
    )
    assert set(program.outputs) < {o.name for o in graph.get_outputs()}


def test_state_input_read_elsewhere_stays() -> None:
    program = recurrence_program({"rnn": GRU}, F, lengths=None)
    program = extended(program, op("Neg", "n:0", "rnn/s0:0"), output="n:0")
    program = replace(program, outputs=("n:0", "rnn/y:0"))
    assert "rnn/s0:0" in [
        i.name for i in session(to_onnx(program, streaming=True).model).get_inputs()
    ]


def test_local_ops_pass() -> None:
    """A layer and a softmax at each step, over flattened time."""
    program = recurrence_program({"rnn": GRU}, F, lengths=None)
    program = extended(
        program,
        op("Reshape", "flat:0", "rnn/y:0", "shape"),
        op("MatMul", "logits:0", "flat:0", "w", T=DType("float32")),
        op("Softmax", "p:0", "logits:0"),
        output="p:0",
        shape=np.array([-1, U], np.int32),
        w=draw(U, 5),
    )
    x = draw(6, 1, F)
    [wanted] = run(to_onnx(program), {"x:0": x, "rnn/s0:0": np.zeros((1, U), np.float32)})
    found = np.concatenate(pieces(to_onnx(program, streaming=True), x, [2, 3]))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


REFUSED = {
    "sum": (op("Sum", "s:0", "rnn/y:0", "zero"),),
    "softmax": (op("Transpose", "t:0", "rnn/y:0", "perm"), op("Softmax", "s:0", "t:0")),
    "reverse": (op("ReverseV2", "s:0", "rnn/y:0", "axes"),),
    "concat": (op("ConcatV2", "s:0", "rnn/y:0", "rnn/y:0", "zero"),),
    "gather": (op("GatherV2", "s:0", "rnn/y:0", "axes", "zero"),),
    "matmul": (op("Transpose", "t:0", "rnn/y:0", "perm"), op("BatchMatMul", "s:0", "t:0", "t:0", adj_x=False, adj_y=True)),
    "cumsum": (op("Cumsum", "s:0", "rnn/y:0", "zero", exclusive=False, reverse=False),),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_mixes_steps_is_refused(name: str) -> None:
    program = recurrence_program({"rnn": GRU}, F, lengths=None)
    constants = {
        "zero": np.array(0, np.int32),
        "axes": np.array([0], np.int32),
        "perm": np.array([1, 2, 0], np.int32),
    }
    program = extended(program, *REFUSED[name], output="s:0", **constants)
    to_onnx(program)
    with pytest.raises(NotConvertibleError, match="along time") as caught:
        to_onnx(program, streaming=True)
    assert caught.value.reasons[0].node == "s"


def test_backward_and_nothing_are_refused() -> None:
    program = recurrence_program({"rnn": GRU}, F, directions=["backward"])
    with pytest.raises(NotConvertibleError, match="rnn: it runs backwards"):
        to_onnx(program, streaming=True)
    with pytest.raises(NotConvertibleError, match="no recurrence"):
        to_onnx(Program({"x:0": Fact("float32", (T, B))}, ("x:0",), (), {}), streaming=True)
    with pytest.raises(NotConvertibleError, match="fixed at 7"):
        to_onnx(recurrence_program({"rnn": GRU}, F, time=7), streaming=True)
