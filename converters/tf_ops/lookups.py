"""Lookup tables whose contents are known: four inputs, as :mod:`converters.lift.tables` leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import Array, known, like, refusal, tf_op

MAX_SPAN = 1 << 22
"""Integers between the smallest and the largest key for which a dense list of places is kept (16 MiB)."""


@tf_op("LookupTableFind", "LookupTableFindV2")
def find(ops: Any, node: Node, *inputs: Array) -> Array:
    """values[i] where keys[i] is what is asked, else the default.

    Inputs: keys [n], values [n], what is asked (any shape), the default (rank 0).
    """
    if len(inputs) != 4:
        raise refusal(node, "the contents of its table are not in the file")
    keys, values, asked, default = inputs
    have = known(ops, node, keys, "list of keys")
    want = ops.static(asked)
    if want is not None:
        place = by_hand(have, np.asarray(want))
    elif have.dtype.kind in "iu":
        place = dense_places(ops, node, have, asked)
    else:
        text = "strings as keys are looked up only where they are known before the model runs"
        raise refusal(node, text)
    place = place if want is None else ops.constant(place)
    rows = ops.concat([values, ops.reshape(default, [1])], 0)
    return ops.gather(rows, place)


def by_hand(keys: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The place of each key asked for, len(keys) where there is none."""
    places = {plain(key): i for i, key in enumerate(keys.reshape(-1))}
    found = [places.get(plain(key), len(keys)) for key in asked.reshape(-1)]
    return np.array(found, np.int32).reshape(asked.shape)


def plain(key: Any) -> Any:
    """A key as Python has it, strings as bytes."""
    if isinstance(key, str):
        return key.encode()
    return key.item() if isinstance(key, np.generic) else key


def dense_places(ops: Any, node: Node, keys: np.ndarray, asked: Array) -> Array:
    """As :func:`by_hand`, by a list over all integers from the smallest key to the largest."""
    if not len(keys):
        return ops.cast(ops.multiply(asked, like(ops, asked, 0)), "int32")
    low, high = int(keys.min()), int(keys.max())
    if high - low >= MAX_SPAN:
        raise refusal(node, f"its keys span {low} to {high}, too many for a dense list of places")
    line = np.full(high - low + 1, len(keys), np.int32)
    line[keys.reshape(-1) - low] = np.arange(len(keys), dtype=np.int32)
    inside = ops.logical_and(
        ops.greater_equal(asked, like(ops, asked, low)),
        ops.less_equal(asked, like(ops, asked, high)),
    )
    safe = ops.where(inside, ops.subtract(asked, like(ops, asked, low)), like(ops, asked, 0))
    found = ops.gather(ops.constant(line), safe)
    return ops.where(inside, found, ops.constant(np.array(len(keys), np.int32)))
