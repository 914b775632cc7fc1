"""GRU cells as ONNX's GRU."""

from __future__ import annotations

from converters.to_onnx.native.form import (
    NativeForm,
    Refusal,
    activations,
    as_floats,
    bias,
    by_gate,
    native,
    rows,
)
from reference.cells import gru


@native.register
def _gru(cell: gru.GRUCell, /) -> NativeForm | Refusal:
    """Reset before the product: ``linear_before_reset`` is 0. ONNX's z keeps the old state, as u does."""
    refusal = as_floats(
        *(cell.gate_kernel, cell.gate_bias, cell.candidate_kernel, cell.candidate_bias)
    )
    if refusal is not None:
        return Refusal(refusal)
    found = activations(cell.recurrent_activation, cell.activation)
    if isinstance(found, Refusal):
        return found
    features = cell.gate_kernel.shape[0] - cell.units
    columns = by_gate(cell.gate_kernel, gru.GATES) | {"c": cell.candidate_kernel}
    return NativeForm(
        op="GRU",
        w=rows({gate: block[:features] for gate, block in columns.items()}, "GRU"),
        r=rows({gate: block[features:] for gate, block in columns.items()}, "GRU"),
        b=bias(by_gate(cell.gate_bias, gru.GATES) | {"c": cell.candidate_bias}, "GRU"),
        activations=found,
        state="h",
    )
