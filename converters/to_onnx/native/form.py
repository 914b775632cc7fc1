"""The weights of a cell, packed as ONNX's LSTM, GRU or RNN wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import singledispatch
from typing import Any

import numpy as np

from reference.activations import Activation

ONNX_GATES: Mapping[str, tuple[str, ...]] = {
    "LSTM": ("i", "o", "f", "j"),
    "GRU": ("u", "r", "c"),
    "RNN": ("h",),
}
"""The order of the row blocks, in TF1's letters (ONNX writes c for j, z for u, h for c)."""

PEEPHOLES = ("i", "o", "f")
"""The order in P."""


@dataclass(frozen=True)
class NativeForm:
    """One direction of a native operator; arrays without ONNX's leading axis of directions."""

    op: str
    """``"LSTM"``, ``"GRU"`` or ``"RNN"``."""
    w: np.ndarray
    """[gates * units, features]."""
    r: np.ndarray
    """[gates * units, units]."""
    b: np.ndarray
    """[2 * gates * units]: of the input, then of the recurrence."""
    activations: tuple[tuple[str, float | None, float | None], ...]
    """(ONNX's name, alpha, beta), in ONNX's order."""
    peepholes: np.ndarray | None = None
    """[3 * units]."""
    linear_before_reset: bool = False
    input_forget: bool = False
    state: str = "ch"
    """How the cell's state parts carry c and h: ``"ch"``, ``"hc"`` or ``"h"``; ``"c|h"`` is one array holding both."""

    @property
    def units(self) -> int:
        return int(self.r.shape[1])

    @property
    def features(self) -> int:
        return int(self.w.shape[1])


@dataclass(frozen=True)
class Refusal:
    """Why a cell is no native operator."""

    reason: str


@singledispatch
def _form(cell: Any, /) -> NativeForm | Refusal:
    return Refusal(f"ONNX has no operator for {type(cell).__name__}")


Form = Callable[[Any], "NativeForm | Refusal"]


def native(cell: Any, /) -> NativeForm | Refusal:
    """The native form of a cell, or why it has none."""
    found: NativeForm | Refusal = _form(cell)
    return found


def packs(cls: type, *options: str) -> Callable[[Form], Form]:
    """Register the function that packs a cell class, and the fields it honours.

    A subclass with an equation of its own, or a cell with a field that the function does not know, is refused: a form that
    ignores an option would compute something else.
    """

    def register(function: Form) -> Form:
        def checked(cell: Any) -> NativeForm | Refusal:
            unknown = {f.name for f in fields(cell)} - set(options)
            if unknown or type(cell).step is not cls.step:  # type: ignore[attr-defined]
                what = f" with {', '.join(sorted(unknown))}" if unknown else ""
                return Refusal(f"no native form is known of {type(cell).__name__}{what}")
            return function(cell)

        _form.register(cls)(checked)
        return function

    return register


def refuses(reason: str, *classes: type) -> None:
    """Register why cells of these classes have no native form."""
    for cls in classes:
        _form.register(cls)(lambda cell: Refusal(reason))


def rows(columns: Mapping[str, np.ndarray], op: str, /) -> np.ndarray:
    """Column blocks ``[n, units]`` by gate, as ONNX's row blocks ``[gates * units, n]``."""
    return np.ascontiguousarray(np.concatenate([columns[g].T for g in ONNX_GATES[op]]))


def by_gate(matrix: np.ndarray, gates: Sequence[str], /) -> dict[str, np.ndarray]:
    """The column blocks of a fused matrix (or the parts of a fused bias), by gate."""
    return dict(zip(gates, np.split(matrix, len(gates), axis=-1), strict=True))


def bias(
    parts: Mapping[str, np.ndarray], op: str, second: Mapping[str, np.ndarray] | None = None
) -> np.ndarray:
    """ONNX's B: the input's biases, then the recurrence's (zeros where there are none)."""
    order = ONNX_GATES[op]
    first = np.concatenate([parts[g] for g in order])
    last = np.zeros_like(first) if second is None else np.concatenate([second[g] for g in order])
    return np.concatenate([first, last])


_PLAIN = {
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "softsign": "Softsign",
    "softplus": "Softplus",
}


def activation(item: Activation, /) -> tuple[str, float | None, float | None] | Refusal:
    """ONNX's name and constants for an activation."""
    if item.name in _PLAIN:
        return (_PLAIN[item.name], None, None)
    if item.name == "linear":
        return ("Affine", 1.0, 0.0)
    if item.name == "elu":
        return ("Elu", 1.0, None)
    if item.name == "hard_sigmoid":
        return ("HardSigmoid", float(item.constants[0]), float(item.constants[1]))
    if item.name == "leaky_relu" and item.constants[0] <= 1:
        return ("LeakyRelu", float(item.constants[0]), None)
    return Refusal(f"ONNX's recurrent operators have no activation {item.name}")


def activations(*items: Activation) -> tuple[tuple[str, float | None, float | None], ...] | Refusal:
    """ONNX's names and constants for several, or the first refusal."""
    found = [activation(item) for item in items]
    for item in found:
        if isinstance(item, Refusal):
            return item
    return tuple(item for item in found if not isinstance(item, Refusal))


def as_floats(*arrays: Any) -> str | None:
    """Why these weights fit no native kernel; None where they do."""
    dtypes = {str(np.asarray(array).dtype) for array in arrays if array is not None}
    if dtypes <= {"float32"} or dtypes <= {"float16"}:
        return None
    return (
        f"ONNX Runtime's recurrent kernels compute in float32, not {' and '.join(sorted(dtypes))}"
    )
