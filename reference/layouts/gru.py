"""GRU weights elsewhere: Keras GRU, ONNX GRU, cuDNN.

GRUCell resets before its product: Keras ``reset_after=False``, ONNX ``linear_before_reset=0``,
nothing in cuDNN. CudnnCompatibleGRUCell resets after it: ``reset_after=True``,
``linear_before_reset=1``, and a second bias on the candidate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell
from reference.layouts.gates import GRU, blocks, join


def to_keras(cell: GRUCell | CudnnCompatibleGRUCell, /) -> list[Any]:
    """kernel [m, 3n], recurrent_kernel [n, 3n], bias [3n] or, with reset_after, [2, 3n]; gates z, r, h."""
    order = GRU["keras"]
    kernel, recurrent, bias = _parts(cell)
    joined = [join(kernel, order), join(recurrent, order), join(bias, order)]
    if isinstance(cell, CudnnCompatibleGRUCell):
        joined[2] = np.stack([joined[2], join(_hidden_bias(cell), order)])
    return joined


def from_keras(weights: list[Any], /) -> GRUCell | CudnnCompatibleGRUCell:
    """Keras' get_weights(); a bias of two rows is reset_after."""
    kernel, recurrent, bias = weights
    k, r = (blocks(w, GRU["keras"]) for w in (kernel, recurrent))
    if bias.ndim == 1:
        return _before(k, r, blocks(bias, GRU["keras"]))
    return _after(k, r, *(blocks(b, GRU["keras"]) for b in bias))


def to_onnx(cell: GRUCell | CudnnCompatibleGRUCell, /) -> dict[str, Any]:
    """W [1, 3n, m], R [1, 3n, n], B [1, 6n], and the attribute linear_before_reset."""
    after = isinstance(cell, CudnnCompatibleGRUCell)
    kernel, recurrent, bias = to_keras(cell)
    both = bias.reshape(-1) if after else np.concatenate([bias, np.zeros_like(bias)])
    made = {"W": kernel.T[None], "R": recurrent.T[None], "B": both[None]}
    return made | {"linear_before_reset": int(after)}


def from_onnx(tensors: dict[str, Any], /) -> GRUCell | CudnnCompatibleGRUCell:
    """One direction."""
    w, r, b = (tensors[k][0] for k in "WRB")
    rows = b.reshape(2, -1)
    after = bool(tensors.get("linear_before_reset", 0))
    return from_keras([w.T, r.T, rows if after else rows[0] + rows[1]])


def to_cudnn(cell: CudnnCompatibleGRUCell, /) -> tuple[list[Any], list[Any]]:
    """(weights w_r w_u w_h r_r r_u r_h, biases as many); the gates' bias halved as TF1 does it (``cudnn_rnn_ops.py:640``)."""
    kernel, recurrent, bias = _parts(cell)
    order = GRU["cudnn"]
    matrices = [kernel[g].T for g in order] + [recurrent[g].T for g in order]
    half = {g: bias[g] * 0.5 for g in "ru"}
    inputs = half | {"c": cell.candidate_input_bias}
    hidden = half | {"c": cell.candidate_hidden_bias}
    return matrices, [inputs[g] for g in order] + [hidden[g] for g in order]


def from_cudnn(weights: list[Any], biases: list[Any], /) -> CudnnCompatibleGRUCell:
    """One layer and direction."""
    order = GRU["cudnn"]
    kernel, recurrent = (
        {g: weights[k + s].T for k, g in enumerate(order)} for s in (0, 3)
    )  # fmt: skip
    inputs, hidden = ({g: biases[k + s] for k, g in enumerate(order)} for s in (0, 3))
    return _after(kernel, recurrent, inputs, hidden)


def _parts(cell: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Input blocks, recurrent blocks and biases by gate."""
    m = cell.input_size
    gates = blocks(cell.gate_kernel, GRU["tf1"][:2])
    kernel = {g: w[:m] for g, w in gates.items()}
    recurrent = {g: w[m:] for g, w in gates.items()}
    bias = blocks(cell.gate_bias, GRU["tf1"][:2])
    if isinstance(cell, CudnnCompatibleGRUCell):
        kernel["c"], recurrent["c"] = cell.candidate_input_kernel, cell.candidate_hidden_kernel
        bias["c"] = cell.candidate_input_bias
    else:
        kernel["c"], recurrent["c"] = cell.candidate_kernel[:m], cell.candidate_kernel[m:]
        bias["c"] = cell.candidate_bias
    return kernel, recurrent, bias


def _hidden_bias(cell: CudnnCompatibleGRUCell) -> dict[str, Any]:
    zero = np.zeros_like(cell.candidate_hidden_bias)
    return {"r": zero, "u": zero, "c": cell.candidate_hidden_bias}


def _gates(kernel: dict[str, Any], recurrent: dict[str, Any]) -> Any:
    order = GRU["tf1"][:2]
    return np.concatenate([join(kernel, order), join(recurrent, order)])


def _before(kernel: dict[str, Any], recurrent: dict[str, Any], bias: dict[str, Any]) -> GRUCell:
    candidate = np.concatenate([kernel["c"], recurrent["c"]])
    return GRUCell(_gates(kernel, recurrent), join(bias, GRU["tf1"][:2]), candidate, bias["c"])


def _after(kernel: Any, recurrent: Any, inputs: Any, hidden: Any) -> CudnnCompatibleGRUCell:
    bias = {g: inputs[g] + hidden[g] for g in "ru"}
    return CudnnCompatibleGRUCell(
        _gates(kernel, recurrent),
        join(bias, GRU["tf1"][:2]),
        kernel["c"],
        recurrent["c"],
        inputs["c"],
        hidden["c"],
    )
