"""What flows between the layers while a model is read: value names with their facts and Keras' masks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from reference.vocabulary.abstract.fact import Fact


@dataclass(frozen=True, eq=False)
class Value:
    """One tensor of the model."""

    name: str
    """Of the Program's value."""
    fact: Fact
    mask: Value | None = None
    """bool ``[B, T]``: what Keras attaches to the tensor."""

    @property
    def dtype(self) -> str:
        return self.fact.dtype

    @property
    def shape(self) -> tuple[Any, ...]:
        assert self.fact.shape is not None
        return self.fact.shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    def masked(self, mask: Value | None, /) -> Value:
        """The same tensor with that mask."""
        return replace(self, mask=mask)


Nest = Any
"""A Value, or lists, tuples and dicts of them; constants of a call are plain Python or NumPy."""


def flatten(nest: Nest, /) -> list[Any]:
    """The leaves in Keras' order: dictionaries by sorted key."""
    if isinstance(nest, list | tuple):
        return [leaf for item in nest for leaf in flatten(item)]
    if isinstance(nest, dict):
        return [leaf for key in sorted(nest) for leaf in flatten(nest[key])]
    return [nest]


def mask_of(nest: Nest, /) -> Nest:
    """The masks of the values, in the same structure; a plain value where there is one."""
    if isinstance(nest, list | tuple):
        return [mask_of(item) for item in nest]
    if isinstance(nest, dict):
        return {key: mask_of(item) for key, item in nest.items()}
    return nest.mask if isinstance(nest, Value) else None
