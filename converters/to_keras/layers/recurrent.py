"""A recurrence that ``keras.layers.RNN`` cannot hold: several sequences, invariants, scalar states, many outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.layers.base import TracedLayer
from converters.to_keras.layers.cell import ReferenceCell
from converters.to_keras.layers.stepping import Drive, drive

ORDER = ("sequences", "states", "invariants", "lengths", "steps")


@keras.saving.register_keras_serializable(package="rnnport")
class Recurrent(TracedLayer):
    """Steps a :class:`ReferenceCell` over time-major sequences with TF1's rules of lengths.

    Called with one list: the sequences ``[T, B, …]``, the state's parts, the invariants, then the lengths ``[B]`` and the number
    of steps, where ``parts`` says they are there. Gives one list: the outputs ``[T, B, …]``, then the final state's parts.

    Args:
        cell: the cell.
        parts: how many of each: ``sequences``, ``states``, ``invariants``, ``lengths``, ``steps``.
        backward: whether each row runs over its valid steps from the last to the first.
        steps: their number, where no sequence tells it and it is known.
    """

    def __init__(
        self,
        cell: Any,
        parts: dict[str, int],
        backward: bool = False,
        specs: Sequence[Any] | None = None,
        steps: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(specs, **kwargs)
        loaded = keras.saving.deserialize_keras_object
        self.cell: ReferenceCell = loaded(cell) if isinstance(cell, dict) else cell
        self.parts, self.backward, self.steps = dict(parts), backward, steps

    def build(self, *_shapes: Any) -> None:
        """Make the cell's weights."""
        if not self.cell.built:
            self.cell.build()
        self.built = True

    def call(self, tensors: Sequence[Any]) -> Any:
        feed = iter(tensors)
        found = {key: [next(feed) for _ in range(self.parts[key])] for key in ORDER}
        given = Drive(
            found["sequences"],
            found["invariants"],
            found["lengths"][0] if found["lengths"] else None,
            found["steps"][0] if found["steps"] else self.steps,
            self.backward,
        )
        outputs, final = drive(self.cell.step, given, found["states"])
        return self.shaped([*outputs, *final])

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        cell = keras.saving.serialize_keras_object(self.cell)
        known = {"parts": self.parts, "backward": self.backward, "steps": self.steps}
        return {**config, "cell": cell, **known}
