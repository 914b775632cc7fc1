"""Lookup tables with strings as keys: ``LabelEncoder`` of the operator set ``ai.onnx.ml``, which every ONNX Runtime has."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.lookups import by_hand
from converters.tf_ops.table import known
from converters.to_onnx.onnx_ops import OnnxOps
from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact

DOMAIN, VERSION = "ai.onnx.ml", 2


def by_text(ops: OnnxOps, node: Node, inputs: list[Any]) -> tuple[Value, ...] | None:
    """A table's values at keys that are strings; None where no LabelEncoder is needed.

    The keys become their places, and the values are gathered, so that values of any dtype are held.
    """
    if not node.op.startswith("LookupTableFind") or len(inputs) != 4:
        return None
    keys, values, asked, default = inputs
    if ops.dtype_of(keys) != "string" or ops.static(asked) is not None:
        return None
    texts = known(ops, node, keys, "list of keys")
    # Of equal keys the last counts, as in tf_ops.lookups.
    places = by_hand(texts, texts).tolist()
    found = ops.node(
        "LabelEncoder",
        asked,
        domain=DOMAIN,
        keys_strings=[
            text if isinstance(text, bytes) else str(text).encode() for text in texts.tolist()
        ],
        values_int64s=places,
        default_int64=len(texts),
    )
    ops.natural.add(found)
    place = ops.wrap(found, Fact("int64", asked.fact.shape))
    rows = ops.concat([values, ops.reshape(default, [1])], 0)
    assert isinstance(texts, np.ndarray)
    return (ops.gather(rows, place),)
