"""The plain LSTM in float32, laid out for speed: what dynamic_rnn runs for it under NumPy.

The equation stays in :mod:`reference.cells.lstm`; this is the same arithmetic with the input
product of all steps made at once and one tanh for all gates, since sigmoid(z) = tanh(z / 2) / 2 + 1
/ 2 to within 2^-24. The factor 1 / 2 goes into copies of the weights, where it is exact. A test
holds it to the equation. float64 always runs the equation itself: there the oracle owes every digit
of a closed gate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.activations import SIGMOID, TANH
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.lstm import LSTMCell
from reference.layouts.gates import LSTM, reorder
from reference.states import LSTMStateTuple

Array = np.ndarray[Any, Any]

ORDER = ("i", "f", "o", "j")
"""The columns here: the three sigmoids side by side."""

CHUNK = 16
"""Steps whose input is projected at once: enough for a good product, few enough to stay in the cache."""

HALF, ONE = np.float32(0.5), np.float32(1)
LARGE = np.float32(1e38)
"""Twice as much must still be a float32."""


def is_plain(cell: Any, inputs: Any, state: Any, /) -> bool:
    """A BasicLSTMCell, or an LSTMCell without options, on float32 arrays."""
    if type(cell) is LSTMCell:
        extras = (cell.w_i_diag, cell.proj_kernel, cell.cell_clip, cell.proj_clip)
        if any(e is not None for e in extras) or cell.recurrent_activation != SIGMOID:
            return False
    elif type(cell) is not BasicLSTMCell:
        return False
    if not isinstance(state, LSTMStateTuple) or cell.activation != TANH or not cell.state_is_tuple:
        return False
    arrays = (inputs, *state, cell.kernel, cell.bias)
    if not all(isinstance(a, np.ndarray) and a.dtype == np.float32 for a in arrays):
        return False
    return bool(np.abs(state.h).max(initial=0) < LARGE)


def run(cell: Any, inputs: Array, lengths: Any, state: LSTMStateTuple, bound: int, /) -> Any:
    """(outputs ``[T, B, units]``, final state) of time-major inputs; steps from ``bound`` on are zero.

    Everything lies transposed, ``[features, B]``: a product with few columns is a quarter faster than one with few rows, and each gate is
    one piece of memory. A sigmoid is ``(tanh(z/2) + 1) / 2``; its half is taken where there is least to multiply: once from c, and for h from the
    recurrent weights and the outputs, so that ``made`` holds 2 h. Powers of two change no digit.
    """
    time, batch, _ = inputs.shape
    n = cell.units
    above, below, bias = _halved(cell)
    made = np.zeros((time, n, batch), np.float32)
    c, h = (np.array(s.T, order="C") for s in (state.c, state.h))
    h += h
    z, part = np.empty((4 * n, batch), np.float32), np.empty((n, batch), np.float32)
    gates, (i, f, o, j) = z[: 3 * n], np.split(z, 4)
    projected = np.empty((CHUNK, 4 * n, batch), np.float32)
    for t in range(bound):
        if t % CHUNK == 0:
            _project(above, bias, inputs[t : min(t + CHUNK, bound)], projected)
        np.matmul(below, h, out=z)
        np.add(z, projected[t % CHUNK], out=z)
        np.tanh(z, out=z)
        np.add(gates, ONE, out=gates)
        ended = None if lengths is None or t < lengths.min(initial=bound) else t >= lengths
        kept = None if ended is None else (c.copy(), h)
        np.multiply(c, f, out=c)
        np.multiply(i, j, out=part)
        np.add(c, part, out=c)
        np.multiply(c, HALF, out=c)
        np.tanh(c, out=part)
        h = made[t]
        np.multiply(part, o, out=h)
        if kept is not None and ended is not None:
            np.copyto(c, kept[0], where=ended)
            h = np.where(ended, kept[1], h)
            np.copyto(made[t], 0, where=ended)
    outputs = np.empty((time, batch, n), np.float32)
    np.multiply(made.transpose(0, 2, 1), HALF, out=outputs)
    return outputs, LSTMStateTuple(np.array(c.T, order="C"), np.array((h * HALF).T, order="C"))


def _project(above: Array, bias: Array, inputs: Array, out: Array) -> None:
    """The input's part of some steps, ``[steps, 4n, B]``, with the bias."""
    steps, batch, features = inputs.shape
    product = above @ inputs.reshape(steps * batch, features).T
    view = out[:steps].transpose(1, 0, 2)
    np.add(product.reshape(len(bias), steps, batch), bias[:, None, None], out=view)


def _halved(cell: Any) -> tuple[Array, Array, Array]:
    """The rows of x and the rows of h, transposed to [4n, …] in :data:`ORDER`, and the bias with the forget bias.

    The sigmoids' part is halved, and the rows of h once more, for they meet 2 h. One pass over the weights: made anew at every call, since weights may change in place.
    """
    n, features = cell.units, cell.input_size
    above = np.empty((4 * n, features), np.float32)
    below = np.empty((4 * n, cell.kernel.shape[0] - features), np.float32)
    for k, gate in enumerate(ORDER):
        columns = slice(LSTM["tf1"].index(gate) * n, (LSTM["tf1"].index(gate) + 1) * n)
        rows, scale = slice(k * n, (k + 1) * n), np.float32(1 if gate == "j" else 0.5)
        np.multiply(cell.kernel[:features, columns].T, scale, out=above[rows])
        np.multiply(cell.kernel[features:, columns].T, scale * HALF, out=below[rows])
    bias = reorder(cell.bias, LSTM["tf1"], ORDER)
    bias[n : 2 * n] += np.float32(cell.forget_bias)
    bias[: 3 * n] *= HALF
    return above, below, bias
