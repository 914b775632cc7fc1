"""Cells without a Keras layer: the reference equation inside ``keras.layers.RNN``, or this package's own loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="what is tested makes Keras models")

from converters.program import Program
from converters.to_keras import to_keras
from converters.to_keras.layers.cell import size_parts
from reference.activations import HARD_SIGMOID_TF1
from reference.cells.base import Dims
from reference.cells.conv_lstm import ConvLSTMCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.lstm import LSTMCell
from reference.cells.ntm import NTMCell
from reference.wrappers.attention_cell import AttentionCellWrapper
from reference.wrappers.multi_rnn import MultiRNNCell
from tests.converters.test_to_keras_native import RNG, call, close, draw, gru, lstm
from tests.converters.test_to_keras_save import check
from tests.converters.to_keras_programs import B, Draft, T, run

FULL = LSTMCell(
    draw(5, 16), draw(16), draw(4), draw(4), draw(4), draw(4, 2),
    forget_bias=0.3, cell_clip=0.4, proj_clip=0.3,
)  # fmt: skip

SIMPLE: dict[str, tuple[Any, str]] = {
    "peepholes, projection, clips": (FULL, "Keras' LSTM has no peepholes"),
    "hard sigmoid": (
        CudnnCompatibleGRUCell(
            draw(7, 8), draw(8), draw(3, 4), draw(4, 4), draw(4), draw(4),
            recurrent_activation=HARD_SIGMOID_TF1,
        ),
        "Keras 3's hard_sigmoid is clip(x / 6 + 0.5), the model's is hard_sigmoid(0.2, 0.5)",
    ),
    "a whole stack": (
        MultiRNNCell((lstm(3, 4), gru(4, 2))),
        "no Keras layer has the equation of MultiRNNCell",
    ),
    "convolution": (
        ConvLSTMCell(draw(2, 5, 8), draw(8), input_shape=(6, 3)),
        "no Keras layer has the equation of ConvLSTMCell",
    ),
}  # fmt: skip


def over(
    cell: Any, *, lengths: bool, direction: str = "forward", features: tuple[int, ...] = (3,)
) -> Program:
    d = Draft()
    x = d.input("x", "float32", B, T, *features)
    n = d.input("lengths", "int32", B) if lengths else None
    first = []
    for i, size in enumerate(size_parts(cell.state_size)):
        shape = tuple(size) if isinstance(size, Dims) else (size,)
        first.append(d.input(f"s{i}", *(("int32",) if size == [] else ("float32", B, *shape))))
    order = np.int32([1, 0, *range(2, 2 + len(features))])
    tm = d.op("Transpose", x, d.constant("perm", order))
    outputs, final = d.recurrence("rnn", cell, tm, first, lengths=n, direction=direction)
    return d.program(d.op("Transpose", outputs[0], d.constant("perm2", order)), *final)


def feeds_of(program: Program, batch: int, time: int, lengths: list[int]) -> dict[str, np.ndarray]:
    sizes = {"B": batch, "T": time}
    found: dict[str, np.ndarray] = {}
    for name, fact in program.inputs.items():
        shape = [d if isinstance(d, int) else sizes[str(d)] for d in fact.shape]
        found[name] = np.array(lengths, fact.dtype) if name == "lengths:0" else draw(*shape)
        if not shape:
            found[name] = np.zeros((), fact.dtype)
    return found


def shape_of(cell: Any) -> tuple[int, ...]:
    return (6, 3) if isinstance(cell, ConvLSTMCell) else (3,)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("lengths", [True, False])
@pytest.mark.parametrize("name", SIMPLE)
def test_keras_rnn_over_the_reference_equation(name: str, lengths: bool, direction: str) -> None:
    cell, reason = SIMPLE[name]
    program = over(cell, lengths=lengths, direction=direction, features=shape_of(cell))
    exported = to_keras(program, name="m")
    assert exported.recurrences[0]["form"] == ("Recurrent" if name == "convolution" else "RNN")
    assert exported.recurrences[0]["reason"] == reason
    for batch, time, given in ((3, 5, [0, 5, 2]), (1, 4, [1])):
        feeds = feeds_of(program, batch, time, given)
        close(call(exported, feeds), run(program, feeds))


@pytest.mark.parametrize("name", SIMPLE)
def test_it_loads_in_another_process(name: str, tmp_path: Path) -> None:
    cell, _ = SIMPLE[name]
    program = over(cell, lengths=True, features=shape_of(cell))
    check(program, feeds_of(program, 3, 5, [0, 5, 2]), tmp_path / "cell.keras", ours=True)


def test_weights_carry_the_names_of_the_variables() -> None:
    exported = to_keras(over(FULL, lengths=False), name="m")
    (layer,) = [item for item in exported.model.layers if item.name == "rnn"]
    names = [w.name for w in layer.weights]
    assert names == [
        "rnn_kernel", "rnn_bias", "rnn_w_i_diag", "rnn_w_f_diag", "rnn_w_o_diag", "rnn_proj_kernel"
    ]  # fmt: skip
    assert all(w.trainable for w in layer.weights)


def ntm() -> NTMCell:
    """Two heads over a memory of 5 rows of 2; its time counter is a scalar state."""
    heads = 2 * (2 + 2 * 1 + 4) + 2 * 2 * 1
    return NTMCell(
        gru(3 + 2, 4), draw(4, heads), draw(heads), draw(4 + 2, 3), draw(3),
        (draw(1, 2),), (draw(1, 5), draw(1, 5)), draw(5, 2),
    )  # fmt: skip


def test_a_scalar_state_runs_in_the_own_loop(tmp_path: Path) -> None:
    cell = ntm()
    program = over(cell, lengths=False)
    exported = to_keras(program, name="m")
    assert exported.recurrences[0]["form"] == "Recurrent"
    feeds = feeds_of(program, 3, 4, [])
    expected = run_loose(program, feeds)
    close(call(exported, feeds), expected)
    check(program, feeds, tmp_path / "ntm.keras", ours=True)


def run_loose(program: Program, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The NumPy run for a cell with a scalar state (no lengths: every state is replaced whole)."""
    from reference import states
    from reference.cells.base import map_sizes
    from reference.vocabulary.numpy_ops import NumpyOps

    (one,) = [s for s in program.statements if hasattr(s, "cell")]
    x = feeds["x:0"].transpose(1, 0, 2)
    nest = states.unflatten_like(
        map_sizes(lambda _: 0, one.cell.state_size), [feeds[n] for n in one.initial_state]
    )
    rows = []
    for item in x:
        y, nest = one.cell.step(NumpyOps(), item, nest)
        rows.append(y)
    found = [np.stack(rows).transpose(1, 0, 2), *states.flatten(nest)]
    return dict(zip(program.outputs, map(np.asarray, found), strict=True))


def two_inputs() -> Program:
    """AttentionCellWrapper beside the other forms: a cell inside a wrapper inside a wrapper."""
    cell = AttentionCellWrapper(
        lstm(3, 4), draw(3 + 2, 3), draw(3), draw(1, 1, 2, 2), draw(2), draw(8, 2), draw(2),
        draw(4 + 2, 2), draw(2), attn_length=2,
    )  # fmt: skip
    return over(cell, lengths=True)


def test_a_wrapper_holds_its_cell() -> None:
    program = two_inputs()
    exported = to_keras(program, name="m")
    assert exported.recurrences[0]["form"] == "RNN"
    feeds = feeds_of(program, 3, 5, [0, 5, 2])
    close(call(exported, feeds), run(program, feeds))


assert RNG is not None
