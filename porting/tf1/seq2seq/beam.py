"""Beams: tiling, following parents back, gathering. ``gather_tree`` was an op of contrib's; here it is a scan.

Source: TF 1.15.5 ``contrib/seq2seq/python/ops/beam_search_decoder.py:80-185, 1291-1370``, ``kernels/beam_search_ops.cc``.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.runtime import constant_value, size_or_tensor, static, tf


def tile_batch(t: Any, multiplier: int, name: Any = None) -> Any:
    """Every row ``multiplier`` times: [B, …] to [B * multiplier, …], for a nest.

    Raises:
        ValueError: a tensor without rows.
    """

    def tiled(x: Any) -> Any:
        x = tf.convert_to_tensor(x, name="t")
        if x.shape.ndims is None or x.shape.ndims < 1:
            msg = "t must have statically known rank"
            raise ValueError(msg)
        wide = tf.tile(tf.expand_dims(x, 1), [1, multiplier] + [1] * (x.shape.ndims - 1))
        made = tf.reshape(wide, tf.concat([[tf.shape(x)[0] * multiplier], tf.shape(x)[1:]], 0))
        rows = static(x.shape[0])
        made.set_shape(
            tf.TensorShape([None if rows is None else rows * multiplier]).concatenate(x.shape[1:])
        )
        return made

    with tf.name_scope(name, "tile_batch", [*tf.nest.flatten(t), multiplier]):
        return tf.nest.map_structure(tiled, t)


def gather_tree(
    step_ids: Any, parent_ids: Any, max_sequence_lengths: Any, end_token: Any, name: Any = None
) -> Any:
    """The whole beams, from each step's ids and parents ``[T, B, W]``; ``end_token`` from the first one on.

    Args:
        max_sequence_lengths: [B]; at and past them there is nothing but ``end_token``.
    """
    with tf.name_scope(name, "GatherTree", [step_ids, parent_ids]):
        step_ids, parent_ids = tf.convert_to_tensor(step_ids), tf.convert_to_tensor(parent_ids)
        time, batch, width = (tf.shape(step_ids)[axis] for axis in range(3))
        end = tf.fill(tf.stack([batch, width]), tf.cast(end_token, step_ids.dtype))
        here = tf.tile(tf.expand_dims(tf.range(width), 0), tf.stack([batch, 1]))

        def back(carried: Any, step: Any) -> Any:
            parents, _ = carried
            ids, above, t = step
            live = tf.tile(tf.expand_dims(t < max_sequence_lengths, 1), tf.stack([1, width]))
            found = tf.where(live, tf.gather(ids, parents, batch_dims=1), end)
            return tf.where(live, tf.gather(above, parents, batch_dims=1), parents), found

        _, beams = tf.scan(back, (step_ids, parent_ids, tf.range(time)), (here, end), reverse=True)
        ended = tf.cumsum(tf.cast(tf.equal(beams, end), tf.int32), axis=0, exclusive=True) > 0
        made = tf.where(ended, tf.zeros_like(beams) + end, beams)
        made.set_shape(step_ids.shape)
        return made


def gather_tree_from_array(t: Any, parent_ids: Any, sequence_length: Any) -> Any:
    """What each final beam wrote at every step: ``t`` [T, B * W or B, W, …] reordered along the beams."""
    time, batch, width = (size_or_tensor(parent_ids, axis) for axis in range(3))
    own = tf.tile(tf.reshape(tf.range(width), [1, 1, -1]), tf.stack([time, batch, 1]))
    longest = tf.cast(tf.reduce_max(sequence_length, axis=1), tf.int32)
    beams = gather_tree(own, parent_ids, longest, end_token=width + 1)
    inside = tf.transpose(tf.sequence_mask(sequence_length, maxlen=time), perm=[2, 0, 1])
    beams = tf.where(inside, beams, own)
    grouped = tf.reshape(t, tf.stack([time, batch, width, -1]))
    return tf.reshape(tf.gather(grouped, beams, batch_dims=2, axis=2), tf.shape(t))


def gather_beams(beams: Any, x: Any, batch: Any, span: Any, shape: Any) -> Any:
    """Rows of ``x`` by beam index; ``span`` indices belong to each row of the batch."""
    places = tf.reshape(beams + tf.expand_dims(tf.range(batch) * span, 1), [-1])
    rank = 1 + len(shape)
    made = tf.reshape(tf.gather(tf.reshape(x, shape), places), tf.shape(x)[:rank])
    made.set_shape(tf.TensorShape([constant_value(batch)]).concatenate(x.shape[1:rank]))
    return made


def gather_state(beams: Any, x: Any, batch: Any, width: int) -> Any:
    """As :func:`gather_beams` for a part of a cell's state; TensorArrays and scalars pass."""
    if isinstance(x, tf.TensorArray) or x.shape.ndims < 2:
        return x
    return gather_beams(beams, x, batch, width, [batch * width, -1])
