"""A cell over time-major sequences, with TF1's rules of lengths, on Keras tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.layers.looping import while_loop
from converters.to_keras.ops import KerasOps, Value

OPS = KerasOps()
kops = keras.ops

Step = Callable[[Any, list[Any]], tuple[Any, list[Any]]]
"""(x or the tuple of items, state parts) to (output or list of outputs, new parts)."""


@dataclass(frozen=True)
class Drive:
    """Everything but the cell and the state."""

    sequences: Sequence[Any]
    """``[T, B, …]``."""
    invariants: Sequence[Any] = ()
    lengths: Any = None
    """``[B]``."""
    steps: Any = None
    """Their number, where no sequence tells."""
    backward: bool = False


def drive(step: Step, given: Drive, states: Sequence[Any], /) -> tuple[list[Any], list[Any]]:
    """(outputs ``[T, B, …]``, final state parts)."""
    sequences, lengths = list(given.sequences), given.lengths
    total = kops.shape(sequences[0])[0] if sequences else given.steps
    if given.backward:
        sequences = [_reversed(x, lengths) for x in sequences]
    bound = total if lengths is None else _bound(total, lengths)

    def once(t: Any, parts: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        items = [*(kops.take(x, t, axis=0) for x in sequences), *given.invariants]
        y, new = step(items[0] if len(items) == 1 else tuple(items), list(parts))
        outputs = y if isinstance(y, list) else [y]
        return (outputs, new) if lengths is None else _held(t, lengths, outputs, parts, new)

    def body(t: Any, *values: Any) -> Any:
        outputs, new = once(t, values[: len(states)])
        rows = values[len(states) :]
        return (
            kops.add(t, 1),
            *new,
            *(put(row, t, y) for row, y in zip(rows, outputs, strict=True)),
        )

    # The first step is computed once more, for the shapes of the outputs.
    rows = [kops.zeros((total, *kops.shape(y)), y.dtype) for y in once(0, states)[0]]
    start = (kops.zeros((), "int32"), *states, *rows)
    results = while_loop(lambda t, *_: kops.less(t, bound), body, start)
    outputs = list(results[1 + len(states) :])
    if given.backward:
        outputs = [_reversed(y, lengths) for y in outputs]
    return outputs, list(results[1 : 1 + len(states)])


def _held(t: Any, lengths: Any, outputs: Any, old: Any, new: Any) -> tuple[list[Any], list[Any]]:
    valid = kops.less(kops.cast(t, lengths.dtype), lengths)
    shown = [kops.where(_column(valid, y), y, kops.zeros_like(y)) for y in outputs]
    # A scalar state (a step counter) has no rows to hold back.
    kept = [
        kops.where(_column(valid, b), b, a) if len(b.shape) else b
        for a, b in zip(old, new, strict=True)
    ]
    return shown, kept


def put(rows: Any, t: Any, y: Any, /) -> Any:
    """``rows`` with ``y`` at ``t``."""
    if keras.backend.backend() == "tensorflow":
        # TensorFlow's scatter refuses rows without items (an empty batch).
        return kops.concatenate([rows[:t], kops.expand_dims(y, 0), rows[t + 1 :]], axis=0)
    return kops.scatter_update(rows, kops.reshape(t, (1, 1)), kops.expand_dims(y, 0))


def _bound(total: Any, lengths: Any) -> Any:
    """TF1 stops at min(T, max(1, longest row))."""
    longest = kops.cast(kops.max(lengths, initial=0), "int32")
    return kops.minimum(total, kops.maximum(1, longest))


def _column(valid: Any, like: Any) -> Any:
    """[B] as [B, 1, …] of the rank of ``like``."""
    return kops.reshape(valid, (-1, *([1] * (len(like.shape) - 1))))


def _reversed(x: Any, lengths: Any) -> Any:
    if lengths is None:
        return kops.flip(x, axis=0)
    return OPS.reverse_sequence(Value(x), Value(lengths), seq_axis=0, batch_axis=1).data
