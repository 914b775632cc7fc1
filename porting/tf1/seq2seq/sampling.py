"""Random draws of the helpers. Given the same seeds they draw what TF 1.15.5 drew.

Source: TF 1.15.5 ``contrib/seq2seq/python/ops/helper.py:57-120``.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.runtime import tf


def bernoulli(probs: Any, rows: Any, *, seed: Any, dtype: Any = tf.int32) -> Any:
    """[rows, *probs' shape] of draws; a scalar probability gives [rows]."""
    probs = tf.convert_to_tensor(probs, name="probs")
    shape = tf.concat([tf.reshape(rows, [1]), tf.shape(probs)], 0)
    return tf.cast(tf.less(tf.random_uniform(shape, seed=seed, dtype=probs.dtype), probs), dtype)


def categorical(logits: Any, *, seed: Any = None, dtype: Any = tf.int32) -> Any:
    """One index per row of logits ``[…, n]``."""
    logits = tf.convert_to_tensor(logits, name="logits")
    flat = logits if logits.shape.ndims == 2 else tf.reshape(logits, [-1, tf.shape(logits)[-1]])
    drawn_dtype = tf.int64 if logits.dtype.size > 4 else tf.int32
    drawn = tf.random.multinomial(flat, 1, seed=seed, output_dtype=drawn_dtype)
    return tf.cast(tf.reshape(drawn, tf.shape(logits)[:-1]), dtype)


def scatter_rows(chosen: Any, rows: Any, others: Any, rest: Any, shape: Any) -> Any:
    """Rows ``chosen`` from ``rows`` and ``others`` from ``rest``."""
    return tf.scatter_nd(chosen, rows, shape) + tf.scatter_nd(others, rest, shape)


def positions(flags: Any) -> Any:
    """int32 [count, rank]: where ``flags`` is true."""
    return tf.cast(tf.where(flags), tf.int32)
