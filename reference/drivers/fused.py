"""Fused cells: objects called on a whole time-major sequence.

Source: TF 1.15.5 ``contrib/rnn/python/ops/fused_rnn_cell.py`` and ``lstm_ops.py:402-667``. Two
rules that surprise: TimeReversedFusedRNN over a *list* reverses the whole list and ignores the
lengths (line 163); LSTMBlockFusedCell gathers a row's final state at its length, and its mask is a
product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.cells.lstm_block import LSTMBlockCell
from reference.drivers.bidirectional import reverse
from reference.drivers.checks import check_features, check_sequence
from reference.drivers.dynamic import dynamic_rnn, run
from reference.drivers.static import static_rnn
from reference.drivers.stepping import default_ops, start
from reference.errors import SemanticsError
from reference.states import LSTMStateTuple


@dataclass(frozen=True)
class FusedRNNCellAdaptor:
    """A cell as a fused cell: array in, array out; list in, list out."""

    cell: Any
    use_dynamic_rnn: bool = False

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        *,
        ops: Any = None,
    ) -> tuple[Any, Any]:
        """inputs ``[T, B, …]`` or a list of T steps; results as the driver gives them."""
        ops = ops or default_ops()
        listed = isinstance(inputs, list)
        if self.use_dynamic_rnn:
            whole = ops.stack(inputs, 0) if listed else inputs
            outputs, state = dynamic_rnn(
                self.cell, whole, sequence_length, initial_state, dtype, time_major=True, ops=ops
            )
            return (list(ops.unstack(outputs, 0, len(inputs))) if listed else outputs), state
        steps = inputs if listed else list(ops.unstack(inputs, 0, int(inputs.shape[0])))
        outputs, state = static_rnn(
            self.cell, steps, initial_state, dtype, sequence_length, ops=ops
        )
        return (outputs if listed else ops.stack(outputs, 0)), state


@dataclass(frozen=True)
class TimeReversedFusedRNN:
    """A fused cell run backwards; outputs in the order of the input."""

    cell: Any
    """A fused cell, not an ordinary one."""

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        *,
        ops: Any = None,
    ) -> tuple[Any, Any]:
        """A list is reversed whole, lengths or not; an array by its lengths."""
        ops = ops or default_ops()
        turned = self._reverse(ops, inputs, sequence_length)
        outputs, state = self.cell(turned, initial_state, dtype, sequence_length, ops=ops)
        return self._reverse(ops, outputs, sequence_length), state

    def _reverse(self, ops: Any, x: Any, lengths: Any) -> Any:
        return list(reversed(x)) if isinstance(x, list) else reverse(ops, x, lengths, 0, 1)


@dataclass(frozen=True)
class LSTMBlockFusedCell:
    """One BlockLSTM op over the sequence; the weights are those of its ``cell``."""

    cell: LSTMBlockCell

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        *,
        ops: Any = None,
    ) -> tuple[Any, LSTMStateTuple]:
        """inputs ``[T, B, features]``; (outputs alike, final LSTMStateTuple).

        Raises:
            SemanticsError: a list of steps, which the docstring of TF 1.15.5 allows and its input check (one
                tensor of rank 3) refuses; neither state nor dtype; a length outside 0..T (the op and its gather refuse both).
        """
        ops = ops or default_ops()
        if isinstance(inputs, list):
            msg = "inputs must be one array [T, B, features], got a list: stack it first"
            raise SemanticsError(msg)
        time, batch = check_sequence(inputs, batch_axis=1)
        check_features(self.cell, inputs)
        first = start(ops, self.cell, initial_state, dtype, batch, inputs)
        lengths = None if sequence_length is None else np.asarray(sequence_length)
        if lengths is not None and (lengths.shape != (batch,) or not _within(lengths, time)):
            msg = f"sequence_length must be [{batch}] integers in 0..{time}, got {lengths.tolist()}"
            raise SemanticsError(msg)
        return run(ops, self.cell, inputs, time, lengths, LSTMStateTuple(*first))


def _within(lengths: Any, time: int) -> bool:
    return bool(((lengths >= 0) & (lengths <= time)).all())
