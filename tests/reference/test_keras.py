"""Keras 3's native layers against the reference, and the table in the docs that says what corresponds to what.

``RNNPORT_WRITE_DOCS=1`` rewrites docs/reference/names.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference import states
from reference.drivers.bidirectional import bidirectional_dynamic_rnn
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.stepping import default_ops, zero_state
from reference.layouts import lstm
from reference.states import LSTMStateTuple
from tests.reference.keras_rows import LSTM_CELL, ROWS, M, N, Row, table
from tests.support.compare import assert_close_64

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "names.md"
NATIVE = [pytest.param(r, id=r.tf1) for r in ROWS if r.layer is not None]
T = 5
LENGTHS = np.array([0, 1, T, 3])


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    return keras


def data(cell: Any, seed: int) -> tuple[Any, Any]:
    """x batch-major, and a random state."""
    rng = np.random.default_rng(seed)
    features = getattr(cell, "input_shape", (M,))
    x = rng.standard_normal((4, T, *features))
    zero = zero_state(default_ops(), cell, 4, "float64")
    return x, states.map_structure(lambda s: rng.standard_normal(s.shape), zero)


def to_keras_state(state: Any) -> list[Any]:
    return lstm.state_to_keras(state) if isinstance(state, LSTMStateTuple) else [state]


@pytest.mark.parametrize("given", [True, False], ids=["state", "zeros"])
@pytest.mark.parametrize("masked", [True, False], ids=["lengths", "full"])
@pytest.mark.parametrize("row", NATIVE)
def test_native_layer_equals_reference(keras: Any, row: Row, masked: bool, given: bool) -> None:
    assert row.layer is not None
    assert row.weights is not None
    x, state = data(row.cell, 11)
    options = {"return_sequences": True, "return_state": True, "dtype": "float64"}
    convolutional = hasattr(row.cell, "input_shape")
    if not convolutional:
        options["zero_output_for_mask"] = True
    layer = row.layer(keras, options)
    layer.build(x.shape)
    layer.set_weights(row.weights(row.cell))
    mask = np.arange(T) < LENGTHS[:, None] if masked else None
    first = to_keras_state(state) if given else None
    if convolutional and given:
        # ConvLSTM layers take their initial state as tensors beside the input.
        first = [keras.ops.convert_to_tensor(s) for s in first or []]
    got = [
        np.asarray(g) for g in layer(keras.ops.convert_to_tensor(x), initial_state=first, mask=mask)
    ]
    lengths = LENGTHS if masked else None
    y, final = dynamic_rnn(
        row.cell, x, lengths, state if given else None, None if given else "float64"
    )
    actual = [y, *to_keras_state(final)]
    if convolutional and masked:
        # No zero_output_for_mask there: Keras repeats the last output at padded steps.
        got[0] = np.where(mask.reshape(4, T, *[1] * (y.ndim - 2)), got[0], 0)
    for k, (a, e) in enumerate(zip(actual, got, strict=True)):
        assert_close_64(a, e, rtol=1e-12, what=f"{row.tf1} {k}")


def test_bidirectional(keras: Any) -> None:
    """A right-padded mask reverses each row by its length, as TF1 does."""
    x, _ = data(LSTM_CELL, 12)
    other = LSTM_CELL.__class__(
        LSTM_CELL.kernel[:, ::-1].copy(), LSTM_CELL.bias[::-1].copy(), forget_bias=0.5
    )
    inner = keras.layers.LSTM(
        N, return_sequences=True, return_state=True, zero_output_for_mask=True, dtype="float64"
    )
    layer = keras.layers.Bidirectional(inner, dtype="float64")
    layer.build(x.shape)
    layer.forward_layer.set_weights(lstm.to_keras(LSTM_CELL))
    layer.backward_layer.set_weights(lstm.to_keras(other))
    mask = np.arange(T) < LENGTHS[:, None]
    got = [np.asarray(g) for g in layer(x, mask=mask)]
    both, ends = bidirectional_dynamic_rnn(LSTM_CELL, other, x, LENGTHS, dtype="float64")
    expected = [np.concatenate(both, 2), *to_keras_state(ends[0]), *to_keras_state(ends[1])]
    for k, (a, e) in enumerate(zip(expected, got, strict=True)):
        assert_close_64(a, e, rtol=1e-12, what=str(k))


def test_the_table_in_the_docs_is_this_one() -> None:
    text = table({row.tf1 for row in ROWS if row.layer is not None})
    if os.environ.get("RNNPORT_WRITE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text
