"""static_rnn and static_state_saving_rnn: a Python list of steps in, a list out.

Source: TF 1.15.5 ``python/ops/rnn.py:1266-1540``.
"""

from __future__ import annotations

from typing import Any, Protocol

from reference import states
from reference.drivers.checks import check_cell, check_features, check_lengths, same_structure
from reference.drivers.stepping import default_ops, start, step
from reference.errors import SemanticsError
from reference.noise import at_step


def static_rnn(
    cell: Any,
    inputs: Any,
    initial_state: Any = None,
    dtype: Any = None,
    sequence_length: Any = None,
    *,
    ops: Any = None,
) -> tuple[list[Any], Any]:
    """(list of T outputs, final state).

    Args:
        cell: any cell.
        inputs: a list of T arrays ``[B, …]`` (or nests of them); rank 1 for embedded ids.
        initial_state: nest as ``cell.state_size``; zeros of ``dtype`` if None.
        dtype: required without an initial state.
        sequence_length: ``[B]``; beyond T counts as T, negative as 0.
        ops: the interpreter; NumPy if None.

    Raises:
        SemanticsError: no cell; inputs not a list, empty or of differing batch; neither state nor dtype; a wrong
            structure, shape or dtype.
    """
    check_cell("cell", cell)
    batch = check_steps(inputs)
    ops = ops or default_ops()
    if initial_state is not None and sequence_length is None:
        dtype = None  # Nothing in TF1 reads it then (rnn.py:1412-1420 does, for the zero output).
    state = start(ops, cell, initial_state, dtype, batch, inputs)
    lengths = check_lengths(sequence_length, batch)
    outputs = []
    for t, x in enumerate(inputs):
        check_features(cell, x)
        output, state = step(ops, at_step(cell, t), t, lengths, x, state)
        outputs.append(output)
    return outputs, state


class StateSaver(Protocol):
    """Keeps states between calls, by name (TF1's queues did this across batches)."""

    def state(self, name: str, /) -> Any: ...

    def save_state(self, name: str, value: Any, /) -> Any: ...


def static_state_saving_rnn(
    cell: Any,
    inputs: Any,
    state_saver: StateSaver,
    state_name: Any,
    sequence_length: Any = None,
    *,
    ops: Any = None,
) -> tuple[list[Any], Any]:
    """static_rnn from the saver's state, which is saved back after the last step.

    Raises:
        SemanticsError: ``state_name`` is not structured as ``cell.state_size`` (one string, or a tuple of them).
    """
    check_cell("cell", cell)
    size = cell.state_size
    lone = not isinstance(size, tuple)
    if lone == isinstance(state_name, tuple | list):
        msg = f"state_name must be {'one string' if lone else 'a tuple of strings'} as state_size is {size}, got {state_name!r}"
        raise SemanticsError(msg)
    names = states.flatten(state_name)
    if len(names) != len(states.flatten(size)):
        msg = f"state_name has {len(names)} names for the {len(states.flatten(size))} parts of state_size {size}"
        raise SemanticsError(msg)
    first = states.unflatten_like(size, [state_saver.state(name) for name in names])
    outputs, state = static_rnn(cell, inputs, first, None, sequence_length, ops=ops)
    for name, part in zip(names, states.flatten(state), strict=True):
        state_saver.save_state(name, part)
    return outputs, state


def check_steps(inputs: Any, /) -> int:
    """The batch of a list of step inputs.

    Raises:
        SemanticsError: not a list or tuple; empty; steps of another batch or another structure.
    """
    if not isinstance(inputs, tuple | list):
        msg = f"inputs must be a list of arrays, one per step, got {type(inputs).__name__}"
        raise SemanticsError(msg)
    if not inputs:
        msg = "inputs must not be empty: static_rnn needs at least one step"
        raise SemanticsError(msg)
    for t, x in enumerate(inputs):
        if not same_structure(inputs[0], x, types=False):
            msg = f"inputs[{t}] is structured otherwise than inputs[0]"
            raise SemanticsError(msg)
    sizes = [int(leaf.shape[0]) for x in inputs for leaf in states.flatten(x)]
    if len(set(sizes)) > 1:
        msg = f"inputs must have one batch size, got {sorted(set(sizes))}"
        raise SemanticsError(msg)
    return sizes[0]
