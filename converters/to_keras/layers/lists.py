"""List values (TensorArrays) as one stacked tensor ``[N, …]``; items never written are zeros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import Node
from converters.to_keras.backend import keras
from converters.to_keras.layers.stepping import put
from converters.to_keras.ops import NeedsRunTimeError
from converters.to_keras.ops.values import dtype_name
from reference.errors import NotConvertibleError, Reason

kops = keras.ops


def apply_list(node: Node, inputs: list[Any], /) -> tuple[Any, ...]:
    """The outputs of a list op other than ListNew.

    Raises:
        NeedsRunTimeError: lists of items of unequal sizes.
    """
    function = _LISTS.get(node.op)
    if function is None:
        msg = f"{node.op}: a list of items of unequal sizes has no Keras form"
        raise NeedsRunTimeError(msg)
    if isinstance(inputs[0], Pending):
        inputs = [_begun(node, *inputs), *inputs[1:]]
    result = function(*inputs)
    return result if isinstance(result, tuple) else (result,)


@dataclass(frozen=True)
class Pending:
    """A list whose items' shape is not known before one is written."""

    size: Any
    dtype: str

    def like(self, item: Any, /) -> Any:
        """The stacked list of unwritten items of this item's shape."""
        return new_list(self.size, tuple(kops.shape(item)), self.dtype)


def new_list(size: Any, element: tuple[Any, ...], dtype: str, /) -> Any:
    """``size`` unwritten items."""
    return kops.zeros((size, *element), dtype)


def _begun(node: Node, items: Pending, *rest: Any) -> Any:
    if node.op in ("ListSet", "ListPush"):
        return items.like(rest[-1])
    if node.op == "ListScatter":
        return items.like(rest[-1][0])
    msg = f"node {node.name!r}: a list is read before anything tells the shape of its items"
    raise NotConvertibleError(msg, (Reason(node.name, "a list of items of unknown shape"),))


def _set(items: Any, index: Any, item: Any) -> Any:
    known = isinstance(index, np.ndarray)
    items = _long_enough(items, int(index) + 1 if known else kops.add(kops.cast(index, "int32"), 1))
    return put(items, kops.cast(index, "int32"), item)


def _long_enough(items: Any, size: Any) -> Any:
    """The list, lengthened by unwritten items to ``size`` (TensorArray with ``dynamic_size``)."""
    if keras.backend.backend() == "jax":
        # Sizes are fixed there: what grows by values was made long enough (converters.to_keras.bounds).
        missing = size - items.shape[0] if isinstance(size, int) else 0
        return _pad(items, missing) if missing > 0 else items
    missing = kops.maximum(kops.subtract(size, kops.shape(items)[0]), 0)
    return _pad(items, missing)


def _pad(items: Any, missing: Any) -> Any:
    tail = kops.zeros((missing, *kops.shape(items)[1:]), dtype_name(items))
    return kops.concatenate([items, tail], axis=0)


def _scatter(items: Any, indices: Any, tensor: Any) -> Any:
    known = isinstance(indices, np.ndarray)
    longest = int(indices.max(initial=-1)) + 1 if known else None
    indices = kops.cast(indices, "int32")
    items = _long_enough(items, longest if known else kops.add(kops.max(indices, initial=-1), 1))
    # Which row of the tensor each item takes; -1 for none. Rows themselves may be empty, and TensorFlow scatters no empty rows.
    source = kops.full((kops.shape(items)[0],), -1, "int32")
    rows = kops.arange(0, kops.shape(indices)[0], 1, dtype="int32")
    source = kops.scatter_update(source, kops.expand_dims(indices, 1), rows)
    taken = kops.take(tensor, kops.maximum(source, 0), axis=0)
    column = kops.reshape(source, (-1, *([1] * (len(items.shape) - 1))))
    return kops.where(kops.greater_equal(column, 0), taken, items)


def _number(size: Any) -> Any:
    return np.asarray(size, np.int32) if isinstance(size, int) else kops.cast(size, "int32")


def _resize(items: Any, size: Any) -> Any:
    size = int(size) if isinstance(size, np.ndarray) else kops.cast(size, "int32")
    return _long_enough(items, size)[:size]


_LISTS: dict[str, Callable[..., Any]] = {
    "ListSet": _set,
    "ListGet": lambda items, index: kops.take(items, kops.cast(index, "int32"), axis=0),
    "ListStack": lambda items: items,
    "ListUnstack": lambda tensor: tensor,
    "ListGather": lambda items, indices: kops.take(items, kops.cast(indices, "int32"), axis=0),
    "ListScatter": _scatter,
    "ListSize": lambda items: _number(kops.shape(items)[0]),
    "ListPush": lambda items, item: kops.concatenate([items, kops.expand_dims(item, 0)], axis=0),
    "ListResize": _resize,
}
