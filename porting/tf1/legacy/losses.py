"""Losses over lists of steps, and buckets.

Source: TF 1.15.5 ``contrib/legacy_seq2seq/python/ops/seq2seq.py:1052-1227``.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.runtime import tf


def sequence_loss_by_example(
    logits: Any, targets: Any, weights: Any, average_across_timesteps: bool = True,
    softmax_loss_function: Any = None, name: Any = None,
) -> Any:  # fmt: skip
    """Weighted cross entropy per row.

    Raises:
        ValueError: the lists differ in length.
    """
    if len(targets) != len(logits) or len(weights) != len(logits):
        msg = f"Lengths of logits, weights, and targets must be the same {len(logits)}, {len(weights)}, {len(targets)}."
        raise ValueError(msg)
    with tf.name_scope(name, "sequence_loss_by_example", logits + targets + weights):
        losses = []
        for logit, target, weight in zip(logits, targets, weights, strict=True):
            if softmax_loss_function is None:
                flat = tf.reshape(target, [-1])
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=flat, logits=logit)
            else:
                loss = softmax_loss_function(labels=target, logits=logit)
            losses.append(loss * weight)
        total = tf.add_n(losses)
        return total / (tf.add_n(weights) + 1e-12) if average_across_timesteps else total


def sequence_loss(
    logits: Any, targets: Any, weights: Any, average_across_timesteps: bool = True,
    average_across_batch: bool = True, softmax_loss_function: Any = None, name: Any = None,
) -> Any:  # fmt: skip
    """The rows' losses summed, or averaged over the batch."""
    with tf.name_scope(name, "sequence_loss", logits + targets + weights):
        rows = sequence_loss_by_example(
            logits, targets, weights, average_across_timesteps, softmax_loss_function
        )
        cost = tf.reduce_sum(rows)
        return cost / tf.cast(tf.shape(targets[0])[0], cost.dtype) if average_across_batch else cost


def model_with_buckets(
    encoder_inputs: Any, decoder_inputs: Any, targets: Any, weights: Any, buckets: Any, seq2seq: Any,
    softmax_loss_function: Any = None, per_example_loss: bool = False, name: Any = None,
) -> Any:  # fmt: skip
    """(outputs, losses), one of each per bucket; all buckets share their variables.

    Raises:
        ValueError: fewer steps than the last bucket has.
    """
    steps = {
        "encoder_inputs": (encoder_inputs, 0),
        "targets": (targets, 1),
        "weights": (weights, 1),
    }
    for word, (given, side) in steps.items():
        if len(given) < buckets[-1][side]:
            msg = f"Length of {word} ({len(given)}) must be at least that of last bucket ({buckets[-1][side]})."
            raise ValueError(msg)
    outputs, losses = [], []
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    with tf.name_scope(
        name, "model_with_buckets", encoder_inputs + decoder_inputs + targets + weights
    ):
        for j, (first, second) in enumerate(buckets):
            with tf.variable_scope(tf.get_variable_scope(), reuse=True if j > 0 else None):
                made, _ = seq2seq(encoder_inputs[:first], decoder_inputs[:second])
            outputs.append(made)
            losses.append(
                loss(
                    made,
                    targets[:second],
                    weights[:second],
                    softmax_loss_function=softmax_loss_function,
                )
            )
    return outputs, losses
