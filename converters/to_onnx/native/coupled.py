"""The LSTM of coupled gates as ONNX's LSTM: its input gate is 1 - f, which is f's sigmoid of the negated sum.

ONNX's own ``input_forget`` couples the other way round, f = 1 - i. With the forget gate's weights once more, negated, for the input gate
nothing has to be coupled at run time, and the product is as wide as any LSTM's.
"""

from __future__ import annotations

import numpy as np

from converters.to_onnx.native.form import NativeForm, Refusal, by_gate, packs
from converters.to_onnx.native.lstm import lstm_form
from reference.cells import coupled_lstm

ORDER = ("i", "j", "f", "o")


@packs(
    coupled_lstm.CoupledInputForgetGateLSTMCell,
    *(
        "kernel",
        "bias",
        "w_f_diag",
        "w_o_diag",
        "proj_kernel",
        "norm_j",
        "norm_f",
        "norm_o",
        "norm_c",
    ),
    *("proj_clip", "forget_bias", "activation", "state_is_tuple"),
)
def _coupled(cell: coupled_lstm.CoupledInputForgetGateLSTMCell, /) -> NativeForm | Refusal:
    if cell.proj_kernel is not None:
        return Refusal("ONNX LSTM has no projection")
    if cell.norm_j is not None:
        return Refusal("ONNX LSTM normalises no gate")
    kernel = by_gate(cell.kernel, coupled_lstm.GATES)
    bias = by_gate(cell.bias, coupled_lstm.GATES)
    bias["f"] = (bias["f"] + bias["f"].dtype.type(cell.forget_bias)).astype(cell.bias.dtype)
    for parts in (kernel, bias):
        parts["i"] = -parts["f"]
    peepholes = None
    if cell.w_f_diag is not None:
        peepholes = {"i": -cell.w_f_diag, "f": cell.w_f_diag, "o": cell.w_o_diag}
    return lstm_form(
        np.concatenate([kernel[g] for g in ORDER], axis=1),
        np.concatenate([bias[g] for g in ORDER]),
        ORDER,
        peepholes=peepholes,
        activation=cell.activation,
        state_is_tuple=cell.state_is_tuple,
    )
