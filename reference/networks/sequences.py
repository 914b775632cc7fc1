"""Sequence to sequence of one length, sequence to class, encoder and decoder.

Sources: Elman, "Finding structure in time", 1990; Sutskever, Vinyals and Le, "Sequence to sequence
learning with neural networks", 2014. Every network takes batch-major sequences ``[B, T, features]``
and lengths ``[B]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference import states
from reference.drivers.bidirectional import bidirectional_dynamic_rnn
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.stepping import default_ops
from reference.errors import SemanticsError
from reference.networks.dense import Dense


@dataclass(frozen=True)
class SequenceToSequence:
    """Synchronous: a recurrence and an output layer at every step (the simple recurrent network, with BasicRNNCell).

    A stack is a MultiRNNCell; with ``backward`` the output layer reads both directions.
    """

    cell: Any
    output: Dense
    backward: Any = None

    def __call__(
        self, x: Any, lengths: Any = None, initial_state: Any = None, *, ops: Any = None
    ) -> Any:
        """[B, T, units of the output layer], and the final state; steps past a length show the output layer of zeros.

        Raises:
            SemanticsError: an initial state with two directions that is no pair.
        """
        ops = ops or default_ops()
        dtype = None if initial_state is not None else ops.dtype_of(x)
        if self.backward is None:
            y, state = dynamic_rnn(self.cell, x, lengths, initial_state, dtype, ops=ops)
            return self.output(ops, y), state
        first = (None, None) if initial_state is None else initial_state
        if not isinstance(first, tuple) or len(first) != 2:
            msg = f"initial_state of a bidirectional network must be a pair, got {type(first).__name__}"
            raise SemanticsError(msg)
        both, final = bidirectional_dynamic_rnn(
            self.cell, self.backward, x, lengths, first[0], first[1], dtype, ops=ops
        )
        return self.output(ops, ops.concat(list(both), 2)), final


@dataclass(frozen=True)
class SequenceToClass:
    """The output layer on what is left after a row's last valid step: the final state's top h, not ``outputs[:, -1]``."""

    cell: Any
    output: Dense

    def __call__(self, x: Any, lengths: Any = None, *, ops: Any = None) -> Any:
        """[B, classes]."""
        ops = ops or default_ops()
        _, state = dynamic_rnn(self.cell, x, lengths, dtype=ops.dtype_of(x), ops=ops)
        return self.output(ops, states.flatten(state)[-1])


@dataclass(frozen=True)
class EncoderDecoder:
    """Asynchronous: the decoder starts from the encoder's final state and feeds its own output back.

    The two cells have states of one structure and size.
    """

    encoder: Any
    decoder: Any
    output: Dense

    def teacher_forced(self, x: Any, targets: Any, lengths: Any = None, *, ops: Any = None) -> Any:
        """[B, T', units] with the given decoder inputs ``[B, T', features]``, as in training."""
        ops = ops or default_ops()
        _, state = dynamic_rnn(self.encoder, x, lengths, dtype=ops.dtype_of(x), ops=ops)
        y, _ = dynamic_rnn(self.decoder, targets, initial_state=state, ops=ops)
        return self.output(ops, y)

    def generate(
        self, x: Any, first: Any, steps: int, lengths: Any = None, *, ops: Any = None
    ) -> Any:
        """[B, steps, units]: the first input ``[B, features]``, then every output as the next input.

        Raises:
            SemanticsError: the output layer's units are not the decoder's features.
        """
        ops = ops or default_ops()
        want, got = getattr(self.decoder, "input_size", None), int(self.output.bias.shape[0])
        if want is not None and want != got:
            msg = f"output has {got} units, but the decoder reads {want} features: it cannot be fed back"
            raise SemanticsError(msg)
        _, state = dynamic_rnn(self.encoder, x, lengths, dtype=ops.dtype_of(x), ops=ops)
        made = []
        for _ in range(steps):
            y, state = self.decoder.step(ops, first, state)
            first = self.output(ops, y)
            made.append(first)
        return ops.stack(made, 1)
