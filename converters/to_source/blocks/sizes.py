"""Sizes known when the model runs: ints and symbolic tensors of rank 0, alone and in vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.ops import NeedsRunTimeError, Value, known, raw
from converters.to_keras.ops.values import dtype_name, symbolic
from converters.to_source.blocks.operations import Text, Written, size_of

kops = keras.ops


def operation_of(tensor: Any, /) -> Any:
    """What made a tensor; None for others."""
    return tensor._keras_history[0] if hasattr(tensor, "_keras_history") else None


def operands_of(tensor: Any, /) -> tuple[Any, ...]:
    """What it was made of."""
    operation, place = tensor._keras_history[:2]
    return tuple(operation._inbound_nodes[place].arguments.args)


def peeled(item: Any, /) -> Any:
    """A size without its cast."""
    while type(operation_of(item)).__name__ == "Cast":
        (item, *_) = operands_of(item)
    return item


def items_of(x: Any, /) -> list[Any] | None:
    """The items of a vector of sizes: ints and rank-0 tensors; None for other arrays."""
    data = raw(x)
    if isinstance(data, list | tuple):
        return [item_of(item) for item in data]
    if known(data):
        return (
            [int(n) for n in np.asarray(data).reshape(-1)]
            if np.asarray(data).dtype.kind in "iu"
            else None
        )
    sizes = getattr(operation_of(peeled(data)), "sizes", None)
    return None if sizes is None else list(sizes)


def item_of(value: Any) -> Any:
    data = raw(value)
    if data is None or not known(data):
        return peeled(data)
    return int(np.asarray(data).reshape(()))


def sizes(x: Any, /) -> list[Any]:
    """The sizes of a tensor, tensors of rank 0 for those that are open."""
    data = raw(x)
    return [size_of(data, axis) if n is None else n for axis, n in enumerate(data.shape)]


def computed(x: Any, /) -> bool:
    """Whether x is a vector of sizes that are not all known."""
    return symbolic(x) and items_of(x) is not None


def shape_like(values: Any, /) -> list[Any]:
    """A shape argument as ints and rank-0 tensors.

    Raises:
        NeedsRunTimeError: nothing tells how many there are.
    """
    found = items_of(values)
    if found is not None:
        return found
    data = raw(values)
    if symbolic(data) and len(data.shape) == 1 and data.shape[0] is not None:
        return [data[k] for k in range(data.shape[0])]
    msg = "a shape of unknown rank"
    raise NeedsRunTimeError(msg)


def scalar(item: Any, dtype: str = "int32") -> Value:
    """One size as a value."""
    if not symbolic(item):
        return Value(np.asarray(item, dtype))
    return Value(item if dtype == "int32" else kops.cast(item, dtype))


def fixed(items: Sequence[Any], /) -> bool:
    """Whether all are numbers."""
    return not any(symbolic(item) for item in items)


def static(items: Sequence[Any], /) -> tuple[int | None, ...]:
    """A shape, None for what is computed."""
    return tuple(None if symbolic(item) else int(item) for item in items)


def shape_text(text: Text, items: Sequence[Any], /) -> str:
    """``(rows, 3)``."""
    inner = ", ".join(text(item) for item in items)
    return f"({inner},)" if len(items) == 1 else f"({inner})"


def written(write: Any, operands: Sequence[Any], spec: tuple[Any, str], kind: str) -> Value:
    """One call of ours."""
    tensors = [item for item in operands if symbolic(item)]
    return Value(Written(write, [spec], kind=kind)(*map(raw, tensors)))


def helped(name: str, like: Value, operands: Sequence[Value], shape: Any) -> Value:
    """A call of a function of the source."""

    def write(text: Text, _args: Sequence[Any]) -> str:
        return f"{name}({', '.join(text(raw(one)) for one in operands)})"

    tensors = [raw(one) for one in operands if symbolic(one)]
    made = Written(write, [(shape, dtype_name(like))], kind=name, helpers=(name,))
    return Value(made(*tensors))


def static_target(items: Sequence[Any], /) -> list[int]:
    """A reshape's target with -1 for the one computed size."""
    return [-1 if symbolic(item) else int(item) for item in items]


def slice_text(text: Text, one: slice, /) -> str:
    """``a:b``."""
    edge = ["" if v is None else text(v) for v in (one.start, one.stop)]
    return ":".join(edge) + ("" if one.step is None else f":{one.step}")
