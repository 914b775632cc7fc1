"""Luong's and Bahdanau's attention layers."""

from __future__ import annotations

import numpy as np

from converters.read_keras.activations import softmax
from converters.read_keras.layers import Call, layer
from converters.read_keras.values import Nest, Value, flatten


@layer("Attention", "AdditiveAttention")
def attention(call: Call) -> Nest:
    """softmax(scores) value, with scores from query and key; masked keys get none, masked queries 0."""
    b, xs = call.build, call.xs
    query, value = xs[:2]
    key = xs[2] if len(xs) > 2 else value
    call.read |= {"dropout"}
    for name in ("use_causal_mask", "return_attention_scores"):
        if call.argument(name):
            msg = f"{name} is not described"
            raise call.refused(msg)
    scores = (
        _additive(call, query, key)
        if call.layer.kind == "AdditiveAttention"
        else _dot(call, query, key)
    )
    masks = ([*flatten(call.mask), None, None])[:2]
    if masks[1] is not None:
        hidden = b("LogicalNot", b.expand(b.cast(masks[1], "bool"), 1))
        lower = b(
            "Mul",
            b("Cast", hidden, DstT=scores.fact.dtype),
            b.like(scores, 1e9 if scores.dtype != "float16" else 65504.0),
        )
        scores = b("Sub", scores, lower)
    result = b("BatchMatMulV2", softmax(b, scores), value)
    if masks[0] is None:
        return result
    shown = b.cast(b.expand(b.cast(masks[0], "bool"), 2), result.dtype)
    return b("Mul", result, shown).masked(masks[0])


def _dot(call: Call, query: Value, key: Value) -> Value:
    b = call.build
    if call.config("score_mode", "dot") != "dot":
        msg = "only the score modes of products are described"
        raise call.refused(msg)
    scores = b("BatchMatMulV2", query, key, adj_y=True)
    return b("Mul", scores, call.weight(0)) if call.config("use_scale", False) else scores


def _additive(call: Call, query: Value, key: Value) -> Value:
    b = call.build
    total = b("Tanh", b("AddV2", b.expand(query, 2), b.expand(key, 1)))
    if call.config("use_scale", True):
        total = b("Mul", total, call.weight(0))
    return b("Sum", total, np.array([3], np.int32), keep_dims=False)
