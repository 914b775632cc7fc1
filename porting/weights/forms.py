"""The forms in which TF1 keeps a cell or a layer: names relative to its scope, shapes, and the way to Keras' arrays.

Names are those of TF 1.15.5 (``rnn_cell_impl.py``, ``contrib/rnn/python/ops/gru_ops.py:130``, ``lstm_ops.py:365``,
``contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py:80-180``), of TF 1.0 and 1.1 (``weights``, ``biases``), and of TF 0.x (``Linear/Matrix``, ``W_0``). All are
compared in lower case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from porting.weights.targets import BATCH_NORM, GRU, GRU_AFTER, LSTM, RNN, Leaf
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell
from reference.layouts import gru, lstm, rnn

Arrays = Mapping[str, np.ndarray]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Form:
    """One way to keep one kind of layer."""

    name: str
    kind: str
    tensors: tuple[str, ...]
    """Names below the scope, in lower case; an alternative form has its own."""
    shapes: Callable[[Leaf], tuple[Shape, ...]]
    """Of ``tensors``, for a layer of these sizes."""
    convert: Callable[[list[np.ndarray], float], list[np.ndarray]]
    """Keras' arrays, in Keras' order, of the tensors' values and the forget bias."""
    biased: bool = False
    """Whether TF1 adds a forget bias at run time."""


def _pairs(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The same names as TF 1.2, TF 1.0 and TF 0.x had them."""
    old = {"kernel": "weights", "bias": "biases"}
    oldest = {"kernel": "linear/matrix", "bias": "linear/bias"}
    split = [name.rpartition("/") for name in names]
    return tuple(
        tuple(f"{scope}{slash}{table.get(last, last)}" for scope, slash, last in split)
        for table in ({}, old, oldest)
    )


def _cell_shapes(gates: int) -> Callable[[Leaf], tuple[Shape, ...]]:
    return lambda leaf: ((leaf.features + leaf.units, gates * leaf.units), (gates * leaf.units,))


def _gru_shapes(leaf: Leaf) -> tuple[Shape, ...]:
    rows, n = leaf.features + leaf.units, leaf.units
    return (rows, 2 * n), (2 * n,), (rows, n), (n,)


def _after_shapes(leaf: Leaf) -> tuple[Shape, ...]:
    m, n = leaf.features, leaf.units
    return (m + n, 2 * n), (2 * n,), (m, n), (n,), (n, n), (n,)


def _keras_shapes(leaf: Leaf) -> tuple[Shape, ...]:
    gates = leaf.shape()[1]
    rows = (2, gates) if leaf.kind == GRU_AFTER else (gates,)
    return leaf.shape(), leaf.shape("recurrent_kernel"), rows


def _lstm(values: list[np.ndarray], forget_bias: float) -> list[np.ndarray]:
    kernel, bias = values
    return list(lstm.to_keras(BasicLSTMCell(kernel, bias, forget_bias=forget_bias)))


def _gru(values: list[np.ndarray], _: float) -> list[np.ndarray]:
    kernel, bias, candidate, candidate_bias = values
    return list(gru.to_keras(GRUCell(kernel, bias, candidate, candidate_bias)))


def _after(values: list[np.ndarray], _: float) -> list[np.ndarray]:
    gates, bias, w, w_bias, r, r_bias = values
    return list(gru.to_keras(CudnnCompatibleGRUCell(gates, bias, w, r, w_bias, r_bias)))


def _rnn(values: list[np.ndarray], _: float) -> list[np.ndarray]:
    kernel, bias = values
    return list(rnn.to_keras(BasicRNNCell(kernel, bias)))


def _as_is(values: list[np.ndarray], _: float) -> list[np.ndarray]:
    return values


_GRU = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")
_AFTER = (
    *_GRU[:2],
    *(
        f"candidate/{part}_projection/{name}"
        for part in ("input", "hidden")
        for name in ("kernel", "bias")
    ),
)
_KERAS = ("kernel", "recurrent_kernel", "bias")
CELLS: tuple[Form, ...] = (
    *(
        Form("tf1", LSTM, names, _cell_shapes(4), _lstm, True)
        for names in _pairs(("kernel", "bias"))
    ),
    Form("tf1", LSTM, ("w_0", "b"), _cell_shapes(4), _lstm, True),
    *(Form("tf1", GRU, names, _gru_shapes, _gru) for names in _pairs(_GRU)),
    Form("tf1 block", GRU, ("w_ru", "b_ru", "w_c", "b_c"), _gru_shapes, _gru),
    *(Form("tf1", GRU_AFTER, names, _after_shapes, _after) for names in _pairs(_AFTER)[:2]),
    *(Form("tf1", RNN, names, _cell_shapes(1), _rnn) for names in _pairs(("kernel", "bias"))),
    *(Form("keras", kind, _KERAS, _keras_shapes, _as_is) for kind in (LSTM, GRU, GRU_AFTER, RNN)),
)
ROLES: dict[str, tuple[str, ...]] = dict.fromkeys((LSTM, GRU, GRU_AFTER, RNN), _KERAS) | {
    BATCH_NORM: ("gamma", "beta", "moving_mean", "moving_variance")
}
"""Keras' variables in the order in which ``convert`` gives them."""


def arrays_of(form: Form, values: list[np.ndarray], forget_bias: float, /) -> dict[str, Any]:
    """Keras' arrays by role."""
    return dict(zip(_KERAS, form.convert(values, forget_bias), strict=True))
