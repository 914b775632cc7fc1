"""Decoder, BasicDecoder, dynamic_decode and sequence_loss.

Source: TF 1.15.5 ``contrib/seq2seq/python/ops/decoder.py:50-486``, ``basic_decoder.py:39-148``, ``loss.py:31-141``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from porting.tf1.cell_base import assert_like_rnncell, zeros
from porting.tf1.layer import Layer
from porting.tf1.runtime import constant_value, tf


class Decoder:
    """One step at a time: ``initialize``, ``step``, ``finalize``."""

    @property
    def batch_size(self) -> Any:
        raise NotImplementedError

    @property
    def output_size(self) -> Any:
        raise NotImplementedError

    @property
    def output_dtype(self) -> Any:
        raise NotImplementedError

    def initialize(self, name: Any = None) -> Any:
        raise NotImplementedError

    def step(self, time: Any, inputs: Any, state: Any, name: Any = None) -> Any:
        raise NotImplementedError

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> Any:
        raise NotImplementedError

    @property
    def tracks_own_finished(self) -> bool:
        return False


class BasicDecoderOutput(NamedTuple):
    rnn_output: Any
    sample_id: Any


def rnn_output_size(cell: Any, output_layer: Any, /) -> Any:
    """What comes out of the cell, or of the layer after it, without the batch."""
    size = cell.output_size
    if output_layer is None:
        return size
    full = tf.nest.map_structure(lambda s: tf.TensorShape([None]).concatenate(s), size)
    return tf.nest.map_structure(lambda s: s[1:], output_layer.compute_output_shape(full))


def check_output_layer(layer: Any, /) -> None:
    """TypeError unless it is a layer, ours or Keras', or None."""
    if (
        layer is not None
        and not isinstance(layer, Layer)
        and not hasattr(layer, "compute_output_shape")
    ):
        msg = f"output_layer must be a Layer, received: {type(layer)}"
        raise TypeError(msg)


class BasicDecoder(Decoder):
    """A cell, a helper that samples and feeds back, and a layer on the outputs."""

    def __init__(
        self, cell: Any, helper: Any, initial_state: Any, output_layer: Any = None
    ) -> None:
        from porting.tf1.seq2seq.helper import Helper

        assert_like_rnncell("cell", cell)
        if not isinstance(helper, Helper):
            msg = f"helper must be a Helper, received: {type(helper)}"
            raise TypeError(msg)
        check_output_layer(output_layer)
        self._cell, self._helper = cell, helper
        self._initial_state, self._output_layer = initial_state, output_layer

    @property
    def batch_size(self) -> Any:
        return self._helper.batch_size

    @property
    def output_size(self) -> Any:
        return BasicDecoderOutput(
            rnn_output_size(self._cell, self._output_layer), self._helper.sample_ids_shape
        )

    @property
    def output_dtype(self) -> Any:
        dtype = tf.nest.flatten(self._initial_state)[0].dtype
        size = rnn_output_size(self._cell, self._output_layer)
        return BasicDecoderOutput(
            tf.nest.map_structure(lambda _: dtype, size), self._helper.sample_ids_dtype
        )

    def initialize(self, name: Any = None) -> Any:
        return (*self._helper.initialize(), self._initial_state)

    def step(self, time: Any, inputs: Any, state: Any, name: Any = None) -> Any:
        """(outputs, next state, next inputs, finished)."""
        with tf.name_scope(name, "BasicDecoderStep", (time, inputs, state)):
            outputs, state = self._cell(inputs, state)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            ids = self._helper.sample(time=time, outputs=outputs, state=state)
            finished, inputs, state = self._helper.next_inputs(
                time=time, outputs=outputs, state=state, sample_ids=ids
            )
        return BasicDecoderOutput(outputs, ids), state, inputs, finished


def dynamic_decode(
    decoder: Any, output_time_major: bool = False, impute_finished: bool = False,
    maximum_iterations: Any = None, parallel_iterations: int = 32, swap_memory: bool = False,
    scope: Any = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """Steps until every row has finished: (outputs, final state, lengths).

    Raises:
        TypeError: not a Decoder; unknown arguments.
        ValueError: ``maximum_iterations`` is not a scalar.
    """
    if not isinstance(decoder, Decoder):
        msg = f"Expected decoder to be type Decoder, but saw: {type(decoder)}"
        raise TypeError(msg)
    if kwargs:
        msg = f"dynamic_decode does not know {sorted(kwargs)}"
        raise TypeError(msg)
    with tf.variable_scope(scope, "decoder") as opened:
        if opened.caching_device is None and not _in_loop():
            opened.set_caching_device(lambda op: op.device)
        if maximum_iterations is not None:
            maximum_iterations = tf.convert_to_tensor(
                maximum_iterations, tf.int32, name="maximum_iterations"
            )
            if maximum_iterations.shape.ndims != 0:
                msg = "maximum_iterations must be a scalar"
                raise ValueError(msg)
        run = _run(decoder, impute_finished, maximum_iterations, parallel_iterations, swap_memory)
        outputs, state, lengths = run
        with suppress(NotImplementedError):
            outputs, state = decoder.finalize(outputs, state, lengths)
        if not output_time_major:
            outputs = tf.nest.map_structure(_transposed, outputs)
    return outputs, state, lengths


def _in_loop() -> bool:
    context = tf.get_default_graph()._get_control_flow_context()
    while context is not None:
        if context.IsWhileContext():
            return True
        context = context.outer_context
    return False


def _run(decoder: Any, impute: bool, most: Any, parallel: int, swap: bool) -> tuple[Any, Any, Any]:
    finished, inputs, state = decoder.initialize()
    blank = tf.nest.map_structure(
        lambda s, d: zeros(s, decoder.batch_size, d), decoder.output_size, decoder.output_dtype
    )
    if most is not None:
        finished = tf.logical_or(finished, most <= 0)
    batch = constant_value(tf.convert_to_tensor(decoder.batch_size))

    def array(size: Any, dtype: Any) -> Any:
        shape = None
        if isinstance(size, tf.TensorShape) and size.ndims != 0:
            shape = tf.TensorShape([batch]).concatenate(size)
        return tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=shape)

    arrays = tf.nest.map_structure(array, decoder.output_size, decoder.output_dtype)

    def body(time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any) -> Any:
        outputs, new, following, done = decoder.step(time, inputs, state)
        if not decoder.tracks_own_finished:
            done = tf.logical_or(done, finished)
        lengths = tf.where(tf.logical_not(finished), tf.fill(tf.shape(lengths), time + 1), lengths)
        tf.nest.assert_same_structure(state, new)
        tf.nest.assert_same_structure(arrays, outputs)
        tf.nest.assert_same_structure(inputs, following)
        if impute:
            outputs = tf.nest.map_structure(lambda o, z: tf.where(finished, z, o), outputs, blank)
            new = tf.nest.map_structure(lambda n, old: _kept(finished, n, old), new, state)
        arrays = tf.nest.map_structure(lambda ta, out: ta.write(time, out), arrays, outputs)
        return time + 1, arrays, new, following, done, lengths

    result = tf.while_loop(
        lambda time, arrays, state, inputs, finished, lengths: tf.logical_not(tf.reduce_all(finished)),
        body, (tf.constant(0), arrays, state, inputs, finished, tf.zeros_like(finished, dtype=tf.int32)),
        parallel_iterations=parallel, maximum_iterations=most, swap_memory=swap,
    )  # fmt: skip
    return tf.nest.map_structure(lambda ta: ta.stack(), result[1]), result[2], result[5]


def _kept(finished: Any, new: Any, old: Any) -> Any:
    """The old state of rows that have finished; TensorArrays and scalars pass."""
    if isinstance(old, tf.TensorArray):
        return new
    new.set_shape(old.shape)
    return new if new.shape.ndims == 0 else tf.where(finished, old, new)


def _transposed(x: Any) -> Any:
    if x.shape.ndims is not None and x.shape.ndims < 2:
        return x
    from porting.tf1.contrib.rnn import transpose_batch_time

    return transpose_batch_time(x)


def sequence_loss(
    logits: Any, targets: Any, weights: Any, average_across_timesteps: bool = True,
    average_across_batch: bool = True, sum_over_timesteps: bool = False, sum_over_batch: bool = False,
    softmax_loss_function: Any = None, name: Any = None,
) -> Any:  # fmt: skip
    """Weighted cross entropy of logits [B, T, n] for targets [B, T].

    Raises:
        ValueError: other ranks; an average and a sum over one axis.
    """
    for word, x, rank in (("Logits", logits, 3), ("Targets", targets, 2), ("Weights", weights, 2)):
        if len(x.shape) != rank:
            msg = f"{word} must be a tensor of rank {rank}, got shape {x.shape}"
            raise ValueError(msg)
    for axis, average, total in (
        ("timesteps", average_across_timesteps, sum_over_timesteps), ("batch", average_across_batch, sum_over_batch)
    ):  # fmt: skip
        if average and total:
            msg = f"average_across_{axis} and sum_over_{axis} cannot be set to True at same time."
            raise ValueError(msg)
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        flat = tf.reshape(logits, [-1, tf.shape(logits)[2]])
        loss_function = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
        loss = loss_function(labels=tf.reshape(targets, [-1]), logits=flat) * tf.reshape(
            weights, [-1]
        )
        time = average_across_timesteps, sum_over_timesteps
        batch = average_across_batch, sum_over_batch
        if (time[0] and batch[0]) or (time[1] and batch[1]):
            count = tf.reduce_sum(weights) if time[0] else tf.count_nonzero(weights)
            return tf.div_no_nan(tf.reduce_sum(loss), tf.cast(count, loss.dtype))
        loss = tf.reshape(loss, tf.shape(logits)[0:2])
        if time[0] or batch[0]:
            over = [0] if batch[0] else [1]
            return tf.div_no_nan(tf.reduce_sum(loss, axis=over), tf.reduce_sum(weights, axis=over))
        if time[1] or batch[1]:
            over = [0] if batch[1] else [1]
            count = tf.cast(tf.count_nonzero(weights, axis=over), loss.dtype)
            return tf.div_no_nan(tf.reduce_sum(loss, axis=over), count)
        return loss
