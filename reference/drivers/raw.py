"""raw_rnn: the loop is the caller's; the driver only keeps finished rows still.

Source: TF 1.15.5 ``python/ops/rnn.py:940-1261``. Three rules that surprise: ``loop_fn`` is called
once before any cell, with None for output, state and loop state; a row emits zeros from the step
*after* the one whose ``loop_fn`` call said it is finished; the emit of that first call gives only
structure, shape (without batch) and dtype.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import states
from reference.cells.base import Dims, map_sizes
from reference.drivers.checks import check_cell, check_state, describe, same_structure
from reference.drivers.stepping import default_ops, masked
from reference.errors import SemanticsError


class TensorArray:
    """The part of TF1's TensorArray that a caller of raw_rnn uses."""

    def __init__(self, ops: Any, shape: tuple[int, ...], dtype: str) -> None:
        self._ops, self._shape, self._dtype = ops, shape, dtype
        self._items: list[Any] = []

    def write(self, value: Any, /) -> None:
        """The next item."""
        self._items.append(value)

    def read(self, index: int, /) -> Any:
        """The item of one step."""
        return self._items[index]

    def size(self) -> int:
        """The number of steps run."""
        return len(self._items)

    def stack(self) -> Any:
        """``[T, B, …]``."""
        if not self._items:
            return self._ops.constant(np.zeros((0, *self._shape), self._dtype))
        return self._ops.stack(self._items, 0)


def raw_rnn(
    cell: Any,
    loop_fn: Any,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    *,
    ops: Any = None,
) -> tuple[Any, Any, Any]:
    """(nest of TensorArrays, final state, final loop state).

    Args:
        cell: any cell.
        loop_fn: ``(time, cell_output, cell_state, loop_state)`` to ``(finished [B] bool, next_input, next_state,
            emit_output, next_loop_state)``; a None loop state keeps the last one.
        parallel_iterations, swap_memory: how TF1 schedules; they change no number.
        ops: the interpreter; NumPy if None.

    Raises:
        SemanticsError: no cell, ``loop_fn`` not callable, or a structure that changes from step to step.
    """
    del parallel_iterations, swap_memory
    check_cell("cell", cell)
    if not callable(loop_fn):
        msg = f"loop_fn must be callable, got {type(loop_fn).__name__}"
        raise SemanticsError(msg)
    ops = ops or default_ops()
    finished, x, state, emit, first_loop = loop_fn(np.int32(0), None, None, None)
    finished, loop = np.asarray(finished), first_loop
    batch = int(states.flatten(x)[0].shape[0])
    check_state("loop_fn's initial state", cell, state, batch)
    blank = _blank(ops, cell, emit, state, batch)
    arrays = states.map_structure(
        lambda z: TensorArray(ops, tuple(z.shape), ops.dtype_of(z)), blank
    )
    t = 0
    while not finished.all():
        output, cell_state = cell.step(ops, x, state)
        t += 1
        done, x_next, next_state, emit, loop_next = loop_fn(np.int32(t), output, cell_state, loop)
        _check("state", state, next_state)
        _check("input", x, x_next)
        _check("emit", blank, emit)
        loop = loop if loop_next is None else loop_next
        rows = np.broadcast_to(finished, (batch,))
        emitted = states.flatten(masked(ops, rows, blank, emit))
        for array, value in zip(states.flatten(arrays), emitted, strict=True):
            array.write(value)
        state, x = masked(ops, rows, state, next_state), x_next
        finished = finished | np.asarray(done)
    return arrays, state, None if first_loop is None else loop


def _blank(ops: Any, cell: Any, emit: Any, state: Any, batch: int) -> Any:
    if emit is None:
        dtype = ops.dtype_of(states.flatten(state)[0])

        def zeros(size: Any) -> Any:
            features = tuple(size) if isinstance(size, Dims) else (size,)
            return ops.constant(np.zeros((batch, *features), dtype))

        return map_sizes(zeros, cell.output_size)
    return states.map_structure(
        lambda e: ops.constant(np.zeros((batch, *e.shape), ops.dtype_of(e))), emit
    )


def _check(what: str, before: Any, after: Any) -> None:
    if not same_structure(before, after):
        msg = (
            f"loop_fn changed the structure of {what} from {describe(before)} to {describe(after)}"
        )
        raise SemanticsError(msg)
