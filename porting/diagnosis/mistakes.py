"""Known mistakes of ports: each function gives one recurrence with that mistake in it, in all its forms.

``VARIANTS`` holds the functions in the order in which they are tried. What is wrong inside a cell stands here, what is wrong around it
in :mod:`porting.diagnosis.driving`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from converters.program import Recurrence
from porting.diagnosis.surgery import Variant
from reference.activations import HARD_SIGMOID_KERAS3, HARD_SIGMOID_TF1, SIGMOID, Activation
from reference.cells.base import map_weights
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell

Mistake = Callable[[Recurrence], Iterator[Variant]]
USUAL = {"j": "c"}
"""TF1's letter for the candidate, as everybody else writes it."""


def in_cell(r: Recurrence, cause: str, text: str, cell: Any, part: str | None = None) -> Variant:
    return Variant(cause, text, r.name, (replace(r, cell=cell),), part=part)


def cells(cell: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The cell and all cells inside it, by path."""
    yield prefix, cell
    for field in fields(cell) if is_dataclass(cell) else ():
        value = getattr(cell, field.name)
        items = value if isinstance(value, tuple) else (value,)
        for index, item in enumerate(items):
            if is_dataclass(item) and hasattr(item, "step"):
                tail = f"{field.name}/{index}/" if isinstance(value, tuple) else f"{field.name}/"
                yield from cells(item, prefix + tail)


def put(cell: Any, path: str, new: Any) -> Any:
    """The cell with the one at ``path`` replaced."""
    if not path:
        return new
    name, _, rest = path.partition("/")
    value = getattr(cell, name)
    if not isinstance(value, tuple):
        return replace(cell, **{name: put(value, rest, new)})
    index, _, rest = rest.partition("/")
    items = list(value)
    items[int(index)] = put(items[int(index)], rest, new)
    return replace(cell, **{name: tuple(items)})


def gates(cell: Any) -> tuple[str, ...]:
    """The order of the gates in the columns of the cell's kernel; () where it has none."""
    own = getattr(cell, "gates", None)
    known: Any = own or getattr(sys.modules[type(cell).__module__], "GATES", ())
    return tuple(str(gate) for gate in known)


def named(order: tuple[str, ...]) -> str:
    return ", ".join(USUAL.get(gate, gate) for gate in order)


def inside(path: str) -> str:
    """The words for a cell inside another."""
    return f" (in {path.rstrip('/')})" if path else ""


# ---- gates ---------------------------------------------------------------------------------------------------


def permuted(cell: Any, order: tuple[str, ...]) -> Any:
    """The cell whose columns are taken to be in ``order``."""
    right = gates(cell)
    blocks = [order.index(gate) for gate in right]

    def change(path: str, value: Any) -> Any:
        wide = np.ndim(value) and np.shape(value)[-1] == len(right) * _width(cell, len(right))
        if not wide or path.startswith(("candidate", "proj")):
            return value
        parts = np.split(np.asarray(value), len(right), axis=-1)
        return np.concatenate([parts[block] for block in blocks], axis=-1)

    return map_weights(change, cell)


def _width(cell: Any, count: int) -> int:
    for name in ("bias", "gate_bias", "kernel", "gate_kernel"):
        value = getattr(cell, name, None)
        if value is not None:
            return int(np.shape(value)[-1]) // count
    return -1


def folded(cell: Any) -> Any:
    """The forget bias stored in the bias, as most formats have it; None where there is none."""
    bias: Any = getattr(cell, "bias", None)
    amount = getattr(cell, "forget_bias", 0.0)
    if not amount or np.ndim(bias) != 1 or "f" not in gates(cell):
        return None
    place, units = gates(cell).index("f"), len(bias) // len(gates(cell))
    changed = np.array(bias)
    changed[place * units : (place + 1) * units] += changed.dtype.type(amount)
    return replace(cell, bias=changed, forget_bias=0.0)


def gates_permuted(r: Recurrence) -> Iterator[Variant]:
    """Columns taken in another order, the forget bias added before or after."""
    for path, cell in cells(r.cell):
        right = gates(cell)
        if not 2 <= len(right) <= 4 or _width(cell, len(right)) < 1:
            continue
        orders = [o for o in itertools.permutations(right) if o != right]
        orders.sort(key=lambda o: sum(a != b for a, b in zip(o, right, strict=True)))
        starts = [cell] + [c for c in (folded(cell),) if c is not None]
        for order, start in itertools.product(orders, starts):
            moved = [g for g, h in zip(right, order, strict=True) if g != h]
            text = f"take the columns of its gates as {named(order)}, where they are {named(right)}{inside(path)}"
            new = put(r.cell, path, permuted(start, order))
            yield in_cell(r, "gates permuted", text, new, named(tuple(moved)))


def forget_bias(r: Recurrence) -> Iterator[Variant]:
    """Missing, twice, or 1 where there is none."""
    for path, cell in cells(r.cell):
        amount = getattr(cell, "forget_bias", None)
        if not isinstance(amount, float | int):
            continue
        choices = [(0.0, "miss"), (2.0 * amount, "add twice")] if amount else [(1.0, "add")]
        for value, word in choices:
            what = (
                f"the forget bias of {amount:.4g}"
                if amount
                else "a forget bias of 1 that the original does not have"
            )
            new = put(r.cell, path, replace(cell, forget_bias=value))
            cause = {
                "miss": "forget_bias missing",
                "add twice": "forget_bias twice",
                "add": "forget_bias added",
            }[word]
            yield in_cell(r, cause, f"{word} {what}{inside(path)}", new, "f")


# ---- GRU -----------------------------------------------------------------------------------------------------


def reset_side(r: Recurrence) -> Iterator[Variant]:
    """Reset before the product where the original resets after it, and the other way round."""
    for path, cell in cells(r.cell):
        if isinstance(cell, GRUCell):
            text = "apply the reset gate after the product, where the original applies it before"
            for new in _after(cell):
                yield in_cell(r, "reset after", text + inside(path), put(r.cell, path, new), "r")
        elif isinstance(cell, CudnnCompatibleGRUCell):
            text = "apply the reset gate before the product, where the original applies it after"
            for bias in (
                cell.candidate_input_bias + cell.candidate_hidden_bias,
                cell.candidate_input_bias,
            ):
                kernel = np.concatenate([cell.candidate_input_kernel, cell.candidate_hidden_kernel])
                before = GRUCell(
                    cell.gate_kernel, cell.gate_bias, kernel, bias, cell.activation, cell.recurrent_activation
                )  # fmt: skip
                yield in_cell(
                    r, "reset before", text + inside(path), put(r.cell, path, before), "r"
                )


def _after(cell: GRUCell) -> Iterator[CudnnCompatibleGRUCell]:
    kernel, bias = np.asarray(cell.candidate_kernel), np.asarray(cell.candidate_bias)
    top, none = len(kernel) - cell.units, np.zeros_like(bias)
    for biases in ((bias, none), (none, bias)):
        yield CudnnCompatibleGRUCell(
            cell.gate_kernel, cell.gate_bias, kernel[:top], kernel[top:], *biases,
            cell.activation, cell.recurrent_activation,
        )  # fmt: skip


def update_inverted(r: Recurrence) -> Iterator[Variant]:
    """``(1 - u) h + u c``, as in Cho's paper."""
    for path, cell in cells(r.cell):
        if not isinstance(cell, GRUCell | CudnnCompatibleGRUCell):
            continue
        sign = np.repeat([1, -1], cell.units).astype(np.asarray(cell.gate_bias).dtype)
        new = replace(cell, gate_kernel=cell.gate_kernel * sign, gate_bias=cell.gate_bias * sign)
        text = f"let the update gate keep the new value, where the original keeps the old{inside(path)}"
        yield in_cell(r, "update gate inverted", text, put(r.cell, path, new), "u")


# ---- activations and options ---------------------------------------------------------------------------------


def slopes(r: Recurrence) -> Iterator[Variant]:
    """hard_sigmoid with the other slope, or a sigmoid for it, or it for a sigmoid."""
    for path, cell in cells(r.cell):
        for field in fields(cell) if is_dataclass(cell) else ():
            value = getattr(cell, field.name)
            if not isinstance(value, Activation):
                continue
            for other, cause, text in _others(value):
                new = put(r.cell, path, replace(cell, **{field.name: other}))
                where = "i, f, o" if "f" in gates(cell) else "r, u"
                yield in_cell(r, cause, text + inside(path), new, where)


def _others(value: Activation) -> Iterator[tuple[Activation, str, str]]:
    if value.name == "hard_sigmoid":
        for other in (HARD_SIGMOID_KERAS3, HARD_SIGMOID_TF1):
            if abs(other.constants[0] - value.constants[0]) > 1e-3:
                text = f"give hard_sigmoid the slope {other.constants[0]:.4g}, where the original has {value.constants[0]:.4g}"
                yield other, "hard_sigmoid slope", text
        yield (
            SIGMOID,
            "sigmoid for hard_sigmoid",
            "use sigmoid, where the original has hard_sigmoid",
        )
    elif value == SIGMOID:
        for other in (HARD_SIGMOID_TF1, HARD_SIGMOID_KERAS3):
            text = f"use hard_sigmoid of slope {other.constants[0]:.4g}, where the original has sigmoid"
            yield other, "hard_sigmoid for sigmoid", text


def options(r: Recurrence) -> Iterator[Variant]:
    """A clip, the peepholes or the biases left out."""
    for path, cell in cells(r.cell):
        for name, what in (
            ("cell_clip", "clip of the cell state"),
            ("proj_clip", "clip of the projection"),
        ):
            if getattr(cell, name, None):
                new = put(r.cell, path, replace(cell, **{name: None}))
                yield in_cell(r, f"{name} missing", f"miss the {what}{inside(path)}", new)
        diagonals = ("w_i_diag", "w_f_diag", "w_o_diag")
        if all(getattr(cell, name, None) is not None for name in diagonals):
            new = put(r.cell, path, replace(cell, **dict.fromkeys(diagonals)))
            yield in_cell(
                r, "peepholes missing", f"miss the peepholes{inside(path)}", new, "i, f, o"
            )
        for name in ("bias", "gate_bias", "candidate_bias"):
            value = getattr(cell, name, None)
            if isinstance(value, np.ndarray) and value.any():
                new = put(r.cell, path, replace(cell, **{name: np.zeros_like(value)}))
                yield in_cell(r, "bias missing", f"miss its {name}{inside(path)}", new)


IN_CELL: tuple[Mistake, ...] = (forget_bias, reset_side, update_inverted, slopes, options)
