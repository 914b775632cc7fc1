"""DropoutWrapper: at inference the identity; in training, noise that is data here.

Source: TF 1.15.5 ``python/ops/rnn_cell_wrapper_impl.py:38-316``. Two rules: state dropout never touches the c of an LSTM, at any depth of the
state (line 490), and in the variational form one mask, shared by the rows too, serves every step (line 140).

TF1 draws uniform noise in the graph; its generator cannot be reproduced, so the noise is an argument: the arrays that
``random_uniform`` gave, in [0, 1). :func:`at_step` picks one step's noise out of a sequence of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from reference import states
from reference.errors import SemanticsError
from reference.states import LSTMStateTuple


@dataclass(frozen=True)
class DropoutWrapper:
    """The keep probabilities are numbers; the noises nests of arrays, or None.

    Raises:
        SemanticsError: a keep probability outside [0, 1].
    """

    cell: Any
    input_keep_prob: float = 1.0
    output_keep_prob: float = 1.0
    state_keep_prob: float = 1.0
    variational_recurrent: bool = False
    input_noise: Any = None
    """Shaped as the input ([1, features] if variational)."""
    output_noise: Any = None
    state_noise: Any = None
    """A nest like the state; the leaves of an LSTM's c are there and not used."""

    def __post_init__(self) -> None:
        for name in ("input_keep_prob", "output_keep_prob", "state_keep_prob"):
            keep = getattr(self, name)
            if not 0 <= keep <= 1:
                msg = f"{name} must be between 0 and 1, got {keep}"
                raise SemanticsError(msg)

    @property
    def state_size(self) -> Any:
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        return self.cell.output_size

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """Drops of x, then the cell, then drops of the new state and of the output.

        Raises:
            SemanticsError: a keep probability below 1 whose noise is missing.
        """
        x = self._drop(ops, "input", x)
        y, state = self.cell.step(ops, x, state)
        return self._drop(ops, "output", y), self._drop(ops, "state", state)

    def _drop(self, ops: Any, which: str, values: Any) -> Any:
        keep, noise = getattr(self, f"{which}_keep_prob"), getattr(self, f"{which}_noise")
        if keep == 1:
            return values
        if noise is None:
            msg = f"{which}_keep_prob is {keep}: give {which}_noise, or 1.0 for inference"
            raise SemanticsError(msg)
        drop = _variational if self.variational_recurrent else _fresh
        return _where_dropped(
            lambda v, n: drop(ops, v, n, keep), values, noise, spare_c=which == "state"
        )


def at_step(cell: Any, t: int, /) -> Any:
    """The cell with the t-th item of every fresh noise: sequences [T, B, …] give [B, …]."""
    changed: dict[str, Any] = {}
    for f in fields(cell):
        value = getattr(cell, f.name)
        if f.name.endswith("_noise") and isinstance(cell, DropoutWrapper):
            if value is not None and not cell.variational_recurrent:
                changed[f.name] = states.map_structure(lambda n: n[t], value)
        elif isinstance(value, tuple) and any(_is_cell(item) for item in value):
            changed[f.name] = tuple(at_step(i, t) if _is_cell(i) else i for i in value)
        elif _is_cell(value):
            changed[f.name] = at_step(value, t)
    return replace(cell, **changed) if changed else cell


def has_noise(cell: Any, /) -> bool:
    """Whether any DropoutWrapper inside holds fresh noise, so that steps differ."""
    if isinstance(cell, DropoutWrapper) and not cell.variational_recurrent:
        if any(n is not None for n in (cell.input_noise, cell.output_noise, cell.state_noise)):
            return True
    parts = [getattr(cell, f.name) for f in fields(cell)]
    flat = [item for p in parts for item in (p if isinstance(p, tuple) else (p,))]
    return any(has_noise(item) for item in flat if _is_cell(item))


def _fresh(ops: Any, value: Any, noise: Any, keep: float) -> Any:
    """``nn_ops.dropout_v2``: kept where noise >= rate, scaled by 1 / (1 - rate) (nn_ops.py:4449, v1.15.5)."""
    rate = 1.0 - keep
    kept = ops.cast(ops.greater_equal(noise, noise * 0.0 + rate), ops.dtype_of(value))
    return value * (1.0 / (1.0 - rate)) * kept


def _variational(ops: Any, value: Any, noise: Any, keep: float) -> Any:
    return value / keep * ops.floor(noise + keep)


def _where_dropped(drop: Any, values: Any, noise: Any, *, spare_c: bool) -> Any:
    if spare_c and isinstance(values, LSTMStateTuple):
        return LSTMStateTuple(values.c, _where_dropped(drop, values.h, noise.h, spare_c=True))
    if isinstance(values, tuple | list):
        items = [
            _where_dropped(drop, v, n, spare_c=spare_c) for v, n in zip(values, noise, strict=True)
        ]
        return type(values)(*items) if hasattr(values, "_fields") else type(values)(items)
    return drop(values, noise)


def _is_cell(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type) and hasattr(value, "step")
