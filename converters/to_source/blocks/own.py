"""A layer that stands for a class of the source: it holds the weights and tells the sizes, and is never run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.to_keras.backend import keras


@dataclass(frozen=True, eq=False)
class Body:
    """What a class computes, as a symbolic graph.

    Args:
        title: the node it is named after.
        names: the values it is called with.
        inputs: their tensors.
        outputs: what it gives: tensors, or arrays where they are known.
        weights: by name: the tensor and the array.
    """

    title: str
    names: tuple[str, ...]
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    weights: Mapping[str, tuple[Any, np.ndarray]]


class OwnLayer(keras.layers.Layer):
    """Made by :func:`own_layer`.

    Args:
        body: what it does.
        attributes: names of its weights.
    """

    def __init__(self, body: Body, attributes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.body, self.attributes = body, tuple(attributes)
        self.masked = False
        """Whether it is called with a tensor that has a mask, which ends here."""
        for attribute, (_, value) in zip(attributes, body.weights.values(), strict=True):
            dtype = str(value.dtype)
            made = self.add_weight(
                name=attribute, shape=value.shape, dtype=dtype, trainable=dtype.startswith("float")
            )
            made.assign(value)
        self.built = True

    def compute_mask(self, _: Any, masks: Any = None) -> None:
        """None: TF1 hands no masks on."""
        self.masked = any(m is not None for m in keras.tree.flatten(masks))

    def compute_output_spec(self, *_: Any) -> Any:
        """The sizes that are known."""
        made = [keras.KerasTensor(tuple(t.shape), str(t.dtype)) for t in self.body.outputs]
        return made[0] if len(made) == 1 else made


def own_layer(body: Body, kind: str, attributes: Sequence[str], name: str) -> OwnLayer:
    """The layer; its weights are filed under ``kind``, the name of the class in the source."""
    made: OwnLayer = type(kind, (OwnLayer,), {})(body, attributes, name=name)
    return made
