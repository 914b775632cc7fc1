"""Monotonic attention: how probabilities of stopping become alignments.

Source: TF 1.15.5 ``contrib/seq2seq/python/ops/attention_wrapper.py:1177-1336``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from porting.tf1.runtime import size_or_tensor, tf


def hardmax(logits: Any, name: Any = None) -> Any:
    """1 at the largest item of the last axis, 0 elsewhere."""
    with tf.name_scope(name, "Hardmax", [logits]):
        logits = tf.convert_to_tensor(logits, name="logits")
        return tf.one_hot(tf.argmax(logits, -1), size_or_tensor(logits, -1), dtype=logits.dtype)


def safe_cumprod(x: Any, *args: Any, **kwargs: Any) -> Any:
    """exp(cumsum(log(x))) with x clipped to [tiny, 1]."""
    with tf.name_scope(None, "SafeCumprod", [x]):
        x = tf.convert_to_tensor(x, name="x")
        tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
        return tf.exp(tf.cumsum(tf.log(tf.clip_by_value(x, tiny, 1)), *args, **kwargs))


def monotonic_attention(p_choose_i: Any, previous_attention: Any, mode: str) -> Any:
    """The chance of stopping at each item, given where the last step stopped.

    Raises:
        ValueError: ``mode`` is not "recursive", "parallel" or "hard".
    """
    p = tf.convert_to_tensor(p_choose_i, name="p_choose_i")
    previous = tf.convert_to_tensor(previous_attention, name="previous_attention")
    if mode == "recursive":
        return _recursive(p, previous)
    if mode == "parallel":
        going = safe_cumprod(1 - p, axis=1, exclusive=True)
        return p * going * tf.cumsum(previous / tf.clip_by_value(going, 1e-10, 1.0), axis=1)
    if mode == "hard":
        p = p * tf.cumsum(previous, axis=1)
        return p * tf.math.cumprod(1 - p, axis=1, exclusive=True)
    msg = f"mode must be 'recursive', 'parallel', or 'hard', got {mode!r}"
    raise ValueError(msg)


def _recursive(p: Any, previous: Any) -> Any:
    batch = size_or_tensor(p, 0)
    going = tf.concat([tf.ones(tf.stack([batch, 1])), 1 - p[:, :-1]], 1)
    carried = tf.scan(
        lambda x, yz: tf.reshape(yz[0] * x + yz[1], tf.stack([batch])),
        [tf.transpose(going), tf.transpose(previous)],
        tf.zeros(tf.stack([batch])),
    )
    return p * tf.transpose(carried)


def monotonic_probability(
    score: Any, previous: Any, *, noise: float, mode: str, seed: Any = None
) -> Any:
    """Scores to alignments; normal noise on the score trains towards 0 and 1."""
    if noise > 0:
        score += noise * tf.random_normal(tf.shape(score), dtype=score.dtype, seed=seed)
    p = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
    return monotonic_attention(p, previous, mode)
