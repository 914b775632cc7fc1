"""dynamic_rnn: one array in, one array out.

Source: TF 1.15.5 ``python/ops/rnn.py:521-936``. TF1's loop stops at ``min(T, max(1, longest row))``
and leaves the rest of its TensorArray unwritten, which stacks as zeros; here those steps are not
run either.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import states
from reference.cells.base import map_sizes
from reference.drivers import fast_lstm
from reference.drivers.checks import check_cell, check_features, check_lengths, check_sequence
from reference.drivers.hoist import HoistedOps, hoisted
from reference.drivers.stepping import check_new_state, default_ops, start, step, zeros_like
from reference.errors import SemanticsError
from reference.noise import at_step, has_noise
from reference.vocabulary.numpy_ops import NumpyOps


def dynamic_rnn(
    cell: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    *,
    ops: Any = None,
) -> tuple[Any, Any]:
    """(outputs, final state); outputs are structured as ``cell.output_size``.

    Args:
        cell: any cell.
        inputs: ``[B, T, …]``, or ``[T, B, …]`` with ``time_major``, or a nest of such arrays.
        sequence_length: ``[B]``; beyond T counts as T, negative as 0; past it the output is 0 and the state stays.
        initial_state: nest as ``cell.state_size``; zeros of ``dtype`` if None.
        dtype: required without an initial state.
        parallel_iterations: how TF1 schedules; it changes no number, here as there.
        swap_memory: where TF1 keeps its activations; it changes no number.
        time_major: the layout of inputs and outputs; states have none.
        ops: the interpreter; NumPy if None.

    Raises:
        SemanticsError: no cell; inputs of rank under 3 or of differing sizes; neither state nor dtype; a wrong
            structure, shape or dtype; lengths that are no vector ``[B]``.
    """
    del parallel_iterations, swap_memory
    check_cell("cell", cell)
    time, batch = check_sequence(inputs, batch_axis=1 if time_major else 0)
    check_features(cell, inputs)
    ops = ops or default_ops()
    state = start(ops, cell, initial_state, dtype, batch, inputs)
    lengths = check_lengths(sequence_length, batch)
    if not time_major:
        inputs = swap_batch_time(ops, inputs)
    outputs, state = run(ops, cell, inputs, time, lengths, state)
    return outputs if time_major else swap_batch_time(ops, outputs), state


def run(
    ops: Any, cell: Any, inputs: Any, time: int, lengths: Any, state: Any, /
) -> tuple[Any, Any]:
    """The loop over time-major inputs, checked already; outputs ``[T, B, …]``."""
    bound = time if lengths is None else min(time, max(1, int(lengths.max(initial=0))))
    if (
        bound
        and type(ops) is NumpyOps
        and not ops.widen
        and fast_lstm.is_plain(cell, inputs, state)
    ):
        with np.errstate(all="ignore"):
            fast: tuple[Any, Any] = fast_lstm.run(cell, inputs, lengths, state, bound)
            return fast
    noisy = has_noise(cell)
    inner = ops if noisy else hoisted(ops, cell, inputs)
    columns = [inner.unstack(x, 0, time) for x in states.flatten(inputs)]
    lone = not isinstance(inputs, tuple | list)
    produced = []
    with np.errstate(all="ignore"):
        for t in range(bound):
            x = columns[0][t] if lone else states.unflatten_like(inputs, [c[t] for c in columns])
            if isinstance(inner, HoistedOps):
                inner.at(t, x)
            before = state
            output, state = step(inner, at_step(cell, t) if noisy else cell, t, lengths, x, state)
            if t == 0:
                _check_shapes(before, state)
            produced.append(output)
    if not produced:
        return map_sizes(lambda n: empty(ops, n, state), cell.output_size), state
    tail = [states.map_structure(lambda y: zeros_like(ops, y), produced[0])] * (time - bound)
    return _stack(ops, produced + tail), state


def _check_shapes(before: Any, after: Any) -> None:
    """TF1's loop refuses a state that changes its structure or shape (ConvLSTMCell's skip connection does that)."""
    check_new_state(before, after)
    for path, a, b in zip(
        states.paths(before), states.flatten(before), states.flatten(after), strict=True
    ):
        if tuple(a.shape) != tuple(b.shape):
            msg = f"initial_state{'/' + path if path else ''} has shape {list(a.shape)}, and {list(b.shape)} after one step"
            raise SemanticsError(msg)


def swap_batch_time(ops: Any, nest: Any, /) -> Any:
    """The first two axes of every leaf exchanged; leaves of rank under 2 unchanged."""

    def leaf(x: Any) -> Any:
        rank = len(x.shape)
        return x if rank < 2 else ops.transpose(x, (1, 0, *range(2, rank)))

    return states.map_structure(leaf, nest)


def empty(ops: Any, size: Any, state: Any, /) -> Any:
    """The outputs of no step at all: ``[0, B, …]`` (TF1 does this where the batch is static, else it raises)."""
    first = states.flatten(state)[0]
    features = tuple(size) if isinstance(size, list) else (size,)
    return ops.constant(np.zeros((0, int(first.shape[0]), *features), ops.dtype_of(first)))


def _stack(ops: Any, outputs: list[Any]) -> Any:
    leaves = zip(*(states.flatten(y) for y in outputs), strict=True)
    return states.unflatten_like(outputs[0], [ops.stack(list(column), 0) for column in leaves])
