"""LSTM cells as ONNX's LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.to_onnx.native.form import (
    PEEPHOLES,
    NativeForm,
    Refusal,
    activations,
    as_floats,
    bias,
    by_gate,
    packs,
    rows,
)
from reference.activations import SIGMOID, TANH, Activation
from reference.cells import basic_lstm, lstm, lstm_block


def lstm_form(
    kernel: np.ndarray,
    biases: np.ndarray,
    gates: Sequence[str],
    /,
    *,
    forget_bias: float = 0.0,
    peepholes: dict[str, Any] | None = None,
    activation: Activation = TANH,
    recurrent_activation: Activation = SIGMOID,
    state_is_tuple: bool = True,
) -> NativeForm | Refusal:
    """From a fused kernel ``[features + units, 4 units]`` whose columns are ``gates``; forget_bias is added to the bias, once."""
    refusal = as_floats(kernel, biases, *(peepholes or {}).values())
    if refusal is not None:
        return Refusal(refusal)
    found = activations(recurrent_activation, activation, activation)
    if isinstance(found, Refusal):
        return found
    units = biases.shape[0] // 4
    features = kernel.shape[0] - units
    parts = by_gate(biases, gates)
    parts["f"] = (parts["f"] + parts["f"].dtype.type(forget_bias)).astype(biases.dtype)
    diagonal = None if peepholes is None else np.concatenate([peepholes[g] for g in PEEPHOLES])
    return NativeForm(
        op="LSTM",
        w=rows(by_gate(kernel[:features], gates), "LSTM"),
        r=rows(by_gate(kernel[features:], gates), "LSTM"),
        b=bias(parts, "LSTM"),
        activations=found,
        peepholes=diagonal,
        state="ch" if state_is_tuple else "c|h",
    )


def diagonals(cell: Any) -> dict[str, Any] | None:
    """TF1's peephole weights by gate."""
    if cell.w_i_diag is None:
        return None
    return {"i": cell.w_i_diag, "f": cell.w_f_diag, "o": cell.w_o_diag}


@packs(basic_lstm.BasicLSTMCell, "kernel", "bias", "forget_bias", "activation", "state_is_tuple")
def _basic(cell: basic_lstm.BasicLSTMCell, /) -> NativeForm | Refusal:
    return lstm_form(
        cell.kernel,
        cell.bias,
        basic_lstm.GATES,
        forget_bias=cell.forget_bias,
        activation=cell.activation,
        state_is_tuple=cell.state_is_tuple,
    )


@packs(
    lstm.LSTMCell,
    *("kernel", "bias", "w_i_diag", "w_f_diag", "w_o_diag", "proj_kernel", "forget_bias"),
    *("cell_clip", "proj_clip", "activation", "recurrent_activation", "state_is_tuple"),
)
def _full(cell: lstm.LSTMCell, /) -> NativeForm | Refusal:
    if cell.proj_kernel is not None:
        return Refusal("ONNX LSTM has no projection")
    if cell.cell_clip is not None:
        return Refusal("ONNX LSTM clips the inputs of the activations, not the cell state")
    return lstm_form(
        cell.kernel,
        cell.bias,
        lstm.GATES,
        forget_bias=cell.forget_bias,
        peepholes=diagonals(cell),
        activation=cell.activation,
        recurrent_activation=cell.recurrent_activation,
        state_is_tuple=cell.state_is_tuple,
    )


@packs(
    lstm_block.LSTMBlockCell,
    *("kernel", "bias", "w_i_diag", "w_f_diag", "w_o_diag", "forget_bias", "cell_clip", "gates"),
)
def _block(cell: lstm_block.LSTMBlockCell, /) -> NativeForm | Refusal:
    if cell.cell_clip is not None and cell.cell_clip > 0:
        return Refusal("ONNX LSTM clips the inputs of the activations, not the cell state")
    return lstm_form(
        cell.kernel,
        cell.bias,
        cell.gates,
        forget_bias=cell.forget_bias,
        peepholes=diagonals(cell),
    )
