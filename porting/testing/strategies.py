"""Hypothesis strategies: reference cells with random weights, ragged lengths, states.

Numbers come from a seed that Hypothesis draws, so that examples shrink by their sizes; weights are of a size that keeps cells out of saturation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from porting.testing.cases import Ragged
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.errors import MissingExtraError, UsageError
from reference.states import flatten, unflatten_like

try:
    from hypothesis import strategies as st
except ImportError as error:
    msg = "hypothesis"
    raise MissingExtraError(msg, "test", "strategies for cells, lengths and states") from error

Draw = Callable[[Any], Any]


def _lstm(array: Draw, m: int, n: int) -> Any:
    return BasicLSTMCell(array((m + n, 4 * n)), array((4 * n,)), forget_bias=0.7)


def _peepholes(array: Draw, m: int, n: int) -> Any:
    diagonals = {f"w_{gate}_diag": array((n,)) for gate in "ifo"}
    return LSTMCell(array((m + n, 4 * n)), array((4 * n,)), **diagonals)


def _gru(array: Draw, m: int, n: int) -> Any:
    return GRUCell(array((m + n, 2 * n)), array((2 * n,)), array((m + n, n)), array((n,)))


def _gru_after(array: Draw, m: int, n: int) -> Any:
    shapes = ((m + n, 2 * n), (2 * n,), (m, n), (n, n), (n,), (n,))
    return CudnnCompatibleGRUCell(*map(array, shapes))


def _rnn(array: Draw, m: int, n: int) -> Any:
    return BasicRNNCell(array((m + n, n)), array((n,)))


CELLS: dict[str, Callable[[Draw, int, int], Any]] = {
    "BasicLSTMCell": _lstm, "LSTMCell": _peepholes, "GRUCell": _gru, "CudnnCompatibleGRUCell": _gru_after, "BasicRNNCell": _rnn,
}  # fmt: skip
"""By TF1's class; ``LSTMCell`` with peepholes."""


@st.composite
def cells(
    draw: Draw,
    kinds: Sequence[str] = tuple(CELLS),
    max_units: int = 6,
    max_features: int = 5,
    dtype: str = "float32",
) -> Any:
    """A cell of :mod:`reference.cells`: all weights random, no bias zero.

    Raises:
        UsageError: an unknown kind.
    """
    unknown = sorted(set(kinds) - set(CELLS))
    if unknown or not kinds:
        msg = f"kinds must be of {', '.join(CELLS)}, not {', '.join(unknown) or 'nothing'}"
        raise UsageError(msg)
    kind = draw(st.sampled_from(list(kinds)))
    features, units = draw(st.integers(1, max_features)), draw(st.integers(1, max_units))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def array(shape: tuple[int, ...]) -> np.ndarray:
        scale = 1.0 if len(shape) == 1 else 1.6 / np.sqrt(shape[0])
        drawn = rng.uniform(0.1, 0.8, shape) * rng.choice([-1.0, 1.0], shape) * scale
        return np.asarray(drawn, dtype)

    return CELLS[kind](array, features, units)


@st.composite
def lengths(
    draw: Draw, steps: int, max_rows: int = 5, min_rows: int = 1, dtype: str = "int32"
) -> np.ndarray:
    """Lengths of 0 to ``steps``; 0, 1 and ``steps`` come often."""
    edges = st.sampled_from(sorted({0, min(1, steps), steps}))
    row = st.one_of(edges, st.integers(0, steps))
    return np.array(draw(st.lists(row, min_size=min_rows, max_size=max_rows)), dtype)


@st.composite
def ragged(draw: Draw, max_steps: int = 8, max_rows: int = 5) -> Ragged:
    """A :class:`porting.testing.Ragged` batch."""
    steps = draw(st.integers(1, max_steps))
    return Ragged("drawn", steps, draw(lengths(steps, max_rows)))


@st.composite
def states(
    draw: Draw, cell: Any, rows: int, dtype: str = "float32", zero: bool | None = None
) -> Any:
    """An initial state of ``cell`` for ``rows`` rows, in the form of its ``state_size``.

    Args:
        zero: True for zeros, False for anything else, None for either.
    """
    empty = draw(st.booleans()) if zero is None else zero
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    leaves = [
        np.zeros((rows, n), dtype) if empty else rng.uniform(-0.9, 0.9, (rows, n)).astype(dtype)
        for n in flatten(cell.state_size)
    ]
    return unflatten_like(cell.state_size, leaves)
