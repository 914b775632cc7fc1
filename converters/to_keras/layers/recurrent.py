"""A recurrence that ``keras.layers.RNN`` cannot hold: several sequences, invariants, scalar states, many outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.layers.cell import ReferenceCell
from converters.to_keras.ops import KerasOps, Value

OPS = KerasOps()
kops = keras.ops


@keras.saving.register_keras_serializable(package="rnnport")
class Recurrent(keras.layers.Layer):  # type: ignore[misc]
    """Steps a :class:`ReferenceCell` over time-major sequences with TF1's rules of lengths.

    Called with one list: the sequences ``[T, B, …]``, the state's parts, the invariants, then the lengths ``[B]`` and the number
    of steps, where ``parts`` says they are there. Gives one list: the outputs ``[T, B, …]``, then the final state's parts.

    Args:
        cell: the cell.
        parts: how many of each: ``sequences``, ``states``, ``invariants``, ``lengths``, ``steps``.
        backward: whether each row runs over its valid steps from the last to the first.
    """

    def __init__(
        self, cell: Any, parts: dict[str, int], backward: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        loaded = keras.saving.deserialize_keras_object
        self.cell: ReferenceCell = loaded(cell) if isinstance(cell, dict) else cell
        self.parts, self.backward = dict(parts), backward

    def build(self, *_shapes: Any) -> None:
        """Make the cell's weights."""
        if not self.cell.built:
            self.cell.build()
        self.built = True

    def call(self, tensors: Sequence[Any]) -> list[Any]:
        found = self._sorted(tensors)
        sequences, states = found["sequences"], found["states"]
        lengths = found["lengths"][0] if found["lengths"] else None
        total = found["steps"][0] if found["steps"] else kops.shape(sequences[0])[0]
        if self.backward:
            sequences = [_reversed(x, lengths) for x in sequences]
        bound = total if lengths is None else _bound(total, lengths)
        extra = found["invariants"]
        first = self._step(sequences, states, extra, 0, lengths)
        rows = [kops.zeros((total, *kops.shape(y)), y.dtype) for y in first[0]]
        results = kops.while_loop(
            lambda t, *_: kops.less(t, bound),
            lambda t, *values: self._body(t, values, sequences, extra, lengths),
            (kops.zeros((), "int32"), *states, *rows),
        )
        outputs = list(results[1 + len(states) :])
        if self.backward:
            outputs = [_reversed(y, lengths) for y in outputs]
        return [*outputs, *results[1 : 1 + len(states)]]

    def _sorted(self, tensors: Sequence[Any]) -> dict[str, list[Any]]:
        feed = iter(tensors)
        order = ("sequences", "states", "invariants", "lengths", "steps")
        return {key: [next(feed) for _ in range(self.parts[key])] for key in order}

    def _step(
        self, sequences: Any, states: Any, extra: Any, t: Any, lengths: Any
    ) -> tuple[list[Any], list[Any]]:
        items = [*(kops.take(x, t, axis=0) for x in sequences), *extra]
        y, new = self.cell.step(items[0] if len(items) == 1 else tuple(items), list(states))
        outputs = y if isinstance(y, list) else [y]
        if lengths is None:
            return outputs, new
        valid = kops.less(kops.cast(t, lengths.dtype), lengths)
        outputs = [kops.where(_column(valid, y), y, kops.zeros_like(y)) for y in outputs]
        # A scalar state (a step counter) has no rows to hold back.
        kept = [
            kops.where(_column(valid, b), b, a) if len(b.shape) else b
            for a, b in zip(states, new, strict=True)
        ]
        return outputs, kept

    def _body(self, t: Any, values: Any, sequences: Any, extra: Any, lengths: Any) -> Any:
        count = self.parts["states"]
        outputs, new = self._step(sequences, values[:count], extra, t, lengths)
        place = kops.reshape(t, (1, 1))
        rows = [
            kops.scatter_update(row, place, kops.expand_dims(y, 0))
            for row, y in zip(values[count:], outputs, strict=True)
        ]
        return (kops.add(t, 1), *new, *rows)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**config, "cell": cell, "parts": self.parts, "backward": self.backward}


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
