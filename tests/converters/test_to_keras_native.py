"""Recurrences as native Keras layers: same numbers as the reference, and a file that Keras alone can load."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="what is tested makes Keras models")

from converters.program import Program
from converters.to_keras import Exported, runner, to_keras
from reference.activations import RELU, Activation
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from tests.converters.to_keras_programs import B, Draft, T, run

RNG = np.random.default_rng(20240731)


def draw(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32) * 0.5


def lstm(features: int, units: int, **options: Any) -> BasicLSTMCell:
    return BasicLSTMCell(draw(features + units, 4 * units), draw(4 * units), **options)


def gru(features: int, units: int, **options: Any) -> GRUCell:
    n = features + units
    return GRUCell(draw(n, 2 * units), draw(2 * units), draw(n, units), draw(units), **options)


def rnn(features: int, units: int, **options: Any) -> BasicRNNCell:
    return BasicRNNCell(draw(features + units, units), draw(units), **options)


CELLS = {
    "lstm": lstm(3, 4, forget_bias=0.3),
    "lstm_relu": lstm(3, 4, activation=RELU),
    "lstm_joined": lstm(3, 4, state_is_tuple=False),
    "lstm_full": LSTMCell(draw(7, 16), draw(16), forget_bias=1.0),
    "gru": gru(3, 4),
    "gru_softsign": gru(3, 4, activation=Activation("softsign")),
    "rnn": rnn(3, 4),
    "rnn_leaky": rnn(3, 4, activation=Activation("leaky_relu", (0.2,))),
}


def state_parts(cell: Any) -> list[int]:
    size = cell.state_size
    return list(size) if isinstance(size, tuple) else [size]


def call(exported: Exported, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    results = runner(exported.model)({exported.inputs[k]: v for k, v in feeds.items()})
    return {t: results[k] for t, k in exported.outputs.items()}


def close(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Eight steps of float32 in another order of summation: 2e-6 is ten times the noise seen."""
    assert list(got) == list(expected)
    for name, want in expected.items():
        assert got[name].dtype == want.dtype, name
        assert got[name].shape == want.shape, name
        np.testing.assert_allclose(got[name], want, rtol=0, atol=2e-6, err_msg=name)


def one_layer(cell: Any, *, major: bool, lengths: bool, state: bool, direction: str) -> Program:
    d = Draft()
    x = d.input("a/x", "float32", *((T, B, 3) if major else (B, T, 3)))
    n = d.input("lengths", "int64", B) if lengths else None
    parts = state_parts(cell)
    tm = x if major else d.major(x)
    first = (
        [d.input(f"s{i}", "float32", B, p) for i, p in enumerate(parts)]
        if state
        else [d.zeros(tm, p) for p in parts]
    )
    (y,), final = d.recurrence(
        "rnn", cell, tm, first, lengths=n, direction=direction, time_major=major
    )
    return d.program(y if major else d.major(y), *final)


def feeds_for(program: Program, batch: int, time: int, lengths: list[int]) -> dict[str, np.ndarray]:
    sizes = {"B": batch, "T": time}
    found = {}
    for name, fact in program.inputs.items():
        shape = [d if isinstance(d, int) else sizes[str(d)] for d in fact.shape]
        found[name] = np.array(lengths, fact.dtype) if name == "lengths:0" else draw(*shape)
    return found


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("options", ["plain", "lengths", "state", "lengths state", "lengths major"])
@pytest.mark.parametrize("name", CELLS)
def test_one_layer(name: str, options: str, direction: str) -> None:
    program = one_layer(
        CELLS[name],
        major="major" in options,
        lengths="lengths" in options,
        state="state" in options,
        direction=direction,
    )
    exported = to_keras(program, name="m")
    assert exported.recurrences[0]["form"] in ("LSTM", "GRU", "SimpleRNN")
    assert exported.recurrences[0]["reason"] is None
    assert exported.is_native
    for batch, time, lengths in ((3, 5, [0, 5, 2]), (1, 4, [1]), (4, 3, [3, 9, -1, 1])):
        feeds = feeds_for(program, batch, time, lengths)
        close(call(exported, feeds), run(program, feeds))


def test_an_empty_batch_gives_empty_arrays() -> None:
    program = one_layer(CELLS["lstm"], major=False, lengths=True, state=True, direction="forward")
    feeds = feeds_for(program, 0, 4, [])
    close(call(to_keras(program, name="m"), feeds), run(program, feeds))


def test_nan_in_the_padding_stays_there() -> None:
    program = one_layer(CELLS["gru"], major=False, lengths=True, state=True, direction="forward")
    feeds = feeds_for(program, 2, 4, [2, 0])
    feeds["a/x:0"][0, 2:] = np.nan
    feeds["a/x:0"][1] = np.nan
    close(call(to_keras(program, name="m"), feeds), run(program, feeds))


def tunes() -> Program:
    """Embedding, two LSTM layers with lengths and fed states, Dense on flattened rows, softmax."""
    d = Draft()
    ids, n = d.input("ids", "int32", B, T), d.input("lengths", "int32", B)
    first = [d.input(f"s{i}", "float32", B, 4) for i in range(4)]
    table = d.constant("embedding", draw(11, 3), variable=True)
    x = d.op("GatherV2", table, ids, d.constant("axis", np.int32(0)))
    (h,), low = d.recurrence("rnn/cell_0", lstm(3, 4), d.major(x), first[:2], lengths=n)
    (h,), high = d.recurrence("rnn/cell_1", lstm(4, 4), h, first[2:], lengths=n)
    y = d.major(h)
    rows = d.op("Reshape", y, d.constant("rows", np.int32([-1, 4])))
    logits = d.op(
        "MatMul", rows, d.constant("dense/kernel", draw(4, 11), variable=True), name="dense/MatMul"
    )
    logits = d.op(
        "BiasAdd", logits, d.constant("dense/bias", draw(11), variable=True), name="dense/BiasAdd"
    )
    shape = d.op("Shape", ids, out_type="int32")
    k = [d.constant(f"k{i}", np.int32([v])) for i, v in enumerate((0, 1, 2))]
    one = d.constant("one", np.int32([1]))
    b = d.op("StridedSlice", shape, k[0], k[1], one, shrink_axis_mask=1)
    t = d.op("StridedSlice", shape, k[1], k[2], one, shrink_axis_mask=1)
    back = d.op("Pack", b, t, d.constant("v", np.int32(11)), axis=0)
    probabilities = d.op("Reshape", d.op("Softmax", logits), back, name="probabilities")
    return d.program(probabilities, *low, *high)


def test_the_tunes_model_is_five_layers() -> None:
    exported = to_keras(tunes(), name="tunes")
    kinds = [type(layer).__name__ for layer in exported.model.layers]
    assert [k for k in kinds if k in ("Embedding", "LSTM", "Dense")] == [
        "Embedding",
        "LSTM",
        "LSTM",
        "Dense",
    ]
    assert exported.is_native
    names = {layer.name for layer in exported.model.layers}
    assert {"embedding", "rnn_cell_0", "rnn_cell_1", "dense"} <= names


def test_the_tunes_model_computes_the_same() -> None:
    program = tunes()
    feeds = feeds_for(program, 3, 5, [0, 5, 2])
    feeds["ids:0"] = RNG.integers(0, 11, (3, 5)).astype(np.int32)
    close(call(to_keras(program, name="tunes"), feeds), run(program, feeds))


def both(one: Any, two: Any, *, lengths: bool, state: bool) -> Program:
    d = Draft()
    x = d.input("x", "float32", B, T, 3)
    n = d.input("lengths", "int32", B) if lengths else None
    found = []
    for scope, direction, cell in (("bi/fw/rnn", "forward", one), ("bi/bw/rnn", "backward", two)):
        tm = d.major(x)
        first = [
            d.input(f"{scope}/s{i}", "float32", B, p) if state else d.zeros(tm, p)
            for i, p in enumerate(state_parts(cell))
        ]
        (y,), final = d.recurrence(scope, cell, tm, first, lengths=n, direction=direction)
        found.append((d.major(y), *final))
    pair = d.op("ConcatV2", found[0][0], found[1][0], d.constant("axis", np.int32(2)))
    return d.program(pair, *found[0][1:], *found[1][1:])


@pytest.mark.parametrize("lengths", [True, False])
@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("kind", [lstm, gru, rnn])
def test_equal_directions_are_one_bidirectional_layer(
    kind: Any, lengths: bool, state: bool
) -> None:
    program = both(kind(3, 4), kind(3, 4), lengths=lengths, state=state)
    exported = to_keras(program, name="m")
    assert [r["wrapper"] for r in exported.recurrences] == ["Bidirectional"] * 2
    assert exported.is_native
    for batch, time, given in ((3, 5, [0, 5, 2]), (1, 4, [1])):
        feeds = feeds_for(program, batch, time, given)
        close(call(exported, feeds), run(program, feeds))


def test_unequal_directions_are_two_layers() -> None:
    program = both(lstm(3, 4), lstm(3, 5), lengths=True, state=True)
    exported = to_keras(program, name="m")
    assert [r["wrapper"] for r in exported.recurrences] == [None, None]
    feeds = feeds_for(program, 3, 5, [0, 5, 2])
    close(call(exported, feeds), run(program, feeds))


def test_a_mask_ends_with_its_layer() -> None:
    """TF1's second layer runs over the first one's zeros where it was given no lengths; Keras would hand the mask on."""
    d = Draft()
    x, n = d.input("x", "float32", B, T, 3), d.input("lengths", "int32", B)
    tm = d.major(x)
    (h,), _ = d.recurrence("one", gru(3, 4), tm, [d.zeros(tm, 4)], lengths=n)
    (y,), final = d.recurrence("two", gru(4, 4), h, [d.zeros(tm, 4)])
    program = d.program(d.major(y), *final)
    feeds = feeds_for(program, 3, 5, [0, 5, 2])
    close(call(to_keras(program, name="m"), feeds), run(program, feeds))


def _permuted(cell: BasicLSTMCell) -> BasicLSTMCell:
    kernel = np.roll(cell.kernel, 4, axis=1)
    return dataclasses.replace(cell, kernel=kernel)


MUTANTS = {
    "gates permuted": _permuted,
    "forget bias dropped": lambda cell: dataclasses.replace(cell, forget_bias=0.0),
    "one weight off": lambda cell: dataclasses.replace(
        cell, bias=cell.bias + np.eye(16, dtype="f4")[5] * 1e-3
    ),
}


@pytest.mark.parametrize("mutant", [*MUTANTS, "c and h swapped", "lengths shifted"])
def test_mutants_are_seen(mutant: str) -> None:
    cell = CELLS["lstm"]
    options = {"major": False, "lengths": True, "state": True, "direction": "forward"}
    program = one_layer(cell, **options)
    wrong = one_layer(MUTANTS.get(mutant, lambda c: c)(cell), **options)
    feeds = feeds_for(program, 3, 5, [0, 5, 2])
    expected = run(program, feeds)
    if mutant == "c and h swapped":
        feeds["s0:0"], feeds["s1:0"] = feeds["s1:0"], feeds["s0:0"]
    if mutant == "lengths shifted":
        feeds["lengths:0"] = feeds["lengths:0"] + 1
    got = call(to_keras(wrong, name="m"), feeds)
    with pytest.raises(AssertionError):
        close(got, expected)
