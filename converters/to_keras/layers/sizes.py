"""A shape vector from the sizes of tensors: polynomials in named sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.to_keras.backend import keras


@keras.saving.register_keras_serializable(package="rnnport")
class Sizes(keras.layers.Layer):
    """Integer vector of ``dims``.

    Args:
        places: by name of a size: the tensor (of those the layer is called with) and the axis that has it.
        dims: each an int, or a list of ``[names, factor]``: the sum of factor times the product of the named sizes.
        integer: the dtype.
    """

    def __init__(
        self,
        places: Mapping[str, Sequence[int]],
        dims: Sequence[Any],
        integer: str = "int32",
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        self.places = {name: [int(i) for i in place] for name, place in places.items()}
        self.dims, self.integer = list(dims), integer

    def call(self, tensors: Any) -> Any:
        tensors = tensors if isinstance(tensors, list | tuple) else [tensors]
        shapes = [keras.ops.shape(t) for t in tensors]
        named = {name: shapes[t][axis] for name, (t, axis) in self.places.items()}
        return keras.ops.stack([keras.ops.cast(size_of(d, named), self.integer) for d in self.dims])

    def compute_mask(self, _inputs: Any, _previous: Any = None) -> None:
        """None: sizes have no mask."""

    def compute_output_spec(self, _tensors: Any) -> Any:
        return keras.KerasTensor((len(self.dims),), dtype=self.integer)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "places": self.places, "dims": self.dims, "integer": self.integer}


def size_of(dim: Any, named: Mapping[str, Any], /) -> Any:
    """The number that a dim (an int, or terms) is."""
    if isinstance(dim, int):
        return dim
    total: Any = 0
    for names, factor in dim:
        product: Any = factor
        for name in names:
            product = product * named[name]
        total = total + product
    return total
