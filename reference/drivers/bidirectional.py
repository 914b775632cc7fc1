"""The bidirectional drivers: a forward cell, and a backward cell over rows reversed by their own lengths.

Source: TF 1.15.5 ``python/ops/rnn.py:364-518`` (dynamic), ``:1545-1661`` (static). Reversal by
length leaves the padding on the right, so the backward cell starts on a row's last valid item, and
its final state is the one after the row's first item.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import states
from reference.drivers.checks import check_cell, check_reversible, check_sequence
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.static import check_steps, static_rnn
from reference.drivers.stepping import default_ops


def bidirectional_dynamic_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    *,
    ops: Any = None,
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((output_fw, output_bw), (state_fw, state_bw)); the outputs are not concatenated.

    Arguments as those of :func:`reference.drivers.dynamic.dynamic_rnn`. Outputs of both cells stand in the input's order.

    Raises:
        SemanticsError: as dynamic_rnn does; lengths that are not int32 or int64, negative, or beyond T.
    """
    check_cell("cell_fw", cell_fw)
    check_cell("cell_bw", cell_bw)
    time, batch = check_sequence(inputs, batch_axis=1 if time_major else 0)
    lengths = check_reversible(sequence_length, batch, time)
    ops = ops or default_ops()
    rest: dict[str, Any] = {
        "dtype": dtype,
        "parallel_iterations": parallel_iterations,
        "swap_memory": swap_memory,
        "time_major": time_major,
        "ops": ops,
    }

    def turn(nest: Any) -> Any:
        axes = (0, 1) if time_major else (1, 0)
        return states.map_structure(lambda x: reverse(ops, x, lengths, *axes), nest)

    fw, state_fw = dynamic_rnn(cell_fw, inputs, lengths, initial_state_fw, **rest)
    bw, state_bw = dynamic_rnn(cell_bw, turn(inputs), lengths, initial_state_bw, **rest)
    return (fw, turn(bw)), (state_fw, state_bw)


def static_bidirectional_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Any,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    sequence_length: Any = None,
    *,
    ops: Any = None,
) -> tuple[list[Any], Any, Any]:
    """(list of T outputs, state_fw, state_bw); each output is concat(fw, bw) on columns.

    Raises:
        SemanticsError: as static_rnn does; lengths that are not int32 or int64, negative, or beyond T.
    """
    check_cell("cell_fw", cell_fw)
    check_cell("cell_bw", cell_bw)
    batch = check_steps(inputs)
    lengths = check_reversible(sequence_length, batch, len(inputs))
    ops = ops or default_ops()
    fw, state_fw = static_rnn(cell_fw, inputs, initial_state_fw, dtype, lengths, ops=ops)
    turned = reverse_list(ops, inputs, lengths)
    bw, state_bw = static_rnn(cell_bw, turned, initial_state_bw, dtype, lengths, ops=ops)
    both = [
        states.map_structure(lambda a, b: ops.concat([a, b], 1), f, b)
        for f, b in zip(fw, reverse_list(ops, bw, lengths), strict=True)
    ]
    return both, state_fw, state_bw


def reverse(ops: Any, x: Any, lengths: Any, time_axis: int, batch_axis: int, /) -> Any:
    """Each row's first ``lengths[b]`` items reversed, or the whole axis where lengths is None."""
    if lengths is None:
        return ops.reverse(x, (time_axis,))
    rows = ops.constant(np.asarray(lengths, np.int32))
    return ops.reverse_sequence(x, rows, seq_axis=time_axis, batch_axis=batch_axis)


def reverse_list(ops: Any, steps: Any, lengths: Any, /) -> list[Any]:
    """``_reverse_seq`` (``rnn.py:318``): the same for a list of steps."""
    if lengths is None:
        return list(reversed(steps))
    columns = []
    for leaves in zip(*(states.flatten(step) for step in steps), strict=True):
        joined = reverse(ops, ops.stack(list(leaves), 0), lengths, 0, 1)
        columns.append(ops.unstack(joined, 0, len(steps)))
    rows = zip(*columns, strict=True)
    return [states.unflatten_like(step, list(row)) for step, row in zip(steps, rows, strict=True)]
