"""One step of every driver: the cell, then zeros and copy-through past a row's length.

Source: TF 1.15.5 ``python/ops/rnn.py:169-315``. TF1's three branches (all rows finished, none,
some) have one meaning, which is the select below; they differ in speed only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import states
from reference.cells.base import zero_state
from reference.drivers.checks import (
    check_cell,
    check_dtypes,
    check_features,
    check_state,
    describe,
    same_structure,
)
from reference.errors import SemanticsError


def default_ops() -> Any:
    """The interpreter that computes: NumPy, in the arrays' own dtype."""
    from reference.vocabulary.numpy_ops import NumpyOps

    return NumpyOps()


def call(cell: Any, x: Any, state: Any, /, *, ops: Any = None) -> tuple[Any, Any]:
    """``cell(inputs, state)`` with TF1's checks: one step on arrays.

    Raises:
        SemanticsError: not a cell; features, dtypes, state structure or shapes that TF1 refuses.
    """
    check_cell("cell", cell)
    check_features(cell, x)
    check_state("state", cell, state, int(states.flatten(x)[0].shape[0]), types=False)
    check_dtypes(cell, inputs=x, state=state)
    result: tuple[Any, Any] = cell.step(ops or default_ops(), x, state)
    return result


def start(ops: Any, cell: Any, initial_state: Any, dtype: Any, batch: int, inputs: Any, /) -> Any:
    """The first state, checked against the cell.

    Raises:
        SemanticsError: neither ``initial_state`` nor ``dtype``; another structure, shape or dtype.
    """
    if initial_state is None and not dtype:
        msg = "initial_state and dtype are both missing: without an initial state TF1 needs a dtype"
        raise SemanticsError(msg)
    given = {} if initial_state is None else {"initial_state": initial_state}
    found = check_dtypes(cell, inputs=inputs, **given)
    if dtype and np.dtype(dtype).name != found:
        msg = f"dtype is {np.dtype(dtype).name}, but the cell, its inputs and states are {found}"
        raise SemanticsError(msg)
    if initial_state is None:
        return zero_state(ops, cell, batch, found)
    check_state("initial_state", cell, initial_state, batch, types=False)
    return initial_state


def masked(ops: Any, finished: Any, old: Any, new: Any, /) -> Any:
    """``new`` where the row goes on, ``old`` where it is finished [B]; a scalar state passes through.

    A select, never a product: NaN in padded input does not leak.
    """
    if not finished.any():
        return new

    def leaf(a: Any, b: Any) -> Any:
        rank = len(b.shape)
        if rank == 0:
            return b
        rows = ops.constant(finished.reshape((-1,) + (1,) * (rank - 1)))
        return ops.where(rows, a, b)

    return states.map_structure(leaf, old, new)


def step(ops: Any, cell: Any, t: int, lengths: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
    """(output, state) of step t with the lengths' rule; ``lengths`` is int32 [B] or None.

    Raises:
        SemanticsError: with lengths, the cell returned a state of another structure than it was given.
    """
    output, new = cell.step(ops, x, state)
    if lengths is None:
        return output, new
    if t == 0:
        check_new_state(state, new)
    finished = t >= lengths
    blank = states.map_structure(lambda y: zeros_like(ops, y), output)
    return masked(ops, finished, blank, output), masked(ops, finished, state, new)


def check_new_state(state: Any, new: Any, /) -> None:
    """SemanticsError unless the two nests have one structure, tuple types included (``rnn.py:259``)."""
    if not same_structure(state, new):
        msg = f"initial_state: the cell turned {describe(state)} into {describe(new)}; TF1 asks for one structure"
        raise SemanticsError(msg)


def zeros_like(ops: Any, y: Any, /) -> Any:
    """Zeros of the same shape and dtype, whatever y holds."""
    return ops.constant(np.zeros(tuple(y.shape), ops.dtype_of(y)))
