"""Keras' recurrent layers as ONNX: native operators, exact for every mask, against Keras itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.read_keras import read_keras
from reference.errors import NotConvertibleError
from tests.converters.read_keras_running import check, keras, op_types, randomise

L, ops = keras.layers, keras.ops
T, D = 7, 5
RNG = np.random.default_rng(5)
HOLES = np.array(
    [
        [1, 1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [0, 1, 0, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [1, 0, 1, 0, 1, 0, 1],
    ],
    bool,
)
"""Full, empty, right-padded, holes, left-padded, holes to the end."""
LAYERS: dict[str, tuple[Any, str]] = {
    "lstm": (lambda **k: L.LSTM(4, **k), "LSTM"),
    "lstm_hard": (
        lambda **k: L.LSTM(4, activation="relu", recurrent_activation="hard_sigmoid", **k),
        "LSTM",
    ),
    "lstm_plain": (lambda **k: L.LSTM(4, use_bias=False, **k), "LSTM"),
    "gru": (lambda **k: L.GRU(4, **k), "GRU"),
    "gru_before": (lambda **k: L.GRU(4, reset_after=False, **k), "GRU"),
    "gru_hard": (
        lambda **k: L.GRU(4, recurrent_activation="hard_sigmoid", use_bias=False, **k),
        "GRU",
    ),
    "simple": (lambda **k: L.SimpleRNN(4, **k), "RNN"),
    "simple_softsign": (lambda **k: L.SimpleRNN(4, activation="softsign", **k), "RNN"),
    "rnn_cell": (lambda **k: L.RNN(L.LSTMCell(4), **k), "LSTM"),
}


def draw(rows: int = len(HOLES), steps: int = T, features: int = D) -> np.ndarray:
    return RNG.normal(size=(rows, steps, features)).astype(np.float32)


def masked_input() -> np.ndarray:
    """Steps that are all 0 where HOLES says masked; elsewhere no step is all 0."""
    return draw() * HOLES[:, :, None]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize("backward", [False, True])
def test_unmasked(kind: str, sequences: bool, backward: bool, tmp_path: Path) -> None:
    make, form = LAYERS[kind]
    x = keras.Input((None, D), name="x")
    out = make(return_sequences=sequences, go_backwards=backward, return_state=True)(x)
    check(
        keras.Model(x, out),
        tmp_path,
        {"x": draw(3)},
        {"x": draw(1, 2)},
        {"x": draw(2, 1)},
        forms=[form],
    )


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("sequences", [True, False])
def test_any_mask(kind: str, zeros: bool, backward: bool, sequences: bool, tmp_path: Path) -> None:
    make, form = LAYERS[kind]
    x = keras.Input((None, D), name="x")
    made = make(
        return_sequences=sequences,
        return_state=True,
        go_backwards=backward,
        zero_output_for_mask=zeros,
    )
    model = keras.Model(x, made(L.Masking()(x)))
    check(model, tmp_path, {"x": masked_input()}, {"x": draw(2)}, forms=[form])


@pytest.mark.parametrize("kind", ["lstm", "gru", "simple"])
@pytest.mark.parametrize("sequences", [True, False])
def test_any_mask_with_initial_state(kind: str, sequences: bool, tmp_path: Path) -> None:
    make, form = LAYERS[kind]
    x, m = keras.Input((None, D), name="x"), keras.Input((None,), name="m", dtype="bool")
    starts = [keras.Input((4,), name=f"s{i}") for i in range(2 if kind == "lstm" else 1)]
    out = make(return_sequences=sequences, return_state=True)(x, mask=m, initial_state=starts)
    feed = {"x": draw(), "m": HOLES} | {f"s{i}": draw()[:, 0, :4] for i in range(2)}
    check(keras.Model([x, m, *starts], out), tmp_path, feed, forms=[form])


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", None])
def test_bidirectional_any_mask(kind: str, merge: str | None, tmp_path: Path) -> None:
    make, form = LAYERS[kind]
    x = keras.Input((None, D), name="x")
    y = L.Bidirectional(make(return_sequences=True), merge_mode=merge)(L.Masking()(x))
    program = check(
        keras.Model(x, y), tmp_path, {"x": masked_input()}, {"x": draw(2, 3)}, forms=[form] * 2
    )
    assert nodes(program).count(form) == 1, "the two directions share one operator"


@pytest.mark.parametrize("masked", [True, False])
def test_bidirectional_states(masked: bool, tmp_path: Path) -> None:
    x = keras.Input((None, D), name="x")
    start = [keras.Input((3,), name=f"s{i}") for i in range(4)]
    hidden = L.Masking()(x) if masked else x
    out = L.Bidirectional(L.LSTM(3, return_state=True))(hidden, initial_state=start)
    feed = {"x": masked_input()} | {f"s{i}": draw()[:, i, :3] for i in range(4)}
    check(keras.Model([x, *start], out), tmp_path, feed, forms=["LSTM", "LSTM"])


def test_bidirectional_of_two_different_layers(tmp_path: Path) -> None:
    x = keras.Input((None, D), name="x")
    wrapped = L.Bidirectional(
        L.LSTM(3, return_sequences=True),
        backward_layer=L.GRU(2, return_sequences=True, go_backwards=True),
    )
    model = keras.Model(x, wrapped(L.Masking()(x)))
    check(model, tmp_path, {"x": masked_input()}, forms=["GRU", "LSTM"])


def test_bidirectional_backward_first(tmp_path: Path) -> None:
    x = keras.Input((None, D), name="x")
    wrapped = L.Bidirectional(
        L.GRU(3, return_sequences=True, go_backwards=True),
        backward_layer=L.GRU(3, return_sequences=True),
    )
    model = keras.Model(x, wrapped(L.Masking()(x)))
    check(model, tmp_path, {"x": masked_input()}, forms=["GRU", "GRU"])


@pytest.mark.parametrize("masked", [True, False])
def test_stacked_cells(masked: bool, tmp_path: Path) -> None:
    x = keras.Input((None, D), name="x")
    hidden = L.Masking()(x) if masked else x
    cells = [
        L.LSTMCell(4),
        L.GRUCell(3, reset_after=False),
        L.GRUCell(3),
        L.SimpleRNNCell(2),
        L.LSTMCell(2),
    ]
    out = L.RNN(cells, return_sequences=True, return_state=True)(hidden)
    check(
        keras.Model(x, out),
        tmp_path,
        {"x": masked_input()},
        forms=["GRU", "GRU", "LSTM", "LSTM", "RNN"],
    )


def test_stacked_layers_move_the_steps_once(tmp_path: Path) -> None:
    ids = keras.Input((None,), name="ids", dtype="int32")
    y = L.Embedding(9, D, mask_zero=True)(ids)
    for units in (4, 3):
        y = L.Dropout(0.5)(L.LSTM(units, return_sequences=True)(y))
    y = L.Bidirectional(L.GRU(3))(y)
    model = keras.Model(ids, L.Dense(2, activation="softmax")(y))
    values = RNG.integers(1, 9, HOLES.shape).astype(np.int32) * HOLES
    program = check(model, tmp_path, {"ids": values}, forms=["GRU", "GRU", "LSTM", "LSTM"])
    found = nodes(program)
    assert found.count("TopK") == 1
    assert found.count("GatherND") == 1


@pytest.mark.parametrize("form", ["cumsum", "less", "arange", "and"])
def test_right_padded_by_construction(form: str, tmp_path: Path) -> None:
    x, n = keras.Input((T, D), name="x"), keras.Input((), name="n", dtype="int32")
    counted = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1)
    mask = {
        "cumsum": lambda: counted <= n[:, None],
        "less": lambda: ops.expand_dims(n, 1) > counted,
        "arange": lambda: ops.less(np.arange(T, dtype="int32")[None, :], n[:, None]),
        "and": lambda: ops.logical_and(counted <= n[:, None], counted < 6),
    }[form]()
    y = L.LSTM(4, return_sequences=True)(x, mask=mask)
    y = L.Bidirectional(L.GRU(3, return_sequences=True))(y, mask=mask)
    z = L.LSTM(4, return_sequences=True, return_state=True, go_backwards=True)(x, mask=mask)
    model = keras.Model([x, n], [y, *z])
    lengths = np.array([0, 1, T, 3, T + 5, -2], np.int32)
    program = check(model, tmp_path, {"x": draw(), "n": lengths})
    assert ("TopK" in nodes(program)) == (form == "and"), "a proven mask moves nothing"


def test_a_mask_that_is_no_ramp_is_not_taken_for_one(tmp_path: Path) -> None:
    x, n = keras.Input((T, D), name="x"), keras.Input((), name="n", dtype="int32")
    counted = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1)
    late = counted > n[:, None]
    twice = ops.cumsum(counted, axis=1) <= n[:, None]
    rows = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=0) <= n[:, None]
    outs = [L.GRU(3, return_sequences=True)(x, mask=m) for m in (late, twice, rows)]
    check(
        keras.Model([x, n], outs),
        tmp_path,
        {"x": draw(), "n": np.array([0, 1, T, 3, 9, -2], np.int32)},
    )


def test_nan_in_masked_steps_stays_there(tmp_path: Path) -> None:
    x, m = keras.Input((None, D), name="x"), keras.Input((None,), name="m", dtype="bool")
    model = keras.Model([x, m], L.LSTM(4, return_sequences=True)(x, mask=m))
    values = np.where(HOLES[:, :, None], draw(), np.nan).astype(np.float32)
    check(model, tmp_path, {"x": values, "m": HOLES})


def test_unroll_is_the_same(tmp_path: Path) -> None:
    x = keras.Input((T, D), name="x")
    y = L.LSTM(4, unroll=True, return_sequences=True)(L.Masking()(x))
    check(keras.Model(x, y), tmp_path, {"x": masked_input()}, forms=["LSTM"])


def test_shared_layer(tmp_path: Path) -> None:
    x, z = keras.Input((None, D), name="x"), keras.Input((None, D), name="z")
    shared = L.LSTM(4)
    model = keras.Model([x, z], L.Concatenate()([shared(x), shared(z)]))
    check(model, tmp_path, {"x": draw(), "z": draw(steps=3)}, forms=["LSTM", "LSTM"])


def test_activations_onnx_lacks_become_a_scan(tmp_path: Path) -> None:
    x = keras.Input((None, D), name="x")
    y = L.LSTM(4, activation="silu", return_sequences=True)(L.Masking()(x))
    check(keras.Model(x, y), tmp_path, {"x": masked_input()}, forms=["Scan"])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda x: L.LSTM(3, stateful=True)(x), "stateful"),
        (lambda x: L.ConvLSTM1D(2, 2)(L.Reshape((T, D, 1))(x)), "convolutional recurrences"),
        (lambda x: L.LSTM(3, activation="gelu")(x), "activation 'gelu'"),
    ],
)
def test_refusals_name_the_layer(make: Any, reason: str, tmp_path: Path) -> None:
    x = keras.Input(batch_shape=(2, T, D), name="x")
    model = keras.Model(x, make(x))
    model.save(tmp_path / "m.keras")
    with pytest.raises(NotConvertibleError, match=reason) as caught:
        read_keras(tmp_path / "m.keras")
    assert caught.value.reasons


def test_wrong_gate_order_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from converters.read_keras import cells

    blocks = cells._blocks
    monkeypatch.setattr(cells, "_blocks", lambda matrix, count: blocks(matrix, count)[::-1])
    x = keras.Input((None, D), name="x")
    with pytest.raises(AssertionError, match="Keras"):
        check(keras.Model(x, L.LSTM(4)(x)), tmp_path, {"x": draw(3)})


def test_wrong_masks_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from converters.read_keras.masks import Masks, Steps

    found = Masks.steps
    monkeypatch.setattr(
        Masks,
        "steps",
        lambda self, mask: (lambda s: Steps(s.valid, s.lengths, False))(found(self, mask)),
    )
    x = keras.Input((None, D), name="x")
    with pytest.raises(AssertionError, match="Keras"):
        check(keras.Model(x, L.LSTM(4)(L.Masking()(x))), tmp_path, {"x": masked_input()})


def nodes(program: Any) -> list[str]:
    from converters.to_onnx import to_onnx

    return [node.op_type for node in to_onnx(program, prefer="native").model.graph.node]


__all__ = ["op_types", "randomise"]
