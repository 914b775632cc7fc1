"""DropoutWrapper: at inference the identity; in training, noise that is data here (:mod:`reference.noise`).

Source: TF 1.15.5 ``python/ops/rnn_cell_wrapper_impl.py:38-316``. Three rules: a keep probability is
rounded to float32, in float64 graphs too (line 131); state dropout never touches the c of an LSTM,
at any depth of the state (line 490), and in the variational form one mask, shared by the rows too,
serves every step (line 153).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import noise
from reference.states import LSTMStateTuple
from reference.wrappers.sizes import SizesOfCell


@dataclass(frozen=True)
class DropoutWrapper(SizesOfCell):
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
    """Shaped as the input; ``[1, features]`` if variational."""
    output_noise: Any = None
    state_noise: Any = None
    """A nest like the state; the leaves of an LSTM's c are there and not used."""

    def __post_init__(self) -> None:
        for name in ("input_keep_prob", "output_keep_prob", "state_keep_prob"):
            noise.check_keep(name, getattr(self, name))

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """Drops of x, then the cell, then drops of the new state and of the output.

        Raises:
            SemanticsError: a keep probability below 1 whose noise is missing.
        """
        x = self._drop(ops, "input", x)
        y, state = self.cell.step(ops, x, state)
        return self._drop(ops, "output", y), self._drop(ops, "state", state)

    def _drop(self, ops: Any, which: str, values: Any) -> Any:
        keep, drawn = getattr(self, f"{which}_keep_prob"), getattr(self, f"{which}_noise")
        if keep == 1:
            return values
        if drawn is None:
            raise noise.missing(which, keep)
        keep = float(np.float32(keep))
        formula = noise.variational if self.variational_recurrent else noise.fresh
        return _map(lambda v, n: formula(ops, v, n, keep), values, drawn, spare_c=which == "state")


def _map(drop: Any, values: Any, drawn: Any, *, spare_c: bool) -> Any:
    if spare_c and isinstance(values, LSTMStateTuple):
        return LSTMStateTuple(values.c, _map(drop, values.h, drawn.h, spare_c=True))
    if isinstance(values, tuple | list):
        items = [_map(drop, v, n, spare_c=spare_c) for v, n in zip(values, drawn, strict=True)]
        return type(values)(*items) if hasattr(values, "_fields") else type(values)(items)
    return drop(values, drawn)
