"""``while`` over tensors whose sizes may change from step to step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from converters.to_keras.backend import keras


def while_loop(
    condition: Callable[..., Any],
    body: Callable[..., Any],
    start: Sequence[Any],
    shapes: Sequence[tuple[int | None, ...] | None] | None = None,
) -> tuple[Any, ...]:
    """``keras.ops.while_loop``; on TensorFlow with the sizes left open that ``shapes`` does not give.

    Args:
        shapes: by value, the sizes that never change (None for those that may); without it, those of ``start``.
    """
    if keras.backend.backend() != "tensorflow":
        return tuple(keras.ops.while_loop(condition, body, tuple(start)))
    import tensorflow as tf

    values = [tf.convert_to_tensor(value) for value in start]
    given = [None] * len(values) if shapes is None else shapes
    invariants = [
        v.shape if s is None else tf.TensorShape(s) for v, s in zip(values, given, strict=True)
    ]

    # The body's shapes may be less definite than the start's: Keras' own inference loses sizes.
    def whole(*state: Any) -> Any:
        return [
            _shaped(new, invariant) for new, invariant in zip(body(*state), invariants, strict=True)
        ]

    return tuple(tf.while_loop(condition, whole, values, shape_invariants=invariants))


def _shaped(value: Any, shape: Any) -> Any:
    import tensorflow as tf

    return tf.ensure_shape(value, shape)
