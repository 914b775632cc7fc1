"""What TF1 refuses is refused in a sentence that names the argument, what came and what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.cells.conv_lstm import Conv1DLSTMCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.drivers.bidirectional import bidirectional_dynamic_rnn, static_bidirectional_rnn
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.raw import raw_rnn
from reference.drivers.stacked import stack_bidirectional_dynamic_rnn, stack_bidirectional_rnn
from reference.drivers.static import static_rnn, static_state_saving_rnn
from reference.drivers.stepping import call
from reference.errors import RnnportError, SemanticsError
from reference.states import LSTMStateTuple
from reference.wrappers.attention_cell import AttentionCellWrapper
from reference.wrappers.dropout import DropoutWrapper
from reference.wrappers.multi_rnn import MultiRNNCell
from reference.wrappers.residual import ResidualWrapper
from tests.reference.make_cells import random_cell
from tests.reference.toy import ToyCell

B, T, M, N = 2, 4, 3, 4
LSTM = random_cell(LSTMCell, 1, (M + N, 4 * N), (4 * N,))
GRU = random_cell(GRUCell, 2, (M + N, 2 * N), (2 * N,), (M + N, N), (N,))
X = np.random.default_rng(3).standard_normal((B, T, M))
STEPS = [X[:, t] for t in range(T)]
ZERO = np.zeros((B, N))
PAIR = LSTMStateTuple(ZERO, ZERO)

REFUSED: dict[str, tuple[Any, str]] = {
    "no cell": (lambda: dynamic_rnn("lstm", X, dtype="float64"), "cell must be a cell, got str"),
    "no dtype": (lambda: dynamic_rnn(LSTM, X), "initial_state and dtype are both missing"),
    "no dtype, static": (lambda: static_rnn(LSTM, STEPS), "initial_state and dtype are both missing"),
    "rank": (lambda: dynamic_rnn(LSTM, X[0], dtype="float64"), r"inputs must have rank 3 at least, got shape \[4, 3\]"),
    "features": (lambda: dynamic_rnn(LSTM, X[..., :2], dtype="float64"), "inputs has 2 features, but the cell's kernel was made for 3"),
    "features, static": (lambda: static_rnn(GRU, [s[:, :2] for s in STEPS], None, "float64"), "inputs has 2 features"),
    "structure": (lambda: dynamic_rnn(LSTM, X, initial_state=ZERO), r"initial_state must be structured .* got array\[2, 4\]"),
    "plain array wanted": (lambda: dynamic_rnn(GRU, X, initial_state=PAIR), "initial_state must be structured"),
    "state width": (lambda: dynamic_rnn(GRU, X, initial_state=np.zeros((B, 5))), r"initial_state must have shape \[2, 4\], got \[2, 5\]"),
    "state part": (lambda: dynamic_rnn(LSTM, X, initial_state=LSTMStateTuple(ZERO, ZERO[:1])), r"initial_state/h must have shape \[2, 4\], got \[1, 4\]"),
    "plain tuple": (lambda: dynamic_rnn(LSTM, X, initial_state=(ZERO, ZERO)), "tuple.* into LSTMStateTuple"),
    "dtype of inputs": (lambda: dynamic_rnn(GRU, X.astype(np.float32), dtype="float64"), "inputs is float32 but weight gate_kernel is float64"),
    "dtype of state": (lambda: dynamic_rnn(GRU, X, initial_state=ZERO.astype(np.float32)), "initial_state is float32 but"),
    "dtype argument": (lambda: dynamic_rnn(GRU, X, initial_state=ZERO, dtype="float32"), "dtype is float32, but the cell, its inputs and states are float64"),
    "lengths shape": (lambda: dynamic_rnn(GRU, X, [1, 2, 3], dtype="float64"), r"expected shape \[2\], got \[3\]"),
    "lengths rank": (lambda: dynamic_rnn(GRU, X, [[1, 2]], dtype="float64"), r"must be a vector .* got \[1, 2\]"),
    "lengths kind": (lambda: dynamic_rnn(GRU, X, ["a", "b"], dtype="float64"), "sequence_length must hold numbers"),
    "lengths beyond T": (lambda: bidirectional_dynamic_rnn(GRU, GRU, X, [1, 5], dtype="float64"), r"sequence_length\[1\] is 5: .* lengths in 0..4"),
    "lengths negative": (lambda: static_bidirectional_rnn(GRU, GRU, STEPS, dtype="float64", sequence_length=[-1, 2]), r"sequence_length\[0\] is -1"),
    "lengths float": (lambda: bidirectional_dynamic_rnn(GRU, GRU, X, [1.0, 2.0], dtype="float64"), "must be int32 or int64, got float64"),
    "backward cell": (lambda: bidirectional_dynamic_rnn(GRU, None, X, dtype="float64"), "cell_bw must be a cell"),
    "not a list": (lambda: static_rnn(LSTM, X, None, "float64"), "inputs must be a list of arrays, one per step, got ndarray"),
    "empty list": (lambda: static_rnn(LSTM, [], None, "float64"), "inputs must not be empty"),
    "batches differ": (lambda: static_rnn(LSTM, [X[:, 0], X[:1, 1]], None, "float64"), r"one batch size, got \[1, 2\]"),
    "times differ": (lambda: dynamic_rnn(ToyCell(), (X, X[:, :2]), dtype="float64"), "must agree in time and batch"),
    "no layers": (lambda: stack_bidirectional_rnn([], [], STEPS, dtype="float64"), "cells_fw must be a list of cells"),
    "not lists": (lambda: stack_bidirectional_dynamic_rnn((GRU,), [GRU], X, dtype="float64"), "cells_fw must be a list of cells"),
    "depths": (lambda: stack_bidirectional_dynamic_rnn([GRU], [GRU, GRU], X, dtype="float64"), "cells_fw has 1 layers and cells_bw 2"),
    "layer states": (lambda: stack_bidirectional_dynamic_rnn([GRU], [GRU], X, (ZERO,), [ZERO]), "initial_states_fw must be a list of 1 states"),
    "state name": (lambda: static_state_saving_rnn(LSTM, STEPS, None, "h"), "state_name must be a tuple of strings"),
    "state names": (lambda: static_state_saving_rnn(LSTM, STEPS, None, ("c", "h", "x")), "state_name has 3 names for the 2 parts"),
    "loop_fn": (lambda: raw_rnn(GRU, None), "loop_fn must be callable, got NoneType"),
    "one step, state": (lambda: call(GRU, X[:, 0], ZERO[:1]), r"state must have shape \[2, 4\], got \[1, 4\]"),
    "one step, features": (lambda: call(GRU, X[:, 0, :1], ZERO), "inputs has 1 features"),
    "no cells": (lambda: MultiRNNCell(()), "cells: MultiRNNCell needs at least one cell"),
    "concat of tuples": (lambda: MultiRNNCell((LSTM,), state_is_tuple=False), "state_is_tuple=False needs cells whose state is one array"),
    "stack's state": (lambda: MultiRNNCell((GRU, GRU)).step(None, X[:, 0], (ZERO,)), "expected a tuple of 2 states"),
    "keep_prob": (lambda: DropoutWrapper(GRU, output_keep_prob=1.5), "output_keep_prob must be between 0 and 1, got 1.5"),
    "noise": (lambda: dynamic_rnn(DropoutWrapper(GRU, input_keep_prob=0.5), X, dtype="float64"), "input_keep_prob is 0.5: give input_noise"),
    "residual shapes": (lambda: dynamic_rnn(ResidualWrapper(GRU), X, dtype="float64"), r"inputs of shape \(2, 3\) cannot be added to a cell output of shape \(2, 4\)"),
    "attention length": (lambda: AttentionCellWrapper(GRU, *[np.ones((1, 1))] * 8, attn_length=0), "attn_length must be above zero, got 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_argument(name: str) -> None:
    attempt, message = REFUSED[name]
    with pytest.raises(SemanticsError, match=message) as caught:
        attempt()
    assert isinstance(caught.value, RnnportError)
    assert isinstance(caught.value, ValueError)


def test_unidirectional_lengths_outside_are_accepted() -> None:
    """Beyond T counts as T, negative as 0 (the drivers' goldens recorded it)."""
    for drive in (
        lambda n: dynamic_rnn(GRU, X, n, dtype="float64"),
        lambda n: static_rnn(GRU, STEPS, None, "float64", n),
    ):
        outside, inside = drive([-3, T + 9]), drive([0, T])
        np.testing.assert_array_equal(np.asarray(outside[0]), np.asarray(inside[0]))
        np.testing.assert_array_equal(outside[1], inside[1])


def test_static_rnn_is_laxer_without_lengths() -> None:
    """As TF 1.15.5 was seen to do: a plain (c, h) and a needless dtype pass, and with lengths they do not."""
    y, state = static_rnn(LSTM, STEPS, (ZERO, ZERO), "float32")
    np.testing.assert_array_equal(y[-1], state.h)
    with pytest.raises(SemanticsError, match=r"tuple.* into LSTMStateTuple"):
        static_rnn(LSTM, STEPS, (ZERO, ZERO), None, [1, 2])
    with pytest.raises(SemanticsError, match="dtype is float32"):
        static_rnn(LSTM, STEPS, PAIR, "float32", [1, 2])


def test_a_state_that_changes_shape_cannot_loop() -> None:
    rng = np.random.default_rng(4)
    cell = Conv1DLSTMCell(rng.standard_normal((3, 4, 8)), None, (6, 2), skip_connection=True)
    with pytest.raises(
        SemanticsError,
        match=r"initial_state/h has shape \[2, 6, 2\], and \[2, 6, 4\] after one step",
    ):
        dynamic_rnn(cell, rng.standard_normal((2, 1, 6, 2)), dtype="float64")


def test_nan_in_padding_leaks_nowhere() -> None:
    x = X.copy()
    x[0, 2:] = np.nan
    for cell in (LSTM, GRU):
        y, state = dynamic_rnn(cell, x, [2, T], dtype="float64")
        clean, same = dynamic_rnn(cell, X, [2, T], dtype="float64")
        np.testing.assert_array_equal(y, clean)
        np.testing.assert_array_equal(np.asarray(state), np.asarray(same))


def test_empty_batch_and_no_steps() -> None:
    y, state = dynamic_rnn(LSTM, X[:0], np.zeros(0, np.int32), dtype="float64")
    assert y.shape == (0, T, N)
    assert state.h.shape == (0, N)
    y, state = dynamic_rnn(LSTM, X[:, :0], initial_state=LSTMStateTuple(ZERO + 1, ZERO + 2))
    assert y.shape == (B, 0, N)
    assert (state.c == 1).all()
    assert (state.h == 2).all()
