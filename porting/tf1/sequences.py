"""Drivers that TensorFlow has no more: stacked bidirectional, fused adaptors.

``dynamic_rnn``, ``static_rnn``, ``bidirectional_dynamic_rnn``, ``static_bidirectional_rnn``, ``raw_rnn`` and ``static_state_saving_rnn`` are
current TensorFlow's own: recordings of TF 1.15.5 show that they still compute the same. Source of the rest: TF 1.15.5
``contrib/rnn/python/ops/rnn.py`` and ``fused_rnn_cell.py``.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.runtime import tf


def _check_stacks(cells_fw: Any, cells_bw: Any, states_fw: Any, states_bw: Any) -> None:
    for word, cells in (("fw", cells_fw), ("bw", cells_bw)):
        if not cells:
            msg = f"Must specify at least one {word} cell for BidirectionalRNN."
            raise ValueError(msg)
        if not isinstance(cells, list):
            msg = f"cells_{word} must be a list of RNNCells (one per layer)."
            raise ValueError(msg)
    if len(cells_fw) != len(cells_bw):
        msg = "Forward and Backward cells must have the same depth."
        raise ValueError(msg)
    for word, states in (("fw", states_fw), ("bw", states_bw)):
        if states is not None and (not isinstance(states, list) or len(states) != len(cells_fw)):
            msg = f"initial_states_{word} must be a list of state tensors (one per layer)."
            raise ValueError(msg)


def stack_bidirectional_rnn(
    cells_fw: Any, cells_bw: Any, inputs: Any, initial_states_fw: Any = None, initial_states_bw: Any = None,
    dtype: Any = None, sequence_length: Any = None, scope: Any = None,
) -> Any:  # fmt: skip
    """Static layers; each reads both directions of the one below: (outputs, states fw, states bw)."""
    _check_stacks(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    final_fw, final_bw = [], []
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for i, (fw, bw) in enumerate(zip(cells_fw, cells_bw, strict=True)):
            with tf.variable_scope(f"cell_{i}") as inner:
                inputs, state_fw, state_bw = tf.nn.static_bidirectional_rnn(
                    fw, bw, inputs,
                    initial_state_fw=initial_states_fw[i] if initial_states_fw else None,
                    initial_state_bw=initial_states_bw[i] if initial_states_bw else None,
                    sequence_length=sequence_length, dtype=dtype, scope=inner,
                )  # fmt: skip
            final_fw.append(state_fw)
            final_bw.append(state_bw)
    return inputs, tuple(final_fw), tuple(final_bw)


def stack_bidirectional_dynamic_rnn(
    cells_fw: Any, cells_bw: Any, inputs: Any, initial_states_fw: Any = None, initial_states_bw: Any = None,
    dtype: Any = None, sequence_length: Any = None, parallel_iterations: Any = None, time_major: bool = False,
    scope: Any = None, swap_memory: bool = False,
) -> Any:  # fmt: skip
    """Dynamic layers; each reads both directions of the one below: (outputs, states fw, states bw)."""
    _check_stacks(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    final_fw, final_bw = [], []
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for i, (fw, bw) in enumerate(zip(cells_fw, cells_bw, strict=True)):
            with tf.variable_scope(f"cell_{i}"):
                outputs, (state_fw, state_bw) = tf.nn.bidirectional_dynamic_rnn(
                    fw, bw, inputs,
                    initial_state_fw=initial_states_fw[i] if initial_states_fw else None,
                    initial_state_bw=initial_states_bw[i] if initial_states_bw else None,
                    sequence_length=sequence_length, parallel_iterations=parallel_iterations, dtype=dtype,
                    swap_memory=swap_memory, time_major=time_major,
                )  # fmt: skip
            inputs = tf.concat(outputs, 2)
            final_fw.append(state_fw)
            final_bw.append(state_bw)
    return inputs, tuple(final_fw), tuple(final_bw)


class FusedRNNCell:
    """Called on a whole time-major sequence, or a list of steps."""

    def __call__(
        self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
        scope: Any = None,
    ) -> Any:  # fmt: skip
        raise NotImplementedError


class FusedRNNCellAdaptor(FusedRNNCell):
    """An ordinary cell as a fused one."""

    def __init__(self, cell: Any, use_dynamic_rnn: bool = False) -> None:
        self._cell, self._use_dynamic_rnn = cell, use_dynamic_rnn

    def __call__(
        self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
        scope: Any = None,
    ) -> Any:  # fmt: skip
        listed = isinstance(inputs, list)
        more = {
            "sequence_length": sequence_length,
            "initial_state": initial_state,
            "dtype": dtype,
            "scope": scope,
        }
        if self._use_dynamic_rnn:
            whole = tf.stack(inputs) if listed else inputs
            outputs, state = tf.nn.dynamic_rnn(self._cell, whole, time_major=True, **more)
            return (tf.unstack(outputs) if listed else outputs), state
        steps = inputs if listed else tf.unstack(inputs)
        outputs, state = tf.nn.static_rnn(self._cell, steps, **more)
        return (outputs if listed else tf.stack(outputs)), state


class TimeReversedFusedRNN(FusedRNNCell):
    """A fused cell run backwards. A list is reversed whole, whatever the lengths."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell

    def _reverse(self, x: Any, lengths: Any) -> Any:
        if isinstance(x, list):
            return list(reversed(x))
        if lengths is None:
            return tf.reverse(x, [0])
        return tf.reverse_sequence(x, lengths, 0, 1)

    def __call__(
        self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
        scope: Any = None,
    ) -> Any:  # fmt: skip
        turned = self._reverse(inputs, sequence_length)
        more = {"sequence_length": sequence_length, "initial_state": initial_state, "dtype": dtype}
        outputs, state = self._cell(turned, scope=scope, **more)
        return self._reverse(outputs, sequence_length), state
