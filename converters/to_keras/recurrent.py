"""What the recurrence rules share: inputs batch-major, masks from lengths, states in and out, records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from converters.program import Loop, Recurrence
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.encode import encode
from converters.to_keras.idioms import marked
from converters.to_keras.native import Native
from converters.to_keras.plan import Key, fingerprint
from reference.activations import Activation
from reference.cells.base import weights

kops = keras.ops


def wanted(context: Context, key: Key, /) -> Recurrence | None:
    """The recurrence that makes this value, if the key sees it as Keras gives it."""
    statement, index = context.producers.get(key.value, (None, 0))
    if not isinstance(statement, Recurrence) or key.lead is not None:
        return None
    return statement if key.swapped == (index < len(statement.outputs)) else None


def zero_states(context: Context, recurrence: Recurrence, /) -> bool:
    """Whether it starts from zeros, as a Keras layer does by itself."""
    return all(context.is_zero(name) for name in recurrence.initial_state)


def used(context: Context, names: Sequence[str], /) -> bool:
    """Whether anything reads one of the values."""
    return any(context.uses[name] or name in context.outputs.values() for name in names)


def sequence_keys(recurrence: Recurrence, /) -> tuple[Key, ...]:
    """The input sequences, batch-major."""
    return tuple(Key(name, swapped=True) for name in recurrence.sequences)


def lengths_key(context: Context, recurrence: Recurrence, /) -> tuple[Key, ...]:
    """The lengths, unless they are constant (then they enter the mask as numbers)."""
    lengths = recurrence.lengths
    return () if lengths is None or context.known(lengths) is not None else (Key(lengths),)


def mask(x: Any, lengths: Any, /) -> Any:
    """[B, T] bool, true for the valid steps of x [B, T, …]; any integer lengths.

    Plain ``keras.ops`` on purpose: a model of native layers loads without this package.
    """
    plane = x[(slice(None), slice(None), *([0] * (len(x.shape) - 2)))]
    steps = kops.cumsum(kops.ones_like(plane, dtype="int32"), axis=1)
    if str(lengths.dtype) != "int32":
        steps = kops.cast(steps, str(lengths.dtype))
    result = kops.less_equal(steps, kops.expand_dims(lengths, 1))
    return marked("sequence_mask", result, x, lengths)


def masked_input(
    context: Context, recurrence: Recurrence, x: Any, lengths: Any, /
) -> tuple[Any, dict[str, Any]]:
    """The sequence and the arguments that make a Keras layer keep to ``lengths``, or to none.

    Keras hands a layer's mask on to the next layer; TF1 does not, so that without lengths the sequence is copied, which sheds it.
    """
    if lengths is not None:
        shape = context.shape(recurrence.sequences[0])
        steps = recurrence.name if shape is None else str(shape[0])
        key = (id(lengths), steps)
        if not keras.utils.is_keras_tensor(lengths) or key not in context.masks:
            context.masks[key] = mask(x, lengths)
        return x, {"mask": context.masks[key]}
    masked = getattr(x, "_keras_mask", None) is not None
    return (kops.copy(x) if masked else x), {}


def keras_states(native: Native, parts: Sequence[Any], /) -> list[Any]:
    """TF1's state parts in Keras' order."""
    if native.joined:
        parts = kops.split(parts[0], len(native.states), axis=1)
    return [parts[place] for place in native.states]


def tf_states(native: Native, parts: Sequence[Any], /) -> list[Any]:
    """Keras' states as TF1's parts."""
    by_place = dict(zip(native.states, parts, strict=True))
    ordered = [by_place[place] for place in range(len(parts))]
    return [kops.concatenate(ordered, axis=1)] if native.joined else ordered


def options(cell: Any, /) -> dict[str, Any]:
    """The settings of a cell that are no weights, for --json."""
    found: dict[str, Any] = {}
    for f in fields(cell):
        value = getattr(cell, f.name)
        if isinstance(value, Activation):
            found[f.name] = value.name
        elif isinstance(value, bool | int | float | str):
            found[f.name] = value
    return found


def record(
    recurrence: Recurrence, form: str, reason: str | None, *, wrapper: str | None = None
) -> Mapping[str, Any]:
    """What --json says of one recurrence."""
    cell = recurrence.cell
    size = getattr(cell, "units", None)
    if size is None:
        size = cell.output_size if isinstance(cell.output_size, int) else None
    return {
        "name": recurrence.name,
        "cell": type(cell).__name__,
        "units": size,
        "direction": recurrence.direction,
        "time_major": recurrence.time_major,
        "lengths": recurrence.lengths,
        "initial_state": list(recurrence.initial_state),
        "parameters": options(cell),
        "form": form,
        "wrapper": wrapper,
        "reason": reason,
    }


def loop_record(loop: Loop, /) -> Mapping[str, Any]:
    """What --json says of a loop that is no recurrence."""
    return {
        "name": loop.name,
        "cell": "while",
        "units": None,
        "direction": "forward",
        "time_major": True,
        "lengths": None,
        "initial_state": list(loop.carried),
        "parameters": {},
        "form": "Block",
        "wrapper": None,
        "reason": loop.reason or "its body is no step of a cell",
    }


def share_key(recurrence: Recurrence, *more: Any) -> Any:
    """Equal for recurrences of one equation, direction and set of TF variables, so that they share one layer.

    Names alone would not do: folded constants of two loops may have the same one.
    """
    names = tuple(sorted(recurrence.parameters.items()))
    if not names:
        return (recurrence.name, *more)
    numbers = fingerprint(*(w for _, w in sorted(weights(recurrence.cell).items())))
    equation = json.dumps(encode(recurrence.cell), sort_keys=True)
    return (names, equation, numbers, recurrence.direction, *more)


def length_tensor(context: Context, recurrence: Recurrence, given: Sequence[Any], /) -> Any:
    """The lengths: the tensor where there is one, else the constant, else None."""
    if recurrence.lengths is None:
        return None
    return given[0] if given else np.asarray(context.known(recurrence.lengths))
