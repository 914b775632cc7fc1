"""GRU cells as ONNX's GRU."""

from __future__ import annotations

import numpy as np

from converters.to_onnx.native.form import (
    NativeForm,
    Refusal,
    activations,
    as_floats,
    bias,
    by_gate,
    packs,
    rows,
)
from reference.cells import cudnn_compatible, gru


@packs(
    gru.GRUCell,
    *("gate_kernel", "gate_bias", "candidate_kernel", "candidate_bias"),
    *("activation", "recurrent_activation"),
)
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


@packs(
    cudnn_compatible.CudnnCompatibleGRUCell,
    *("gate_kernel", "gate_bias", "candidate_input_kernel", "candidate_hidden_kernel"),
    *("candidate_input_bias", "candidate_hidden_bias", "activation", "recurrent_activation"),
)
def _reset_after(cell: cudnn_compatible.CudnnCompatibleGRUCell, /) -> NativeForm | Refusal:
    """Reset after the product, which has a bias of its own: ``linear_before_reset`` is 1."""
    refusal = as_floats(
        *(cell.gate_kernel, cell.gate_bias, cell.candidate_input_kernel),
        *(cell.candidate_hidden_kernel, cell.candidate_input_bias, cell.candidate_hidden_bias),
    )
    if refusal is not None:
        return Refusal(refusal)
    found = activations(cell.recurrent_activation, cell.activation)
    if isinstance(found, Refusal):
        return found
    features = cell.candidate_input_kernel.shape[0]
    gates = by_gate(cell.gate_kernel, gru.GATES)
    of_input = {gate: block[:features] for gate, block in gates.items()}
    of_state = {gate: block[features:] for gate, block in gates.items()}
    biases = by_gate(cell.gate_bias, gru.GATES)
    second = {gate: np.zeros_like(part) for gate, part in biases.items()}
    return NativeForm(
        op="GRU",
        w=rows(of_input | {"c": cell.candidate_input_kernel}, "GRU"),
        r=rows(of_state | {"c": cell.candidate_hidden_kernel}, "GRU"),
        b=bias(
            biases | {"c": cell.candidate_input_bias},
            "GRU",
            second | {"c": cell.candidate_hidden_bias},
        ),
        activations=found,
        linear_before_reset=True,
        state="h",
    )
