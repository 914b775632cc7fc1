"""LSTMCell's weights elsewhere: Keras LSTM, ONNX LSTM, cuDNN.

The forget bias is a number beside TF1's weights; everywhere else it is added to the bias once,
which may cost one rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.lstm import LSTMCell
from reference.errors import SemanticsError
from reference.layouts.gates import LSTM, PEEPHOLES, blocks, join, reorder
from reference.states import LSTMStateTuple

AnyLSTM = BasicLSTMCell | LSTMCell


def to_keras(cell: AnyLSTM, /) -> list[Any]:
    """kernel [m, 4n], recurrent_kernel [n, 4n], bias [4n], gates i, f, c, o.

    Raises:
        SemanticsError: the cell has what no Keras LSTM has: peepholes, a clip or a projection.
    """
    _refuse(cell, "Keras' LSTM", ("w_i_diag", "cell_clip", "proj_kernel"))
    kernel, bias = (reorder(w, LSTM["tf1"], LSTM["keras"]) for w in (cell.kernel, _biased(cell)))
    return [kernel[: cell.input_size], kernel[cell.input_size :], bias]


def from_keras(weights: list[Any], /, forget_bias: float = 0.0) -> LSTMCell:
    """Keras' get_weights(); the f block of its bias is what it is beyond ``forget_bias``."""
    kernel, recurrent, bias = weights
    joined = reorder(np.concatenate([kernel, recurrent]), LSTM["keras"], LSTM["tf1"])
    return _cell(joined, reorder(bias, LSTM["keras"], LSTM["tf1"]), forget_bias)


def to_onnx(cell: AnyLSTM, /) -> dict[str, Any]:
    """W [1, 4n, m], R [1, 4n, n], B [1, 8n] with the recurrent half zero, and P [1, 3n] where there are peepholes.

    Raises:
        SemanticsError: the cell clips its state or projects, which no ONNX LSTM does.
    """
    _refuse(cell, "ONNX LSTM", ("cell_clip", "proj_kernel"))
    kernel, bias = (reorder(w, LSTM["tf1"], LSTM["onnx"]) for w in (cell.kernel, _biased(cell)))
    m = cell.input_size
    made = {"W": kernel[:m].T[None], "R": kernel[m:].T[None]}
    made["B"] = np.concatenate([bias, np.zeros_like(bias)])[None]
    if getattr(cell, "w_i_diag", None) is not None:
        diagonals = {g: getattr(cell, f"w_{g}_diag") for g in "ifo"}
        made["P"] = join(diagonals, PEEPHOLES["onnx"])[None]
    return made


def from_onnx(tensors: dict[str, Any], /, forget_bias: float = 0.0) -> LSTMCell:
    """One direction; the two biases are added."""
    w, r, b = (tensors[k][0] for k in "WRB")
    kernel = reorder(np.concatenate([w.T, r.T]), LSTM["onnx"], LSTM["tf1"])
    bias = reorder(b[: len(b) // 2] + b[len(b) // 2 :], LSTM["onnx"], LSTM["tf1"])
    diagonals = {}
    if "P" in tensors:
        parts = blocks(tensors["P"][0], PEEPHOLES["onnx"])
        diagonals = {f"w_{g}_diag": parts[g] for g in "ifo"}
    return _cell(kernel, bias, forget_bias, **diagonals)


def to_cudnn(cell: AnyLSTM, /) -> tuple[list[Any], list[Any]]:
    """(weights w_i w_f w_c w_o r_i r_f r_c r_o (, projection), biases as many), biases halved as TF1 does it (``cudnn_rnn_ops.py:573``).

    Raises:
        SemanticsError: peepholes or clips.
    """
    _refuse(cell, "cuDNN", ("w_i_diag", "cell_clip", "proj_clip"))
    order, m = LSTM["cudnn"], cell.input_size
    kernel = blocks(cell.kernel, LSTM["tf1"])
    bias = blocks(_biased(cell), LSTM["tf1"])
    matrices = [kernel[g][:m].T for g in order] + [kernel[g][m:].T for g in order]
    if isinstance(cell, LSTMCell) and cell.proj_kernel is not None:
        matrices.append(cell.proj_kernel.T)
    return matrices, [bias[g] * 0.5 for g in order] * 2


def from_cudnn(weights: list[Any], biases: list[Any], /) -> LSTMCell:
    """One layer and direction; forget bias 0, a ninth matrix is the projection."""
    order = LSTM["cudnn"]
    rows = {g: np.concatenate([weights[k], weights[k + 4]], 1).T for k, g in enumerate(order)}
    bias = {g: biases[k] + biases[k + 4] for k, g in enumerate(order)}
    proj = weights[8].T if len(weights) > 8 else None
    return LSTMCell(
        join(rows, LSTM["tf1"]), join(bias, LSTM["tf1"]), proj_kernel=proj, forget_bias=0.0
    )


def state_to_keras(state: LSTMStateTuple, /) -> list[Any]:
    """[h, c]."""
    return [state.h, state.c]


def state_from_keras(state: Any, /) -> LSTMStateTuple:
    """(c, h) of [h, c]."""
    h, c = state
    return LSTMStateTuple(c, h)


def state_to_onnx(state: LSTMStateTuple, /) -> dict[str, Any]:
    """Y_h and Y_c, [1, B, n]; cuDNN's h and c are the same, one row per layer and direction."""
    return {"Y_h": np.asarray(state.h)[None], "Y_c": np.asarray(state.c)[None]}


def state_from_onnx(tensors: dict[str, Any], /) -> LSTMStateTuple:
    """Of one direction."""
    return LSTMStateTuple(tensors["Y_c"][0], tensors["Y_h"][0])


def _biased(cell: AnyLSTM) -> Any:
    parts = blocks(cell.bias, LSTM["tf1"])
    parts["f"] = parts["f"] + np.asarray(cell.forget_bias, cell.bias.dtype)
    return join(parts, LSTM["tf1"])


def _cell(kernel: Any, bias: Any, forget_bias: float, **more: Any) -> LSTMCell:
    parts = blocks(bias, LSTM["tf1"])
    parts["f"] = parts["f"] - np.asarray(forget_bias, bias.dtype)
    return LSTMCell(kernel, join(parts, LSTM["tf1"]), forget_bias=forget_bias, **more)


def _refuse(cell: AnyLSTM, target: str, names: tuple[str, ...]) -> None:
    present = [name for name in names if getattr(cell, name, None) is not None]
    if present:
        msg = f"{target} has no place for {', '.join(present)} of {type(cell).__name__}"
        raise SemanticsError(msg)
