"""Elman's cell as ONNX's RNN."""

from __future__ import annotations

from converters.to_onnx.native.form import (
    NativeForm,
    Refusal,
    activations,
    as_floats,
    bias,
    packs,
    rows,
)
from reference.cells import basic_rnn


@packs(basic_rnn.BasicRNNCell, "kernel", "bias", "activation")
def _rnn(cell: basic_rnn.BasicRNNCell, /) -> NativeForm | Refusal:
    refusal = as_floats(cell.kernel, cell.bias)
    if refusal is not None:
        return Refusal(refusal)
    found = activations(cell.activation)
    if isinstance(found, Refusal):
        return found
    features = cell.kernel.shape[0] - cell.units
    return NativeForm(
        op="RNN",
        w=rows({"h": cell.kernel[:features]}, "RNN"),
        r=rows({"h": cell.kernel[features:]}, "RNN"),
        b=bias({"h": cell.bias}, "RNN"),
        activations=found,
        state="h",
    )
